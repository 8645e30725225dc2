// SPDX-License-Identifier: Apache-2.0
/// \file
/// The lossy broadcast ring by itself: the conformance suites by its reliable cursors, and what
/// lossy cursors promise: the producer never waits for them, what they get is in order, and what
/// they do not get is counted.

#include "ringway/ring/lossy_broadcast_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <stdexcept>

#include "tests/ring/broadcast_conformance.hpp"
#include "tests/ring/ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(LossyBroadcast, RingConformance, LossyBroadcastKind);
INSTANTIATE_TYPED_TEST_SUITE_P(LossyBroadcast, BroadcastConformance, LossyBroadcastKind);

namespace {

using Ring = LossyBroadcastRing<std::uint64_t>;

/// Reads all there is; checks order and the count of what was lost. `next` is the number of the
/// message that follows the last one received or counted.
void read_all(Ring::LossyCursor& cursor, std::uint64_t& received, std::uint64_t published) {
  std::optional<std::uint64_t> last;
  while (const auto e = cursor.try_read()) {
    if (last) {
      ASSERT_GT(*e, *last);
    }
    last = *e;
    ++received;
    ASSERT_EQ(received + cursor.lost(), *e + 1) << "what was lost is known when the next one comes";
  }
  ASSERT_EQ(received + cursor.lost(), published);
}

TEST(LossyBroadcastRing, LappedReaderCountsExactlyWhatItLost) {
  for (const Sequence start : kStarts) {
    for (const std::size_t capacity : kCapacities) {
      SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", start " << start);
      std::mt19937_64 random(capacity);
      Ring ring = make_broadcast<Ring>(capacity, 2, start);
      auto producer = ring.producer().value();
      auto cursor = ring.lossy_cursor().value();
      std::uint64_t published = 0;
      std::uint64_t received = 0;
      for (int round = 0; round < 30; ++round) {
        const std::uint64_t received_before = received;
        const std::uint64_t lost_before = cursor.lost();
        const std::uint64_t burst = random() % (4 * capacity + 4);
        for (std::uint64_t i = 0; i < burst; ++i) ASSERT_TRUE(producer.try_push(published++));
        read_all(cursor, received, published);
        if (burst <= capacity) {
          ASSERT_EQ(cursor.lost(), lost_before) << "nothing is lost within the capacity";
        }
        ASSERT_GE(received - received_before, std::min<std::uint64_t>(burst, (capacity + 1) / 2))
            << "a lapped reader goes on with old elements, not at the head";
      }
    }
  }
}

TEST(LossyBroadcastRing, ReadingSomeOfABurstLosesNothingThatIsStillThere) {
  Ring ring = make_broadcast<Ring>(10, 1);
  auto producer = ring.producer().value();
  auto cursor = ring.lossy_cursor().value();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(producer.try_push(i));
    if (i >= 9) {
      ASSERT_EQ(cursor.try_read(), i - 9);  // always the oldest of the last ten
    }
  }
  EXPECT_EQ(cursor.lost(), 0u);
}

TEST(LossyBroadcastRing, DrainOfALappedReaderKeepsItsLimitAndOrder) {
  Ring ring = make_broadcast<Ring>(100, 1);
  auto producer = ring.producer().value();
  auto cursor = ring.lossy_cursor().value();
  for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_TRUE(producer.try_push(i));
  std::optional<std::uint64_t> last;
  const auto check = [&](const std::uint64_t& e) {
    if (last) {
      EXPECT_EQ(e, *last + 1);
    }
    last = e;
  };
  EXPECT_EQ(cursor.drain(check, 0), 0u);
  EXPECT_EQ(cursor.drain(check, 10), 10u);
  const std::size_t rest = cursor.drain(check, kNoLimit);
  EXPECT_EQ(last, 999u);
  EXPECT_EQ(10 + rest + cursor.lost(), 1000u);
}

TEST(LossyBroadcastRing, HandlerThatThrowsLosesItsElementAloneForALossyReaderToo) {
#if defined(__cpp_exceptions)
  Ring ring = make_broadcast<Ring>(10, 1);
  auto producer = ring.producer().value();
  auto cursor = ring.lossy_cursor().value();
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(producer.try_push(i));
  const auto handler = [](const std::uint64_t& e) {
    if (e == 4) throw std::runtime_error("bad message");
  };
  EXPECT_THROW(cursor.drain(handler, kNoLimit), std::runtime_error);
  EXPECT_EQ(cursor.try_read(), 5u);
  EXPECT_EQ(cursor.lost(), 0u);
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

TEST(LossyBroadcastRing, ReliableCursorHoldsTheProducerBackAndSoShieldsTheLossyOne) {
  Ring ring = make_broadcast<Ring>(5, 2);
  auto producer = ring.producer().value();
  auto lossy = ring.lossy_cursor().value();
  auto reliable = ring.cursor().value();
  std::uint64_t published = 0;
  while (producer.try_push(published)) ++published;
  EXPECT_EQ(published, 5u);
  EXPECT_EQ(reliable.try_read(), 0u);
  ASSERT_TRUE(producer.try_push(published++));
  ASSERT_FALSE(producer.try_push(published));
  { auto leaving = std::move(reliable); }
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(producer.try_push(published++));
  std::uint64_t received = 0;
  read_all(lossy, received, published);
  EXPECT_GT(lossy.lost(), 0u);
}

TEST(LossyBroadcastRing, SkippingToTheNewestCountsWhatItSkips) {
  Ring ring = make_broadcast<Ring>(10, 1, ~Sequence{0} - 3);
  auto producer = ring.producer().value();
  auto cursor = ring.lossy_cursor().value();
  cursor.skip_to_newest();
  EXPECT_EQ(cursor.lost(), 0u);
  std::uint64_t published = 0;
  for (const std::uint64_t burst : {1u, 2u, 9u, 10u, 50u}) {
    const std::uint64_t lost_before = cursor.lost();
    for (std::uint64_t i = 0; i < burst; ++i) ASSERT_TRUE(producer.try_push(published++));
    cursor.skip_to_newest();
    EXPECT_EQ(cursor.lost(), lost_before + burst - 1);
    EXPECT_EQ(cursor.try_read(), published - 1);
    EXPECT_EQ(cursor.try_read(), std::nullopt);
  }
}

TEST(LossyBroadcastRing, LossyCursorStartsAtTheLiveEnd) {
  Ring ring = make_broadcast<Ring>(7, 1);
  auto producer = ring.producer().value();
  for (std::uint64_t before = 0; before < 60; ++before) {
    auto cursor = ring.lossy_cursor().value();
    EXPECT_EQ(cursor.try_read(), std::nullopt);
    ASSERT_TRUE(producer.try_push(before));
    EXPECT_EQ(cursor.try_read(), before);
    EXPECT_EQ(cursor.lost(), 0u);
    auto refused = ring.lossy_cursor();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), SetupError::kNoFreeCursor);
  }
}

}  // namespace
}  // namespace ringway::test
