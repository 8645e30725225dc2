// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What all handles of one bus share in this process: the home, the directory in it, and how lanes
/// are given back. Handles keep it alive, so they may outlive the `Bus` object that made them.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ringway/base/setup_error.hpp"
#include "ringway/bus/clean_up.hpp"
#include "ringway/bus/directory.hpp"
#include "ringway/bus/home.hpp"
#include "ringway/bus/inline_audience.hpp"
#include "ringway/bus/platform.hpp"
#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"

namespace ringway {

class DispatcherBase;

/// What a family's lane carries: the topic's number travels with the message.
template <class T>
struct Numbered {
  T value;
  std::uint32_t topic;
};

/// Stands for the lossy ring of a type that can not have one.
struct NoRing {
  struct Producer {};
  struct Claim {};
};

/// The two rings that a lane of `E` may be.
template <class E, class Memory>
struct LaneRings {
  static constexpr bool kCanBeLossy = std::is_trivially_copyable_v<E>;
  /// Which option says how many readers there may be; for messages.
  static constexpr const char* kMaxReadersOption = "TopicOptions::max_readers";

  template <bool kLossy, class Dummy>
  struct Choose {
    using Type = LossyBroadcastRing<E, Memory>;
  };
  template <class Dummy>
  struct Choose<false, Dummy> {
    using Type = NoRing;
  };

  using Reliable = BroadcastRing<E, Memory>;
  using Lossy = typename Choose<kCanBeLossy, void>::Type;

  using Options = TopicOptions;
  static BroadcastOptions ring_options(const Options& options, Sequence start) noexcept {
    return {.capacity = options.capacity,
            .max_cursors = options.max_readers,
            .start = start,
            .retain = options.retain};
  }
  /// Positions from the publisher's on that a claim may have written to which was then dropped.
  static std::size_t longest_claim(const Options& /*options*/) noexcept { return 1; }
};

/// What error handlers get where no handler threw: a publisher's lane, or a requester's, can not be
/// read here. Its messages do not come; others' do.
class LaneError : public std::runtime_error {
 public:
  explicit LaneError(SetupError error) : std::runtime_error(describe(error)), error_(error) {}
  [[nodiscard]] SetupError error() const noexcept { return error_; }

 private:
  SetupError error_;
};

/// Called when a handler of the user's throws, and with a LaneError; must not throw itself.
using ErrorHandler =
    std::function<void(std::string_view subscription, const std::exception_ptr& error)>;

/// The error handler of those who name none: one line on standard error.
inline void print_error(std::string_view subscription, const std::exception_ptr& error) noexcept {
  const char* what = "something that is no std::exception";
  try {
    std::rethrow_exception(error);
  } catch (const LaneError& trouble) {
    std::fprintf(stderr, "ringway: \"%.*s\" misses the messages of a lane: %s\n",
                 static_cast<int>(subscription.size()), subscription.data(), trouble.what());
    return;
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "ringway: the handler of \"%.*s\" threw: %s\n",
                 static_cast<int>(subscription.size()), subscription.data(), exception.what());
    return;
  } catch (...) {
  }
  std::fprintf(stderr, "ringway: the handler of \"%.*s\" threw %s\n",
               static_cast<int>(subscription.size()), subscription.data(), what);
}

/// Which dispatcher runs on this thread, if any: a wait for itself would never end.
struct RunningDispatcher {
  const void* bus = nullptr;
  std::uint32_t endpoint = 0;
  void* core = nullptr;  // the DispatcherCore
};
inline thread_local RunningDispatcher running_dispatcher;

template <Home H>
class BusCore {
 public:
  using Memory = typename H::Memory;
  using DirectoryType = Directory<Memory>;
  using Lock =
      std::unique_lock<std::remove_reference_t<decltype(std::declval<H&>().directory_lock())>>;

  BusCore(H home, DirectoryType directory, ErrorHandler on_error)
      : home_(std::move(home)), directory_(directory), on_error_(std::move(on_error)) {}

  [[nodiscard]] DirectoryType& directory() noexcept { return directory_; }
  [[nodiscard]] Lock lock() { return Lock(home_.directory_lock()); }
  /// lock() for those who must not wait for another process, which may be stopped while it holds
  /// the lock; threads of this process are waited for. \return a lock that may not be held
  [[nodiscard]] Lock lock_unless_held_up() {
    if constexpr (SharedHome<H>) {
      return Lock(home_.directory_lock(), std::try_to_lock);
    } else {
      return lock();
    }
  }

  /// This process's number among those that share the home.
  [[nodiscard]] std::uint32_t participant() const noexcept {
    if constexpr (SharedHome<H>) {
      return home_.participant();
    } else {
      return 0;
    }
  }
  /// Cleans up after processes that have died, from time to time. Call it where something is waited
  /// for.
  void look_after_others() {
    if constexpr (SharedHome<H>) home_.look_after_others();
  }
  /// How long one may sleep that waits until the deadline: others must be looked after.
  [[nodiscard]] Deadline nap(Deadline deadline = Deadline::never()) const noexcept {
    if constexpr (SharedHome<H>) {
      const auto left_ns = deadline.left_ns();
      const std::chrono::nanoseconds longest = H::kLongestNap;
      if (left_ns < 0 || left_ns > longest.count()) return Deadline::after(longest);
    }
    return deadline;
  }
  [[nodiscard]] H& home() noexcept { return home_; }

