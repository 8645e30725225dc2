// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The messages that are sent, and the checkers that look at every byte of every one that arrives.
///
/// A message carries one 64-bit *tag* in all its words: producer + 1 in the upper 16 bits (so that
/// it is never 0, which atomic_queue cannot carry), position in the lower 48. Writing all words and
/// comparing all of them makes every payload byte travel and shows a torn message.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace ringway::bench {

template <std::size_t kBytes>
struct Words {
  static_assert(kBytes % 8 == 0 && kBytes >= 16);
  std::array<std::uint64_t, kBytes / 8> words;
};

/// The message type of a payload size. 8 bytes are a plain integer: some peers are fast only with
/// types that fit an atomic.
template <std::size_t kBytes>
using Message = std::conditional_t < kBytes == 8,
      std::uint64_t, Words<kBytes<16 ? 16 : kBytes>>;

[[nodiscard]] constexpr std::uint64_t make_tag(std::size_t producer, std::uint64_t position) {
  return ((static_cast<std::uint64_t>(producer) + 1) << 48) | position;
}

template <class T>
[[nodiscard]] inline T make_message(std::uint64_t tag) noexcept {
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    return tag;
  } else {
    T message;
    message.words.fill(tag);
    return message;
  }
}

template <class T>
[[nodiscard]] inline std::uint64_t tag_of(const T& message) noexcept {
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    return message;
  } else {
    return message.words[0];
  }
}

/// Bits in which the words of a message differ from its first: 0 for a whole message.
template <class T>
[[nodiscard]] inline std::uint64_t torn_bits(const T& message) noexcept {
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    return 0;
  } else {
    std::uint64_t bits = 0;
    for (const std::uint64_t word : message.words) bits |= word ^ message.words[0];
    return bits;
  }
}

/// Checks the stream of one producer at a reader that must see all of it, in order.
class WholeStreamChecker {
 public:
  template <class T>
  void take(const T& message) noexcept {
    const std::uint64_t tag = tag_of(message);
    wrong_ |= (tag ^ make_tag(0, count_)) | torn_bits(message);
    sum_ += tag;
    ++count_;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
  /// Empty if every message was whole and in its place.
  [[nodiscard]] std::string violation() const {
    return wrong_ == 0 ? "" : "a message arrived torn or out of order";
  }

 private:
  std::uint64_t wrong_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t count_ = 0;
};

/// Checks what one of several consumers takes: of every producer an ascending part.
class SharedStreamChecker {
 public:
  template <class T>
  void take(const T& message) noexcept {
    const std::uint64_t tag = tag_of(message);
    std::uint64_t& least = least_next_[(tag >> 48) % kProducers];
    wrong_ |= torn_bits(message) | static_cast<std::uint64_t>(tag < least);
    least = tag + 1;
    sum_ += tag;
    ++count_;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
  [[nodiscard]] std::string violation() const {
    return wrong_ == 0 ? "" : "a message arrived torn, twice or before its predecessor";
  }

 private:
  static constexpr std::size_t kProducers = 64;
  std::uint64_t wrong_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t count_ = 0;
  std::array<std::uint64_t, kProducers> least_next_{};
};

/// What all consumers together must have summed up: every producer's tags 0 .. count-1.
[[nodiscard]] constexpr std::uint64_t expected_sum(std::size_t producers, std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::size_t p = 0; p < producers; ++p) {
    sum += make_tag(p, 0) * count +
           (count % 2 == 0 ? count / 2 * (count - 1) : (count - 1) / 2 * count);
  }
  return sum;
}

}  // namespace ringway::bench
