// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The two clocks of the driver: the steady clock for whole samples, the processor's own counter
/// for single messages (about 8 ns instead of 25).

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ringway::bench {

[[nodiscard]] inline std::int64_t now_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// The processor's counter: constant rate, the same on all processors of the machine.
[[nodiscard]] inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  std::uint64_t value;
  asm volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
  return static_cast<std::uint64_t>(now_ns());
#endif
}

/// Counter ticks per nanosecond, measured once against the steady clock (takes 20 ms).
[[nodiscard]] inline double ticks_per_ns() {
  static const double rate = [] {
    const std::int64_t begin_ns = now_ns();
    const std::uint64_t begin = ticks();
    while (now_ns() - begin_ns < 20'000'000) {
    }
    const std::uint64_t end = ticks();
    return static_cast<double>(end - begin) / static_cast<double>(now_ns() - begin_ns);
  }();
  return rate;
}

}  // namespace ringway::bench
