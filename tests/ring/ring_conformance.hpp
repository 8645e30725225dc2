// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What every ring promises, whatever its kind, to one thread: instantiated by each
/// `<kind>_ring_test.cpp`. The elements here are trivially copyable; element_conformance.hpp has
/// those that make life hard.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/ring/elements.hpp"
#include "tests/ring/guarded_memory.hpp"
#include "tests/ring/ring_kinds.hpp"

namespace ringway::test {

template <class Kind>
class RingConformance : public testing::Test {
 protected:
  /// The reason why a ring of this capacity is refused.
  template <class T>
  static std::optional<SetupError> refusal(std::size_t capacity) {
    auto made = RingOf<Kind, T>::create(options_of<RingOf<Kind, T>>(capacity));
    auto footprint = RingOf<Kind, T>::footprint(options_of<RingOf<Kind, T>>(capacity));
    EXPECT_EQ(made.has_value(), footprint.has_value());
    if (made || footprint) return std::nullopt;
    EXPECT_EQ(made.error(), footprint.error());
    return made.error();
  }

  /// Pushes and reads elements of `Size` bytes for a few laps, in memory with guards around it.
  template <std::size_t Size>
  static void carry(std::size_t capacity) {
    using T = Bytes<Size>;
    const auto options = options_of<RingOf<Kind, T>>(capacity);
    GuardedMemory memory(RingOf<Kind, T>::footprint(options).value());
    {
      Ends<Kind, T> ends(RingOf<Kind, T>::format(memory.span(), options).value());
      std::uint64_t sent = 0;
      std::uint64_t received = 0;
      for (int lap = 0; lap < 5; ++lap) {
        while (ends.producer.try_push(T::numbered(sent))) ++sent;
        ASSERT_EQ(sent - received, capacity);
        ends.reader.drain([&](const T& element) { ASSERT_TRUE(element.is_numbered(received++)); },
                          kNoLimit);
        ASSERT_EQ(sent, received);
      }
    }
    EXPECT_TRUE(memory.guards_are_whole());
  }

  /// Sends each of `values` and expects the same bytes back.
  template <class T>
  static void carry_values(const std::vector<T>& values) {
    Ends<Kind, T> ends(3);
    for (int lap = 0; lap < 3; ++lap) {
      for (const T& value : values) {
        ASSERT_TRUE(ends.producer.try_push(value));
        const std::optional<T> there = next(ends.reader);
        ASSERT_TRUE(there.has_value());
        ASSERT_EQ(std::memcmp(&*there, &value, sizeof(T)), 0);
      }
    }
  }
};
TYPED_TEST_SUITE_P(RingConformance);

TYPED_TEST_P(RingConformance, HoldsExactlyItsCapacity) {
  for (const std::size_t capacity : kCapacities) {
    SCOPED_TRACE(capacity);
    Ends<TypeParam, std::uint64_t> ends(capacity);
    EXPECT_EQ(ends.ring.capacity(), capacity);
    EXPECT_EQ(ends.producer.capacity(), capacity);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (std::size_t lap = 0; lap < 2 * capacity + 3; lap += 1 + lap / 2) {
      while (sent - received < capacity) ASSERT_TRUE(ends.producer.try_push(sent++));
      ASSERT_FALSE(ends.producer.try_push(sent));
      ASSERT_FALSE(ends.producer.try_emplace(sent));
      ASSERT_EQ(next(ends.reader), received++);
      ASSERT_TRUE(ends.producer.try_push(sent++));
      ASSERT_FALSE(ends.producer.try_push(sent));
      for (std::size_t i = 0; i < 1 + lap && received < sent; ++i) {
        ASSERT_EQ(next(ends.reader), received++);
      }
    }
  }
}

TYPED_TEST_P(RingConformance, IsEmptyAtFirstAndAfterEverythingWasRead) {
  for (const std::size_t capacity : kCapacities) {
    Ends<TypeParam, std::uint64_t> ends(capacity);
    EXPECT_EQ(next(ends.reader), std::nullopt);
    for (std::size_t i = 0; i < 3 * capacity; ++i) {
      ASSERT_TRUE(ends.producer.try_push(i));
      ASSERT_EQ(next(ends.reader), i);
      ASSERT_EQ(next(ends.reader), std::nullopt);
    }
  }
}

TYPED_TEST_P(RingConformance, KeepsOrderAcrossEveryWrapOfTheCounters) {
  for (const Sequence start : kStarts) {
    for (const std::size_t capacity : kCapacities) {
      SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", start " << start);
      std::mt19937_64 random(capacity + start);
      Ends<TypeParam, std::uint64_t> ends(capacity, start);
      std::uint64_t sent = 0;
      std::uint64_t received = 0;
      std::vector<std::uint64_t> batch(capacity);
      while (received < 10 * capacity) {
        const std::size_t burst = random() % (capacity + 2);
        if (random() % 2 == 0) {
          for (std::size_t i = 0; i < burst; ++i) {
            const bool fits = sent - received < capacity;
            ASSERT_EQ(ends.producer.try_push(sent), fits);
            if (fits) ++sent;
          }
        } else {
          const std::size_t size = std::min(burst, capacity);
          for (std::size_t i = 0; i < size; ++i) batch[i] = sent + i;
          const std::size_t fit = std::min(size, capacity - (sent - received));
          ASSERT_EQ(ends.producer.try_push_batch(std::span(batch.data(), size)), fit);
          sent += fit;
        }
        const std::size_t wanted = random() % (capacity + 2);
        if (random() % 2 == 0) {
          for (std::size_t i = 0; i < wanted; ++i) {
            const bool there = received < sent;
            ASSERT_EQ(next(ends.reader), there ? std::optional(received) : std::nullopt);
            if (there) ++received;
          }
        } else {
          const std::size_t there = std::min<std::size_t>(wanted, sent - received);
          ASSERT_EQ(ends.reader.drain([&](const auto& e) { ASSERT_EQ(e, received++); }, wanted),
                    there);
        }
      }
    }
  }
}

