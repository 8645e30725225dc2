// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What every ring's block of memory begins with, and who gives the block back.
///
/// A ring is one block of memory without a pointer in it: a static header, then the words and slots
/// of its kind. Life-cycle:
///
///   footprint(options)        bytes that the block needs
///   create(options)           a block from the heap; the ring object gives it back
///   format(memory, options)   lays a ring out in the caller's memory and destroys the leftovers
///   join(memory)              a further view of a block that somebody else formatted
///   vacate_...()              frees what somebody held who died with it (killed, say)
///
/// The header is written by format() and never again, so whoever was handed the block may read it
/// plainly. Between processes it is copied once, when the ring is joined, and the copy is checked:
/// what a handle needs of it later lies in the handle.

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <utility>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/copied_once.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/result.hpp"
#include "ringway/base/sequence.hpp"
#include "ringway/base/setup_error.hpp"

namespace ringway {

enum class RingKind : std::uint16_t {
  kSpsc = 1,
  kMpmc = 2,
  kBroadcast = 3,
  kLossyBroadcast = 4,
  kByte = 5,
  kBroadcastByte = 6,
  kLockFreeMpmc = 7,
};

/// The static part of a ring's block, at its first byte.
struct RingHeader {
  static constexpr std::uint32_t kMagic = 0x59574752;  // "RGWY" in memory order
  static constexpr std::uint16_t kLayoutVersion = 4;

  std::uint32_t magic = kMagic;
  std::uint16_t layout_version = kLayoutVersion;
  RingKind kind{};
  std::uint64_t element_size = 0;
  std::uint64_t element_align = 0;
  std::uint64_t capacity = 0;     // elements that fit, exactly as asked for
  std::uint64_t blocks = 0;       // slots, or lines of slots, behind it
  std::uint64_t max_cursors = 0;  // broadcast kinds only
  Sequence start = 0;             // position of the first element ever
  std::uint64_t bytes = 0;        // the whole block
  std::uint64_t retains = 0;      // broadcast kinds only: BroadcastOptions::retain
  std::uint64_t apart = 0;        // broadcast kinds: 1 if the audience lies elsewhere
};
static_assert(sizeof(RingHeader) <= kOwnerSpacing);

/// The shape of a block before it exists: computed by each kind, checked for overflow in one place.
struct RingShape {
  std::size_t blocks = 0;
  std::size_t bytes = 0;

  /// `fixed` bytes and enough blocks of `block_bytes` with `per_block` slots each to hold
  /// `capacity` elements.
  [[nodiscard]] static Result<RingShape, SetupError> of(std::size_t capacity, std::size_t per_block,
                                                        std::size_t block_bytes, std::size_t fixed,
                                                        std::size_t spare_blocks = 0) noexcept {
    constexpr std::size_t kMost = static_cast<std::size_t>(-1) / 4;
    if (capacity == 0) return Failure{SetupError::kZeroCapacity};
    const std::size_t full = capacity / per_block + (capacity % per_block != 0 ? 1 : 0);
    if (fixed > kMost || full > (kMost - fixed) / block_bytes - spare_blocks) {
      return Failure{SetupError::kCapacityTooLarge};
    }
    const std::size_t blocks = full + spare_blocks;
    return RingShape{blocks, fixed + blocks * block_bytes};
  }
};

/// One view of a ring's block. Move-only; only the view that create() made gives the memory back.
class RingMemory {
 public:
  enum class Holds : unsigned char { kNothing, kElements, kMemoryAndElements };

  RingMemory() noexcept = default;
  RingMemory(RingMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), align_(other.align_), holds_(other.holds_) {}
  RingMemory& operator=(RingMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(align_, other.align_);
    std::swap(holds_, other.holds_);
    return *this;
  }
  ~RingMemory() {
    if (data_ != nullptr && holds_ == Holds::kMemoryAndElements) {
      ::operator delete (data_, std::align_val_t{align_});
    }
  }

