// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The two distances that decide what shares a cache line, and hints to fetch some ahead of use.
///
/// Own constants, never `std::hardware_destructive_interference_size`: that one changes with the
/// compiler's tuning flags, and a ring's layout must be the same in every translation unit and in
/// every process that maps it.
///
/// Source: Intel 64 and IA-32 Architectures Optimization Reference Manual, 3.7.3 (the spatial
/// prefetcher completes pairs of 64-byte lines to 128 bytes); AMD Software Optimization Guide for
/// Family 19h, 2.6.2 (64-byte lines); Arm Neoverse and Apple cores use 64- or 128-byte lines.

#include <cstddef>

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

}  // namespace ringway