TYPED_TEST_P(RingConformance, CarriesElementsOfEverySize) {
  for (const std::size_t capacity : {1u, 3u, 8u, 10u}) {
    SCOPED_TRACE(capacity);
    this->template carry<1>(capacity);
    this->template carry<3>(capacity);
    this->template carry<8>(capacity);
    this->template carry<24>(capacity);
    this->template carry<56>(capacity);
    this->template carry<64>(capacity);
    this->template carry<72>(capacity);
    this->template carry<256>(capacity);
  }
}

TYPED_TEST_P(RingConformance, ReservesNoValue) {
  this->template carry_values<std::uint64_t>({0, 1, ~std::uint64_t{0}, std::uint64_t{1} << 63, 42});
  this->template carry_values<std::uint8_t>({0, 0xFF, 1});
  this->template carry_values<void*>({nullptr, reinterpret_cast<void*>(~std::uintptr_t{0})});
  this->template carry_values<double>({0.0, -0.0, std::numeric_limits<double>::quiet_NaN(),
                                       std::numeric_limits<double>::signaling_NaN(),
                                       std::numeric_limits<double>::infinity()});
  // a message that looks like a slot word or a sequence of the ring that carries it
  std::vector<std::uint64_t> words;
  for (std::uint64_t i = 0; i < 64; ++i) words.push_back(i);
  this->template carry_values<std::uint64_t>(words);
}

TYPED_TEST_P(RingConformance, CommittedClaimIsDelivered) {
  for (const std::size_t capacity : kCapacities) {
    Ends<TypeParam, Bytes<24>> ends(capacity);
    for (std::size_t i = 0; i < 3 * capacity + 3; ++i) {
      auto claim = ends.producer.try_claim();
      ASSERT_TRUE(claim);
      *claim = Bytes<24>::numbered(i);
      ASSERT_TRUE(is_empty(ends.reader)) << "delivered before commit()";
      claim->bytes[0] = Bytes<24>::numbered(i).bytes[0];
      claim.commit();
      ASSERT_FALSE(claim);
      const auto there = next(ends.reader);
      ASSERT_TRUE(there.has_value() && there->is_numbered(i));
    }
  }
}

TYPED_TEST_P(RingConformance, ClaimCanBeMovedBeforeItIsCommitted) {
  Ends<TypeParam, std::uint64_t> ends(2);
  auto claim = ends.producer.try_claim(std::uint64_t{7});
  ASSERT_TRUE(claim);
  {
    auto moved = std::move(claim);
    EXPECT_FALSE(claim);  // NOLINT(bugprone-use-after-move): that it is empty is the point
    ASSERT_TRUE(moved);
    EXPECT_EQ(*moved, 7u);
    moved.commit();
  }
  EXPECT_EQ(next(ends.reader), 7u);
  EXPECT_TRUE(is_empty(ends.reader));
}

