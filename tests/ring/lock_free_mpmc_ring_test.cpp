// SPDX-License-Identifier: Apache-2.0
/// \file
/// The lock-free MPMC ring by itself: the conformance suite, and what is its own: open claims that
/// hold up nobody, the seal, handles in any number. What a suspended thread does to the others is
/// in tests/suspend.

#include "ringway/ring/lock_free_mpmc_ring.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/ring/element_conformance.hpp"
#include "tests/ring/ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(LockFreeMpmc, RingConformance, LockFreeMpmcKind);
INSTANTIATE_TYPED_TEST_SUITE_P(LockFreeMpmc, ElementConformance, LockFreeMpmcKind);

namespace {

using Ring = LockFreeMpmcRing<std::uint64_t>;
using Strings = LockFreeMpmcRing<std::string>;

static_assert(!std::is_copy_constructible_v<Ring::Producer>);
static_assert(!std::is_copy_constructible_v<Ring::Consumer>);
static_assert(std::is_nothrow_move_assignable_v<Ring::Producer>);
static_assert(noexcept(std::declval<Ring::Producer&>().try_push(1)));
static_assert(noexcept(std::declval<Ring::Consumer&>().try_pop()));
static_assert(noexcept(std::declval<Strings::Producer&>().try_push(std::string())));
static_assert(
    !noexcept(std::declval<Strings::Producer&>().try_push(std::declval<const std::string&>())));

TEST(LockFreeMpmcRing, OpenClaimHidesNothing) {
  for (const bool commits : {true, false}) {
    Ring ring = Ring::create({.capacity = 4}).value();
    auto slow = ring.producer().value();
    auto fast = ring.producer().value();
    auto consumer = ring.consumer().value();
    {
      auto claim = slow.try_claim(std::uint64_t{1});
      for (std::uint64_t lap = 0; lap < 10; ++lap) {
        for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(fast.try_push(10 * lap + i));
        EXPECT_FALSE(fast.try_push(99)) << "the claim holds one cell";
        EXPECT_EQ(ring.size_approx(), 4u) << "open claims are counted";
        for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(consumer.try_pop(), 10 * lap + i);
        EXPECT_EQ(consumer.try_pop(), std::nullopt);
      }
      ASSERT_TRUE(fast.try_push(7));
      if (commits) claim.commit();
    }
    EXPECT_EQ(consumer.try_pop(), 7u) << "order is that of the commits";
    EXPECT_EQ(consumer.try_pop(), commits ? std::optional<std::uint64_t>(1) : std::nullopt);
    EXPECT_EQ(ring.size_approx(), 0u);
    for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(fast.try_push(i));
    EXPECT_FALSE(fast.try_push(4));
  }
}

TEST(LockFreeMpmcRing, CellInAConsumersHandIsMissedAndNothingElse) {
  for (const std::size_t capacity : {1u, 2u, 3u, 4u}) {
    Ends<LockFreeMpmcKind, std::uint64_t> ends(capacity);
    auto other = ends.ring.consumer().value();
    std::uint64_t sent = 0;
    while (ends.producer.try_push(sent)) ++sent;
    std::uint64_t received = 1;  // by the other one
    const auto handler = [&](std::uint64_t& element) {
      EXPECT_EQ(element, 0u);
      for (int lap = 0; lap < 10; ++lap) {  // the others go round and round
        for (std::size_t i = 1; i < capacity; ++i) EXPECT_EQ(other.try_pop(), received++);
        EXPECT_EQ(other.try_pop(), std::nullopt);
        for (std::size_t i = 1; i < capacity; ++i) EXPECT_TRUE(ends.producer.try_push(sent++));
        EXPECT_FALSE(ends.producer.try_push(sent));
      }
    };
    EXPECT_EQ(ends.reader.drain(handler, 1), 1u);
    EXPECT_TRUE(ends.producer.try_push(sent++));
    EXPECT_FALSE(ends.producer.try_push(sent));
    while (received < sent) ASSERT_EQ(other.try_pop(), received++);
  }
}

TEST(LockFreeMpmcRing, DrainTakesNoMoreThanARunAtOnce) {
  Ring ring = Ring::create({.capacity = 3 * Ring::kRun}).value();
  auto producer = ring.producer().value();
  auto first = ring.consumer().value();
  auto second = ring.consumer().value();
  for (std::uint64_t i = 0; i < 3 * Ring::kRun; ++i) ASSERT_TRUE(producer.try_push(i));
  std::uint64_t handled = 0;
  const auto handler = [&](std::uint64_t& element) noexcept {
    if (handled == 0) {
      EXPECT_EQ(element, 0u);
      EXPECT_EQ(second.try_pop(), Ring::kRun) << "what was taken at once goes to the first";
    }
    ++handled;
  };
  EXPECT_EQ(first.drain(handler, kNoLimit), 3 * Ring::kRun - 1);
}

TEST(LockFreeMpmcRing, AnyNumberOfHandlesShareOneCapacity) {
  Ring ring = Ring::create({.capacity = 5}).value();
  std::vector<Ring::Producer> producers;
  std::vector<Ring::Consumer> consumers;
  for (int i = 0; i < 4; ++i) {
    producers.push_back(ring.producer().value());
    consumers.push_back(ring.consumer().value());
  }
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  for (std::size_t round = 0; round < 200; ++round) {
    for (; sent - received < 5; ++sent) {
      ASSERT_TRUE(producers[(sent * 7 + round) % 4].try_push(sent));
    }
    for (auto& producer : producers) ASSERT_FALSE(producer.try_push(sent));
    for (std::size_t i = 0; i <= round % 5; ++i) {
      ASSERT_EQ(consumers[(received * 3 + round) % 4].try_pop(), received);
      ++received;
    }
  }
}

TEST(LockFreeMpmcRing, HandlerThatThrowsLeavesTheRestToTheOthers) {
#if defined(__cpp_exceptions)
  Ring ring = Ring::create({.capacity = 8}).value();
  auto producer = ring.producer().value();
  auto first = ring.consumer().value();
  auto second = ring.consumer().value();
  for (std::uint64_t i = 0; i < 8; ++i) ASSERT_TRUE(producer.try_push(i));
  const auto handler = [](std::uint64_t& e) {
    if (e == 2) throw std::runtime_error("bad");
  };
  EXPECT_THROW(first.drain(handler, kNoLimit), std::runtime_error);
  EXPECT_EQ(second.try_pop(), 3u);
  EXPECT_EQ(first.try_pop(), 4u);
  EXPECT_EQ(producer.try_push_batch(std::span<const std::uint64_t>({0, 1, 2, 3, 4, 5})), 5u);
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

TEST(LockFreeMpmcRing, NothingIsAcceptedAfterTheSeal) {
  for (const Sequence start : kStarts) {
    for (const std::size_t capacity : {1u, 2u, 3u, 8u}) {
      for (std::uint64_t before = 0; before <= capacity; ++before) {
        Ring ring = Ring::create({.capacity = capacity, .start = start}).value();
        auto producer = ring.producer().value();
        auto other = ring.producer().value();
        auto consumer = ring.consumer().value();
        for (std::uint64_t i = 0; i < before; ++i) ASSERT_TRUE(producer.try_push(i));
        EXPECT_FALSE(ring.sealed() || producer.sealed() || consumer.sealed());
        EXPECT_FALSE(ring.drained());
        other.seal();
        other.seal();  // once more changes nothing
        EXPECT_TRUE(ring.sealed() && producer.sealed() && consumer.sealed());
        const std::vector<std::uint64_t> values{7, 8};
        for (auto* late : {&producer, &other}) {
          EXPECT_FALSE(late->try_push(7));
          EXPECT_FALSE(late->try_claim());
          EXPECT_EQ(late->try_push_batch(std::span(values)), 0u);
        }
        EXPECT_FALSE(ring.producer()->try_push(7));
        EXPECT_EQ(ring.size_approx(), before);
        for (std::uint64_t i = 0; i < before; ++i) {
          EXPECT_FALSE(consumer.drained());
          EXPECT_EQ(consumer.try_pop(), i);
          EXPECT_FALSE(producer.try_push(7));
        }
        EXPECT_TRUE(consumer.drained() && ring.drained());
        EXPECT_EQ(consumer.try_pop(), std::nullopt);
        EXPECT_EQ(consumer.drain([](std::uint64_t&) noexcept {}, kNoLimit), 0u);
      }
    }
  }
}

TEST(LockFreeMpmcRing, ClaimThatWasOpenAtTheSealIsStillDelivered) {
  for (const bool commits : {true, false}) {
    Ends<LockFreeMpmcKind, std::uint64_t> ends(4);
    {
      auto claim = ends.producer.try_claim(std::uint64_t{5});
      ASSERT_TRUE(ends.producer.try_push(4));
      ends.reader.seal();
      EXPECT_FALSE(ends.reader.drained());
      EXPECT_EQ(ends.reader.try_pop(), 4u);
      EXPECT_EQ(ends.reader.try_pop(), std::nullopt);
      EXPECT_FALSE(ends.reader.drained());
      if (commits) claim.commit();
    }
    EXPECT_EQ(ends.reader.drained(), !commits);
    EXPECT_EQ(ends.reader.try_pop(), commits ? std::optional<std::uint64_t>(5) : std::nullopt);
    EXPECT_TRUE(ends.reader.drained());
  }
}

TEST(LockFreeMpmcRing, DrainedMeansTakenNotHandled) {
  Ends<LockFreeMpmcKind, std::uint64_t> ends(4);
  ASSERT_TRUE(ends.producer.try_push(1));
  ends.ring.seal();
  EXPECT_FALSE(ends.ring.drained());
  EXPECT_EQ(ends.reader.drain([&](std::uint64_t&) { EXPECT_TRUE(ends.ring.drained()); }, 1), 1u);
}

TEST(LockFreeMpmcRing, SealOnOneViewHoldsOnEveryView) {
  GuardedMemory memory(Ring::footprint({.capacity = 3}).value());
  Ring formatted = Ring::format(memory.span(), {.capacity = 3}).value();
  Ring joined = Ring::join(memory.span()).value();
  ASSERT_TRUE(joined.producer()->try_push(1));
  joined.seal();
  EXPECT_TRUE(formatted.sealed());
  EXPECT_FALSE(formatted.producer()->try_push(2));
  EXPECT_EQ(formatted.consumer()->try_pop(), 1u);
  EXPECT_TRUE(joined.drained());
}

TEST(LockFreeMpmcRing, LeftoversOfASealedRingAreDestroyed) {
  Ledger ledger;
  {
    Ends<LockFreeMpmcKind, Tracked> ends(5, ~Sequence{0} - 1);
    for (std::uint64_t i = 0; i < 5; ++i) {
      auto claim = ends.producer.try_claim(ledger, i);
      if (i != 1 && i != 4) claim.commit();
    }
    ends.ring.seal();
    EXPECT_EQ(ledger.alive, 3);
  }
  EXPECT_EQ(ledger.alive, 0);
}

TEST(LockFreeMpmcRing, ClaimMayOutliveItsProducer) {
  Ends<LockFreeMpmcKind, std::uint64_t> ends(2);
  std::optional<Ring::Producer> passing(ends.ring.producer().value());
  auto claim = passing->try_claim(std::uint64_t{3});
  passing.reset();
  claim.commit();
  EXPECT_EQ(ends.reader.try_pop(), 3u);
}

// A thread that was suspended in the middle of put() may move the tail back. That is a hint: the
// next put() goes on behind what is filled, be it further ahead than a whole lap.
TEST(LockFreeMpmcRing, TailThatFellBehindIsMadeUpFor) {
  using Numbers = IndexRing<>;
  for (const Sequence start : kStarts) {
    for (const std::size_t slots : {1u, 2u, 8u}) {
      for (std::size_t behind = 0; behind < 3 * slots; ++behind) {
        std::vector<Numbers::Entry> entries(slots);
        Numbers::Ends words(start, 0);
        Numbers::format(entries.data(), slots, start, 0);
        Numbers numbers(&words, entries.data(), slots);
        std::size_t number = 0;
        for (std::size_t i = 0; i < 3 * slots; ++i) {
          numbers.put(i % slots);
          ASSERT_TRUE(numbers.take(number));
          ASSERT_EQ(number, i % slots);
        }
        words.tail.fetch_sub(behind * Numbers::kStep);
        for (std::size_t i = 0; i < slots; ++i) numbers.put(i);
        for (std::size_t i = 0; i < slots; ++i) {
          ASSERT_TRUE(numbers.take(number));
          ASSERT_EQ(number, i);
        }
        ASSERT_FALSE(numbers.take(number));
      }
    }
  }
}

}  // namespace
}  // namespace ringway::test