  [[nodiscard]] static Result<RingMemory, SetupError> allocate(std::size_t bytes,
                                                               std::size_t align) noexcept {
    void* data = ::operator new (bytes, std::align_val_t{align}, std::nothrow);
    if (data == nullptr) return Failure{SetupError::kOutOfMemory};
    return RingMemory(static_cast<std::byte*>(data), align, Holds::kMemoryAndElements);
  }

  [[nodiscard]] static Result<RingMemory, SetupError> borrow(std::span<std::byte> memory,
                                                             std::size_t bytes,
                                                             std::size_t align) noexcept {
    if (memory.size() < bytes) return Failure{SetupError::kMemoryTooSmall};
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % align != 0) {
      return Failure{SetupError::kMemoryMisaligned};
    }
    return RingMemory(memory.data(), align, Holds::kElements);
  }

  /// A view of a block that holds a ring of this kind and element; its header has been checked.
  [[nodiscard]] static Result<RingMemory, SetupError> join(std::span<std::byte> memory,
                                                           RingKind kind, std::size_t element_size,
                                                           std::size_t element_align,
                                                           std::size_t align) noexcept {
    if (memory.size() < sizeof(RingHeader)) return Failure{SetupError::kMemoryTooSmall};
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % align != 0) {
      return Failure{SetupError::kMemoryMisaligned};
    }
    const auto header = copied_once(*std::launder(reinterpret_cast<RingHeader*>(memory.data())));
    if (header.magic != RingHeader::kMagic) return Failure{SetupError::kNotARing};
    if (header.layout_version != RingHeader::kLayoutVersion) {
      return Failure{SetupError::kOtherVersion};
    }
    if (header.kind != kind) return Failure{SetupError::kOtherKind};
    if (header.element_size != element_size || header.element_align != element_align) {
      return Failure{SetupError::kOtherElement};
    }
    if (header.bytes > memory.size()) return Failure{SetupError::kMemoryTooSmall};
    return RingMemory(memory.data(), align, Holds::kNothing);
  }

  /// From now on this view destroys the leftovers, or no longer does. \pre the memory is the
  /// caller's, not the heap's
  void hold_elements(bool holds) noexcept { holds_ = holds ? Holds::kElements : Holds::kNothing; }

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] bool holds_elements() const noexcept {
    return data_ != nullptr && holds_ != Holds::kNothing;
  }
  /// \pre a block is held and formatted
  [[nodiscard]] const RingHeader& header() const noexcept {
    return *std::launder(reinterpret_cast<const RingHeader*>(data_));
  }

 private:
  RingMemory(std::byte* data, std::size_t align, Holds holds) noexcept
      : data_(data), align_(align), holds_(holds) {}

  std::byte* data_ = nullptr;
  std::size_t align_ = kOwnerSpacing;
  Holds holds_ = Holds::kNothing;
};

/// A role that at most one handle has at a time, and the position at which the last holder stopped.
///
/// Synchronisation: release "role handed over" (give) -> acquire "role handed over" (take):
/// everything that the last holder did happens before whatever the next one does.
template <class Memory>
class ExclusiveRole {
 public:
  explicit ExclusiveRole(Sequence start) noexcept : position_(start) {}

  /// Any thread, wait-free.
  [[nodiscard]] bool take() noexcept {
    return taken_.exchange(1, std::memory_order_acquire) == 0;  // acquire "role handed over"
  }
  /// \pre taken by the caller
  void give(Sequence position) noexcept {
    position_ = position;
    taken_.store(0, std::memory_order_release);  // release "role handed over"
  }
  /// Frees the role of a holder that died with it; `position` is where the ring shows that it
  /// stopped. Idempotent: whoever vacates may die as well. \pre the holder's thread or process has
  /// ended, as the kernel tells it, and nobody takes or vacates the role meanwhile
  void vacate(Sequence position) noexcept { give(position); }

  /// \pre taken by the caller, or nobody uses the ring any more
  [[nodiscard]] Sequence position() const noexcept { return position_; }

  [[nodiscard]] bool taken() const noexcept {
    return taken_.load(std::memory_order_relaxed) != 0;  // relaxed: a hint for assertions
  }

 private:
  typename Memory::template Atomic<std::uint32_t> taken_{0};
  Sequence position_;
};

}  // namespace ringway