  /// True once the bus stops: nothing is bound any more. Between processes each stops for itself.
  [[nodiscard]] bool stopping() const noexcept {
    if constexpr (SharedHome<H>) {
      return stopping_.load(std::memory_order_relaxed);  // relaxed: under the directory lock
    } else {
      return directory_.stopping();
    }
  }
  /// An error once nothing is bound any more: the bus stops, or this is a child that was forked
  /// from a process of the bus, and would bind in a copy of its own. Under the directory lock.
  [[nodiscard]] absl::Status check_binding() const {
    if constexpr (SharedHome<H>) {
      if (home_.forked()) {
        return absl::FailedPreconditionError(
            "this process was forked from one that has the bus open; it may open the bus anew");
      }
    }
    if (stopping()) return absl::FailedPreconditionError("the bus is stopped");
    return absl::OkStatus();
  }
  void set_stopping() noexcept {
    if constexpr (SharedHome<H>) {
      stopping_.store(true, std::memory_order_relaxed);  // relaxed: under the directory lock
    } else {
      directory_.set_stopping();
    }
  }

  using Hold = typename LaneAccess<H>::Hold;

  /// A view of a lane's ring, wherever it lies; valid while `hold` lives.
  /// \param how what else the ring's join() wants to know
  template <class Ring, class... How>
  [[nodiscard]] Result<Ring, SetupError> join_ring(const LaneRecord<Memory>& lane, Hold& hold,
                                                   const How&... how) {
    if constexpr (OwnerHome<H>) {
      if (const auto segment = copied_once(lane.segment); segment != 0) {
        const auto memory = home_.segment(segment, hold);
        const auto offset = copied_once(lane.segment_offset);
        const auto bytes = copied_once(lane.segment_bytes);
        if (memory.empty()) return Failure{SetupError::kOutOfReach};
        if (offset > memory.size() || bytes > memory.size() - offset) {
          return Failure{SetupError::kCorruptHeader};
        }
        return Ring::join(memory.subspan(offset, bytes), directory_.ring_memory(lane), how...);
      }
    }
    static_cast<void>(hold);
    return Ring::join(directory_.ring_memory(lane), how...);
  }
  /// A reliable cursor at a gate that was reserved; it writes its position into this process's own
  /// memory where there is such.
  template <class Ring>
  [[nodiscard]] typename Ring::Cursor adopt_cursor(Ring& ring, std::size_t gate, Hold& hold) {
    if constexpr (OwnerHome<H>) {
      hold.word = home_.take_word();
      if (hold.word) return ring.adopt_cursor(gate, hold.word.gate(), hold.word.place());
    }
    static_cast<void>(hold);
    return ring.adopt_cursor(gate);
  }
  /// A gate that was reserved for a reader which can not read the lane. Under the directory lock.
  template <class E>
  void give_up_gate(std::uint32_t index, std::size_t gate) noexcept {
    CleanUp<Memory>(directory_).leave(directory_.lane(index), gate);
    release_lane<E>(index);
  }

  /// Gives one handle's share of a lane back; the last one destroys what is left in the ring. Under
  /// the directory lock.
  template <class E>
  void release_lane(std::uint32_t index) noexcept {
    release_lane_of<E>(index, participant());
  }
  /// The same for a share that another participant was given.
  template <class E>
  void release_lane_of(std::uint32_t index, std::uint32_t holder) noexcept {
    if (!directory_.let_go(index, holder)) return;
    destroy_elements<E>(index);
    free_lane(index);
  }
  /// Frees a lane that nobody needs. Under the directory lock.
  void free_lane(std::uint32_t index) noexcept {
    [[maybe_unused]] const auto segment = directory_.lane(index).segment;
    directory_.free_lane(index);
    if constexpr (OwnerHome<H>) home_.lane_freed(segment);
  }
  /// release_lane(), but lets go of the lock while it destroys messages: they may hold handles of
  /// this bus. \pre the lane is closed, so that nobody joins it meanwhile
  template <class E>
  void release_lane(std::uint32_t index, Lock& lock) noexcept {
    if (!directory_.let_go(index, participant())) return;
    if constexpr (!std::is_trivially_destructible_v<E>) {
      lock.unlock();
      destroy_elements<E>(index);
      lock.lock();
    }
    free_lane(index);
  }

  /// Tells an endpoint that the lane has news for it. Any thread, wait-free but for the wake-up of
  /// a sleeper.
  void signal(std::uint32_t endpoint, std::uint32_t lane) noexcept {
    auto& record = directory_.endpoint(endpoint);
    record.ready.set(lane);
    record.event.notify_all();
  }

  /// A handler of the user's threw, or a lane can not be read: nobody else suffers.
  void report_error(std::string_view subscription, const std::exception_ptr& error) noexcept {
    on_error_(subscription, error);
  }

  // Process-local lists, under a lock of their own.
  using Mutex = typename Platform<Memory>::Mutex;
  Mutex local_lock;
  Mutex wait_lock;  // of the dispatchers' notes on whom they wait for
  std::vector<DispatcherBase*> dispatchers;
  InlineRegistry<Memory> inlines;

 private:
  template <class E>
  void destroy_elements(std::uint32_t index) noexcept {
    if constexpr (std::is_trivially_destructible_v<E>) return;
    auto& lane = directory_.lane(index);
    if (lane.lossy != 0) return;
    auto ring = LaneRings<E, Memory>::Reliable::join(directory_.ring_memory(lane));
    if (ring) ring->hold_elements(true);
  }

  H home_;
  DirectoryType directory_;
  ErrorHandler on_error_;
  typename Memory::template Atomic<bool> stopping_{false};
};

}  // namespace ringway
