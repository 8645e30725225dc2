// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Why a ring or channel could not be made, formatted, joined or given a role.

namespace ringway {

enum class SetupError : unsigned char {
  kZeroCapacity,
  kCapacityTooLarge,
  kOutOfMemory,
  kMemoryTooSmall,
  kMemoryMisaligned,
  kNotARing,
  kOtherKind,
  kOtherVersion,
  kOtherElement,
  kCorruptHeader,
  kRoleTaken,
  kNoFreeCursor,
  kTooManyCursors,
  kFenceRefused,
  kClosed,
  kOverflowNotPossible,
  kZeroFrame,
  kFrameTooLarge,
  kOutOfReach,
  kCorruptFrames,
};

/// A sentence that says what was wrong and what to do about it.
[[nodiscard]] constexpr const char* describe(SetupError error) noexcept {
  switch (error) {
    case SetupError::kZeroCapacity: return "capacity is 0; ask for at least 1";
    case SetupError::kCapacityTooLarge:
      return "capacity times element size does not fit into memory; ask for a smaller capacity";
    case SetupError::kOutOfMemory:
      return "no memory for the ring; ask for a smaller capacity or free some memory";
    case SetupError::kMemoryTooSmall:
      return "the memory is smaller than footprint(options); pass at least that many bytes";
    case SetupError::kMemoryMisaligned:
      return "the memory is not aligned to kOwnerSpacing (or the element's alignment, if that is "
             "larger); align it";
    case SetupError::kNotARing:
      return "the memory holds no Ringway ring; format() it before anyone joins";
    case SetupError::kOtherKind:
      return "the memory holds a ring of another kind; join with the type that formatted it";
    case SetupError::kOtherVersion:
      return "the ring was formatted by another layout version; rebuild both sides with one "
             "version of Ringway";
    case SetupError::kOtherElement:
      return "the ring holds elements of another size or alignment; join with the element type "
             "that formatted it";
    case SetupError::kCorruptHeader:
      return "the ring's header contradicts itself; format() the memory again";
    case SetupError::kRoleTaken:
      return "this role is exclusive and already taken; destroy the other handle first";
    case SetupError::kNoFreeCursor:
      return "every cursor of the ring is in use; raise Options::max_cursors";
    case SetupError::kTooManyCursors: return "max_cursors must lie between 1 and 62";
    case SetupError::kFenceRefused:
      return "the kernel now refuses membarrier(2), which it granted when the ring was made; make "
             "the "
             "ring after the filter is installed";
    case SetupError::kClosed: return "the ring is closed";
    case SetupError::kOverflowNotPossible:
      return "this channel cannot drop the oldest element, since only its receiver may take; use "
             "mpmc_channel, or another Overflow";
    case SetupError::kZeroFrame:
      return "max_frame is 0, so no message would fit; set it to the size of the largest one";
    case SetupError::kFrameTooLarge:
      return "one message of max_frame bytes takes more than the capacity, or max_frame is 1 GiB "
             "or more; ask for a capacity of at least frame_bytes(max_frame)";
    case SetupError::kOutOfReach:
      return "the memory of the process that owns the ring can not be mapped; has its file been "
             "removed, and are descriptors and address space left (ulimit -n, -v)?";
    case SetupError::kCorruptFrames:
      return "the ring holds what is no message: its writer is broken or its memory was "
             "overwritten; nothing more is read from it";
  }
  return "unknown setup error";
}

}  // namespace ringway
