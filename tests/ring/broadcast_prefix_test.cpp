// SPDX-License-Identifier: Apache-2.0
/// \file
/// Readers that know only the beginning of a broadcast ring's elements: they find what the rings'
/// own cursors find, in memory that the rings laid out, and keep to it.

#include "ringway/ring/broadcast_prefix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "tests/ring/guarded_memory.hpp"
#include "tests/ring/ring_kinds.hpp"

namespace ringway::test {
namespace {

/// What the readers know.
struct Old {
  std::uint64_t number;
  std::uint32_t mirror;
  std::uint32_t half;

  explicit Old(std::uint64_t of) noexcept
      : number(of),
        mirror(static_cast<std::uint32_t>(~of)),
        half(static_cast<std::uint32_t>(of / 2)) {}
  [[nodiscard]] bool is_whole() const noexcept {
    return mirror == static_cast<std::uint32_t>(~number) &&
           half == static_cast<std::uint32_t>(number / 2);
  }
};

/// What the ring carries; a tag lies behind it, as a topic's number does in a family.
template <std::size_t kMore>
struct New {
  Old old;
  std::uint64_t more[kMore];
  std::uint32_t tag;

  explicit New(std::uint64_t number) noexcept
      : old(number), tag(static_cast<std::uint32_t>(number * 3)) {
    std::fill(std::begin(more), std::end(more), ~std::uint64_t{0});
  }
};

using Prefix = BroadcastPrefix<Old>;

template <class T>
constexpr Prefix::Element element_of() noexcept {
  return {sizeof(T), alignof(T), offsetof(T, tag)};
}

template <class Ring>
constexpr bool kIsLossy = requires(Ring& ring) {
  ring.lossy_cursor();
};

/// A ring, its producer, and a reader's view of it.
template <class Ring>
struct Joined {
  using T = typename Ring::value_type;

  explicit Joined(const BroadcastOptions& options)
      : memory(Ring::footprint(options).value()),
        ring(Ring::format(memory.span(), options).value()),
        producer(ring.producer().value()),
        prefix(Prefix::join(memory.span(), element_of<T>(), kIsLossy<Ring>).value()) {}

  [[nodiscard]] Prefix::Cursor cursor(Start start = Start::kNext) {
    return prefix.adopt_cursor(prefix.reserve_cursor(start).value());
  }
  [[nodiscard]] Prefix::LossyCursor lossy_cursor(Start start = Start::kNext) {
    return prefix.adopt_lossy_cursor(prefix.reserve_lossy_cursor(start).value());
  }

  GuardedMemory memory;
  Ring ring;
  typename Ring::Producer producer;
  Prefix prefix;
};

/// Reads at most `limit`; each must be whole and tagged as it was made. \return their numbers
template <class Cursor>
std::vector<std::uint64_t> read(Cursor& cursor, std::size_t limit = kNoLimit) {
  std::vector<std::uint64_t> numbers;
  const auto count = cursor.drain(
      [&](const Old& old, std::uint32_t tag) {
        EXPECT_TRUE(old.is_whole()) << old.number;
        EXPECT_EQ(tag, static_cast<std::uint32_t>(old.number * 3));
        numbers.push_back(old.number);
        return true;
      },
      limit);
  EXPECT_EQ(count, numbers.size());
  return numbers;
}

/// first, first + 1 ... end - 1.
std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t end) {
  std::vector<std::uint64_t> all;
  for (; first < end; ++first) all.push_back(first);
  return all;
}

template <class Ring>
class BroadcastPrefixTest : public testing::Test {};
using Rings =
    testing::Types<BroadcastRing<New<1>>, BroadcastRing<New<20>>, BroadcastRing<New<80>>,
                   LossyBroadcastRing<New<1>>, LossyBroadcastRing<New<20>>,
                   LossyBroadcastRing<New<80>>>;  // two, seven and one of them in a line, or one
TYPED_TEST_SUITE(BroadcastPrefixTest, Rings);

TYPED_TEST(BroadcastPrefixTest, ReadsTheBeginningOfEveryElementInOrder) {
  for (const Sequence start : kStarts) {
    for (const std::size_t capacity : {1u, 2u, 7u, 10u}) {
      SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", start " << start);
      Joined<TypeParam> ends({.capacity = capacity, .max_cursors = 2, .start = start});
      auto cursor = ends.cursor();
      std::uint64_t sent = 0;
      for (int lap = 0; lap < 8; ++lap) {
        ASSERT_EQ(cursor.sequence(), start + sent);
        ASSERT_FALSE(cursor.has_news());
        const auto first = sent;
        while (ends.producer.try_emplace(sent)) ++sent;
        ASSERT_EQ(sent - first, capacity) << "it holds the producer back, and no earlier";
        ASSERT_EQ(cursor.size_approx(), capacity);
        ASSERT_TRUE(cursor.has_news());
        ASSERT_EQ(read(cursor, 1), numbers(first, first + 1));
        ASSERT_EQ(read(cursor), numbers(first + 1, sent));
        ASSERT_TRUE(read(cursor).empty());
      }
      ASSERT_TRUE(ends.memory.guards_are_whole());
    }
  }
}

