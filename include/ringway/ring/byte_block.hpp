// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What both rings of bytes know of their block before anybody writes a message: its header, how
/// long it is, and whether a block that somebody else formatted holds together.
///
/// *Capacity.* A message of n bytes costs `frame_bytes(n)`: 8 bytes and n rounded up to 8. Messages
/// that cost `capacity` bytes together always fit, wherever in the block they begin. For that the
/// block has `frame_bytes(max_frame)` bytes more: the longest padding that can lie between them,
/// and the cleared word behind the newest. Where no padding lies between them, a little more than
/// `capacity` fits.

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/copied_once.hpp"
#include "ringway/base/result.hpp"
#include "ringway/base/setup_error.hpp"
#include "ringway/ring/frame.hpp"
#include "ringway/ring/ring_block.hpp"

namespace ringway {

/// The static part of a block of bytes; written by format() and never again.
struct ByteHeader {
  RingHeader ring;
  std::uint64_t max_frame = 0;
};
static_assert(sizeof(ByteHeader) <= kOwnerSpacing);

/// The shape of a block of bytes: what is asked for, and where the frames lie.
struct ByteShape {
  std::size_t capacity = 0;
  std::size_t max_frame = 0;
  Sequence start = 0;      // a multiple of kFrameAlign
  std::size_t offset = 0;  // of the first frame in the block
  std::size_t frames = 0;  // bytes for frames
  std::size_t bytes = 0;   // the whole block

  /// \param offset bytes before the frames
  [[nodiscard]] static Result<ByteShape, SetupError> of(std::size_t capacity, std::size_t max_frame,
                                                        Sequence start,
                                                        std::size_t offset) noexcept {
    constexpr std::size_t kMost = static_cast<std::size_t>(-1) / 4;
    if (capacity == 0) return Failure{SetupError::kZeroCapacity};
    if (max_frame == 0) return Failure{SetupError::kZeroFrame};
    if (max_frame > kLargestFrame || frame_bytes(max_frame) > capacity) {
      return Failure{SetupError::kFrameTooLarge};
    }
    if (capacity > kMost) return Failure{SetupError::kCapacityTooLarge};
    ByteShape shape;
    shape.capacity = capacity;
    shape.max_frame = max_frame;
    shape.start = start & ~Sequence{kFrameAlign - 1};
    shape.offset = offset;
    shape.frames = round_up(capacity, kFrameAlign) + frame_bytes(max_frame);
    shape.bytes = offset + shape.frames;
    return shape;
  }

  [[nodiscard]] ByteHeader header(RingKind kind, std::size_t max_cursors,
                                  bool apart = false) const noexcept {
    return {.ring = {.kind = kind,
                     .element_size = 1,
                     .element_align = kFrameAlign,
                     .capacity = capacity,
                     .blocks = frames / kFrameAlign,
                     .max_cursors = max_cursors,
                     .start = start,
                     .bytes = bytes,
                     .apart = apart ? 1U : 0U},
            .max_frame = max_frame};
  }

  [[nodiscard]] FrameSpace space(std::byte* block) const noexcept {
    return {.begin = block + offset, .bytes = frames, .max_frame = max_frame, .start = start};
  }
};

/// A block that somebody else formatted, and its shape: computed anew from one copy of the header,
/// so that nothing is looked up there again.
struct JoinedBytes {
  RingMemory memory;
  ByteShape shape;
  std::size_t max_cursors = 0;

  /// `offset_of(max_cursors)` tells where the frames begin, or says why there is no such ring.
  /// \param apart whether the readers' words lie elsewhere
  template <class OffsetOf>
  [[nodiscard]] static Result<JoinedBytes, SetupError> join(std::span<std::byte> memory,
                                                            RingKind kind, std::size_t align,
                                                            bool apart,
                                                            OffsetOf&& offset_of) noexcept {
    auto view = RingMemory::join(memory, kind, 1, kFrameAlign, align);
    if (!view) return Failure{view.error()};
    if (memory.size() < sizeof(ByteHeader)) return Failure{SetupError::kMemoryTooSmall};
    const auto header =
        copied_once(*std::launder(reinterpret_cast<const ByteHeader*>(memory.data())));
    auto offset = offset_of(header.ring.max_cursors);
    if (!offset) return Failure{SetupError::kCorruptHeader};
    auto shape = ByteShape::of(header.ring.capacity, header.max_frame, header.ring.start, *offset);
    if (!shape || shape->start != header.ring.start || shape->bytes != header.ring.bytes ||
        shape->frames != header.ring.blocks * kFrameAlign ||
        header.ring.apart != (apart ? 1U : 0U)) {
      return Failure{SetupError::kCorruptHeader};
    }
    if (shape->bytes > memory.size()) return Failure{SetupError::kMemoryTooSmall};
    return JoinedBytes{*std::move(view), *shape, header.ring.max_cursors};
  }
};

}  // namespace ringway