TYPED_TEST_P(RingConformance, AbandonedClaimIsNeverDelivered) {
  for (const std::size_t capacity : kCapacities) {
    SCOPED_TRACE(capacity);
    Ends<TypeParam, std::uint64_t> ends(capacity);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (std::size_t round = 0; round < 3 * capacity + 3; ++round) {
      {
        auto claim = ends.producer.try_claim(std::uint64_t{666});
        ASSERT_TRUE(claim);
      }
      // A hole costs its slot until readers have passed it; elsewhere the claim is undone at once.
      const std::size_t room = TypeParam::kAbandonedLeavesHole ? capacity - 1 : capacity;
      for (std::size_t i = 0; i < room; ++i) ASSERT_TRUE(ends.producer.try_push(sent++));
      ASSERT_FALSE(ends.producer.try_push(sent));
      if (round % 2 == 0) {
        while (const auto there = next(ends.reader)) ASSERT_EQ(*there, received++);
      } else {
        ends.reader.drain([&](const auto& e) { ASSERT_EQ(e, received++); }, kNoLimit);
      }
      ASSERT_EQ(sent, received);
    }
    for (std::size_t i = 0; i < capacity; ++i) ASSERT_TRUE(ends.producer.try_push(sent++));
  }
}

TYPED_TEST_P(RingConformance, ClaimOfAFullRingIsEmpty) {
  Ends<TypeParam, std::uint64_t> ends(3);
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(ends.producer.try_push(i));
  EXPECT_FALSE(ends.producer.try_claim());
  EXPECT_FALSE(ends.producer.try_claim(std::uint64_t{9}));
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(next(ends.reader), i);
  EXPECT_TRUE(is_empty(ends.reader));
}

TYPED_TEST_P(RingConformance, BatchSendsThePrefixThatFits) {
  for (const std::size_t capacity : kCapacities) {
    SCOPED_TRACE(capacity);
    Ends<TypeParam, std::uint64_t> ends(capacity);
    std::vector<std::uint64_t> values(capacity + 5);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (std::size_t lap = 0; lap < 4; ++lap) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = sent + i;
      const auto all = std::span<const std::uint64_t>(values);
      ASSERT_EQ(ends.producer.try_push_batch(all.first(0)), 0u);
      const std::size_t half = ends.producer.try_push_batch(all.first(capacity / 2));
      ASSERT_EQ(half, capacity / 2);
      ASSERT_EQ(ends.producer.try_push_batch(all.subspan(half)), capacity - half);
      ASSERT_EQ(ends.producer.try_push_batch(all), 0u);
      sent += capacity;
      ends.reader.drain([&](const auto& e) { ASSERT_EQ(e, received++); }, capacity - capacity / 3);
      ends.reader.drain([&](const auto& e) { ASSERT_EQ(e, received++); }, kNoLimit);
      ASSERT_EQ(received, sent);
      ASSERT_TRUE(ends.producer.try_push(sent++));  // so that laps begin at different slots
      ASSERT_EQ(next(ends.reader), received++);
    }
  }
}

TYPED_TEST_P(RingConformance, DrainStopsAtItsLimit) {
  for (const std::size_t capacity : kCapacities) {
    Ends<TypeParam, std::uint64_t> ends(capacity);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    const auto expect_next = [&](const auto& e) noexcept { EXPECT_EQ(e, received++); };
    EXPECT_EQ(ends.reader.drain(expect_next, kNoLimit), 0u);
    for (std::size_t limit = 1; limit <= capacity; limit += 1 + limit / 3) {
      while (ends.producer.try_push(sent)) ++sent;
      ASSERT_EQ(ends.reader.drain(expect_next, 0), 0u);
      ASSERT_EQ(ends.reader.drain(expect_next, limit), limit);
    }
    const auto left = static_cast<std::size_t>(sent - received);
    ASSERT_EQ(ends.reader.drain(expect_next, left + 1), left);
  }
}