TYPED_TEST(BroadcastPrefixTest, BeginsWhereTheRingsOwnCursorsBegin) {
  for (const bool retain : {false, true}) {
    for (const std::size_t capacity : {1u, 2u, 6u, 7u, 15u}) {
      SCOPED_TRACE(capacity);
      Joined<TypeParam> ends(
          {.capacity = capacity, .max_cursors = 2, .start = ~Sequence{2}, .retain = retain});
      for (std::uint64_t sent = 0; sent < 4 * capacity + 3; ++sent) {
        for (const Start start : {Start::kNext, Start::kOldest, Start::kLastValue}) {
          const auto own = ends.ring.cursor(start).value();
          auto cursor = ends.cursor(start);
          ASSERT_EQ(cursor.sequence(), own.sequence());
          ASSERT_EQ(cursor.size_approx(), own.size_approx());
          ASSERT_EQ(read(cursor), numbers(sent - own.size_approx(), sent));
        }
        ASSERT_TRUE(ends.producer.try_emplace(sent));
      }
    }
  }
}

TYPED_TEST(BroadcastPrefixTest, LeavesItsGateAtTheEnd) {
  Joined<TypeParam> ends({.capacity = 3, .max_cursors = 1});
  for (std::uint64_t round = 0; round < 5; ++round) {
    std::uint64_t sent = 0;
    {
      auto cursor = ends.cursor();
      EXPECT_EQ(ends.prefix.reserve_cursor(Start::kNext).error(), SetupError::kNoFreeCursor);
      auto moved = std::move(cursor);
      while (ends.producer.try_emplace(sent)) ++sent;
      EXPECT_EQ(sent, 3u);
      EXPECT_EQ(read(moved), numbers(0, 3));
    }
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(ends.producer.try_emplace(sent++));
  }
}

TYPED_TEST(BroadcastPrefixTest, ReservedGateHoldsTheProducerBackUntilItIsAdopted) {
  Joined<TypeParam> ends({.capacity = 4, .max_cursors = 2});
  const auto gate = ends.prefix.reserve_cursor(Start::kNext).value();
  std::uint64_t sent = 0;
  while (ends.producer.try_emplace(sent)) ++sent;
  EXPECT_EQ(sent, 4u);
  auto cursor = ends.prefix.adopt_cursor(gate);
  EXPECT_EQ(read(cursor), numbers(0, 4));
}

TYPED_TEST(BroadcastPrefixTest, HandlerEndsADrainBehindItsElement) {
  Joined<TypeParam> ends({.capacity = 10, .max_cursors = 1});
  auto cursor = ends.cursor();
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(ends.producer.try_emplace(i));
  EXPECT_EQ(cursor.drain([](const Old& old, std::uint32_t) { return old.number != 3; }, 100), 4u);
  EXPECT_EQ(read(cursor), numbers(4, 10));
}

#if defined(__cpp_exceptions)
TYPED_TEST(BroadcastPrefixTest, HandlerThatThrowsLosesItsElementAlone) {
  Joined<TypeParam> ends({.capacity = 4, .max_cursors = 1});
  auto cursor = ends.cursor();
  std::uint64_t sent = 0;
  while (ends.producer.try_emplace(sent)) ++sent;
  const auto throwing = [](const Old& old, std::uint32_t) {
    if (old.number == 1) throw std::runtime_error("not this one");
    return true;
  };
  EXPECT_THROW(cursor.drain(throwing, 100), std::runtime_error);
  EXPECT_TRUE(ends.producer.try_emplace(sent++)) << "what was passed is acknowledged";
  EXPECT_TRUE(ends.producer.try_emplace(sent++));
  EXPECT_FALSE(ends.producer.try_emplace(sent));
  EXPECT_EQ(read(cursor), numbers(2, 6));
}
#endif

