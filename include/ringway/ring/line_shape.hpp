// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Where the elements of a broadcast ring lie, for those who know their size only at run time: what
/// LineLayout (ring/line.hpp) says at compile time.

#include <cstddef>
#include <cstdint>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/sequence.hpp"
#include "ringway/ring/line.hpp"

namespace ringway {

/// One line: its first word is `published`, then come the slots.
struct LineShape {
  std::size_t bytes = 0;  ///< of a line
  std::size_t items = 0;  ///< slots in it
  std::size_t first = 0;  ///< offset of the first slot
  std::size_t slot = 0;   ///< bytes from slot to slot

  /// \tparam Memory the ring's memory policy
  /// \param lossy slots of LossyBroadcastRing: rows of 64-bit words
  /// \pre the size is not 0, and a multiple of the alignment, which is a power of two
  template <class Memory>
  [[nodiscard]] static constexpr LineShape of(std::size_t element_size, std::size_t element_align,
                                              bool lossy) noexcept {
    const std::size_t slot = lossy ? round_up(element_size, sizeof(std::uint64_t)) : element_size;
    const std::size_t align = lossy ? alignof(std::uint64_t) : element_align;
    const std::size_t beside = round_up(sizeof(Sequence), align);
    const bool shared = beside + slot <= kCacheLine;
    const auto behind = behind_word<Memory>(slot);
    const bool medium = !shared && slot <= 512 && behind > 1;
    LineShape shape;
    shape.slot = slot;
    shape.first = medium ? round_up(kCacheLine, align) : beside;
    shape.items = shared ? (kCacheLine - beside) / slot : (medium ? behind : 1);
    shape.bytes =
        round_up(shape.first + shape.items * slot, align > kCacheLine ? align : kCacheLine);
    return shape;
  }
};

}  // namespace ringway
