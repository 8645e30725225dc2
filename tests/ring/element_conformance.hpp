// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What every ring for elements of any type promises: nothing is leaked, copied without need or
/// destroyed twice, whatever the element throws.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/ring/elements.hpp"
#include "tests/ring/ring_conformance.hpp"
#include "tests/ring/ring_kinds.hpp"

namespace ringway::test {

template <class Kind>
class ElementConformance : public testing::Test {};
TYPED_TEST_SUITE_P(ElementConformance);

TYPED_TEST_P(ElementConformance, CarriesMoveOnlyElements) {
  for (const std::size_t capacity : kCapacities) {
    Ends<TypeParam, std::unique_ptr<std::uint64_t>> ends(capacity);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (std::size_t lap = 0; lap < 3; ++lap) {
      while (ends.producer.try_push(std::make_unique<std::uint64_t>(sent))) ++sent;
      ASSERT_EQ(sent - received, capacity);
      ends.reader.drain([&](const auto& e) { ASSERT_EQ(*e, received++); }, kNoLimit);
      ASSERT_EQ(sent, received);
    }
    ASSERT_TRUE(ends.producer.try_emplace(new std::uint64_t(5)));
    if constexpr (TypeParam::kTakes) {
      const auto taken = ends.reader.try_pop();
      ASSERT_TRUE(taken.has_value());
      EXPECT_EQ(**taken, 5u);
    }
  }
}

TYPED_TEST_P(ElementConformance, RefusedPushLeavesItsArgumentUntouched) {
  for (const std::size_t capacity : {1u, 3u, 4u}) {
    Ends<TypeParam, std::unique_ptr<int>> ends(capacity);
    for (std::size_t i = 0; i < capacity; ++i) {
      ASSERT_TRUE(ends.producer.try_push(std::make_unique<int>(1)));
    }
    auto value = std::make_unique<int>(7);
    EXPECT_FALSE(ends.producer.try_push(std::move(value)));
    ASSERT_NE(value, nullptr);
    EXPECT_FALSE(ends.producer.try_emplace(std::move(value)));
    ASSERT_NE(value, nullptr);
    EXPECT_FALSE(ends.producer.try_claim(std::move(value)));
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(ends.reader.drain([](const auto&) {}, 1), 1u);
    EXPECT_TRUE(ends.producer.try_push(std::move(value)));
    EXPECT_EQ(value, nullptr);
  }
}

TYPED_TEST_P(ElementConformance, BatchMovesFromThePrefixThatItSends) {
  Ends<TypeParam, std::unique_ptr<int>> ends(5);
  std::vector<std::unique_ptr<int>> values;
  for (int i = 0; i < 8; ++i) values.push_back(std::make_unique<int>(i));
  EXPECT_EQ(ends.producer.try_push_batch(std::span(values)), 5u);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i] == nullptr, i < 5) << i;
  int received = 0;
  EXPECT_EQ(ends.reader.drain([&](const auto& e) { EXPECT_EQ(*e, received++); }, kNoLimit), 5u);
}

TYPED_TEST_P(ElementConformance, BatchOfConstantsCopies) {
  Ledger ledger;
  {
    Ends<TypeParam, Tracked> ends(5);
    std::vector<Tracked> values;
    for (std::uint64_t i = 0; i < 8; ++i) values.emplace_back(ledger, i);
    ledger.copies = 0;
    EXPECT_EQ(ends.producer.try_push_batch(std::span<const Tracked>(values)), 5u);
    EXPECT_EQ(ledger.copies, 5);
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i].number(), i);
    std::uint64_t received = 0;
    ends.reader.drain([&](const auto& e) { EXPECT_EQ(e.number(), received++); }, kNoLimit);
    EXPECT_EQ(received, 5u);
  }
  EXPECT_EQ(ledger.alive, 0);
}

TYPED_TEST_P(ElementConformance, OverAlignedElementsAreAligned) {
  for (const std::size_t capacity : {1u, 3u, 8u}) {
    Ends<TypeParam, OverAligned> ends(capacity);
    static_assert(decltype(ends.ring)::kAlign >= 128);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (std::size_t lap = 0; lap < 3; ++lap) {
      while (ends.producer.try_push(OverAligned{sent})) ++sent;
      ends.reader.drain(
          [&](const OverAligned& e) {
            ASSERT_TRUE(e.aligned());
            ASSERT_EQ(e.number, received++);
          },
          kNoLimit);
    }
    ASSERT_EQ(received, 3 * capacity);
  }
}

