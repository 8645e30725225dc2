// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What both broadcast rings promise about several readers: who sees what, who holds up whom, and
/// what joining and leaving mean while the producer runs.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "tests/ring/ring_conformance.hpp"
#include "tests/ring/ring_kinds.hpp"

namespace ringway::test {

template <class Kind>
class BroadcastConformance : public testing::Test {};
TYPED_TEST_SUITE_P(BroadcastConformance);

TYPED_TEST_P(BroadcastConformance, EveryCursorSeesEveryElementInOrder) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const Sequence start : kStarts) {
    for (const std::size_t capacity : {1u, 2u, 7u, 10u}) {
      Ring ring = make_broadcast<Ring>(capacity, 4, start);
      auto producer = ring.producer().value();
      std::vector<typename Ring::Cursor> cursors;
      for (int i = 0; i < 4; ++i) cursors.push_back(ring.cursor().value());
      std::vector<std::uint64_t> received(4, 0);
      std::uint64_t sent = 0;
      for (std::size_t lap = 0; lap < 10; ++lap) {
        while (producer.try_push(sent)) ++sent;
        for (std::size_t i = 0; i < cursors.size(); ++i) {
          ASSERT_EQ(cursors[i].sequence(), start + received[i]);
          while (const auto e = cursors[i].try_read()) ASSERT_EQ(*e, received[i]++);
          ASSERT_EQ(received[i], sent);
        }
      }
      ASSERT_EQ(sent, 10 * capacity);
    }
  }
}

TYPED_TEST_P(BroadcastConformance, CursorStartsAtTheLiveEnd) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const Sequence start : {Sequence{0}, ~Sequence{0} - 4}) {
    Ring ring = make_broadcast<Ring>(10, 2, start);
    auto producer = ring.producer().value();
    for (std::uint64_t before = 0; before < 40; ++before) {
      auto cursor = ring.cursor().value();
      EXPECT_TRUE(is_empty(cursor));
      EXPECT_EQ(cursor.size_approx(), 0u);
      EXPECT_EQ(cursor.sequence(), start + before);
      ASSERT_TRUE(producer.try_push(before));
      EXPECT_EQ(cursor.size_approx(), 1u);
      EXPECT_EQ(cursor.try_read(), before);
      EXPECT_TRUE(is_empty(cursor));
    }
  }
}

TYPED_TEST_P(BroadcastConformance, ProducerWithoutReadersIsNeverFull) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const std::size_t capacity : kCapacities) {
    Ring ring = make_broadcast<Ring>(capacity, 1);
    auto producer = ring.producer().value();
    for (std::uint64_t i = 0; i < 10 * capacity; ++i) ASSERT_TRUE(producer.try_push(i));
    std::vector<std::uint64_t> values(3 * capacity + 1);
    ASSERT_EQ(producer.try_push_batch(std::span(values)), values.size());
  }
}

TYPED_TEST_P(BroadcastConformance, SlowestReliableCursorHoldsTheProducerBackUntilItLeaves) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const std::size_t capacity : kCapacities) {
    SCOPED_TRACE(capacity);
    Ring ring = make_broadcast<Ring>(capacity, 2);
    auto producer = ring.producer().value();
    auto quick = ring.cursor().value();
    std::uint64_t sent = 0;
    {
      auto slow = ring.cursor().value();
      for (; sent < capacity; ++sent) {
        ASSERT_TRUE(producer.try_push(sent));
        ASSERT_EQ(quick.try_read(), sent);
      }
      ASSERT_FALSE(producer.try_push(sent));
      ASSERT_EQ(slow.try_read(), 0u);
      ASSERT_TRUE(producer.try_push(sent++));
      ASSERT_FALSE(producer.try_push(sent));
      ASSERT_EQ(slow.size_approx(), capacity);
    }
    ASSERT_EQ(quick.try_read(), capacity);
    for (std::size_t i = 0; i < capacity; ++i) ASSERT_TRUE(producer.try_push(sent++));
    ASSERT_FALSE(producer.try_push(sent));
  }
}

TYPED_TEST_P(BroadcastConformance, CursorThatJoinsLaterIsHonouredAtOnce) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const std::size_t capacity : kCapacities) {
    SCOPED_TRACE(capacity);
    Ring ring = make_broadcast<Ring>(capacity, 1);
    auto producer = ring.producer().value();
    for (std::uint64_t before = 0; before < 3 * capacity + 2; before += 1 + before / 2) {
      for (std::uint64_t i = 0; i < before; ++i) ASSERT_TRUE(producer.try_push(0));
      auto cursor = ring.cursor().value();
      std::uint64_t sent = 0;
      while (producer.try_push(sent)) ++sent;
      ASSERT_EQ(sent, capacity);
      std::uint64_t received = 0;
      cursor.drain([&](const std::uint64_t& e) { ASSERT_EQ(e, received++); }, kNoLimit);
      ASSERT_EQ(received, sent);
    }
  }
}

