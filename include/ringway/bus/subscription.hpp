// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Subscription`: one handler on one dispatcher, with a cursor in every lane that its pattern
/// covers.
///
/// *What.* RAII: the subscription is live when subscribe() returns it and over when it is destroyed
/// or ended. Ending is legal anywhere, inside its own handler too; once end() has returned, no
/// handler of it runs (inside its own handler: none after it).
///
/// *Protocol.*
///   ended    set once by whoever ends the subscription
///   running  the dispatcher's word: which subscription's handler may be running
/// The dispatcher stores `running`, fences lightly, and looks at `ended`; whoever ends stores
/// `ended`, fences heavily, and waits until `running` is another. Cursors belong to the
/// dispatcher's thread, which lets go of them soon after; what was still unread counts as
/// undelivered.
///
/// *Synchronisation.*
///   "handled"  the dispatcher's store of running after a handler -> end()'s load: what the
///              handler did is done
///
/// *Progress.* end() blocks while the subscription's handler runs.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ringway/base/counter.hpp"
#include "ringway/base/setup_error.hpp"
#include "ringway/bus/bus_core.hpp"
#include "ringway/ring/start.hpp"

namespace ringway {

template <class Memory>
class SubscriptionCore;

/// One cursor of a subscription, as its dispatcher sees it. Dispatcher's thread only.
template <class Memory>
class LaneReader {
 public:
  /// Handles at most `limit` messages of a reader. \return how many it took
  using Drain = std::size_t (*)(LaneReader& reader, std::size_t limit);

  LaneReader(std::uint32_t lane, Drain how) noexcept : lane_(lane), drain_(how) {}
  LaneReader(const LaneReader&) = delete;
  LaneReader& operator=(const LaneReader&) = delete;
  virtual ~LaneReader() = default;

  std::size_t drain(std::size_t limit) { return drain_(*this, limit); }
  [[nodiscard]] virtual bool has_news() = 0;
  /// True if the publisher has left and the lane is read to its end: the reader can go.
  [[nodiscard]] virtual bool finished() = 0;
  virtual void ask_for_signal_unfenced() = 0;
  /// Messages for the subscription that nobody will handle. \pre drain() is not called any more
  [[nodiscard]] virtual std::size_t backlog() = 0;

  [[nodiscard]] std::uint32_t lane() const noexcept { return lane_; }

  // the dispatcher's notes
  SubscriptionCore<Memory>* subscription = nullptr;
  bool hot = false;
  std::uint32_t idle_rounds = 0;
  std::uint32_t seen_empty = 0;  // in which turn of the dispatcher's
  /// What drain() finds first came a moment ago: the dispatcher saw the lane empty, and has done
  /// nothing since that takes time. For drain(), which clears it.
  bool just_came = false;

 private:
  std::uint32_t lane_;
  Drain drain_;
};

/// What a subscription's handle knows of it.
class SubscriptionBase {
 public:
  SubscriptionBase(std::string pattern, std::uint32_t record)
      : pattern_(std::move(pattern)), record_(record) {}
  SubscriptionBase(const SubscriptionBase&) = delete;
  SubscriptionBase& operator=(const SubscriptionBase&) = delete;
  virtual ~SubscriptionBase() = default;

  [[nodiscard]] const std::string& pattern() const noexcept { return pattern_; }
  /// Its record's index in the directory.
  [[nodiscard]] std::uint32_t record() const noexcept { return record_; }

  Counter delivered;    // messages whose handler was called
  Counter undelivered;  // messages accepted for this subscription that nobody will handle
  Counter lost;         // messages that a lossy subscription missed

 private:
  std::string pattern_;
  std::uint32_t record_;
};

/// What a subscription is, whatever its types: shared by its handle and its dispatcher.
template <class Memory>
class SubscriptionCore : public SubscriptionBase {
 public:
  using SubscriptionBase::SubscriptionBase;

