// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the tests that stop or kill processes of a shared bus between two instructions have in
/// common: which boundaries they look at, and messages of a typed topic and of a topic of bytes
/// that the same test can send and check.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <ostream>
#include <random>
#include <span>
#include <string>

#include "bus_kill_support.hpp"
#include "ringway/ring/line_shape.hpp"
#include "support/sanitized.hpp"
#include "support/single_step.hpp"
#include "tests/ring/byte_messages.hpp"

namespace ringway::test {

inline bool all_boundaries_wanted() {
  const char* kills = std::getenv("RINGWAY_KILLS");
  return kills != nullptr && std::atoi(kills) > 200;
}

/// The boundaries of an operation to look at: all of them, or some that differ from run to run.
class Boundaries {
 public:
  /// \param every in the long form
  explicit Boundaries(std::size_t count, std::size_t every = 1) : count_(count), every_(every) {
    constexpr std::size_t kShort = 12;
    if (all_boundaries_wanted()) return;
    every_ = std::max(every, count / kShort);
    next_ = std::random_device{}() % every_;
  }
  /// The next one; the last is behind the operation.
  [[nodiscard]] bool take(std::size_t& boundary) {
    if (over_) return false;
    boundary = std::min(next_, count_);
    over_ = boundary == count_;
    next_ += every_;
    return true;
  }

 private:
  std::size_t count_;
  std::size_t every_;
  std::size_t next_ = 0;
  bool over_ = false;
};

/// Why nothing is stepped here; empty if it is.
inline std::string stepping_refused() {
  if (kSanitized) return "each instruction of the sanitizer would be a step";
  return single_step_refusal();
}

#define RINGWAY_SKIP_WITHOUT_STEPS()                        \
  const auto refusal = ::ringway::test::stepping_refused(); \
  if (!refusal.empty()) GTEST_SKIP() << refusal

/// The rounds of such a test, each with a child of its own: in the first one it counts the
/// operation's instructions, in the others it stops at a boundary each.
///
///   for (SteppedRounds rounds("publish"); rounds.next();) {
///     SCOPED_TRACE(rounds);
///     SteppedChild child(...);
///     if (rounds.counting()) {
///       rounds.counted(child.step_to_end());
///       continue;
///     }
///     child.step_to(rounds.boundary());
class SteppedRounds {
 public:
  explicit SteppedRounds(const char* what) : what_(what) {}
  SteppedRounds(const SteppedRounds&) = delete;
  SteppedRounds& operator=(const SteppedRounds&) = delete;
  ~SteppedRounds() {
    std::printf("%s: %zu instructions, killed or stopped at %zu places\n", what_, instructions_,
                places_);
  }

  /// \return false behind the last boundary and after a failure
  [[nodiscard]] bool next() {
    if (testing::Test::HasFailure()) return false;
    if (!begun_) return begun_ = true;
    if (!boundaries_ || !boundaries_->take(boundary_)) return false;
    ++places_;
    return true;
  }
  [[nodiscard]] bool counting() const noexcept { return !boundaries_; }
  void counted(std::size_t instructions) {
    instructions_ = instructions;
    boundaries_.emplace(instructions);
  }
  /// \pre !counting()
  [[nodiscard]] std::size_t boundary() const noexcept { return boundary_; }
  [[nodiscard]] std::size_t instructions() const noexcept { return instructions_; }

  friend std::ostream& operator<<(std::ostream& out, const SteppedRounds& rounds) {
    return out << "boundary " << rounds.boundary_ << " of " << rounds.what_;
  }

 private:
  const char* what_;
  std::optional<Boundaries> boundaries_;
  std::size_t boundary_ = 0;
  std::size_t instructions_ = 0;
  std::size_t places_ = 0;
  bool begun_ = false;
};

/// What a stepped child and its parent tell each other outside of the segment.
struct Notes {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> go{0};
  std::atomic<std::uint64_t> seen{0};  // messages that the child handled, in order
};

/// Messages of a typed topic.
struct TypedMessages {
  static constexpr auto& kTopic = kWords;
  /// The message whose publishing is stepped; the child publishes those before it.
  static constexpr std::uint64_t kStepped = 1;
  /// So many fit before a reader that reads none.
  static constexpr std::uint64_t kLeast = kCapacity;
  static constexpr std::uint64_t kMost = kCapacity + 2;

  static Word make(std::uint64_t writer, std::uint64_t number) { return Word::of(writer, number); }
  template <class Publisher>
  static PublishStatus try_publish(Publisher& publisher, const Word& message) {
    return publisher.try_publish(message);
  }
  template <class Publisher>
  static PublishStatus publish(Publisher& publisher, const Word& message) {
    return publisher.publish_for(message, 60s);
  }
  /// A handler that calls `each(writer, number, whole)`.
  template <class Each>
  static auto handler(Each each) {
    return [each](const Word& word) { each(word.writer, word.number, word.whole()); };
  }
};

/// A message of a cache line: between processes a word of the lane lies before each.
struct Wide {
  static constexpr std::size_t kRest = 5;

  Word word;
  std::uint64_t rest[kRest];