TYPED_TEST_P(RingConformance, HandlerThatThrowsLosesItsElementAlone) {
#if defined(__cpp_exceptions)
  for (const std::size_t capacity : kCapacities) {
    SCOPED_TRACE(capacity);
    Ends<TypeParam, std::uint64_t> ends(capacity);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (std::size_t bad = 0; bad < capacity; bad += 1 + bad / 2) {
      while (ends.producer.try_push(sent)) ++sent;
      const std::uint64_t first = received;
      const auto handler = [&](const auto& e) {
        EXPECT_EQ(e, received++);
        if (e == first + bad) throw std::runtime_error("bad message");
      };
      ASSERT_THROW(ends.reader.drain(handler, kNoLimit), std::runtime_error);
      ASSERT_EQ(received, first + bad + 1);
      ASSERT_EQ(ends.reader.drain(handler, kNoLimit), capacity - bad - 1);
      ASSERT_EQ(received, sent);
    }
  }
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

TYPED_TEST_P(RingConformance, ImpossibleCapacitiesAreRefusedWithAReason) {
  constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(this->template refusal<std::uint64_t>(0), SetupError::kZeroCapacity);
  for (const std::size_t capacity :
       {kMax, kMax - 1, kMax / 2 + 2, kMax / 2 + 1, kMax / 2, kMax / 4 + 1, kMax / 4, kMax / 8}) {
    SCOPED_TRACE(capacity);
    EXPECT_EQ(this->template refusal<std::uint64_t>(capacity), SetupError::kCapacityTooLarge);
    EXPECT_EQ(this->template refusal<Bytes<256>>(capacity), SetupError::kCapacityTooLarge);
  }
  EXPECT_EQ(this->template refusal<Bytes<256>>(kMax / 256), SetupError::kCapacityTooLarge);
}

TYPED_TEST_P(RingConformance, SizeIsExactWhenNobodyIsAtWork) {
  Ends<TypeParam, std::uint64_t> ends(10, ~Sequence{0} - 15);
  for (std::size_t lap = 0; lap < 4; ++lap) {
    for (std::size_t i = 0; i < 10; ++i) {
      ASSERT_EQ(ends.reader.size_approx(), i);
      ASSERT_TRUE(ends.producer.try_push(i));
    }
    for (std::size_t i = 10; i > 3; --i) {
      ASSERT_EQ(ends.reader.size_approx(), i);
      ASSERT_TRUE(next(ends.reader).has_value());
    }
    ASSERT_EQ(ends.reader.drain([](const auto&) {}, kNoLimit), 3u);
    ASSERT_EQ(ends.reader.size_approx(), 0u);
  }
}

TYPED_TEST_P(RingConformance, RingAndHandlesCanMoveHouse) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  Ring first = Ring::create(options_of<Ring>(4)).value();
  Ring second = std::move(first);
  auto producer = second.producer().value();
  auto reader = TypeParam::reader(second).value();
  ASSERT_TRUE(producer.try_push(1));
  auto other_producer = std::move(producer);
  ASSERT_TRUE(other_producer.try_push(2));
  EXPECT_EQ(next(reader), 1u);
  auto other_reader = std::move(reader);
  EXPECT_EQ(next(other_reader), 2u);
  ASSERT_TRUE(other_producer.try_push(3));
  EXPECT_EQ(next(other_reader), 3u);
  EXPECT_EQ(second.capacity(), 4u);
}

TYPED_TEST_P(RingConformance, ExclusiveRolesAreGivenOnce) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  Ring ring = Ring::create(options_of<Ring>(4)).value();
  auto producer = ring.producer();
  ASSERT_TRUE(producer.has_value());
  auto second = ring.producer();
  EXPECT_EQ(second.has_value(), !TypeParam::kExclusiveProducer);
  if (!second) {
    EXPECT_EQ(second.error(), SetupError::kRoleTaken);
  }
  auto reader = TypeParam::reader(ring);
  ASSERT_TRUE(reader.has_value());
  auto other = TypeParam::reader(ring);
  EXPECT_EQ(other.has_value(), !TypeParam::kExclusiveReader);
  if (!other) {
    EXPECT_EQ(other.error(), SetupError::kRoleTaken);
  }
}