TYPED_TEST(BroadcastPrefixTest, LookingAheadLeavesTheElementsUnread) {
  Joined<TypeParam> ends({.capacity = 20, .max_cursors = 1, .start = ~Sequence{7}});
  auto cursor = ends.cursor();
  for (std::uint64_t i = 0; i < 15; ++i) ASSERT_TRUE(ends.producer.try_emplace(i));
  std::vector<std::uint64_t> seen;
  const auto look = [&](const Old& old, std::uint32_t tag, Sequence position) {
    EXPECT_TRUE(old.is_whole());
    EXPECT_EQ(tag, old.number * 3);
    EXPECT_EQ(position, ~Sequence{7} + old.number);
    seen.push_back(old.number);
  };
  cursor.look_ahead(look, ~Sequence{7} + 10);
  EXPECT_EQ(seen, numbers(0, 10));
  EXPECT_EQ(cursor.size_approx(), 15u);
  EXPECT_EQ(read(cursor), numbers(0, 15));
}

TYPED_TEST(BroadcastPrefixTest, IsSignalledByTheNextPublication) {
  Joined<TypeParam> ends({.capacity = 4, .max_cursors = 2});
  const auto gate = ends.prefix.reserve_cursor(Start::kNext).value();
  auto cursor = ends.prefix.adopt_cursor(gate);
  cursor.set_address(77);
  EXPECT_EQ(ends.producer.gate(gate).address.load(std::memory_order_relaxed), 77u);
  ASSERT_TRUE(ends.producer.try_emplace(std::uint64_t{0}));
  EXPECT_EQ(ends.producer.take_signals(), 0u);
  cursor.ask_for_signal_unfenced();
  ASSERT_TRUE(ends.producer.try_emplace(std::uint64_t{1}));
  EXPECT_EQ(ends.producer.take_signals(), std::uint64_t{1} << gate);
  EXPECT_EQ(read(cursor), numbers(0, 2));
}

TYPED_TEST(BroadcastPrefixTest, ReadsAllOfARunningProducerWithoutAGap) {
  constexpr std::uint64_t kMessages = 3'000;
  for (const std::size_t capacity : {1u, 7u, 100u}) {
    Joined<TypeParam> ends({.capacity = capacity, .max_cursors = 2});
    auto cursor = ends.cursor();
    std::thread writer([&] {
      for (std::uint64_t sent = 0; sent < kMessages;) {
        if (ends.producer.try_emplace(sent)) {
          ++sent;
        } else {
          std::this_thread::yield();
        }
      }
    });
    std::uint64_t next = 0;
    bool good = true;
    while (next < kMessages) {
      const auto before = next;
      cursor.drain(
          [&](const Old& old, std::uint32_t tag) {
            good = good && old.is_whole() && old.number == next &&
                   tag == static_cast<std::uint32_t>(next * 3);
            ++next;
            return true;
          },
          64);
      if (next == before) std::this_thread::yield();
    }
    writer.join();
    EXPECT_TRUE(good);
    EXPECT_EQ(next, kMessages);
  }
}

