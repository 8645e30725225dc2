// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Sleep until "something changed", where telling costs one load while nobody sleeps.
///
/// *What.* Joins any non-blocking structure to parking. The waiter says: I am about to sleep
/// (prepare), looks at the structure once more, and sleeps (wait) or not (cancel). The notifier
/// changes the structure and calls notify. Use it beside a ring, with a wait strategy. Do not use
/// it as a semaphore: a notification with nobody waiting leaves no trace. It holds no pointers and
/// may live in a shared block (with NativeSharedMemory, if the block is mapped more than once).
///
///     waiter                                      notifier
///     ------                                      --------
///     key = prepare()                             change the structure
///       count up in state                         notify_one()
///       heavy fence                                 light fence
///       key = epoch                                 state == 0 ?  done, one load
///     look again: changed?  cancel()                epoch + 1
///     wait(key): sleep while epoch == key           wake a sleeper of epoch
///
/// *Protocol.*
///   state_  bits 0 to 29: waiters between prepare and the end of their wait (any waiter);
///           bit 31: notifiers must not rely on the light fence (set at construction where the
///           kernel refuses the heavy one, or by the first waiter that is refused it later);
///           bit 30: the refusal came later, so waiters look again every millisecond.
///   epoch_  the word that waiters sleep on; each notification that finds a waiter adds 1.
///   A notifier that sees no waiter has, by the fence, made its change visible to the look of every
///   waiter that counts up later. One that sees a waiter changes the epoch: a waiter with the old
///   key wakes or does not fall asleep; one that read the new key also sees the change.
///   Late refusal: a notifier may have looked at state_ with a light fence just before bit 31
///   appeared, and its change may still sit in its processor's store buffer. Hence bit 30, and
///   sleeps in slices that end by themselves.
///   Nobody eats another's wake-up: the epoch ends the wait of all who are not asleep yet, so
///   waking `count` is about sleepers alone, and the kernel picks only those really asleep. Who
///   was picked must look at the structure again before it gives up (time-out, stop); the wait
///   strategies do. Then n changes, each with its notify_one, end n waits.
///   The epoch wraps: a waiter that is suspended between prepare and its sleep while a multiple of
///   2^32 notifications, exact to one, find a waiter, sleeps on until the next one. At 100 ns per
///   notification that takes 7 minutes of suspension and then a chance of 2^-32; it is accepted.
///
/// *Synchronisation.*
///   "notified"  epoch_: release by the notifier, acquire by the waiter: what was changed before
///               notify is seen after wait.
///   "looked"    state_, only with bit 31: both sides use a read-modify-write, so one of them comes
///               second and sees the other: release by the notifier, acquire by the waiter.
///   "light" and "heavy" (asymmetric_fence.hpp): without bit 31; same effect, free for the
///   notifier.
///
/// *Progress.* notify: wait-free (one load) while nobody waits, else one system call, also for the
/// short time until a woken waiter has run. prepare, cancel: wait-free but for a membarrier. wait:
/// blocking. A suspended waiter blocks nobody; a notifier suspended before notify delays its
/// waiters.
///
/// *Source.* D. Vyukov, "Eventcounts" (1024cores); folly/experimental/EventCount.h. New here are
/// the asymmetric fence, the two fall-backs, and that both sides' order rests on one word.

#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdint>

#include "ringway/base/asymmetric_fence.hpp"
#include "ringway/base/cache_line.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/wait/deadline.hpp"
#include "ringway/wait/futex.hpp"

namespace ringway {

template <class Memory = NativeMemory>
class alignas(kCacheLine) EventCount {
 public:
  /// What the waiter saw when it prepared; passed on to wait().
  class Key {
    friend class EventCount;
    explicit Key(std::uint32_t epoch) noexcept : epoch_(epoch) {}
    std::uint32_t epoch_;
  };

  EventCount() noexcept {
    if (!heavy_fence_granted<Memory>()) {
      state_.store(kFenceNeeded, std::memory_order_relaxed);  // relaxed: not shared yet
    }
  }
  EventCount(const EventCount&) = delete;
  EventCount& operator=(const EventCount&) = delete;

  /// Announces that this thread is about to sleep. Must be followed by a look at the structure and
  /// then by exactly one wait() or cancel(). Any thread.
  [[nodiscard]] Key prepare() noexcept {
    const std::uint32_t state = state_.fetch_add(1, std::memory_order_acquire);  // acquire "looked"
    if ((state & kFenceNeeded) == 0 && !Memory::heavy_fence()) {
      // relaxed: what it could see now, the epoch tells too, and the sleep ends by itself
      state_.fetch_or(kFenceNeeded | kSliced, std::memory_order_relaxed);
    }
    return Key{epoch_.load(std::memory_order_acquire)};  // acquire "notified"
  }