  /// Picks up a gate that was reserved in a lane: one more reader. Under the directory lock.
  /// \return false if the lane holds no such ring (`unreadable` says why), or the ring no such gate
  virtual bool adopt(std::uint32_t lane, std::size_t gate) = 0;
  /// Reserves a gate in a lane and picks it up. Under the directory lock.
  [[nodiscard]] virtual absl::Status join(std::uint32_t lane) = 0;
  /// The subscription has ended; its readers are still there. Under the directory lock.
  virtual void on_removed() {}

  [[nodiscard]] bool ended() const noexcept {
    return ended_.load(std::memory_order_relaxed);  // relaxed: ordered by the fences, see above
  }
  void set_ended() noexcept { ended_.store(true, std::memory_order_relaxed); }  // relaxed: likewise

  std::vector<std::unique_ptr<LaneReader<Memory>>> readers;
  std::optional<SetupError> unreadable;  // why adopt() failed last, not reported yet

 private:
  typename Memory::template Atomic<bool> ended_{false};
};

/// Why a subscription can not have a lane that this process can not map.
[[nodiscard]] inline absl::Status lane_out_of_reach(absl::string_view topic) {
  return absl::UnavailableError(absl::StrCat(
      "a lane of \"", topic, "\" can not be read: ", describe(SetupError::kOutOfReach)));
}

/// The dispatcher, as subscriptions see it.
class DispatcherBase {
 public:
  DispatcherBase() = default;
  DispatcherBase(const DispatcherBase&) = delete;
  DispatcherBase& operator=(const DispatcherBase&) = delete;
  virtual ~DispatcherBase() = default;

  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
  /// Lets go of an ended subscription; waits while its handler runs on another thread.
  virtual void remove(const std::shared_ptr<SubscriptionBase>& subscription) = 0;
  /// The thread ends when everything is read, or at once. Does not wait.
  virtual void request_stop(bool drain_first) = 0;
  /// Waits until the thread has ended. \return false if the deadline came first
  virtual bool wait_stopped(Deadline deadline) = 0;
  /// Messages that nobody will handle. \pre the thread has ended
  [[nodiscard]] virtual std::uint64_t left() const = 0;
  /// The subscription whose handler is running, or "".
  [[nodiscard]] virtual std::string running_handler() = 0;
};

/// The handle. Move-only; any thread, one at a time.
class Subscription {
 public:
  Subscription() = default;
  Subscription(std::shared_ptr<SubscriptionBase> core, std::shared_ptr<DispatcherBase> dispatcher)
      : core_(std::move(core)), dispatcher_(std::move(dispatcher)) {}
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept {
    if (this != &other) {
      end();
      core_ = std::move(other.core_);
      dispatcher_ = std::move(other.dispatcher_);
    }
    return *this;
  }
  ~Subscription() { end(); }

  /// No handler of this subscription runs once this has returned; see the file comment. Idempotent.
  void end() noexcept {
    if (dispatcher_ == nullptr) return;
    std::exchange(dispatcher_, nullptr)->remove(core_);
  }
  [[nodiscard]] bool live() const noexcept { return dispatcher_ != nullptr; }

  [[nodiscard]] std::string_view pattern() const noexcept { return core_->pattern(); }
  /// Messages handled so far. Any thread; \pre not moved from
  [[nodiscard]] std::uint64_t delivered() const noexcept { return core_->delivered.read(); }
  /// Messages that this subscription missed because it chose to be lossy.
  [[nodiscard]] std::uint64_t lost() const noexcept { return core_->lost.read(); }
  /// Messages that were accepted for it and will not be handled, because it ended first.
  [[nodiscard]] std::uint64_t undelivered() const noexcept { return core_->undelivered.read(); }

 private:
  std::shared_ptr<SubscriptionBase> core_;
  std::shared_ptr<DispatcherBase> dispatcher_;
};

struct SubscribeOptions {
  /// Rather lose messages than hold the publisher back; the topic must admit it
  /// (TopicOptions::admits_lossy).
  bool lossy = false;
  /// With lossy: skip to the newest message whenever there are several.
  bool latest_only = false;
  /// What it gets of the lanes that are there already, before anything newer: nothing, all that
  /// they still hold, or the last message of each topic. Of a lane whose publisher has left, too,
  /// as long as somebody reads it.
  Start start = Start::kNext;
};

}  // namespace ringway
