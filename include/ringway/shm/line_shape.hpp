// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Where the elements of a broadcast ring lie, for those who know their size only at run time: what
/// LineLayout (ring/line.hpp) says at compile time. For tools.

#include <cstddef>
#include <cstdint>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/sequence.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/ring/line.hpp"
#include "ringway/shm/shared_memory.hpp"

namespace ringway {

/// One line: its first word is `published`, then come the slots.
struct LineShape {
  std::size_t bytes = 0;  ///< of a line
  std::size_t items = 0;  ///< slots in it
  std::size_t first = 0;  ///< offset of the first slot
  std::size_t slot = 0;   ///< bytes from slot to slot

  /// \param lossy slots of LossyBroadcastRing: rows of 64-bit words
  /// \pre the size is not 0, and a multiple of the alignment, which is a power of two
  [[nodiscard]] static constexpr LineShape of(std::size_t element_size, std::size_t element_align,
                                              bool lossy) noexcept {
    const std::size_t slot = lossy ? round_up(element_size, sizeof(std::uint64_t)) : element_size;
    const std::size_t align = lossy ? alignof(std::uint64_t) : element_align;
    const std::size_t beside = round_up(sizeof(Sequence), align);
    const bool shared = beside + slot <= kCacheLine;
    const bool medium = !shared && slot <= 512;
    LineShape shape;
    shape.slot = slot;
    shape.first = medium ? round_up(kCacheLine, align) : beside;
    shape.items = shared ? (kCacheLine - beside) / slot : (medium ? 7 : 1);
    shape.bytes =
        round_up(shape.first + shape.items * slot, align > kCacheLine ? align : kCacheLine);
    return shape;
  }
};

/// The two must not drift apart.
template <std::size_t kSize, std::size_t kAlign>
consteval bool shape_is_right() noexcept {
  struct alignas(kAlign) Element {
    std::byte bytes[kSize];
  };
  using SlotType = Slot<Element>;
  using LineType = Line<SlotType, SharedMemory>;
  constexpr auto kShape = LineShape::of(sizeof(Element), alignof(Element), false);
  return kShape.bytes == sizeof(LineType) && kShape.items == LineType::kItems &&
         kShape.first == LineLayout<SlotType>::kFirst && kShape.slot == sizeof(SlotType);
}
static_assert(shape_is_right<1, 1>() && shape_is_right<8, 8>() && shape_is_right<12, 4>() &&
              shape_is_right<24, 8>() && shape_is_right<48, 16>() && shape_is_right<56, 8>() &&
              shape_is_right<57, 1>() && shape_is_right<64, 64>() && shape_is_right<128, 128>() &&
              shape_is_right<512, 8>() && shape_is_right<513, 1>() && shape_is_right<640, 128>() &&
              shape_is_right<4096, 8>());

}  // namespace ringway