TYPED_TEST_P(BroadcastConformance, CursorPlacesAreLimitedAndComeBack) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const std::size_t places : {1u, 2u, 8u, 62u}) {
    Ring ring = make_broadcast<Ring>(4, places);
    auto producer = ring.producer().value();
    std::uint64_t sent = 0;
    for (int round = 0; round < 10; ++round) {
      std::vector<typename Ring::Cursor> cursors;
      for (std::size_t i = 0; i < places; ++i) cursors.push_back(ring.cursor().value());
      auto refused = ring.cursor();
      ASSERT_FALSE(refused.has_value());
      EXPECT_EQ(refused.error(), SetupError::kNoFreeCursor);
      ASSERT_TRUE(producer.try_push(sent));
      for (auto& cursor : cursors) ASSERT_EQ(cursor.try_read(), sent);
      ++sent;
    }
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(producer.try_push(sent++));  // all have left
  }
}

TYPED_TEST_P(BroadcastConformance, ImpossibleNumbersOfCursorsAreRefused) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const std::size_t places : {std::size_t{0}, std::size_t{63}, kNoLimit}) {
    auto options = options_of<Ring>(4);
    options.max_cursors = places;
    auto made = Ring::create(options);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error(), SetupError::kTooManyCursors);
    EXPECT_FALSE(Ring::footprint(options).has_value());
  }
}

TYPED_TEST_P(BroadcastConformance, CursorThatAsksIsSignalledByTheNextPublication) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  Ring ring = make_broadcast<Ring>(4, 3);
  auto producer = ring.producer().value();
  auto first = ring.cursor().value();
  auto second = ring.cursor().value();
  ASSERT_NE(first.gate(), second.gate());
  ASSERT_TRUE(producer.try_push(0));
  EXPECT_EQ(producer.take_signals(), 0u) << "nobody asked";
  ASSERT_TRUE(first.ask_for_signal());
  ASSERT_TRUE(second.ask_for_signal());
  EXPECT_TRUE(second.withdraw());
  ASSERT_TRUE(producer.try_push(1));
  EXPECT_EQ(producer.take_signals(), std::uint64_t{1} << first.gate());
  EXPECT_FALSE(producer.has_signals());
  EXPECT_FALSE(first.withdraw()) << "the signal was given";
  ASSERT_TRUE(producer.try_push(2));
  EXPECT_FALSE(producer.has_signals()) << "asking holds for one signal";
}

/// Joins, while a producer publishes 0, 1, 2 ... as fast as the readers allow, and checks that the
/// cursor is live when cursor() returns and misses nothing from then on.
TYPED_TEST_P(BroadcastConformance, CursorThatJoinsARunningProducerIsLiveAndMissesNothing) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const std::size_t capacity : {1u, 7u, 64u}) {
    SCOPED_TRACE(capacity);
    Ring ring = make_broadcast<Ring>(capacity, 2);
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
    for (int join = 0; join < 300; ++join) {
      const std::uint64_t before = published.load();
      auto cursor = ring.cursor().value();
      const std::uint64_t at_return = published.load();
      std::uint64_t expected = 0;
      for (int i = 0; i < 30;) {
        const auto e = cursor.try_read();
        if (!e) {
          std::this_thread::yield();
          continue;
        }
        if (i++ == 0) {
          EXPECT_GE(*e, before) << "older than the join";
          // at_return may be under way already; what comes after it began after cursor() returned
          EXPECT_LE(*e, at_return + 1) << "missed what was published after the join";
          expected = *e;
        }
        EXPECT_EQ(*e, expected++);
      }
      if (testing::Test::HasFailure()) break;
    }
    stop.store(true);
    writer.join();
  }
}

TYPED_TEST_P(BroadcastConformance, CursorsComeAndGoFromSeveralThreads) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  constexpr std::size_t kPlaces = 3;
  Ring ring = make_broadcast<Ring>(10, kPlaces);
  std::atomic<int> running{3};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      for (std::size_t visit = 0; visit < 10 * kPlaces; ++visit) {
        auto cursor = ring.cursor().value();
        std::optional<std::uint64_t> last;
        for (int seen = 0; seen < 20;) {
          const std::size_t count = cursor.drain(
              [&](const std::uint64_t& e) {
                if (last && e != *last + 1) ADD_FAILURE() << e << " after " << *last;
                last = e;
              },
              5);
          seen += static_cast<int>(count);
          if (count == 0) std::this_thread::yield();
        }
      }
      running.fetch_sub(1);
    });
  }
  {
    auto producer = ring.producer().value();
    for (std::uint64_t number = 0; running.load() != 0;) {
      if (producer.try_push(number)) {
        ++number;
      } else {
        std::this_thread::yield();
      }
    }
  }
  for (auto& reader : readers) reader.join();
}

REGISTER_TYPED_TEST_SUITE_P(BroadcastConformance, EveryCursorSeesEveryElementInOrder,
                            CursorStartsAtTheLiveEnd, ProducerWithoutReadersIsNeverFull,
                            SlowestReliableCursorHoldsTheProducerBackUntilItLeaves,
                            CursorThatJoinsLaterIsHonouredAtOnce, CursorPlacesAreLimitedAndComeBack,
                            ImpossibleNumbersOfCursorsAreRefused,
                            CursorThatAsksIsSignalledByTheNextPublication,
                            CursorThatJoinsARunningProducerIsLiveAndMissesNothing,
                            CursorsComeAndGoFromSeveralThreads);

}  // namespace ringway::test
