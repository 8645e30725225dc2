// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a thread does between two looks at a ring that has nothing for it.
///
/// *What.* A strategy is a type with two parts: a Gate, the state that both sides share (nothing at
/// all for the spinning ones), and a Waiter, which lives on the waiting thread's stack for one
/// wait.
///
///   BusySpin                 a processor for each waiter, and the shortest reaction
///   SlipSpin                 the same, but stays behind a stream: throughput, not latency
///   SpinYield                threads may outnumber processors, but never sleep
///   SpinPark (the default)   spins briefly, yields, then sleeps: idle costs nothing
///   Park                     sleeps at once: for tests, and to measure parking itself
///
/// Do not use the first three on a machine that you share: an idle waiter uses its whole processor.
///
/// *Protocol.* A wait is a loop of the caller's, which looks and, in vain, takes one step:
///
///     Waiter waiter{gate, deadline, stop};
///     while (!ring.try_something()) {
///       if (WaitStep step = waiter.step(); step != WaitStep::kLookAgain) return why(step);
///     }
///
/// The other side calls gate.notify_one() after each change. Between two steps the Waiter may be
/// registered at the gate, so that the look in between is the one that EventCount asks for; its
/// destructor takes the registration back. After a sleep there is always a look before kTimedOut or
/// kStopped: whoever was woken never leaves without looking. (A loop, and not a callback, because a
/// handle whose address is captured cannot keep its cursors in registers.)
///
/// *Synchronisation.* None of its own: EventCount's edges order parking, the ring's edges the rest.
///
/// *Progress.* step() of BusySpin, SlipSpin and SpinYield: wait-free. Of SpinThenPark: blocking,
/// once it has spun and yielded in vain; a notification, the deadline or the stop token ends it.
///
/// All waiting goes through Memory::relax, yield and futex_wait, so a model checker can block the
/// fiber there instead of unrolling a spin.

#include <sched.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <stop_token>

#include "ringway/base/native_memory.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/wait/deadline.hpp"
#include "ringway/wait/event_count.hpp"

namespace ringway {

inline void NativeMemory::yield() noexcept {
  ::sched_yield();
}

/// What the caller of a Waiter's step() does next.
enum class WaitStep : unsigned char {
  kLookAgain,
  kTimedOut,  ///< the deadline has passed, and the look after that was in vain
  kStopped,   ///< a stop was requested, and the look after that was in vain
};

/// A strategy S has templates Gate<Memory> and Waiter<Memory> as above. What the compiler cannot
/// check: notify may be called by any thread and is nearly free while nobody waits; a waiter loses
/// no notification between its look and its sleep; n notify_one end n waits.
template <class S, class Memory = NativeMemory>
concept WaitStrategy = requires(typename S::template Gate<Memory>& gate,
                                const typename S::template Gate<Memory>& view,
                                typename S::template Waiter<Memory>& waiter) {
  gate.notify_one();
  gate.notify(1);
  gate.notify_all();
  { view.parks() } -> std::same_as<std::uint64_t>;
  { waiter.step() } -> std::same_as<WaitStep>;
  requires std::constructible_from < typename S::template Waiter<Memory>,
  typename S::template Gate<Memory>&, Deadline, const std::stop_token& > ;
};

/// The gate of strategies that never sleep: nobody needs to be told.
struct OpenGate {
  void notify_one() noexcept {}
  void notify(int) noexcept {}
  void notify_all() noexcept {}
  [[nodiscard]] bool has_waiters() const noexcept { return false; }
  [[nodiscard]] std::uint64_t parks() const noexcept { return 0; }
};

/// Pauses for ever. A processor for each waiter.
struct BusySpin {
  template <class Memory>
  using Gate = OpenGate;

  template <class Memory>
  class Waiter {
   public:
    Waiter(OpenGate&, Deadline deadline, const std::stop_token& stop) noexcept
        : deadline_(deadline), stop_(stop) {}

    WaitStep step() noexcept {
      if (stop_.stop_requested()) {
        return WaitStep::kStopped;
      }
      if (++steps_ % kStepsPerClock == 0 && deadline_.passed()) {
        return WaitStep::kTimedOut;
      }
      Memory::relax();
      return WaitStep::kLookAgain;
    }

   private:
    static constexpr unsigned kStepsPerClock = 16;  // reading the clock costs about a pause
    Deadline deadline_;
    const std::stop_token& stop_;
    unsigned steps_ = 0;
  };
};

/// Stays away from the ring for `kPauses` pauses after the first look in vain, then as BusySpin. A
/// reader that has caught up with its writer takes each cache line from it again while that is
/// being filled, and both of them wait for lines; one that stays away lets the writer get ahead,
/// and then takes full lines only: "temporal slipping", J. Giacomoni, T. Moseley, M. Vachharajani,
/// "FastForward for efficient pipeline parallelism", PPoPP 2008. A message that comes meanwhile is
/// seen that much later. For streams of messages; see docs/design/spsc-ring.md for what it gives.
template <unsigned kPauses>
struct SlipThenSpin {
  template <class Memory>
  using Gate = OpenGate;

