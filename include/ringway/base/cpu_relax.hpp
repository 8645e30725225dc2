// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// One polite step of a busy loop.

namespace ringway {

/// Tells the processor that this thread is spinning. Any thread, wait-free.
/// Costs about 40 cycles on Zen 2 and later and 140 on Skylake and later.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();  // the intrinsic's header would be half of a small program's lines
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield" ::: "memory");
#else
  asm volatile("" ::: "memory");
#endif
}

}  // namespace ringway