  /// Takes prepare() back. Any thread, wait-free.
  void cancel() noexcept {
    state_.fetch_sub(1, std::memory_order_relaxed);  // relaxed: tells of nothing but itself
  }

  /// Sleeps until a notification after prepare(), or until the deadline. Any thread, blocking. The
  /// caller looks at the structure again, whatever is returned.
  /// \return false if the deadline has passed
  bool wait(Key key, Deadline deadline = Deadline::never()) noexcept {
    const bool in_time = sleep(key, deadline);
    state_.fetch_sub(1, std::memory_order_relaxed);  // relaxed: tells of nothing but itself
    return in_time;
  }

  /// Ends one waiter's sleep, or as many as there are. Any thread. Call after the change.
  void notify_one() noexcept { notify(1); }
  void notify_all() noexcept { notify(INT_MAX); }
  /// Ends `count` sleeps.
  void notify(int count) noexcept {
    Memory::light_fence();  // "light": the caller's change before it, the look at state_ after it
    if (state_.load(std::memory_order_relaxed) != 0) [[unlikely]] {  // relaxed: the fence orders it
      wake(count);
    }
  }

  /// Whether a notification would find somebody. Ordered as notify is, so that whoever is not
  /// counted yet will see what was changed before. Any thread, wait-free.
  [[nodiscard]] bool has_waiters() noexcept {
    Memory::light_fence();  // "light": the caller's change before it, the look at state_ after it
    if (state_.load(std::memory_order_relaxed) == 0) {  // relaxed: the fence orders it
      return false;
    }
    return (state_.fetch_or(0, std::memory_order_release) & kWaiters) != 0;  // release "looked"
  }

  /// Forgets waiters that were killed in their sleep, which would cost each notification a system
  /// call. \pre nobody who is alive waits, or is about to
  void forget_waiters() noexcept {
    state_.fetch_and(~kWaiters, std::memory_order_relaxed);  // relaxed: tells of nothing but itself
  }

  /// Waiters between prepare() and the end of their wait; may be out of date at once. Any thread.
  [[nodiscard]] std::uint32_t waiters_approx() const noexcept {
    return state_.load(std::memory_order_relaxed) & kWaiters;  // relaxed: a hint
  }
  /// How often a waiter really slept: the proof that a measurement measured parking. Any thread.
  [[nodiscard]] std::uint64_t parks() const noexcept {
    return parks_.load(std::memory_order_relaxed);  // relaxed: a statistic
  }
  /// True where the kernel refuses the heavy fence and each notification pays for a full one.
  [[nodiscard]] bool fence_needed() const noexcept {
    return (state_.load(std::memory_order_relaxed) & kFenceNeeded) != 0;  // relaxed: a hint
  }

 private:
  static constexpr std::uint32_t kFenceNeeded = 1U << 31;
  static constexpr std::uint32_t kSliced = 1U << 30;
  static constexpr std::uint32_t kWaiters = kSliced - 1;
  static constexpr std::int64_t kSlice_ns = 1'000'000;

  bool sleep(Key key, Deadline deadline) noexcept {
    while (epoch_.load(std::memory_order_acquire) == key.epoch_) {  // acquire "notified"
      std::int64_t left_ns = deadline.left_ns();
      if (left_ns == 0) {
        return false;
      }
      const bool sliced =
          (state_.load(std::memory_order_relaxed) & kSliced) != 0;  // relaxed: own bit or a hint
      if (sliced && (left_ns < 0 || left_ns > kSlice_ns)) {
        left_ns = kSlice_ns;
      }
      if (Memory::futex_wait(epoch_, key.epoch_, left_ns)) {
        parks_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a statistic
      }
      if (sliced) {
        return true;
      }
    }
    return true;
  }

  // Out of line: keeps the notifier's hot path to one test. `this` is the shared block, so no
  // handle's private cursors are forced into memory by the call.
  [[gnu::noinline, gnu::cold]] void wake(int count) noexcept {
    // A read-modify-write that changes nothing: with bit 31 it takes the fence's place.
    const std::uint32_t state = state_.fetch_or(0, std::memory_order_release);  // release "looked"
    if ((state & kWaiters) != 0) {
      epoch_.fetch_add(1, std::memory_order_release);  // release "notified"
      Memory::futex_wake(epoch_, count);
    }
  }

  // Any thread; written only when somebody sleeps, so the line stays shared while nobody does.
  typename Memory::template Atomic<std::uint32_t> state_{0};
  typename Memory::template Atomic<std::uint32_t> epoch_{0};
  typename Memory::template Atomic<std::uint64_t> parks_{0};
};

static_assert(sizeof(EventCount<>) == kCacheLine);

}  // namespace ringway
