// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A statistic that one thread writes and any thread reads.

#include <cstdint>

#include "ringway/base/native_memory.hpp"

namespace ringway {

/// Adding is a plain load and store, no locked instruction. One writer thread; readers see a recent
/// value.
template <class Memory = NativeMemory>
class BasicCounter {
 public:
  /// One writer thread, wait-free.
  void add(std::uint64_t amount) noexcept {
    const auto now = value_.load(std::memory_order_relaxed);  // relaxed: only this thread writes it
    value_.store(now + amount,
                 std::memory_order_relaxed);  // relaxed: a statistic publishes nothing else
  }
  /// Any thread, wait-free.
  [[nodiscard]] std::uint64_t read() const noexcept {
    return value_.load(
        std::memory_order_relaxed);  // relaxed: a statistic, no other data hangs on it
  }

 private:
  typename Memory::template Atomic<std::uint64_t> value_{0};
};

using Counter = BasicCounter<>;

}  // namespace ringway
