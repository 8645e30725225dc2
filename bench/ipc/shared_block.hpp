// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Memory that the processes of a sample share: mapped before they are forked.

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "ipc/plan.hpp"

namespace ringway::bench {

class SharedBlock {
 public:
  SharedBlock() = default;
  SharedBlock(const SharedBlock&) = delete;
  SharedBlock& operator=(const SharedBlock&) = delete;
  ~SharedBlock() {
    for (const auto& [memory, bytes] : mapped_) munmap(memory, bytes);
  }

  /// \return pages of their own
  std::span<std::byte> bytes(std::size_t count) {
    void* memory = mmap(nullptr, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    expect(memory != MAP_FAILED, "mmap");
    mapped_.emplace_back(memory, count);
    return {static_cast<std::byte*>(memory), count};
  }
  /// `count` objects, which nobody destroys.
  template <class T>
  T* make(std::size_t count = 1) {
    T* const first = reinterpret_cast<T*>(bytes(count * sizeof(T)).data());
    for (std::size_t i = 0; i < count; ++i) ::new (static_cast<void*>(first + i)) T();
    return first;
  }

 private:
  std::vector<std::pair<void*, std::size_t>> mapped_;
};

}  // namespace ringway::bench