TYPED_TEST_P(ElementConformance, InPlacePathsNeitherCopyNorMove) {
  Ledger ledger;
  {
    Ends<TypeParam, Tracked> ends(4);
    for (std::uint64_t i = 0; i < 12; i += 2) {
      ASSERT_TRUE(ends.producer.try_emplace(ledger, i));
      auto claim = ends.producer.try_claim(ledger, i + 1);
      ASSERT_TRUE(claim);
      EXPECT_EQ(claim->number(), i + 1);
      claim.commit();
      ASSERT_EQ(ends.reader.drain([](const Tracked&) {}, kNoLimit), 2u);
    }
    EXPECT_EQ(ledger.copies, 0);
    EXPECT_EQ(ledger.moves, 0);
  }
  EXPECT_EQ(ledger.alive, 0);
}

TYPED_TEST_P(ElementConformance, ElementsThatLeaveTheRingAreDestroyedAtOnce) {
  Ledger ledger;
  Ends<TypeParam, Tracked> ends(4);
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(ends.producer.try_emplace(ledger, i));
  EXPECT_EQ(ledger.alive, 4);
  ends.reader.drain([](const Tracked&) {}, 3);
  EXPECT_EQ(ledger.alive, TypeParam::kTakes ? 1 : 4);
  ends.reader.drain([](const Tracked&) {}, 1);
  EXPECT_EQ(ledger.alive, TypeParam::kTakes ? 0 : 4);
}

TYPED_TEST_P(ElementConformance, LeftoversAreDestroyedWithTheRing) {
  for (const Sequence start : {Sequence{0}, ~Sequence{0} - 4}) {
    for (const std::size_t capacity : {1u, 2u, 3u, 5u, 8u, 10u}) {
      for (std::size_t steps = 0; steps <= 4 * capacity; ++steps) {
        for (const int ending : {0, 1, 2, 3}) {
          SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", start " << start << ", "
                                          << steps << " messages, ending " << ending);
          Ledger ledger;
          {
            Ends<TypeParam, Tracked> ends(capacity, start);
            std::uint64_t sent = 0;
            for (; sent < steps; ++sent) {
              if (!ends.producer.try_emplace(ledger, sent)) {
                ASSERT_EQ(ends.reader.drain([](const Tracked&) {}, 1 + capacity / 2),
                          1 + capacity / 2);
                ASSERT_TRUE(ends.producer.try_emplace(ledger, sent));
              }
            }
            if (ending == 1 || ending == 3) {
              const auto claim = ends.producer.try_claim(ledger, sent);  // abandoned
              (void)claim;
            }
            if (ending == 2 || ending == 3) ends.reader.drain([](const Tracked&) {}, kNoLimit);
          }
          ASSERT_EQ(ledger.alive, 0);
        }
      }
    }
  }
}

TYPED_TEST_P(ElementConformance, OnlyTheViewThatFormattedDestroysTheLeftovers) {
  using Ring = RingOf<TypeParam, Tracked>;
  Ledger ledger;
  const auto options = options_of<Ring>(5);
  GuardedMemory memory(Ring::footprint(options).value());
  {
    std::optional<Ring> formatted(Ring::format(memory.span(), options).value());
    {
      Ring joined = Ring::join(memory.span()).value();
      auto producer = joined.producer().value();
      for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(producer.try_emplace(ledger, i));
    }
    EXPECT_EQ(ledger.alive, 3);
    Ring moved = *std::move(formatted);
    formatted.reset();
    EXPECT_EQ(ledger.alive, 3);
  }
  EXPECT_EQ(ledger.alive, 0);
  EXPECT_TRUE(memory.guards_are_whole());
}