TYPED_TEST(BroadcastPrefixTest, JoinRefusesWhatDoesNotFit) {
  using T = typename TypeParam::value_type;
  constexpr BroadcastOptions kOptions{.capacity = 20, .max_cursors = 3};
  GuardedMemory memory(TypeParam::footprint(kOptions).value());
  constexpr bool kLossy = kIsLossy<TypeParam>;
  const auto join = [&](const Prefix::Element& element) {
    return Prefix::join(memory.span(), element, kLossy);
  };
  EXPECT_EQ(join(element_of<T>()).error(), SetupError::kNotARing);
  const auto ring = TypeParam::format(memory.span(), kOptions).value();
  ASSERT_TRUE(join(element_of<T>()));
  EXPECT_EQ(join(element_of<T>())->capacity(), 20u);
  EXPECT_EQ(join(element_of<T>())->max_cursors(), 3u);
  EXPECT_EQ(Prefix::join(memory.span(), element_of<T>(), !kLossy).error(), SetupError::kOtherKind);
  EXPECT_FALSE(Prefix::join(memory.span().first(100), element_of<T>(), kLossy));
  EXPECT_EQ(
      Prefix::join(memory.span().first(memory.span().size() - 1), element_of<T>(), kLossy).error(),
      SetupError::kMemoryTooSmall);
  constexpr auto kMost = std::numeric_limits<std::size_t>::max();
  const Prefix::Element wrong[] = {
      {8, 8, 0},              // less than is to be read
      {sizeof(T) + 8, 8, 0},  // not what the ring says
      {sizeof(T), 4, 0},      // aligned less than what is to be read
      {sizeof(T), 16, 0},     // not what the ring says, or not a multiple
      {512, 256, 0},          // more than any ring of it would be
      {sizeof(T), 24, 0},     // no power of two
      {sizeof(T), 0, 0},
      {sizeof(T), 8, sizeof(T) - 3},  // a number that is not inside
      {sizeof(T), 8, kMost},
      {sizeof(T), 8, kMost - 3},  // and whose end overflows
      {0, 8, 0},
      {kMost, 1, 0},
      {kMost - 7, 8, 0},
  };
  for (const auto& element : wrong) {
    EXPECT_EQ(join(element).error(), SetupError::kOtherElement)
        << element.size << ", " << element.align << ", " << element.number_at;
  }
  const auto corrupted = [&](auto change) {
    auto* header = reinterpret_cast<RingHeader*>(memory.span().data());
    const auto kept = *header;
    change(*header);
    const auto joined = join(element_of<T>());
    *header = kept;
    return joined ? SetupError::kNotARing : joined.error();
  };
  const auto is = SetupError::kCorruptHeader;
  EXPECT_EQ(corrupted([](RingHeader& header) { header.max_cursors = 0; }), is);
  EXPECT_EQ(corrupted([](RingHeader& header) { header.max_cursors = 63; }), is);
  EXPECT_EQ(corrupted([](RingHeader& header) { header.max_cursors = 1; }), is);
  EXPECT_EQ(corrupted([](RingHeader& header) { header.capacity = 0; }), is);
  EXPECT_EQ(corrupted([](RingHeader& header) { header.capacity = kMost; }), is);
  EXPECT_EQ(corrupted([](RingHeader& header) { header.capacity *= 2; }), is);
  EXPECT_EQ(corrupted([](RingHeader& header) { header.blocks += 1; }), is);
  EXPECT_EQ(corrupted([](RingHeader& header) { header.bytes -= 64; }), is);
  ASSERT_TRUE(join(element_of<T>()));
}

/// Whatever another process writes there after the joining: every call ends, inside the memory.
TYPED_TEST(BroadcastPrefixTest, KeepsToItsMemoryWhateverIsWrittenThere) {
  constexpr BroadcastOptions kOptions{.capacity = 20, .max_cursors = 2};
  constexpr std::uint64_t kWorst[] = {0,
                                      1,
                                      7,
                                      1000,
                                      std::uint64_t{1} << 40,
                                      std::uint64_t{1} << 63,
                                      std::numeric_limits<std::uint64_t>::max()};
  using T = typename TypeParam::value_type;
  const auto shape = LineShape::of<NativeMemory>(sizeof(T), alignof(T), kIsLossy<TypeParam>);
  for (const auto front : kWorst) {
    for (const auto words : kWorst) {
      SCOPED_TRACE(testing::Message() << front << ", " << words);
      Joined<TypeParam> ends(kOptions);
      auto cursor = ends.cursor();
      for (std::uint64_t i = 0; i < 15; ++i) ASSERT_TRUE(ends.producer.try_emplace(i));
      const auto memory = ends.memory.span();
      const auto fill = [&](std::size_t from, std::size_t to, std::uint64_t value) {
        for (; from + sizeof value <= to; from += sizeof value) {
          std::memcpy(memory.data() + from, &value, sizeof value);
        }
      };
      const auto bytes = memory.size();
      const auto header = *reinterpret_cast<const RingHeader*>(memory.data());
      const auto lines = bytes - header.blocks * shape.bytes;
      fill(0, lines, front);  // header, hints, gates
      fill(lines, bytes, words);
      const auto any = [](const Old&, std::uint32_t) { return true; };
      static_cast<void>(cursor.drain(any, 1000));
      cursor.look_ahead([](const Old&, std::uint32_t, Sequence) {}, cursor.sequence() + 1000);
      EXPECT_LE(cursor.size_approx(), header.blocks * shape.items);
      static_cast<void>(cursor.has_news());
      static_cast<void>(ends.prefix.reserve_cursor(Start::kOldest));  // may find a place or not
      if constexpr (kIsLossy<TypeParam>) {
        fill(kOwnerSpacing, lines, 0);  // gates free
        fill(kOwnerSpacing, kOwnerSpacing + 8, front);
        auto lossy = ends.lossy_cursor(Start::kLastValue);
        static_cast<void>(lossy.drain(any, 1000));
        lossy.look_ahead([](const Old&, std::uint32_t, Sequence) {}, lossy.sequence() + 1000);
        lossy.skip_to_newest();
        lossy.show_place();
      }
      ASSERT_TRUE(ends.memory.guards_are_whole());
      ends.ring.hold_elements(false);
    }
  }
}

