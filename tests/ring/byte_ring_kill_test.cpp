// SPDX-License-Identifier: Apache-2.0
/// \file
/// A process is killed at every instruction of sending and of receiving through a ring of bytes,
/// and its successor goes on: nothing that was sent is lost, nothing comes twice, nothing is torn.
// labels: nosan

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>

#include "tests/ring/byte_messages.hpp"
#include "tests/support/single_step.hpp"

namespace ringway::test {
namespace {

constexpr std::size_t kMost = 24;

template <class Kind>
auto options_of_scene() {
  typename Kind::Ring::Options options{
      .capacity = 96, .max_frame = kMost, .start = ~Sequence{0} - 63};
  if constexpr (requires { options.max_cursors; }) options.max_cursors = 1;
  return options;
}

/// A ring in memory that forked children share, and `before` messages through it, all read.
template <class Kind>
struct Scene {
  using Ring = typename Kind::Ring;

  explicit Scene(std::uint64_t before)
      : pages(Ring::footprint(options_of_scene<Kind>()).value()),
        ring(Ring::format(pages.span(), options_of_scene<Kind>()).value()) {
    auto producer = ring.producer().value();
    auto reader = Kind::reader(ring).value();
    for (std::uint64_t number = 0; number < before; ++number) {
      EXPECT_TRUE(send_message(producer, number, kMost));
      EXPECT_EQ(reader.drain([](std::span<const std::byte>) {}, 1), 1u);
    }
  }

  SharedPages pages;
  Ring ring;
};

/// Reads all there is and checks that it is messages from `received` on.
template <class Reader>
void read_rest(Reader& reader, std::uint64_t& received) {
  reader.drain(
      [&](std::span<const std::byte> bytes) {
        ASSERT_TRUE(is_message(received, size_of_message(received, kMost), bytes)) << received;
        ++received;
      },
      1000);
  ASSERT_FALSE(reader.corrupt());
}

/// Messages before the one in question: one that has no padding before it, and one that has.
template <class Kind>
std::array<std::uint64_t, 2> interesting_numbers() {
  auto ring = Kind::Ring::create(options_of_scene<Kind>()).value();
  auto producer = ring.producer().value();
  auto reader = Kind::reader(ring).value();
  for (std::uint64_t number = 0;; ++number) {
    const Sequence begin = producer.sequence();
    EXPECT_TRUE(send_message(producer, number, kMost));
    reader.drain([](std::span<const std::byte>) {}, 1);
    const std::size_t cost = frame_bytes(size_of_message(number, kMost));
    if (producer.sequence() - begin > cost) return {0, number};
  }
}

template <class Kind>
class ByteRingKill : public testing::Test {};
using Kinds = testing::Types<ByteKind, BroadcastByteKind>;
TYPED_TEST_SUITE(ByteRingKill, Kinds);

TYPED_TEST(ByteRingKill, ProducerKilledAtAnyInstructionHasSentItsMessageOrNot) {
  if (const std::string refusal = single_step_refusal(); !refusal.empty()) GTEST_SKIP() << refusal;
  std::size_t kills = 0;
  std::size_t sent_ones = 0;
  for (const std::uint64_t before : interesting_numbers<TypeParam>()) {
    SteppedChild::Path path;
    for (std::size_t boundary = 0;; ++boundary) {
      Scene<TypeParam> scene(before);
      auto reader = TypeParam::reader(scene.ring).value();
      SteppedChild child([&](StepMarks& marks) {
        auto producer = scene.ring.producer().value();
        (void)producer.try_claim(0);  // what is resolved lazily is resolved
        marks.begin();
        const bool sent = send_message(producer, before, kMost);
        marks.end();
        return sent;
      });
      if (path.empty()) {  // the first child shows the way and is not killed inside
        path = child.step_path();
        ASSERT_GT(path.size(), 10u);
        continue;
      }
      const bool inside = child.run_to(boundary - 1, path);
      child.kill();
      ++kills;
      ASSERT_FALSE(scene.ring.producer().has_value());
      std::uint64_t received = before;
      if (boundary % 2 == 0) read_rest(reader, received);  // before the role is freed, or after
      scene.ring.vacate_producer();
      scene.ring.vacate_producer();
      read_rest(reader, received);
      ASSERT_LE(received, before + 1);
      sent_ones += received - before;
      if (!inside) {
        ASSERT_EQ(received, before + 1) << "it had ended";
      }
      auto successor = scene.ring.producer().value();
      std::uint64_t sent = received;
      for (int i = 0; i < 20; ++i) {
        while (send_message(successor, sent, kMost)) ++sent;
        read_rest(reader, received);
        ASSERT_EQ(received, sent);
      }
      if (!inside) break;
      ASSERT_LE(boundary, path.size() + 1);
    }
  }
  std::printf("%zu kills, after %zu of them the message was there\n", kills, sent_ones);
  EXPECT_GT(sent_ones, 2u);
  EXPECT_LT(sent_ones, kills);
}

TYPED_TEST(ByteRingKill, ReaderKilledAtAnyInstructionHasPassedItsMessageOrNot) {
  if (const std::string refusal = single_step_refusal(); !refusal.empty()) GTEST_SKIP() << refusal;
  std::size_t kills = 0;
  for (const std::uint64_t before : interesting_numbers<TypeParam>()) {
    SteppedChild::Path path;
    for (std::size_t boundary = 0;; ++boundary) {
      Scene<TypeParam> scene(before);
      auto producer = scene.ring.producer().value();
      std::size_t gate = 0;
      if constexpr (!TypeParam::kExclusiveReader) gate = scene.ring.reserve_cursor().value();
      const auto reader_of = [&] {
        if constexpr (TypeParam::kExclusiveReader) {
          return scene.ring.consumer().value();
        } else {
          return scene.ring.adopt_cursor(gate);
        }
      };
      std::uint64_t sent = before;
      for (int i = 0; i < 2; ++i) ASSERT_TRUE(send_message(producer, sent++, kMost));
      SteppedChild child([&](StepMarks& marks) {
        auto reader = reader_of();
        std::size_t size = 0;
        const auto see = [&](std::span<const std::byte> bytes) { size += bytes.size(); };
        reader.drain(see, 0);
        marks.begin();
        reader.drain(see, 1);
        marks.end();
        return size <= kMost;
      });
      if (path.empty()) {  // the first child shows the way and is not killed inside
        path = child.step_path();
        ASSERT_GT(path.size(), 10u);
        continue;
      }
      const bool inside = child.run_to(boundary - 1, path);
      child.kill();
      ++kills;
      if constexpr (TypeParam::kExclusiveReader) {
        scene.ring.vacate_consumer();
        scene.ring.vacate_consumer();
      }
      auto successor = reader_of();
      // The dead one has passed its message or not.
      std::uint64_t received = before;
      successor.drain(
          [&](std::span<const std::byte> bytes) {
            if (!is_message(received, size_of_message(received, kMost), bytes)) ++received;
            ASSERT_TRUE(is_message(received, size_of_message(received, kMost), bytes));
            ++received;
          },
          1);
      ASSERT_LE(received, before + 2);
      if (!inside) {
        ASSERT_EQ(received, before + 2) << "it had ended";
      }
      for (int i = 0; i < 20; ++i) {
        while (send_message(producer, sent, kMost)) ++sent;
        read_rest(successor, received);
        ASSERT_EQ(received, sent);
      }
      if (!inside) break;
      ASSERT_LE(boundary, path.size() + 1);
    }
  }
  EXPECT_GT(kills, 40u);
}

}  // namespace
}  // namespace ringway::test
