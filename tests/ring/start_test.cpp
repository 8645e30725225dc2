// SPDX-License-Identifier: Apache-2.0
// Where readers of broadcast rings begin: with the next element, the oldest that is there, the last
// one.
#include "ringway/ring/start.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/ring/ring_kinds.hpp"

namespace ringway {
namespace {

template <class Ring>
class StartPosition : public testing::Test {};

struct Wide {
  std::uint64_t value = 0;
  std::uint64_t more[12] = {};

  Wide() = default;
  Wide(std::uint64_t number) : value(number) {}  // NOLINT: as a number where tests compare
  operator std::uint64_t() const { return value; }
};

using Rings = testing::Types<BroadcastRing<std::uint64_t>, LossyBroadcastRing<std::uint64_t>,
                             BroadcastRing<Wide>, LossyBroadcastRing<Wide>>;
TYPED_TEST_SUITE(StartPosition, Rings);

template <class Cursor>
std::vector<std::uint64_t> read_all(Cursor& cursor) {
  std::vector<std::uint64_t> all;
  while (const auto element = cursor.try_read()) all.push_back(*element);
  return all;
}

/// The `count` numbers before `end`.
std::vector<std::uint64_t> numbers_before(std::uint64_t end, std::uint64_t count) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = end - count; number < end; ++number) numbers.push_back(number);
  return numbers;
}

TYPED_TEST(StartPosition, RetainingRingGivesTheNewestCapacityElementsToWhoeverComesLater) {
  for (const Sequence start : test::kStarts) {
    for (const std::size_t capacity : {1u, 2u, 6u, 7u, 8u, 14u, 20u}) {
      SCOPED_TRACE(std::to_string(start) + ", capacity " + std::to_string(capacity));
      auto ring = TypeParam::create(
                      {.capacity = capacity, .max_cursors = 3, .start = start, .retain = true})
                      .value();
      auto producer = ring.producer().value();
      for (std::uint64_t sent = 0; sent < 5 * capacity; ++sent) {
        const auto there = std::min<std::uint64_t>(sent, capacity);
        {
          auto oldest = ring.cursor(Start::kOldest).value();
          auto last = ring.cursor(Start::kLastValue).value();
          auto next = ring.cursor(Start::kNext).value();
          ASSERT_EQ(read_all(oldest), numbers_before(sent, there));
          ASSERT_EQ(read_all(last), numbers_before(sent, there == 0 ? 0 : 1));
          ASSERT_EQ(read_all(next), numbers_before(sent, 0));
        }
        ASSERT_TRUE(producer.try_push(sent));
      }
    }
  }
}

TYPED_TEST(StartPosition, OtherRingsGiveAllButALineAtMost) {
  constexpr std::size_t kLine = 7;
  for (const std::size_t capacity : {1u, 6u, 7u, 8u, 14u, 20u}) {
    SCOPED_TRACE(capacity);
    auto ring = TypeParam::create({.capacity = capacity, .max_cursors = 1}).value();
    auto producer = ring.producer().value();
    for (std::uint64_t sent = 0; sent < 5 * capacity; ++sent) {
      const auto all = std::min<std::uint64_t>(sent, capacity);
      {
        auto oldest = ring.cursor(Start::kOldest).value();
        const auto there = read_all(oldest);
        ASSERT_LE(there.size(), all);
        ASSERT_GE(there.size() + kLine, all);
        ASSERT_EQ(there, numbers_before(sent, there.size()));
      }
      ASSERT_TRUE(producer.try_push(sent));
    }
  }
}

TYPED_TEST(StartPosition, ReaderOfOldElementsHoldsTheProducerBack) {
  auto ring = TypeParam::create({.capacity = 5, .max_cursors = 1, .retain = true}).value();
  auto producer = ring.producer().value();
  for (std::uint64_t i = 0; i < 23; ++i) ASSERT_TRUE(producer.try_push(i));
  auto cursor = ring.cursor(Start::kOldest).value();
  ASSERT_EQ(cursor.size_approx(), 5u);
  static_cast<void>(producer.try_push(23));  // one that was under way may still pass
  for (int i = 0; i < 10; ++i) ASSERT_FALSE(producer.try_push(1000));
  const auto first = cursor.try_read();
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, 18u);
}

TYPED_TEST(StartPosition, ElementsOfAProducerThatLeftAreThere) {
  auto ring = TypeParam::create({.capacity = 4, .max_cursors = 2, .retain = true}).value();
  {
    auto producer = ring.producer().value();
    for (std::uint64_t i = 0; i < 9; ++i) ASSERT_TRUE(producer.try_push(i));
  }
  auto oldest = ring.cursor(Start::kOldest).value();
  auto last = ring.cursor(Start::kLastValue).value();
  EXPECT_EQ(read_all(oldest), numbers_before(9, 4));
  EXPECT_EQ(read_all(last), numbers_before(9, 1));
  auto producer = ring.producer().value();
  ASSERT_TRUE(producer.try_push(9));
  EXPECT_EQ(read_all(last), numbers_before(10, 1));
}

