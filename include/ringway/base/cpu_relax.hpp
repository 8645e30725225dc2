// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What busy loops need of the processor: one polite step, and how long they have lasted.

#include <cstdint>

namespace ringway {

/// Tells the processor that this thread is spinning. Any thread, wait-free.
/// Costs 10 to 140 cycles, so that a number of steps is no measure of time: about 40 on Zen 2 and
/// later, 140 on Skylake and later, 11 measured on a virtual machine of the latter.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();  // the intrinsic's header would be half of a small program's lines
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield" ::: "memory");
#else
  asm volatile("" ::: "memory");
#endif
}

/// A clock of the processor's, for loops that shall last some hundred nanoseconds: 2 to 4 ticks in
/// one nanosecond on x86, whose clocks agree closely enough for that. Elsewhere each call counts as
/// 40 ticks. Any thread, wait-free, 10 to 30 cycles.
[[nodiscard]] inline std::uint64_t cpu_ticks() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_ia32_rdtsc();
#else
  static thread_local std::uint64_t ticks = 0;
  return ticks += 40;
#endif
}

/// True on processors that see a reader or writer go through lines that another core wrote, and
/// fetch the next ones by themselves, so that instructions that ask for them cost more than they
/// give: Intel's. Measured in docs/design/spsc-ring.md, "Two kinds of processors".
[[nodiscard]] inline bool cpu_streams_in_hardware() noexcept {
#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
  __builtin_cpu_init();
  return __builtin_cpu_is("intel");
#else
  return false;
#endif
}

}  // namespace ringway
