// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Which lanes have news for somebody: a bitmap in two levels, so that looking at 16,384 idle lanes
/// costs a few loads.
///
/// *Protocol.*
///   words    bit per lane, set by any thread that has news (first), cleared by the owner
///   summary  bit per word, set after the word's bit, cleared by the owner before it takes the word
/// A setter that finds the owner between clearing the summary and taking the word leaves at worst a
/// summary bit over an empty word: a needless look, never a missed one.
///
/// *Synchronisation.*
///   "ready"  set() in words, then in summary -> take() from summary, then from words: the owner
///            sees what the setter did before
///
/// *Progress.* Wait-free on both sides.

#include <bit>
#include <cstddef>
#include <cstdint>

#include "ringway/base/native_memory.hpp"

namespace ringway {

template <class Memory = NativeMemory>
class ReadyMap {
 public:
  static constexpr std::size_t kBits = 16384;

  /// Any thread.
  void set(std::size_t bit) noexcept {
    const auto word = bit / 64;
    words_[word].fetch_or(mask(bit), std::memory_order_release);          // release "ready"
    summary_[word / 64].fetch_or(mask(word), std::memory_order_release);  // release "ready"
  }

  /// The owner: calls `visit(bit)` for every set bit and clears it. \return how many there were
  template <class Visit>
  std::size_t take(Visit&& visit) {
    std::size_t found = 0;
    for (std::size_t top = 0; top < kTops; ++top) {
      // relaxed: most of the time there is nothing, and the exchange below synchronises
      if (summary_[top].load(std::memory_order_relaxed) == 0) continue;
      auto words = summary_[top].exchange(0, std::memory_order_acquire);  // acquire "ready"
      for (; words != 0; words &= words - 1) {
        const auto word = top * 64 + static_cast<std::size_t>(std::countr_zero(words));
        auto bits = words_[word].exchange(0, std::memory_order_acquire);  // acquire "ready"
        for (; bits != 0; bits &= bits - 1) {
          visit(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
          ++found;
        }
      }
    }
    return found;
  }

  /// The owner: true if there may be something to take.
  [[nodiscard]] bool any() const noexcept {
    std::uint64_t all = 0;
    for (const auto& top : summary_) {
      all |= top.load(std::memory_order_relaxed);  // relaxed: take() synchronises
    }
    return all != 0;
  }

 private:
  static constexpr std::size_t kWords = kBits / 64;
  static constexpr std::size_t kTops = kWords / 64;

  static constexpr std::uint64_t mask(std::size_t bit) noexcept {
    return std::uint64_t{1} << (bit % 64);
  }

  typename Memory::template Atomic<std::uint64_t> summary_[kTops]{};
  typename Memory::template Atomic<std::uint64_t> words_[kWords]{};
};

}  // namespace ringway