TYPED_TEST(StartPosition, LookingAheadLeavesTheElementsUnread) {
  auto ring = TypeParam::create({.capacity = 20, .max_cursors = 1}).value();
  auto producer = ring.producer().value();
  auto cursor = ring.cursor().value();
  for (std::uint64_t i = 0; i < 15; ++i) ASSERT_TRUE(producer.try_push(i));
  std::vector<std::uint64_t> seen;
  const auto look = [&](std::uint64_t element, Sequence position) {
    EXPECT_EQ(element, position);
    seen.push_back(element);
  };
  cursor.look_ahead(look, 10);
  EXPECT_EQ(seen, numbers_before(10, 10));
  EXPECT_EQ(read_all(cursor), numbers_before(15, 15));
  seen.clear();
  cursor.look_ahead(look, 100);
  EXPECT_TRUE(seen.empty());
}

/// Joins at old elements while a producer publishes 0, 1, 2 ... as fast as its readers allow: what
/// is read has no gap and is what was published.
TYPED_TEST(StartPosition, JoiningOldElementsOfARunningProducerIsGaplessAndWhole) {
  for (const bool retain : {false, true}) {
    for (const std::size_t capacity : {1u, 7u, 15u}) {
      SCOPED_TRACE(capacity);
      auto ring =
          TypeParam::create({.capacity = capacity, .max_cursors = 2, .retain = retain}).value();
      std::atomic<std::uint64_t> published{0};
      std::atomic<bool> stop{false};
      std::thread writer([&] {
        auto producer = ring.producer().value();
        std::uint64_t number = 0;
        while (!stop.load()) {
          if (producer.try_push(number)) {
            published.store(++number);
          } else {
            std::this_thread::yield();
          }
        }
      });
      for (int join = 0; join < 200 && !testing::Test::HasFailure(); ++join) {
        const std::uint64_t before = published.load();
        auto cursor = ring.cursor(join % 2 == 0 ? Start::kOldest : Start::kLastValue).value();
        const std::uint64_t at_return = published.load();
        std::uint64_t expected = 0;
        for (std::size_t i = 0; i < 2 * capacity;) {
          const auto element = cursor.try_read();
          if (!element) {
            std::this_thread::yield();
            continue;
          }
          if (i++ == 0) {
            expected = *element;
            EXPECT_GE(expected + capacity, before);
            EXPECT_LE(expected, at_return + 1) << "missed what was published after the join";
            if (retain && before > 0) {
              EXPECT_LE(expected, at_return) << "the last value is there";
            }
          }
          EXPECT_EQ(*element, expected++);
        }
      }
      stop.store(true);
      writer.join();
    }
  }
}

TEST(StartPosition, LossyReaderMayBeginAtTheOldest) {
  for (const std::size_t capacity : {1u, 7u, 10u}) {
    auto ring = LossyBroadcastRing<std::uint64_t>::create({.capacity = capacity}).value();
    auto producer = ring.producer().value();
    for (std::uint64_t sent = 0; sent < 4 * capacity; ++sent) {
      const auto there = std::min<std::uint64_t>(sent, capacity);
      auto oldest = ring.lossy_cursor(Start::kOldest).value();
      auto last = ring.lossy_cursor(Start::kLastValue).value();
      EXPECT_EQ(read_all(oldest), numbers_before(sent, there));
      EXPECT_EQ(read_all(last), numbers_before(sent, there == 0 ? 0 : 1));
      EXPECT_EQ(oldest.lost() + last.lost(), 0u);
      ASSERT_TRUE(producer.try_push(sent));
    }
  }
}

TEST(StartPosition, LookingAheadEndsWhereALossyReaderWasLapped) {
  auto ring = LossyBroadcastRing<std::uint64_t>::create({.capacity = 7}).value();
  auto producer = ring.producer().value();
  auto cursor = ring.lossy_cursor().value();
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(producer.try_push(i));
  cursor.look_ahead([](std::uint64_t, Sequence) { FAIL() << "overwritten long ago"; }, 100);
}

TEST(StartPosition, ElementsThatOwnMemoryAreThereAndDestroyedOnce) {
  auto ring =
      BroadcastRing<std::string>::create({.capacity = 3, .max_cursors = 1, .retain = true}).value();
  auto producer = ring.producer().value();
  const auto text = [](int i) { return std::string(100, static_cast<char>('a' + i)); };
  for (int i = 0; i < 20; ++i) {
    {
      auto dropped = producer.try_claim("not to be seen by anybody, and long enough for the heap");
    }
    ASSERT_TRUE(producer.try_push(text(i)));
    auto cursor = ring.cursor(Start::kOldest).value();
    for (int k = i < 2 ? 0 : i - 2; k <= i; ++k) ASSERT_EQ(cursor.try_read(), text(k));
    ASSERT_EQ(cursor.try_read(), std::nullopt);
  }
}

}  // namespace
}  // namespace ringway
