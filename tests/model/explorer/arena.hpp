// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The heap of one modelled execution: same addresses every time, forgotten as a whole.
///
/// A search runs the same body thousands of times and abandons most runs in the middle, so nothing
/// in it is destroyed properly. While a modelled thread runs, `operator new` takes from a block of
/// fixed address that the next execution starts afresh; all other code gets `malloc`. Memory is
/// never handed out twice in one execution, so that an access after `delete` can be recognised.
///
/// The replacements of `operator new` are weak definitions: a header may be included by several
/// files of one test binary.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace ringway::model {

class Arena {
 public:
  static constexpr std::size_t kBytes = 4UL * 1024 * 1024;

  /// True while code under test runs: its allocations are the execution's.
  bool active = false;
  /// Told of each deallocation inside the arena.
  void (*on_delete)(void* begin, std::size_t bytes) = nullptr;

  /// Forgets everything and clears what was used, so that executions start from equal memory.
  void reset() {
    if (block_ == nullptr) block_ = static_cast<std::byte*>(std::aligned_alloc(4096, kBytes));
    if (block_ == nullptr) std::abort();
    std::memset(block_, 0, used_);
    used_ = 0;
  }

  void* allocate(std::size_t bytes, std::size_t alignment) {
    alignment = alignment < kHeader ? kHeader : alignment;
    std::size_t at = (used_ + kHeader + alignment - 1) & ~(alignment - 1);
    if (block_ == nullptr || bytes > kBytes || at > kBytes - bytes) {
      return nullptr;
    }
    used_ = at + bytes;
    std::memcpy(block_ + at - kHeader, &bytes, sizeof bytes);
    return block_ + at;
  }

  [[nodiscard]] bool owns(const void* pointer) const {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    const auto begin = reinterpret_cast<std::uintptr_t>(block_);
    return block_ != nullptr && address >= begin && address < begin + kBytes;
  }

  /// Bytes from the arena's begin: a short, stable name for an address.
  [[nodiscard]] std::size_t offset(const void* pointer) const {
    return reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(block_);
  }

  void release(void* pointer) {
    std::size_t bytes = 0;
    std::memcpy(&bytes, static_cast<std::byte*>(pointer) - kHeader, sizeof bytes);
    if (active && on_delete != nullptr) on_delete(pointer, bytes);
  }

 private:
  static constexpr std::size_t kHeader = 16;
  std::byte* block_ = nullptr;
  std::size_t used_ = 0;
};

/// One per program: `operator new` cannot be given another.
inline Arena& arena() {
  static Arena instance;
  return instance;
}

/// While it lives, allocations are the explorer's own and come from `malloc`.
class OutsideModel {
 public:
  OutsideModel() : was_active_(arena().active) { arena().active = false; }
  OutsideModel(const OutsideModel&) = delete;
  OutsideModel& operator=(const OutsideModel&) = delete;
  ~OutsideModel() { arena().active = was_active_; }

 private:
  bool was_active_;
};

inline void* allocate_anywhere(std::size_t bytes, std::size_t alignment) {
  if (arena().active) return arena().allocate(bytes, alignment);
  if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes == 0 ? 1 : bytes);
  return std::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
}

inline void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  void* memory = allocate_anywhere(bytes, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

inline void release_anywhere(void* pointer) noexcept {
  if (pointer == nullptr) return;
  if (arena().owns(pointer)) {
    arena().release(pointer);
  } else {
    std::free(pointer);
  }
}

}  // namespace ringway::model

[[gnu::weak]] void* operator new(std::size_t bytes) {
  return ringway::model::allocate_or_throw(bytes, alignof(std::max_align_t));
}
[[gnu::weak]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return ringway::model::allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::weak]] void operator delete(void* pointer) noexcept {
  ringway::model::release_anywhere(pointer);
}
[[gnu::weak]] void operator delete(void* pointer, std::size_t) noexcept {
  ringway::model::release_anywhere(pointer);
}
[[gnu::weak]] void operator delete(void* pointer, std::align_val_t) noexcept {
  ringway::model::release_anywhere(pointer);
}
[[gnu::weak]] void operator delete(void* pointer, std::size_t, std::align_val_t) noexcept {
  ringway::model::release_anywhere(pointer);
}