  static Wide of(std::uint64_t writer, std::uint64_t number) {
    Wide wide{Word::of(writer, number), {}};
    for (std::size_t i = 0; i < kRest; ++i) wide.rest[i] = wide.word.check + i;
    return wide;
  }
  [[nodiscard]] bool whole() const {
    bool whole = word.whole();
    for (std::size_t i = 0; i < kRest; ++i) whole = whole && rest[i] == word.check + i;
    return whole;
  }
};
static_assert(sizeof(Wide) == kCacheLine);
static_assert(LineShape::of<SharedMemory>(sizeof(Wide), alignof(Wide), false).items == 1);

struct WideMessages {
  static constexpr Topic<Wide> kTopic{"wide", {.capacity = kCapacity}};
  /// Goes into a slot that was used before.
  static constexpr std::uint64_t kStepped = kCapacity;
  static constexpr std::uint64_t kLeast = kCapacity;
  static constexpr std::uint64_t kMost = kCapacity + 2;

  static Wide make(std::uint64_t writer, std::uint64_t number) { return Wide::of(writer, number); }
  template <class Publisher>
  static PublishStatus try_publish(Publisher& publisher, const Wide& message) {
    return publisher.try_publish(message);
  }
  template <class Publisher>
  static PublishStatus publish(Publisher& publisher, const Wide& message) {
    return publisher.publish_for(message, 60s);
  }
  template <class Each>
  static auto handler(Each each) {
    return [each](const Wide& wide) { each(wide.word.writer, wide.word.number, wide.whole()); };
  }
};

/// Messages of different sizes of a topic of bytes: a word, and bytes that depend on its number.
struct ByteMessages {
  static constexpr std::size_t kWord = sizeof(Word);
  static constexpr std::size_t kLargest = kWord + 40;
  static constexpr ByteTopic kTopic{"bytes",
                                    {.capacity = kCapacity * byte_message_cost(kLargest),
                                     .largest = kLargest,
                                     .encoding = "test/1"}};
  static constexpr std::uint64_t kStepped = 1;
  static constexpr std::uint64_t kLeast = kCapacity;
  static constexpr std::uint64_t kMost =  // if all were the smallest
      (kTopic.options.capacity + byte_message_cost(kLargest)) / byte_message_cost(kWord) + 1;

  static constexpr std::size_t size_of(std::uint64_t number) { return kWord + number * 11 % 41; }

  struct Message {
    std::array<std::byte, kLargest> room;
    std::size_t size;
    [[nodiscard]] std::span<const std::byte> bytes() const { return std::span(room).first(size); }
  };
  static Message make(std::uint64_t writer, std::uint64_t number) {
    Message message{{}, size_of(number)};
    const auto word = Word::of(writer, number);
    std::memcpy(message.room.data(), &word, kWord);
    write_message(number, std::span(message.room).subspan(kWord, message.size - kWord));
    return message;
  }
  template <class Publisher>
  static PublishStatus try_publish(Publisher& publisher, const Message& message) {
    return publisher.try_publish(message.bytes());
  }
  template <class Publisher>
  static PublishStatus publish(Publisher& publisher, const Message& message) {
    return publisher.publish_for(message.bytes(), 60s);
  }
  template <class Each>
  static auto handler(Each each) {
    return [each](std::span<const std::byte> message) {
      Word word{};
      if (message.size() >= kWord) std::memcpy(&word, message.data(), kWord);
      each(word.writer, word.number,
           message.size() == size_of(word.number) && word.whole() &&
               is_message(word.number, message.size() - kWord, message.subspan(kWord)));
    };
  }
};

/// The first message that does not fit into the rest of the ring behind those before it; 0 if the
/// rest is none.
constexpr std::uint64_t first_behind_padding() {
  constexpr std::size_t kRing =
      ByteMessages::kTopic.options.capacity + byte_message_cost(ByteMessages::kLargest);
  std::size_t at = 0;
  for (std::uint64_t number = 0; at < kRing; ++number) {
    const auto cost = byte_message_cost(ByteMessages::size_of(number));
    if (at + cost > kRing) return number;
    at += cost;
  }
  return 0;
}

/// Those that are written in place.
struct ClaimedByteMessages : ByteMessages {
  template <class Publisher>
  static PublishStatus try_publish(Publisher& publisher, const Message& message) {
    auto claim = publisher.try_claim(kLargest);  // as one who does not know the size beforehand
    if (!claim) return PublishStatus::kFull;
    std::memcpy(claim.bytes().data(), message.room.data(), message.size);
    claim.commit(message.size);
    return PublishStatus::kPublished;
  }
};

/// Padding goes before the stepped one.
struct PaddedByteMessages : ByteMessages {
  static constexpr std::uint64_t kStepped = first_behind_padding();
  static_assert(kStepped != 0, "it would fit to the byte");
};

/// Of a topic that retains: for the stepped one, the oldest must go.
struct RetainedByteMessages : PaddedByteMessages {
  static constexpr ByteTopic kTopic{"retained",
                                    {.capacity = ByteMessages::kTopic.options.capacity,
                                     .largest = kLargest,
                                     .encoding = "test/1",
                                     .retain = true}};
};

}  // namespace ringway::test