template <class Ring>
class BroadcastPrefixLossy : public testing::Test {};
using LossyRings = testing::Types<LossyBroadcastRing<New<1>>, LossyBroadcastRing<New<20>>,
                                  LossyBroadcastRing<New<80>>>;
TYPED_TEST_SUITE(BroadcastPrefixLossy, LossyRings);

TYPED_TEST(BroadcastPrefixLossy, MissesAndCountsWhatTheRingsOwnCursorDoes) {
  for (const Sequence start : kStarts) {
    for (const std::size_t capacity : {1u, 2u, 7u, 10u, 100u}) {
      SCOPED_TRACE(testing::Message() << "capacity " << capacity << ", start " << start);
      Joined<TypeParam> ends({.capacity = capacity, .max_cursors = 2, .start = start});
      auto cursor = ends.lossy_cursor();
      auto own = ends.ring.lossy_cursor().value();
      std::uint64_t sent = 0;
      std::uint64_t received = 0;
      for (std::size_t round = 0; round < 30; ++round) {
        const std::size_t burst = round * 7919 % (4 * capacity + 4);
        for (std::size_t i = 0; i < burst; ++i) ASSERT_TRUE(ends.producer.try_emplace(sent++));
        if (round % 5 == 4) {
          cursor.skip_to_newest();
          own.skip_to_newest();
        }
        const auto limit = round % 3 == 0 ? kNoLimit : capacity / 2 + 1;
        std::vector<std::uint64_t> expected;
        own.drain([&](const auto& element) { expected.push_back(element.old.number); }, limit);
        ASSERT_EQ(read(cursor, limit), expected);
        received += expected.size();
        ASSERT_EQ(cursor.lost(), own.lost());
        ASSERT_EQ(cursor.sequence(), own.sequence());
        ASSERT_EQ(cursor.sequence(), start + received + cursor.lost());
        ASSERT_EQ(cursor.size_approx(), own.size_approx());
        ASSERT_EQ(cursor.has_news(), own.has_news());
      }
      ASSERT_GT(cursor.lost(), 0u);
    }
  }
}

TYPED_TEST(BroadcastPrefixLossy, LookingAheadEndsWhereItWasLapped) {
  Joined<TypeParam> ends({.capacity = 7, .max_cursors = 1});
  auto cursor = ends.lossy_cursor();
  for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(ends.producer.try_emplace(i));
  std::vector<std::uint64_t> seen;
  const auto look = [&](const Old& old, std::uint32_t, Sequence) { seen.push_back(old.number); };
  cursor.look_ahead(look, 4);
  EXPECT_EQ(seen, numbers(0, 4));
  for (std::uint64_t i = 5; i < 100; ++i) ASSERT_TRUE(ends.producer.try_emplace(i));
  cursor.look_ahead([](const Old&, std::uint32_t, Sequence) { FAIL() << "overwritten"; }, 100);
}

TYPED_TEST(BroadcastPrefixLossy, GetsWholeElementsAndCountsTheRest) {
  constexpr std::uint64_t kMessages = 20'000;
  for (const std::size_t capacity : {1u, 7u, 64u}) {
    Joined<TypeParam> ends({.capacity = capacity, .max_cursors = 1});
    auto cursor = ends.lossy_cursor();
    std::atomic<bool> done{false};
    std::thread writer([&] {
      for (std::uint64_t i = 0; i < kMessages; ++i) {
        static_cast<void>(ends.producer.try_emplace(i));
        if (i % 1024 == 0) std::this_thread::yield();
      }
      done.store(true);
    });
    std::uint64_t received = 0;
    bool good = true;
    for (bool last = false; !last;) {
      last = done.load();
      do {
        received += cursor.drain(
            [&, n = received](const Old& old, std::uint32_t tag) mutable {
              good = good && old.is_whole() && tag == static_cast<std::uint32_t>(old.number * 3) &&
                     old.number == n++ + cursor.lost();
              return true;
            },
            16);
      } while (last && cursor.has_news());
    }
    writer.join();
    EXPECT_TRUE(good);
    EXPECT_EQ(received + cursor.lost(), kMessages);
  }
}

}  // namespace
}  // namespace ringway::test