TYPED_TEST_P(RingConformance, NewHandleContinuesWhereTheLastOneStopped) {
  for (const Sequence start : kStarts) {
    for (const std::size_t capacity : kCapacities) {
      SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", start " << start);
      using Ring = RingOf<TypeParam, std::uint64_t>;
      Ring ring = Ring::create(options_of<Ring>(capacity, start)).value();
      std::uint64_t sent = 0;
      std::uint64_t received = 0;
      auto lasting = TypeParam::reader(ring);  // kinds that drop what nobody reads need one
      for (std::size_t round = 0; round < 2 * capacity + 3; round += 1 + round / 3) {
        {
          auto producer = ring.producer().value();
          for (std::size_t i = 0; i < round && sent - received < capacity; ++i) {
            ASSERT_TRUE(producer.try_push(sent++));
          }
        }
        auto producer = ring.producer().value();
        while (sent - received < capacity) ASSERT_TRUE(producer.try_push(sent++));
        ASSERT_FALSE(producer.try_push(sent));
        if constexpr (TypeParam::kTakes) {
          std::optional reset(*std::move(lasting));  // gives the role back
          reset.reset();
          for (int half = 0; half < 2; ++half) {
            auto reader = TypeParam::reader(ring).value();
            for (std::size_t i = 0; i <= round / 2 && received < sent; ++i) {
              ASSERT_EQ(next(reader), received++);
            }
          }
          lasting = TypeParam::reader(ring);
          ASSERT_TRUE(lasting.has_value());
        } else {
          for (std::size_t i = 0; i <= round && received < sent; ++i) {
            ASSERT_EQ(next(*lasting), received++);
          }
        }
      }
    }
  }
}

TYPED_TEST_P(RingConformance, RingInCallersMemoryUsesTheFootprintAndNoMore) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const std::size_t capacity : kCapacities) {
    SCOPED_TRACE(capacity);
    const auto options = options_of<Ring>(capacity, ~Sequence{0} - 3);
    const std::size_t bytes = Ring::footprint(options).value();
    GuardedMemory memory(bytes);
    {
      Ends<TypeParam, std::uint64_t> ends(Ring::format(memory.span(), options).value());
      std::uint64_t sent = 0;
      while (ends.producer.try_push(sent)) ++sent;
      EXPECT_EQ(sent, capacity);
    }
    EXPECT_TRUE(memory.guards_are_whole());

    GuardedMemory small(bytes - 1);
    auto refused = Ring::format(small.span(), options);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), SetupError::kMemoryTooSmall);
    const auto touched = [](std::byte b) { return b != std::byte{0xA5}; };
    EXPECT_FALSE(std::any_of(small.span().begin(), small.span().end(), touched));

    GuardedMemory askew(bytes + Ring::kAlign);
    refused = Ring::format(askew.span().subspan(8), options);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), SetupError::kMemoryMisaligned);
    EXPECT_FALSE(std::any_of(askew.span().begin(), askew.span().end(), touched));
  }
}

TYPED_TEST_P(RingConformance, FormatRefusesImpossibleCapacitiesToo) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  GuardedMemory memory(4096);
  auto none = Ring::format(memory.span(), options_of<Ring>(0));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error(), SetupError::kZeroCapacity);
  auto huge = Ring::format(memory.span(), options_of<Ring>(kNoLimit));
  ASSERT_FALSE(huge.has_value());
  EXPECT_EQ(huge.error(), SetupError::kCapacityTooLarge);
}

TYPED_TEST_P(RingConformance, JoinedViewSeesTheSameRing) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  for (const std::size_t capacity : kCapacities) {
    const auto options = options_of<Ring>(capacity, (Sequence{1} << 32) - 3);
    GuardedMemory memory(Ring::footprint(options).value());
    Ring formatted = Ring::format(memory.span(), options).value();
    auto reader = TypeParam::reader(formatted).value();
    std::uint64_t sent = 0;
    {
      Ring joined = Ring::join(memory.span()).value();
      EXPECT_EQ(joined.capacity(), capacity);
      auto producer = joined.producer().value();
      while (producer.try_push(sent)) ++sent;
      EXPECT_EQ(formatted.producer().has_value(), !TypeParam::kExclusiveProducer);
    }
    EXPECT_EQ(sent, capacity);
    for (std::uint64_t i = 0; i < sent; ++i) ASSERT_EQ(next(reader), i);
    EXPECT_TRUE(is_empty(reader));
  }
}

