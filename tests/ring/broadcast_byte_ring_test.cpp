// SPDX-License-Identifier: Apache-2.0
/// \file
/// The broadcast ring of bytes by itself: the conformance suite, and its readers.

#include "ringway/ring/broadcast_byte_ring.hpp"

#include "tests/ring/byte_ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(BroadcastByte, ByteRingConformance, BroadcastByteKind);

TEST(BroadcastByteRing, EveryReaderSeesEveryMessageOnceInOrder) {
  auto ring =
      BroadcastByteRing::create({.capacity = 300, .max_frame = 60, .start = ~Sequence{0} - 499})
          .value();
  auto producer = ring.producer().value();
  std::vector<BroadcastByteRing::Cursor> cursors;
  cursors.reserve(4);
  for (int i = 0; i < 4; ++i) cursors.push_back(ring.cursor().value());
  std::array<std::uint64_t, 4> received{};
  std::mt19937_64 random(3);
  std::uint64_t sent = 0;
  while (received[0] + received[1] + received[2] + received[3] < 4000) {
    while (send_message(producer, sent, 60)) ++sent;
    for (std::size_t i = 0; i < cursors.size(); ++i) {
      cursors[i].drain(
          [&](std::span<const std::byte> bytes) {
            ASSERT_TRUE(is_message(received[i], size_of_message(received[i], 60), bytes));
            ++received[i];
          },
          random() % 6);
    }
  }
}

TEST(BroadcastByteRing, SlowestCursorHoldsTheProducerBackUntilItLeaves) {
  auto ring = BroadcastByteRing::create({.capacity = 160, .max_frame = 8}).value();
  auto producer = ring.producer().value();
  const std::array<std::byte, 8> message{};
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(producer.try_push(message)) << "nobody reads";
  auto fast = ring.cursor().value();
  std::optional slow{ring.cursor().value()};
  const auto see = [](std::span<const std::byte>) {};
  std::size_t sent = 0;
  while (producer.try_push(message)) {
    ++sent;
    ASSERT_EQ(fast.drain(see, kAllMessages), 1u);
    ASSERT_LE(sent, 11u);
  }
  EXPECT_GE(sent, 10u);
  EXPECT_FALSE(producer.try_claim(8));
  slow->drain(see, 1);
  EXPECT_TRUE(producer.try_push(message));
  EXPECT_FALSE(producer.try_push(message));
  slow.reset();
  EXPECT_TRUE(producer.try_push(message));
}

TEST(BroadcastByteRing, CursorThatJoinsLaterSeesWhatIsPublishedFromThenOn) {
  auto ring =
      BroadcastByteRing::create({.capacity = 120, .max_frame = 40, .max_cursors = 2}).value();
  auto producer = ring.producer().value();
  std::uint64_t sent = 0;
  for (int round = 0; round < 300; ++round) {
    for (int i = round % 3; i > 0; --i) ASSERT_TRUE(send_message(producer, sent++, 40));
    auto cursor = ring.cursor().value();
    ASSERT_FALSE(cursor.has_news());
    ASSERT_EQ(cursor.size_approx(), 0u);
    std::uint64_t received = sent;
    while (send_message(producer, sent, 40)) ++sent;
    ASSERT_GT(sent, received);
    cursor.drain(
        [&](std::span<const std::byte> bytes) {
          ASSERT_TRUE(is_message(received, size_of_message(received, 40), bytes));
          ++received;
        },
        kAllMessages);
    ASSERT_EQ(received, sent);
  }
}

TEST(BroadcastByteRing, CursorsAreAsManyAsWereAskedFor) {
  auto ring = BroadcastByteRing::create({.capacity = 64, .max_frame = 8, .max_cursors = 2}).value();
  auto one = ring.cursor().value();
  std::optional two{ring.cursor().value()};
  EXPECT_EQ(ring.cursor().error(), SetupError::kNoFreeCursor);
  two.reset();
  EXPECT_TRUE(ring.cursor().has_value());
  EXPECT_EQ(BroadcastByteRing::create({.capacity = 64, .max_frame = 8, .max_cursors = 0}).error(),
            SetupError::kTooManyCursors);
  EXPECT_EQ(BroadcastByteRing::create({.capacity = 64, .max_frame = 8, .max_cursors = 63}).error(),
            SetupError::kTooManyCursors);
}

TEST(BroadcastByteRing, ReaderThatAsksIsSignalledByTheNextPublication) {
  auto ring = BroadcastByteRing::create({.capacity = 64, .max_frame = 8}).value();
  auto producer = ring.producer().value();
  auto cursor = ring.cursor().value();
  auto other = ring.cursor().value();
  ASSERT_TRUE(producer.try_push({}));
  EXPECT_EQ(producer.take_signals(), 0u);
  ASSERT_TRUE(other.ask_for_signal());
  EXPECT_FALSE(producer.has_signals());
  ASSERT_TRUE(producer.try_push({}));
  EXPECT_TRUE(producer.has_signals());
  EXPECT_EQ(producer.take_signals(), std::uint64_t{1} << other.gate());
  ASSERT_TRUE(cursor.ask_for_signal());
  EXPECT_TRUE(cursor.withdraw());
  ASSERT_TRUE(producer.try_push({}));
  EXPECT_EQ(producer.take_signals(), 0u);
}

TEST(BroadcastByteRing, LastIsTheMessagePublishedLast) {
  auto ring = BroadcastByteRing::create({.capacity = 120, .max_frame = 40}).value();
  auto producer = ring.producer().value();
  for (std::uint64_t sent = 0; sent < 300; ++sent) {
    ASSERT_TRUE(send_message(producer, sent, 40));
    ASSERT_TRUE(is_message(sent, size_of_message(sent, 40), producer.last()));
  }
}

}  // namespace ringway::test
