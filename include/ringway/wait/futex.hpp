// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The kernel's "sleep while this word has that value" (futex(2)), as the memory policies offer it.
///
/// NativeMemory's calls are private to the process: the kernel finds a sleeper by the word's
/// address, which is the cheaper look-up. NativeSharedMemory's calls find a sleeper by the page
/// behind the address, so that the word may be mapped at two addresses, or in two processes.
///
/// Source: man 2 futex; U. Drepper, "Futexes Are Tricky", 2011.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "ringway/base/native_memory.hpp"

namespace ringway {

/// The system call, once for all policies; `flags` is 0 or FUTEX_PRIVATE_FLAG.
class Futex {
 public:
  static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) &&
                    std::atomic<std::uint32_t>::is_always_lock_free,
                "Ringway: the kernel must see an atomic word as a plain 32-bit integer");

  /// Any thread, blocking. May return early (a signal, a stray wake-up): the caller looks again.
  /// \return false if it did not sleep, because the word was another value already
  static bool wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                   std::int64_t timeout_ns, int flags) noexcept {
    constexpr std::int64_t kSecond_ns = 1'000'000'000;
    timespec limit{};
    if (timeout_ns >= 0) {
      limit.tv_sec = static_cast<decltype(limit.tv_sec)>(timeout_ns / kSecond_ns);
      limit.tv_nsec = static_cast<decltype(limit.tv_nsec)>(timeout_ns % kSecond_ns);
    }
    // FUTEX_WAIT counts its relative limit on CLOCK_MONOTONIC: setting the wall clock is harmless.
    const long outcome = ::syscall(SYS_futex, &word, FUTEX_WAIT | flags, expected,
                                   timeout_ns >= 0 ? &limit : nullptr, nullptr, 0);
    return outcome == 0 || errno != EAGAIN;
  }

  /// Any thread, wait-free but for the kernel's own bucket lock.
  static void wake(std::atomic<std::uint32_t>& word, int count, int flags) noexcept {
    ::syscall(SYS_futex, &word, FUTEX_WAKE | flags, count, nullptr, nullptr, 0);
  }
};

inline bool NativeMemory::futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                                     std::int64_t timeout_ns) noexcept {
  return Futex::wait(word, expected, timeout_ns, FUTEX_PRIVATE_FLAG);
}

inline void NativeMemory::futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept {
  Futex::wake(word, count, FUTEX_PRIVATE_FLAG);
}

/// NativeMemory for words that one process maps at several addresses. heavy_fence() still reaches
/// the threads of this process alone; a policy for several processes replaces that as well.
struct NativeSharedMemory : NativeMemory {
  static bool futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                         std::int64_t timeout_ns) noexcept {
    return Futex::wait(word, expected, timeout_ns, 0);
  }
  static void futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept {
    Futex::wake(word, count, 0);
  }
};

}  // namespace ringway