TYPED_TEST_P(ElementConformance, ConstructorThatThrowsSendsNothing) {
#if defined(__cpp_exceptions)
  for (const std::size_t capacity : {1u, 2u, 3u, 5u, 8u}) {
    for (int bad = 0; bad < 12; ++bad) {
      SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", throws at " << bad);
      Ledger ledger;
      {
        Ends<TypeParam, Brittle> ends(capacity);
        std::vector<std::uint64_t> sent;
        std::vector<std::uint64_t> received;
        const auto read = [&] {
          ends.reader.drain([&](const Brittle& e) { received.push_back(e.number()); }, kNoLimit);
        };
        ledger.copies_until_throw = bad;
        int throws = 0;
        for (std::uint64_t number = 0; number < 40; ++number) {
          try {
            bool ok = false;
            switch (number % 3) {
              case 0: ok = ends.producer.try_emplace(ledger, number); break;
              case 1: {
                auto claim = ends.producer.try_claim(ledger, number);
                ok = static_cast<bool>(claim);
                if (claim) claim.commit();
                break;
              }
              case 2: {
                const int until = std::exchange(ledger.copies_until_throw, -1);
                const Brittle original(ledger, number);
                ledger.copies_until_throw = until;
                ok = ends.producer.try_push(original);
                break;
              }
            }
            if (ok) {
              sent.push_back(number);
            } else {
              read();
            }
          } catch (const std::runtime_error&) {
            ++throws;
            ledger.copies_until_throw = -1;
          }
        }
        EXPECT_EQ(throws, 1);
        read();
        EXPECT_EQ(received, sent);
        // As good as new: the whole capacity is there.
        for (std::size_t i = 0; i < capacity; ++i) {
          ASSERT_TRUE(ends.producer.try_emplace(ledger, 1u));
        }
        EXPECT_FALSE(ends.producer.try_emplace(ledger, 1u));
      }
      EXPECT_EQ(ledger.alive, 0);
    }
  }
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

TYPED_TEST_P(ElementConformance, CopyThatThrowsLeavesAPushWithoutEffect) {
#if defined(__cpp_exceptions)
  Ledger ledger;
  {
    Ends<TypeParam, Brittle> ends(3);
    const Brittle original(ledger, 7);
    for (int lap = 0; lap < 5; ++lap) {
      ledger.copies_until_throw = 0;
      EXPECT_THROW((void)ends.producer.try_push(original), std::runtime_error);
      ledger.copies_until_throw = -1;
      for (int i = 0; i < 3; ++i) ASSERT_TRUE(ends.producer.try_push(original));
      ledger.copies_until_throw = 0;
      ASSERT_FALSE(ends.producer.try_push(original)) << "a full ring need not copy";
      ledger.copies_until_throw = -1;
      ASSERT_EQ(ends.reader.drain([](const Brittle&) {}, kNoLimit), 3u);
    }
  }
  EXPECT_EQ(ledger.alive, 0);
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

TYPED_TEST_P(ElementConformance, BatchWhoseCopyThrowsHasSentWhatCameBefore) {
#if defined(__cpp_exceptions)
  for (int bad = 0; bad < 5; ++bad) {
    Ledger ledger;
    {
      Ends<TypeParam, Brittle> ends(10);
      std::vector<Brittle> values;
      values.reserve(5);
      for (std::uint64_t i = 0; i < 5; ++i) values.emplace_back(ledger, i);
      for (std::uint64_t lap = 0; lap < 4; ++lap) {
        ledger.copies_until_throw = bad;
        EXPECT_THROW((void)ends.producer.try_push_batch(std::span<const Brittle>(values)),
                     std::runtime_error);
        ledger.copies_until_throw = -1;
        std::uint64_t received = 0;
        ends.reader.drain([&](const Brittle& e) { EXPECT_EQ(e.number(), received++); }, kNoLimit);
        EXPECT_EQ(received, static_cast<std::uint64_t>(bad));
        EXPECT_EQ(ends.producer.try_push_batch(std::span<const Brittle>(values)), 5u);
        EXPECT_EQ(ends.reader.drain([](const Brittle&) {}, kNoLimit), 5u);
      }
    }
    EXPECT_EQ(ledger.alive, 0);
  }
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

REGISTER_TYPED_TEST_SUITE_P(
    ElementConformance, CarriesMoveOnlyElements, RefusedPushLeavesItsArgumentUntouched,
    BatchMovesFromThePrefixThatItSends, BatchOfConstantsCopies, OverAlignedElementsAreAligned,
    InPlacePathsNeitherCopyNorMove, ElementsThatLeaveTheRingAreDestroyedAtOnce,
    LeftoversAreDestroyedWithTheRing, OnlyTheViewThatFormattedDestroysTheLeftovers,
    ConstructorThatThrowsSendsNothing, CopyThatThrowsLeavesAPushWithoutEffect,
    BatchWhoseCopyThrowsHasSentWhatCameBefore);

}  // namespace ringway::test
