// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Rings with one producer: who is suspended in what, and what the others find.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "suspend_support.hpp"

namespace ringway::test {

[[nodiscard]] inline Message message(std::uint64_t number) {
  return Message::numbered(number);
}

// The operations. Each sends the messages from `number` on, or receives.

struct Push {
  static constexpr const char* kName = "try_push";
  static constexpr std::size_t kCount = 1;
  template <class Producer>
  bool operator()(Producer& producer, const std::array<Message, 3>& messages) const noexcept {
    return producer.try_push(messages[0]);
  }
};
struct ClaimAndCommit {
  static constexpr const char* kName = "try_claim and commit";
  static constexpr std::size_t kCount = 1;
  template <class Producer>
  bool operator()(Producer& producer, const std::array<Message, 3>& messages) const noexcept {
    auto claim = producer.try_claim(messages[0]);
    if (!claim) return false;
    claim.commit();
    return true;
  }
};
struct PushBatch {
  static constexpr const char* kName = "try_push_batch of 2";
  static constexpr std::size_t kCount = 2;
  template <class Producer>
  bool operator()(Producer& producer, const std::array<Message, 3>& messages) const noexcept {
    return producer.try_push_batch(std::span<const Message>(messages.data(), 2)) == 2;
  }
};
struct Receive {
  static constexpr const char* kName = "try_pop or try_read";
  static constexpr std::size_t kCount = 1;
  template <class Reader>
  void operator()(Reader& reader, Report& report) const noexcept {
    if (const auto received = next(reader)) report.note(*received);
  }
};
struct Drain {
  static constexpr const char* kName = "drain of 2";
  static constexpr std::size_t kCount = 2;
  template <class Reader>
  void operator()(Reader& reader, Report& report) const noexcept {
    reader.drain([&](auto& received) noexcept { report.note(received); }, 2);
  }
};

[[nodiscard]] inline std::array<Message, 3> messages_from(std::uint64_t number) {
  return {message(number), message(number + 1), message(number + 2)};
}

/// Reads all that there is. \return how many; they must be numbered from `first` on
template <class Reader>
std::size_t read_on(Reader& reader, std::uint64_t first) {
  std::size_t count = 0;
  while (const auto received = next(reader)) {
    EXPECT_TRUE(received->whole());
    EXPECT_EQ(received->number, first + count);
    ++count;
  }
  return count;
}

/// The producer is suspended in `operation`, having sent `before` messages, the last two of which
/// are unread. Readers get those two at once, and new ones join.
template <class Kind, class Operation>
void suspend_producer(const char* ring_name, Operation operation) {
  Findings findings(ring_name, Operation::kName);
  for (std::uint64_t before = 2; before < 5; ++before) {  // wherever its line may begin
    Stage<Kind> stage;
    stage.at_each_boundary([&](auto& ring, Report&, Walk& walk) {
      auto reader = Kind::reader(ring).value();
      {
        auto producer = ring.producer().value();
        for (std::uint64_t i = 0; i + 2 < before; ++i) {
          EXPECT_TRUE(producer.try_push(message(i)));
          EXPECT_TRUE(next(reader).has_value());
        }
      }
      SteppedChild child([&](StepMarks& marks) {
        auto producer = ring.producer().value();
        bool sent =
            producer.try_push(message(before - 2)) && producer.try_push(message(before - 1));
        const auto messages = messages_from(before);
        marks.begin();
        sent = operation(producer, messages) && sent;
        marks.end();
        return sent;
      });
      const bool inside = walk.go(child);
      const std::size_t seen = read_on(reader, before - 2);
      EXPECT_LE(seen, 2 + Operation::kCount);
      if constexpr (!Kind::kTakes) {
        EXPECT_TRUE(Kind::reader(ring).has_value()) << "a reader joins meanwhile";
      }
      if (inside) findings.add(seen >= 2 ? Effect::kNone : Effect::kBlocks);
      expect_good_end(child);
      EXPECT_EQ(seen + read_on(reader, before - 2 + seen), 2 + Operation::kCount);
    });
  }
  EXPECT_GT(findings.boundaries(), 30u);
  EXPECT_EQ(findings.count(Effect::kNone), findings.boundaries());
}

/// Messages that a ring of this kind may hold beyond its capacity.
template <class Kind>
[[nodiscard]] constexpr std::size_t extra_room() {
  if constexpr (requires { Kind::kExtraRoom; }) {
    return Kind::kExtraRoom;
  } else {
    return 0;
  }
}

/// The reader is suspended in `operation`, with three messages before it. The producer uses what
/// the ring holds besides, and other readers get everything.
template <class Kind, class Operation>
void suspend_reader(const char* ring_name, Operation operation) {
  Findings findings(ring_name, Operation::kName);
  for (std::uint64_t before = 0; before < 3; ++before) {
    Stage<Kind> stage;
    stage.at_each_boundary([&](auto& ring, Report& report, Walk& walk) {
      using Reader = std::remove_cvref_t<decltype(Kind::reader(ring).value())>;
      std::optional<Reader> other(Kind::reader(ring).value());
      {
        auto producer = ring.producer().value();
        for (std::uint64_t i = 0; i < before; ++i) {
          EXPECT_TRUE(producer.try_push(message(i)));
          EXPECT_TRUE(next(*other).has_value());
        }
      }
      if constexpr (Kind::kTakes) other.reset();  // the role is the child's
      SteppedChild child([&](StepMarks& marks) {
        auto reader = Kind::reader(ring).value();
        for (std::uint64_t i = 0; i < 3; ++i) {
          if (!ring.producer()->try_push(message(before + i))) return false;
        }
        marks.begin();
        operation(reader, report);
        marks.end();
        while (const auto received = next(reader)) report.note(*received);
        return true;
      });
      const bool inside = walk.go(child);
      auto producer = ring.producer().value();
      std::uint64_t room = 0;
      if constexpr (!Kind::kTakes) {
        EXPECT_EQ(read_on(*other, before), 3u);
      }
      for (; producer.try_push(message(before + 3 + room)); ++room) {
        if constexpr (!Kind::kTakes) {
          EXPECT_EQ(read_on(*other, before + 3 + room), 1u);
        }
      }
      EXPECT_LE(room, kCapacity + extra_room<Kind>() - 3 + Operation::kCount);
      if (inside) findings.add(room >= kCapacity - 3 ? Effect::kNone : Effect::kBlocks);
      expect_good_end(child);
      EXPECT_EQ(report.count, 3 + room);
      const auto received = report.numbers();
      for (std::size_t i = 0; i < received.size(); ++i) EXPECT_EQ(received[i], before + i);
    });
  }
  EXPECT_GT(findings.boundaries(), 30u);
  EXPECT_EQ(findings.count(Effect::kNone), findings.boundaries());
}

}  // namespace ringway::test