TYPED_TEST_P(RingConformance, JoinRefusesWhatIsNotThisRing) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  const auto why = [](std::span<std::byte> memory) -> std::optional<SetupError> {
    auto joined = Ring::join(memory);
    if (joined) return std::nullopt;
    return joined.error();
  };
  const auto options = options_of<Ring>(100);
  const std::size_t bytes = Ring::footprint(options).value();
  GuardedMemory memory(bytes);
  EXPECT_EQ(why(memory.span()), SetupError::kNotARing);
  std::ranges::fill(memory.span(), std::byte{0});
  EXPECT_EQ(why(memory.span()), SetupError::kNotARing);

  Ring formatted = Ring::format(memory.span(), options).value();
  EXPECT_EQ(why(memory.span()), std::nullopt);
  EXPECT_EQ(why(memory.span().first(bytes - 1)), SetupError::kMemoryTooSmall);
  EXPECT_EQ(why(memory.span().first(8)), SetupError::kMemoryTooSmall);
  EXPECT_EQ(why({}), SetupError::kMemoryTooSmall);
  GuardedMemory askew(bytes + 8);
  std::ranges::copy(memory.span(), askew.span().begin() + 8);
  EXPECT_EQ(why(askew.span().subspan(8)), SetupError::kMemoryMisaligned);

  auto other_size = RingOf<TypeParam, std::uint32_t>::join(memory.span());
  ASSERT_FALSE(other_size.has_value());
  EXPECT_EQ(other_size.error(), SetupError::kOtherElement);
  auto other_align = RingOf<TypeParam, Bytes<8>>::join(memory.span());
  ASSERT_FALSE(other_align.has_value());
  EXPECT_EQ(other_align.error(), SetupError::kOtherElement);

  using OtherRing = std::conditional_t<std::is_same_v<TypeParam, SpscKind>, MpmcRing<std::uint64_t>,
                                       SpscRing<std::uint64_t>>;
  auto other_kind = OtherRing::join(memory.span());
  ASSERT_FALSE(other_kind.has_value());
  EXPECT_EQ(other_kind.error(), SetupError::kOtherKind);

  // A header that was written by somebody else, or damaged.
  const auto damaged = [&](auto damage) {
    RingHeader header;
    std::memcpy(&header, memory.span().data(), sizeof header);
    const RingHeader before = header;
    damage(header);
    std::memcpy(memory.span().data(), &header, sizeof header);
    const auto answer = why(memory.span());
    std::memcpy(memory.span().data(), &before, sizeof before);
    return answer;
  };
  EXPECT_EQ(damaged([](RingHeader& h) { h.magic ^= 1; }), SetupError::kNotARing);
  EXPECT_EQ(damaged([](RingHeader& h) { ++h.layout_version; }), SetupError::kOtherVersion);
  EXPECT_EQ(damaged([](RingHeader& h) { h.capacity = 0; }), SetupError::kCorruptHeader);
  EXPECT_EQ(damaged([](RingHeader& h) { h.capacity += 1000; }), SetupError::kCorruptHeader);
  EXPECT_EQ(damaged([](RingHeader& h) { h.capacity = ~std::uint64_t{0}; }),
            SetupError::kCorruptHeader);
  EXPECT_EQ(damaged([](RingHeader& h) { h.blocks += 1; }), SetupError::kCorruptHeader);
  EXPECT_EQ(damaged([](RingHeader& h) { h.blocks = 0; }), SetupError::kCorruptHeader);
  EXPECT_EQ(damaged([](RingHeader& h) { h.bytes -= 1; }), SetupError::kCorruptHeader);
  EXPECT_EQ(damaged([](RingHeader& h) { h.bytes += 4096; }), SetupError::kMemoryTooSmall);
  EXPECT_EQ(why(memory.span()), std::nullopt);
}

REGISTER_TYPED_TEST_SUITE_P(
    RingConformance, HoldsExactlyItsCapacity, IsEmptyAtFirstAndAfterEverythingWasRead,
    KeepsOrderAcrossEveryWrapOfTheCounters, CarriesElementsOfEverySize, ReservesNoValue,
    CommittedClaimIsDelivered, ClaimCanBeMovedBeforeItIsCommitted, AbandonedClaimIsNeverDelivered,
    ClaimOfAFullRingIsEmpty, BatchSendsThePrefixThatFits, DrainStopsAtItsLimit,
    HandlerThatThrowsLosesItsElementAlone, ImpossibleCapacitiesAreRefusedWithAReason,
    SizeIsExactWhenNobodyIsAtWork, RingAndHandlesCanMoveHouse, ExclusiveRolesAreGivenOnce,
    NewHandleContinuesWhereTheLastOneStopped, RingInCallersMemoryUsesTheFootprintAndNoMore,
    FormatRefusesImpossibleCapacitiesToo, JoinedViewSeesTheSameRing, JoinRefusesWhatIsNotThisRing);

}  // namespace ringway::test
