// SPDX-License-Identifier: Apache-2.0
/// \file
/// The MPMC ring by itself: the conformance suite, and what is its own: holes, the seal, handles in
/// any number, and what an operation that is under way keeps from the others.

#include "ringway/ring/mpmc_ring.hpp"

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

INSTANTIATE_TYPED_TEST_SUITE_P(Mpmc, RingConformance, MpmcKind);
INSTANTIATE_TYPED_TEST_SUITE_P(Mpmc, ElementConformance, MpmcKind);

namespace {

using Ring = MpmcRing<std::uint64_t>;

static_assert(!std::is_copy_constructible_v<Ring::Producer>);
static_assert(!std::is_copy_constructible_v<Ring::Consumer>);
static_assert(std::is_nothrow_move_assignable_v<Ring::Producer>);
static_assert(noexcept(std::declval<Ring::Producer&>().try_push(1)));
static_assert(noexcept(std::declval<Ring::Consumer&>().try_pop()));
static_assert(noexcept(std::declval<MpmcRing<std::string>::Producer&>().try_push(std::string())));
static_assert(!noexcept(
    std::declval<MpmcRing<std::string>::Producer&>().try_push(std::declval<const std::string&>())));

template <std::size_t Size>
std::size_t slot_bytes() {
  using R = MpmcRing<Bytes<Size>>;
  return (R::footprint({.capacity = 512}).value() - R::footprint({.capacity = 256}).value()) / 256;
}

TEST(MpmcRing, SlotsShareLinesOnlyWhenSmall) {
  EXPECT_EQ(slot_bytes<1>(), 16u);
  EXPECT_EQ(slot_bytes<8>(), 16u);
  EXPECT_EQ(slot_bytes<9>(), 32u);
  EXPECT_EQ(slot_bytes<24>(), 32u);
  EXPECT_EQ(slot_bytes<25>(), 64u);
  EXPECT_EQ(slot_bytes<56>(), 64u);
  EXPECT_EQ(slot_bytes<57>(), 128u);
  EXPECT_EQ(slot_bytes<120>(), 128u);
  EXPECT_EQ(slot_bytes<256>(), 320u);
}

TEST(MpmcRing, ConsumersSkipHolesWhereverTheyLie) {
  for (const Sequence start : kStarts) {
    for (unsigned holes = 0; holes < 32; ++holes) {  // bit i: position i is a hole
      for (const bool in_runs : {false, true}) {
        SCOPED_TRACE(testing::Message() << "start " << start << ", holes " << holes);
        Ends<MpmcKind, std::uint64_t> ends(5, start);
        for (int lap = 0; lap < 3; ++lap) {
          std::vector<std::uint64_t> sent;
          for (unsigned i = 0; i < 5; ++i) {
            auto claim = ends.producer.try_claim(std::uint64_t{i});
            ASSERT_TRUE(claim);
            if ((holes >> i & 1) == 0) {
              claim.commit();
              sent.push_back(i);
            }
          }
          ASSERT_FALSE(ends.producer.try_push(9));
          std::vector<std::uint64_t> received;
          if (in_runs) {
            const auto keep = [&](std::uint64_t& e) noexcept { received.push_back(e); };
            ASSERT_EQ(ends.reader.drain(keep, kNoLimit), sent.size());
          } else {
            while (const auto e = ends.reader.try_pop()) received.push_back(*e);
          }
          ASSERT_EQ(received, sent);
          ASSERT_EQ(ends.ring.size_approx(), 0u);
        }
      }
    }
  }
}

TEST(MpmcRing, HolesDoNotCountAgainstTheLimitOfADrain) {
  Ends<MpmcKind, std::uint64_t> ends(8);
  for (std::uint64_t i = 0; i < 8; ++i) {
    auto claim = ends.producer.try_claim(i);
    if (i % 2 == 1) claim.commit();
  }
  std::uint64_t expected = 1;
  const auto check = [&](std::uint64_t& e) noexcept {
    EXPECT_EQ(e, std::exchange(expected, e + 2));
  };
  EXPECT_EQ(ends.reader.drain(check, 3), 3u);
  EXPECT_EQ(ends.reader.drain(check, 3), 1u);
}

TEST(MpmcRing, AnyNumberOfHandlesShareOneCapacity) {
  Ring ring = Ring::create({.capacity = 5}).value();
  std::vector<Ring::Producer> producers;
  std::vector<Ring::Consumer> consumers;
  for (int i = 0; i < 4; ++i) {
    producers.push_back(ring.producer().value());
    consumers.push_back(ring.consumer().value());
  }
  // Each handle has its own idea of what was taken; none may let a sixth element in or be stuck.
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

TEST(MpmcRing, ReadersOfOneRingCompete) {
  Ring ring = Ring::create({.capacity = 8}).value();
  auto producer = ring.producer().value();
  auto first = ring.consumer().value();
  auto second = ring.consumer().value();
  for (std::uint64_t i = 0; i < 8; ++i) ASSERT_TRUE(producer.try_push(i));
  EXPECT_EQ(first.try_pop(), 0u);
  EXPECT_EQ(second.try_pop(), 1u);
  std::uint64_t expected = 2;
  const auto check = [&](std::uint64_t& e) noexcept { EXPECT_EQ(e, expected++); };
  EXPECT_EQ(second.drain(check, 3), 3u);
  EXPECT_EQ(first.drain(check, kNoLimit), 3u);
  EXPECT_EQ(second.try_pop(), std::nullopt);
}

// Documented: a claim that is under way hides what was claimed after it.
TEST(MpmcRing, OpenClaimHidesLaterElementsUntilItIsCommittedOrDropped) {
  for (const bool commits : {true, false}) {
    Ring ring = Ring::create({.capacity = 4}).value();
    auto slow = ring.producer().value();
    auto fast = ring.producer().value();
    auto consumer = ring.consumer().value();
    {
      auto claim = slow.try_claim(std::uint64_t{1});
      ASSERT_TRUE(fast.try_push(2));
      ASSERT_TRUE(fast.try_push(3));
      EXPECT_EQ(consumer.try_pop(), std::nullopt);
      EXPECT_EQ(consumer.drain([](std::uint64_t&) noexcept {}, kNoLimit), 0u);
      EXPECT_EQ(consumer.size_approx(), 3u);
      ASSERT_TRUE(fast.try_push(4));
      EXPECT_FALSE(fast.try_push(5));
      if (commits) claim.commit();
    }
    if (commits) {
      EXPECT_EQ(consumer.try_pop(), 1u);
    }
    for (std::uint64_t i = 2; i <= 4; ++i) EXPECT_EQ(consumer.try_pop(), i);
    EXPECT_EQ(consumer.try_pop(), std::nullopt);
  }
}

// Documented: a slot that a consumer has not handed back is missed one lap later.
TEST(MpmcRing, SlotInAConsumersHandIsMissedOneLapLater) {
  for (const std::size_t capacity : {2u, 3u, 4u}) {
    const bool has_spare_slot = capacity == 3;  // four slots behind it
    Ends<MpmcKind, std::uint64_t> ends(capacity);
    for (std::uint64_t i = 0; i < capacity; ++i) ASSERT_TRUE(ends.producer.try_push(i));
    const auto handler = [&](std::uint64_t&) {
      EXPECT_EQ(ends.ring.size_approx(), capacity - 1);
      EXPECT_EQ(ends.producer.try_push(capacity), has_spare_slot);
    };
    EXPECT_EQ(ends.reader.drain(handler, 1), 1u);
    EXPECT_EQ(ends.producer.try_push(capacity), !has_spare_slot);
    for (std::uint64_t i = 1; i <= capacity; ++i) EXPECT_EQ(ends.reader.try_pop(), i);
  }
}

TEST(MpmcRing, HandlerThatThrowsLeavesTheRestToTheOthers) {
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
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

TEST(MpmcRing, BatchIsCutToTheSlotsThatAreFree) {
  Ends<MpmcKind, std::uint64_t> ends(4);
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(ends.producer.try_push(i));
  std::vector<std::uint64_t> values{4, 5, 6, 7};
  EXPECT_EQ(ends.reader.try_pop(), 0u);
  const auto handler = [&](std::uint64_t& e) {
    if (e == 1) {  // position 1 is in our hand: only the slot of position 0 is free
      EXPECT_EQ(ends.producer.try_push_batch(std::span(values)), 1u);
    }
  };
  EXPECT_EQ(ends.reader.drain(handler, 1), 1u);
  EXPECT_EQ(ends.producer.try_push_batch(std::span(values).subspan(1)), 1u);
  for (std::uint64_t i = 2; i < 6; ++i) EXPECT_EQ(ends.reader.try_pop(), i);
}

TEST(MpmcRing, NothingIsAcceptedAfterTheSeal) {
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

TEST(MpmcRing, ClaimThatWasOpenAtTheSealIsStillDelivered) {
  for (const bool commits : {true, false}) {
    Ends<MpmcKind, std::uint64_t> ends(4);
    {
      auto claim = ends.producer.try_claim(std::uint64_t{5});
      ends.reader.seal();
      EXPECT_FALSE(ends.reader.drained());
      EXPECT_EQ(ends.reader.try_pop(), std::nullopt);
      EXPECT_FALSE(ends.reader.drained());
      if (commits) claim.commit();
    }
    EXPECT_FALSE(ends.reader.drained());
    EXPECT_EQ(ends.reader.try_pop(), commits ? std::optional<std::uint64_t>(5) : std::nullopt);
    EXPECT_TRUE(ends.reader.drained());
  }
}

TEST(MpmcRing, SealOnOneViewHoldsOnEveryView) {
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

TEST(MpmcRing, LeftoversOfASealedRingAreDestroyed) {
  Ledger ledger;
  {
    Ends<MpmcKind, Tracked> ends(5, ~Sequence{0} - 1);
    for (std::uint64_t i = 0; i < 5; ++i) {
      auto claim = ends.producer.try_claim(ledger, i);
      if (i != 1 && i != 4) claim.commit();
    }
    ends.ring.seal();
    EXPECT_EQ(ledger.alive, 3);
  }
  EXPECT_EQ(ledger.alive, 0);
}

TEST(MpmcRing, ClaimMayOutliveItsProducer) {
  Ends<MpmcKind, std::uint64_t> ends(2);
  std::optional<Ring::Producer> passing(ends.ring.producer().value());
  auto claim = passing->try_claim(std::uint64_t{3});
  passing.reset();
  claim.commit();
  EXPECT_EQ(ends.reader.try_pop(), 3u);
}

}  // namespace
}  // namespace ringway::test
