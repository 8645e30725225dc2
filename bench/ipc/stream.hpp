// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The messages that go between processes, and the checker of what arrived.
///
/// Up to 64 bytes they are those of workload/message.hpp, with the tag in every word. Larger ones
/// are what a program would hand over: prepared, and copied once. There are three, with a pattern
/// of their own in every word, so that what is left of an earlier lap is not taken for this one;
/// the first word is the tag.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "workload/message.hpp"

namespace ringway::bench {

template <class T>
inline constexpr bool kIsLarge = sizeof(T) > 64;

inline constexpr std::size_t kPatterns = 3;

[[nodiscard]] constexpr std::uint64_t pattern_word(std::size_t pattern) noexcept {
  return 0x9e37'79b9'7f4a'7c15U * (pattern + 1);
}

/// The messages of one sender, in order.
template <class T>
class IpcSource {
 public:
  /// The next one; stays until the next call but two.
  [[nodiscard]] const T& next() noexcept {
    const std::uint64_t tag = make_tag(0, position_++);
    if constexpr (kIsLarge<T>) {
      T& message = (*prepared_)[pattern_];
      pattern_ = pattern_ + 1 == kPatterns ? 0 : pattern_ + 1;
      message.words[0] = tag;
      return message;
    } else {
      small_ = make_message<T>(tag);
      return small_;
    }
  }

  IpcSource() {
    if constexpr (kIsLarge<T>) {
      prepared_ = std::make_unique<std::array<T, kPatterns>>();
      for (std::size_t i = 0; i < kPatterns; ++i) (*prepared_)[i].words.fill(pattern_word(i));
    }
  }

 private:
  std::uint64_t position_ = 0;
  std::size_t pattern_ = 0;
  std::conditional_t<kIsLarge<T>, std::uint64_t, T> small_{};
  std::unique_ptr<std::array<T, kPatterns>> prepared_{};
};

/// Every message whole and in its place: all words of each are compared.
template <class T>
class IpcChecker {
 public:
  void take(const T& message) noexcept {
    if constexpr (kIsLarge<T>) {
      const std::uint64_t tag = message.words[0];
      std::uint64_t bits = tag ^ make_tag(0, count_++);
      const std::uint64_t expected = pattern_word(pattern_);
      pattern_ = pattern_ + 1 == kPatterns ? 0 : pattern_ + 1;
      for (std::size_t i = 1; i < message.words.size(); ++i) bits |= message.words[i] ^ expected;
      wrong_ |= bits;
      sum_ += tag;
    } else {
      small_.take(message);
    }
  }
  [[nodiscard]] std::uint64_t count() const noexcept {
    return kIsLarge<T> ? count_ : small_.count();
  }
  /// Empty if all `count` messages were right.
  [[nodiscard]] std::string violation(std::uint64_t count) const {
    if (wrong_ != 0 || !small_.violation().empty()) return "a message arrived torn or out of order";
    if (this->count() != count) return "messages are missing";
    if ((kIsLarge<T> ? sum_ : small_.sum()) != expected_sum(1, count)) {
      return "the checksum of what a reader saw is wrong";
    }
    return "";
  }

 private:
  WholeStreamChecker small_;
  std::uint64_t wrong_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t count_ = 0;
  std::size_t pattern_ = 0;
};

}  // namespace ringway::bench