  template <class Memory>
  class Waiter {
   public:
    Waiter(OpenGate& gate, Deadline deadline, const std::stop_token& stop) noexcept
        : spin_(gate, deadline, stop) {}

    WaitStep step() noexcept {
      if (!slipped_) {
        slipped_ = true;
        for (unsigned i = 1; i < kPauses; ++i) Memory::relax();
      }
      return spin_.step();
    }

   private:
    typename BusySpin::Waiter<Memory> spin_;
    bool slipped_ = false;
  };
};

/// Some microseconds, in which a writer fills some dozen cache lines.
using SlipSpin = SlipThenSpin<256>;

/// Pauses 16 times, then lets other threads run between its looks.
struct SpinYield {
  template <class Memory>
  using Gate = OpenGate;

  template <class Memory>
  class Waiter {
   public:
    Waiter(OpenGate&, Deadline deadline, const std::stop_token& stop) noexcept
        : deadline_(deadline), stop_(stop) {}

    WaitStep step() noexcept {
      if (stop_.stop_requested()) {
        return WaitStep::kStopped;
      }
      if (pauses_ < kPauses) {
        ++pauses_;
        Memory::relax();
        return WaitStep::kLookAgain;
      }
      if (deadline_.passed()) {
        return WaitStep::kTimedOut;
      }
      Memory::yield();
      return WaitStep::kLookAgain;
    }

   private:
    static constexpr unsigned kPauses = 16;
    Deadline deadline_;
    const std::stop_token& stop_;
    unsigned pauses_ = 0;
  };
};

/// Pauses `kPauses` times, yields `kYields` times, then sleeps between its looks.
template <unsigned kPauses, unsigned kYields>
struct SpinThenPark {
  template <class Memory>
  using Gate = EventCount<Memory>;

  template <class Memory>
  class Waiter {
   public:
    Waiter(Gate<Memory>& gate, Deadline deadline, const std::stop_token& stop) noexcept
        : gate_(gate), deadline_(deadline), stop_(stop) {}
    ~Waiter() {
      if (key_ || has_waker_) {
        leave();
      }
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    WaitStep step() noexcept {
      if (stop_.stop_requested()) {
        return WaitStep::kStopped;
      }
      if (steps_ < kPauses) {
        ++steps_;
        Memory::relax();
        return WaitStep::kLookAgain;
      }
      if (deadline_.passed()) {
        return WaitStep::kTimedOut;
      }
      if (steps_ < kPauses + kYields) {
        ++steps_;
        Memory::yield();
        return WaitStep::kLookAgain;
      }
      park();
      return WaitStep::kLookAgain;
    }

   private:
    // Runs on the thread that requests the stop, or at once if that has happened.
    struct Waker {
      Gate<Memory>& gate;
      void operator()() const noexcept { gate.notify_all(); }
    };

    // Two halves, one per step: the caller's look lies between them.
    [[gnu::noinline, gnu::cold]] void park() noexcept {
      if (!key_) {
        if (!has_waker_ && stop_.stop_possible()) {
          waker_.construct(stop_, Waker{gate_});
          has_waker_ = true;
        }
        key_ = gate_.prepare();
        return;
      }
      const auto key = *key_;
      key_.reset();
      gate_.wait(key, deadline_);
    }

    [[gnu::noinline, gnu::cold]] void leave() noexcept {
      if (key_) {
        gate_.cancel();
      }
      if (has_waker_) {
        waker_.destroy();  // waits until a call of it on another thread has returned
      }
    }

    Gate<Memory>& gate_;
    Deadline deadline_;
    const std::stop_token& stop_;
    unsigned steps_ = 0;
    bool has_waker_ = false;
    std::optional<typename Gate<Memory>::Key> key_;  // set while registered at the gate
    Slot<std::stop_callback<Waker>> waker_;          // made at the first sleep that can be stopped
  };
};

/// About as long a spin as a futex round trip costs, then a few yields, then sleep.
using SpinPark = SpinThenPark<128, 8>;
using Park = SpinThenPark<0, 0>;

static_assert(WaitStrategy<BusySpin>);
static_assert(WaitStrategy<SlipSpin>);
static_assert(WaitStrategy<SpinYield>);
static_assert(WaitStrategy<SpinPark>);
static_assert(WaitStrategy<Park>);

/// Waits until `ready()` returns true. \return false if the deadline passed or a stop was requested
/// first, and `ready()` was still false after that.
template <class Strategy, class Memory, class Predicate>
bool await(typename Strategy::template Gate<Memory>& gate, Predicate&& ready,
           Deadline deadline = Deadline::never(), const std::stop_token& stop = {}) {
  typename Strategy::template Waiter<Memory> waiter{gate, deadline, stop};
  while (!ready()) {
    if (waiter.step() != WaitStep::kLookAgain) {
      return false;
    }
  }
  return true;
}

}  // namespace ringway
