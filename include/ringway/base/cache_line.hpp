// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The two distances that decide what shares a cache line, hints to fetch some ahead of use, and a
/// way to own one.
///
/// Own constants, never `std::hardware_destructive_interference_size`: that one changes with the
/// compiler's tuning flags, and a ring's layout must be the same in every translation unit and in
/// every process that maps it.
///
/// Source: Intel 64 and IA-32 Architectures Optimization Reference Manual, 3.7.3 (the spatial
/// prefetcher completes pairs of 64-byte lines to 128 bytes); AMD Software Optimization Guide for
/// Family 19h, 2.6.2 (64-byte lines); Arm Neoverse and Apple cores use 64- or 128-byte lines.

#include <cstddef>

#if defined(__SANITIZE_THREAD__)  // g++'s
#define RINGWAY_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RINGWAY_THREAD_SANITIZER 1
#endif
#endif

namespace ringway {

/// One unit of coherence traffic, in bytes.
inline constexpr std::size_t kCacheLine = 64;

/// Distance in bytes between words that different threads write: two lines, since prefetchers fetch
/// lines in pairs.
inline constexpr std::size_t kOwnerSpacing = 128;

/// `value` rounded up to a multiple of `unit` (a power of two).
[[nodiscard]] constexpr std::size_t round_up(std::size_t value, std::size_t unit) noexcept {
  return (value + unit - 1) & ~(unit - 1);
}

/// Asks for a cache line that will be read soon. A hint: changes nothing, never faults.
inline void prefetch_for_reading(const void* address) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(address, 0);
#else
  static_cast<void>(address);
#endif
}

/// Asks for ownership of a cache line that will be written soon. A hint, too.
inline void prefetch_for_writing(const void* address) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(address, 1);
#else
  static_cast<void>(address);
#endif
}

/// Writes a byte over with itself, so that this processor owns the byte's cache line, and a writer
/// who waits for the line gets it back faster (docs/design/spsc-ring.md). Others may read the byte
/// meanwhile: they find what they would have found. By the letter of the language that is a data
/// race; what the processor is given, a volatile load and a volatile store, is none to it.
/// ThreadSanitizer, which goes by the letter, is shown nothing. \pre nobody changes the byte
/// meanwhile
inline void own_line_of(std::byte& byte) noexcept {
#if !defined(RINGWAY_THREAD_SANITIZER)
  volatile std::byte& it = byte;
  it = it;
#elif defined(__x86_64__)
  std::byte same;
  asm volatile("movb %0, %1\n\tmovb %1, %0" : "+m"(byte), "=&q"(same));
#else
  static_cast<void>(byte);
#endif
}

}  // namespace ringway
