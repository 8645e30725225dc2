// SPDX-License-Identifier: Apache-2.0
/// \file
/// The broadcast ring by itself: the conformance suites, and what becomes of elements that are not
/// trivially destructible.

#include "ringway/ring/broadcast_ring.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/ring/broadcast_conformance.hpp"
#include "tests/ring/element_conformance.hpp"
#include "tests/ring/ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(Broadcast, RingConformance, BroadcastKind);
INSTANTIATE_TYPED_TEST_SUITE_P(Broadcast, ElementConformance, BroadcastKind);
INSTANTIATE_TYPED_TEST_SUITE_P(Broadcast, BroadcastConformance, BroadcastKind);

namespace {

TEST(BroadcastRing, ReadersSeeOneObjectInPlace) {
  using Ring = BroadcastRing<std::string>;
  Ring ring = make_broadcast<Ring>(4, 2);
  auto producer = ring.producer().value();
  auto first = ring.cursor().value();
  auto second = ring.cursor().value();
  ASSERT_TRUE(producer.try_emplace(100u, 'x'));
  const std::string* seen = nullptr;
  EXPECT_EQ(first.drain([&](const std::string& e) { seen = &e; }, 1), 1u);
  EXPECT_EQ(second.drain([&](const std::string& e) { EXPECT_EQ(&e, seen); }, 1), 1u);
}

// Documented: an element is destroyed when its slot is used again, or with the ring.
TEST(BroadcastRing, ElementsDieWhenTheirSlotIsUsedAgain) {
  for (const Sequence start : {Sequence{0}, ~Sequence{0} - 6}) {
    for (const std::size_t capacity : {1u, 2u, 5u, 8u}) {
      Ledger ledger;
      {
        Ends<BroadcastKind, Tracked> ends(capacity, start);
        int most = 0;
        for (std::uint64_t i = 0; i < 20 * capacity; ++i) {
          ASSERT_TRUE(ends.producer.try_emplace(ledger, i));
          ASSERT_EQ(ends.reader.drain([&](const Tracked& e) { ASSERT_EQ(e.number(), i); }, 1), 1u);
          ASSERT_GE(ledger.alive, most) << "an element died before its slot was needed";
          most = ledger.alive;
        }
        EXPECT_GE(most, static_cast<int>(capacity));
        EXPECT_LT(most, static_cast<int>(capacity) + 64) << "more alive than the ring has slots";
      }
      EXPECT_EQ(ledger.alive, 0);
    }
  }
}

TEST(BroadcastRing, ThrowInAUsedSlotLeavesItVacantAndNothingIsDestroyedTwice) {
#if defined(__cpp_exceptions)
  for (const std::size_t capacity : {1u, 2u, 5u}) {
    for (int ending = 0; ending < 3; ++ending) {
      Ledger ledger;
      {
        Ends<BroadcastKind, Brittle> ends(capacity);
        for (std::uint64_t i = 0; i < 40; ++i) {
          ledger.copies_until_throw = 0;
          EXPECT_THROW((void)ends.producer.try_emplace(ledger, i), std::runtime_error);
          EXPECT_THROW((void)ends.producer.try_claim(ledger, i), std::runtime_error);
          ledger.copies_until_throw = -1;
          {
            const auto abandoned = ends.producer.try_claim(ledger, i);
            ASSERT_TRUE(abandoned);
          }
          ASSERT_TRUE(ends.producer.try_emplace(ledger, i));
          ASSERT_EQ(ends.reader.drain([&](const Brittle& e) { ASSERT_EQ(e.number(), i); }, 1), 1u);
        }
        if (ending == 1) {
          ledger.copies_until_throw = 0;
          EXPECT_THROW((void)ends.producer.try_emplace(ledger, 1u), std::runtime_error);
        } else if (ending == 2) {
          const auto abandoned = ends.producer.try_claim(ledger, 1u);
          ASSERT_TRUE(abandoned);
        }
      }
      EXPECT_EQ(ledger.alive, 0);
    }
  }
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

}  // namespace
}  // namespace ringway::test
