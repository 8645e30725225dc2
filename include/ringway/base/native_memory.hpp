// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The memory policy of production code: atomics are `std::atomic`, payload hooks are nothing.
///
/// Every concurrent type of Ringway is `template <..., class Memory = NativeMemory>` and reaches
/// shared words only through the policy, so that a model checker can take the hardware's place
/// without a copy of the code. A policy supplies
///
///   Atomic<U>       like std::atomic<U>; a checking policy adds a defaulted std::source_location
///   fence(order)    std::atomic_thread_fence
///   light_fence(), heavy_fence()
///                   the two sides of an asymmetric store-load fence (base/asymmetric_fence.hpp)
///   before_read(p, n), before_write(p, n)
///                   announce an access to plain shared payload; nothing here
///   futex_wait(word, expected, timeout_ns), futex_wake(word, count)
///                   sleep and wake (wait/futex.hpp)
///   relax()         one step of a busy loop: here is where a checker may switch threads
///   soon(look)      look() again and again for some hundred nanoseconds, until it says true
///   streams_in_hardware()
///                   the processor fetches lines that another one wrote ahead by itself
///   back_off()      a longer pause after another thread was faster; nothing to a checker
///   yield()         the same, for a wait that has lasted longer
///
/// heavy_fence is defined in base/asymmetric_fence.hpp, yield and the futex calls in wait/, so that
/// a ring that needs none of them pulls in no kernel header.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ringway/base/cpu_relax.hpp"

namespace ringway {

struct NativeMemory {
  template <class U>
  using Atomic = std::atomic<U>;

  static void fence(std::memory_order order) noexcept { std::atomic_thread_fence(order); }

  /// Wait-free: orders nothing in the processor by itself; pairs with heavy_fence().
  static void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

  /// Runs a full fence in every running thread of the process. Defined in
  /// base/asymmetric_fence.hpp. \return false if the kernel refuses; the caller must then not rely
  /// on light_fence().
  static bool heavy_fence() noexcept;

  /// Sleeps while `*word == expected`, at most timeout_ns (negative: no limit). Defined in
  /// wait/futex.hpp. May return early; the caller looks again.
  /// \return false if it did not sleep, because `*word` was another value already
  static bool futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                         std::int64_t timeout_ns) noexcept;
  /// Wakes at most `count` sleepers of `word`.
  static void futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept;

  static void before_read(const void*, std::size_t) noexcept {}
  static void before_write(const void*, std::size_t) noexcept {}

  static void relax() noexcept { cpu_relax(); }

  /// Calls `look()` until it returns true, for about as long as four cache lines take from another
  /// processor. \return what it returned last. Wait-free, if look() is
  template <class Look>
  static bool soon(Look&& look) noexcept {
    const auto begin = cpu_ticks();
    do {
      cpu_relax();
      if (look()) return true;
    } while (cpu_ticks() - begin < kSoonTicks);
    return false;
  }

  static bool streams_in_hardware() noexcept { return cpu_streams_in_hardware(); }

  /// A few microseconds at most: as long as it takes another thread to use a line several times.
  static void back_off() noexcept {
    const auto begin = cpu_ticks();
    do {
      cpu_relax();
    } while (cpu_ticks() - begin < kBackOffTicks);
  }

  /// Lets another thread have the processor. Defined in wait/wait_strategy.hpp.
  static void yield() noexcept;

 private:
  static constexpr std::uint64_t kBackOffTicks = 8000;  // 3 µs at 2.5 GHz
  static constexpr std::uint64_t kSoonTicks = 1000;     // 400 ns at 2.5 GHz
};

}  // namespace ringway
