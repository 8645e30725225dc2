// SPDX-License-Identifier: Apache-2.0
/// \file
/// Readers that bring their gates along, to rings whose audience lies apart from their block: the
/// conformance suite, who writes where, and what a producer makes of words that are not true.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/broadcast_prefix.hpp"
#include "tests/ring/broadcast_conformance.hpp"
#include "tests/ring/guarded_memory.hpp"

namespace ringway::test {
namespace {

/// A ring in three memories: block, audience, and a word for each reader.
template <class Ring>
class ApartRing {
 public:
  using value_type = typename Ring::value_type;
  using Options = BroadcastOptions;
  using Producer = typename Ring::Producer;
  using Cursor = typename Ring::Cursor;

  static Result<std::size_t, SetupError> footprint(const Options& options) noexcept {
    return Ring::footprint(options);
  }
  static Result<ApartRing, SetupError> create(const Options& options) {
    const auto parts = Ring::parts(options);
    if (!parts) return Failure{parts.error()};
    return ApartRing(*parts, options);
  }

  auto producer() { return ring_.producer(GateFinder<>::by_address()); }
  Result<Cursor, SetupError> cursor() {
    auto gate = ring_.reserve_cursor();
    if (!gate) return Failure{gate.error()};
    auto& own = (*words_)[*gate];
    return ring_.adopt_cursor(*gate, own, reinterpret_cast<std::uintptr_t>(&own.position));
  }

 private:
  ApartRing(const BroadcastParts& parts, const Options& options)
      : block_(std::make_unique<GuardedMemory>(parts.block)),
        audience_(std::make_unique<GuardedMemory>(parts.audience)),
        words_(std::make_unique<std::array<OwnGate<>, 62>>()),
        ring_(Ring::format(block_->span(), audience_->span(), options).value()) {}

  std::unique_ptr<GuardedMemory> block_;
  std::unique_ptr<GuardedMemory> audience_;
  std::unique_ptr<std::array<OwnGate<>, 62>> words_;
  Ring ring_;
};

struct ApartKind : BroadcastKind {
  template <class T>
  using Ring = ApartRing<BroadcastRing<T>>;
};
struct ApartLossyKind : LossyBroadcastKind {
  template <class T>
  using Ring = ApartRing<LossyBroadcastRing<T>>;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RingConformance);  // in the header, of others
INSTANTIATE_TYPED_TEST_SUITE_P(Apart, BroadcastConformance, ApartKind);
INSTANTIATE_TYPED_TEST_SUITE_P(ApartLossy, BroadcastConformance, ApartLossyKind);

/// A page that can be closed to writers.
class Page {
 public:
  explicit Page(std::size_t bytes)
      : bytes_(bytes),
        data_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  ~Page() { ::munmap(data_, bytes_); }

  [[nodiscard]] std::span<std::byte> span() const {
    return {static_cast<std::byte*>(data_), bytes_};
  }
  void close() const { ASSERT_EQ(::mprotect(data_, bytes_, PROT_READ), 0); }
  void open() const { ASSERT_EQ(::mprotect(data_, bytes_, PROT_READ | PROT_WRITE), 0); }

 private:
  std::size_t bytes_;
  void* data_;
};

template <class Ring>
void reader_writes_outside_of_the_block_alone() {
  constexpr BroadcastOptions kOptions{.capacity = 100, .max_cursors = 3};
  const auto parts = Ring::parts(kOptions).value();
  const Page block(parts.block);
  const Page audience(parts.audience);
  const Page own(sizeof(OwnGate<>));
  auto* word = ::new (static_cast<void*>(own.span().data())) OwnGate<>;
  auto made = Ring::format(block.span(), audience.span(), kOptions).value();
  auto producer = made.producer(GateFinder<>::by_address()).value();
  ASSERT_TRUE(producer.try_push(7));
  block.close();  // whoever writes there from now on gets a signal
  auto ring = Ring::join(block.span(), audience.span()).value();
  const auto gate = ring.reserve_cursor().value();
  auto cursor = ring.adopt_cursor(gate, *word, reinterpret_cast<std::uintptr_t>(&word->position));
  EXPECT_FALSE(cursor.try_read().has_value());
  ASSERT_TRUE(cursor.ask_for_signal());
  block.open();
  own.close();  // the producer does not write there
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(producer.try_push(i));
  EXPECT_FALSE(producer.try_push(100));
  EXPECT_EQ(producer.take_signals(), std::uint64_t{1} << gate);
  own.open();
  block.close();
  audience.close();  // reading alone writes the reader's own word, nothing else
  EXPECT_EQ(cursor.try_read(), 0u);
  std::uint64_t next = 1;
  cursor.drain([&](const std::uint64_t& e) { EXPECT_EQ(e, next++); }, kNoLimit);
  EXPECT_EQ(next, 100u);
  block.open();
  audience.open();
  EXPECT_TRUE(producer.try_push(100));
}

TEST(BroughtGate, ReaderWritesOutsideOfTheBlockAlone) {
  reader_writes_outside_of_the_block_alone<BroadcastRing<std::uint64_t>>();
  reader_writes_outside_of_the_block_alone<LossyBroadcastRing<std::uint64_t>>();
}

TEST(BroughtGate, ReaderOfBytesWritesOutsideOfTheBlockAlone) {
  constexpr BroadcastByteRing::Options kOptions{
      .capacity = 64, .max_frame = 8, .max_cursors = 3, .start = ~Sequence{0} - 99};
  const auto parts = BroadcastByteRing::parts(kOptions).value();
  const Page block(parts.block);
  const Page audience(parts.audience);
  const Page own(sizeof(OwnGate<>));
  auto* word = ::new (static_cast<void*>(own.span().data())) OwnGate<>;
  EXPECT_EQ(BroadcastByteRing::format(block.span(), audience.span().first(64), kOptions).error(),
            SetupError::kMemoryTooSmall);
  auto made = BroadcastByteRing::format(block.span(), audience.span(), kOptions).value();
  auto producer = made.producer(GateFinder<>::by_address()).value();
  const std::array<std::byte, 8> message{std::byte{7}};
  ASSERT_TRUE(producer.try_push(message));
  block.close();  // whoever writes there from now on gets a signal
  EXPECT_EQ(BroadcastByteRing::join(block.span()).error(), SetupError::kCorruptHeader)
      << "it does not hold its audience";
  auto ring = BroadcastByteRing::join(block.span(), audience.span()).value();
  const auto gate = ring.reserve_cursor().value();
  auto cursor = ring.adopt_cursor(gate, *word, reinterpret_cast<std::uintptr_t>(&word->position));
  EXPECT_FALSE(cursor.has_news());
  ASSERT_TRUE(cursor.ask_for_signal());
  block.open();
  own.close();  // the producer does not write there
  for (int round = 0; round < 20; ++round) {
    std::size_t sent = 0;
    while (producer.try_push(message)) ++sent;
    EXPECT_GE(sent, 4u);
    EXPECT_EQ(producer.take_signals(), round == 0 ? std::uint64_t{1} << gate : 0);
    own.open();
    block.close();
    audience.close();  // reading alone writes the reader's own word, nothing else
    const auto see = [](std::span<const std::byte> bytes) { EXPECT_EQ(bytes[0], std::byte{7}); };
    EXPECT_EQ(cursor.drain(see, kNoLimit), sent);
    block.open();
    audience.open();
    own.close();
  }
  own.open();
}

/// Knows where some words lie, and what it was asked for.
struct Finder : GateFinder<> {
  Finder() : GateFinder<>{look} {}
  static const Word* look(const GateFinder<>& self, std::size_t gate,
                          std::uint64_t place) noexcept {
    const auto& finder = static_cast<const Finder&>(self);
    finder.gate = gate;
    return place == 1 ? &finder.one->position : nullptr;
  }
  OwnGate<>* one = nullptr;
  mutable std::size_t gate = 99;
};

TEST(BroughtGate, IsFoundByWhomTheProducerWasGiven) {
  OwnGate<> own;
  Finder finder;
  finder.one = &own;
  auto ring = BroadcastRing<int>::create({.capacity = 2, .max_cursors = 3}).value();
  auto producer = ring.producer(&finder).value();
  auto other = ring.cursor().value();
  auto cursor = ring.adopt_cursor(ring.reserve_cursor().value(), own, 1);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(producer.try_push(i));
    ASSERT_TRUE(producer.try_push(i));
    EXPECT_FALSE(producer.try_push(i));
    for (int k = 0; k < 2; ++k) ASSERT_EQ(other.try_read(), i);
    EXPECT_FALSE(producer.try_push(i)) << "it has a reader that brought its gate";
    for (int k = 0; k < 2; ++k) ASSERT_EQ(cursor.try_read(), i);
  }
  EXPECT_EQ(finder.gate, cursor.gate());
}

TEST(BroughtGate, OneThatIsNotFoundHoldsTheProducerBackWhereItJoined) {
  OwnGate<> own;
  Finder finder;
  auto ring = BroadcastRing<int>::create({.capacity = 2, .max_cursors = 1}).value();
  auto producer = ring.producer(&finder).value();
  {
    auto cursor = ring.adopt_cursor(ring.reserve_cursor().value(), own, 2);
    ASSERT_TRUE(producer.try_push(0));
    ASSERT_TRUE(producer.try_push(1));
    ASSERT_EQ(cursor.try_read(), 0);
    EXPECT_FALSE(producer.try_push(2));
  }
  EXPECT_TRUE(producer.try_push(2)) << "it has left";
}

TEST(BroughtGate, PlacesAreNotFollowedByAProducerWithoutAFinder) {
  OwnGate<> own;
  auto ring = BroadcastRing<int>::create({.capacity = 2, .max_cursors = 1}).value();
  auto producer = ring.producer().value();
  {
    // not an address at all, as somebody may write between processes
    auto cursor = ring.adopt_cursor(ring.reserve_cursor().value(), own, 8);
    ASSERT_TRUE(producer.try_push(0));
    ASSERT_TRUE(producer.try_push(1));
    ASSERT_EQ(cursor.try_read(), 0);
    EXPECT_FALSE(producer.try_push(2)) << "held back where the reader joined";
  }
  EXPECT_TRUE(producer.try_push(2));
}

TEST(BroughtGate, GatesWithAndWithoutWordsOfTheirOwnFollowEachOther) {
  OwnGate<> own;
  const auto place = reinterpret_cast<std::uintptr_t>(&own.position);
  auto ring = BroadcastRing<int>::create({.capacity = 2, .max_cursors = 1}).value();
  auto producer = ring.producer(GateFinder<>::by_address()).value();
  for (int round = 0; round < 10; ++round) {
    {
      auto cursor = ring.adopt_cursor(ring.reserve_cursor().value(), own, place);
      while (producer.try_push(round)) {
      }
      EXPECT_EQ(cursor.drain([](int) {}, kNoLimit), 2u);
    }
    auto cursor = ring.cursor().value();
    while (producer.try_push(round)) {
    }
    EXPECT_EQ(cursor.drain([](int) {}, kNoLimit), 2u);
  }
}

TEST(BroughtGate, AWordThatIsNotTrueHoldsBackOrLetsGoAndDoesNoOtherHarm) {
  OwnGate<> own;
  const auto place = reinterpret_cast<std::uintptr_t>(&own.position);
  for (const Sequence start : {Sequence{0}, ~Sequence{0} - 3}) {
    auto ring = BroadcastRing<int>::create({.capacity = 3, .max_cursors = 2, .start = start});
    auto producer = ring->producer(GateFinder<>::by_address()).value();
    auto honest = ring->cursor().value();
    auto liar = ring->adopt_cursor(ring->reserve_cursor().value(), own, place);
    int sent = 0;
    int seen = 0;
    std::mt19937_64 random(5);
    for (int i = 0; i < 10'000; ++i) {
      // anywhere, or near where it should be
      const Sequence lie = i % 2 == 0 ? random() : start + static_cast<Sequence>(sent + i % 9 - 4);
      own.position.store(lie);
      if (producer.try_push(sent)) ++sent;
      ASSERT_LE(sent - seen, 3) << "the honest reader's elements are safe";
      if (random() % 2 != 0) continue;
      const auto element = honest.try_read();
      if (!element) continue;
      ASSERT_EQ(*element, seen++);
    }
    EXPECT_GT(seen, 100) << "some lies are harmless";
  }
}

TEST(BroughtGate, BytesHaveItToo) {
  OwnGate<> own;
  const auto place = reinterpret_cast<std::uintptr_t>(&own.position);
  auto ring = BroadcastByteRing::create({.capacity = 64, .max_frame = 8, .max_cursors = 1}).value();
  auto producer = ring.producer(GateFinder<>::by_address()).value();
  std::array<std::byte, 8> message{};
  for (std::uint8_t i = 0; i < 50; ++i) {
    auto cursor = ring.adopt_cursor(ring.reserve_cursor().value(), own, place);
    message[0] = std::byte{i};
    while (producer.try_push(message)) {
    }
    std::size_t seen = 0;
    cursor.drain(
        [&](std::span<const std::byte> bytes) {
          EXPECT_EQ(bytes[0], std::byte{i});
          ++seen;
        },
        1);
    EXPECT_EQ(seen, 1u);
    EXPECT_TRUE(producer.try_push(message)) << "its word has moved";
    EXPECT_FALSE(producer.try_push(message));
  }
}

struct Older {
  std::uint64_t number;
};
struct Newer {
  std::uint64_t number;
  std::array<std::uint32_t, 7> appended;
};

/// A reader of the older type, whose memory for the block is closed to it.
template <class Ring>
void older_reader_writes_outside_of_the_block_alone(bool lossy) {
  constexpr BroadcastOptions kOptions{.capacity = 100, .max_cursors = 3};
  const auto parts = Ring::parts(kOptions).value();
  const Page block(parts.block);
  const Page audience(parts.audience);
  OwnGate<> own;
  auto made = Ring::format(block.span(), audience.span(), kOptions).value();
  auto producer = made.producer(GateFinder<>::by_address()).value();
  block.close();
  using Prefix = BroadcastPrefix<Older>;
  constexpr Prefix::Element kElement{sizeof(Newer), alignof(Newer)};
  EXPECT_EQ(Prefix::join(block.span(), kElement, lossy).error(), SetupError::kCorruptHeader);
  auto older = Prefix::join(block.span(), audience.span(), kElement, lossy).value();
  const auto gate = older.reserve_cursor(Start::kNext).value();
  auto cursor = older.adopt_cursor(gate, own, reinterpret_cast<std::uintptr_t>(&own.position));
  for (std::uint64_t i = 0; i < 1000;) {
    block.open();
    const auto first = i;
    while (producer.try_push({i, {}})) ++i;
    EXPECT_EQ(i - first, 100u);
    block.close();
    auto next = first;
    cursor.drain(
        [&](const Older& element, std::uint32_t) {
          EXPECT_EQ(element.number, next++);
          return true;
        },
        kNoLimit);
    EXPECT_EQ(next, i);
  }
  block.open();
}

TEST(BroughtGate, ReadersOfOlderTypesHaveItToo) {
  older_reader_writes_outside_of_the_block_alone<BroadcastRing<Newer>>(false);
  older_reader_writes_outside_of_the_block_alone<LossyBroadcastRing<Newer>>(true);
}

TEST(ApartAudience, IsRefusedWhereItDoesNotBelong) {
  using Ring = BroadcastRing<std::uint64_t>;
  constexpr BroadcastOptions kOptions{.capacity = 10, .max_cursors = 4};
  const auto parts = Ring::parts(kOptions).value();
  GuardedMemory block(Ring::footprint(kOptions).value());
  GuardedMemory audience(parts.audience);
  EXPECT_EQ(Ring::format(block.span(), audience.span().first(parts.audience - 1), kOptions).error(),
            SetupError::kMemoryTooSmall);
  EXPECT_EQ(Ring::format(block.span(), audience.span().subspan(8), kOptions).error(),
            SetupError::kMemoryTooSmall);
  EXPECT_EQ(Ring::format(block.span().first(parts.block - 1), audience.span(), kOptions).error(),
            SetupError::kMemoryTooSmall);
  {
    auto ring = Ring::format(block.span(), audience.span(), kOptions).value();
    EXPECT_EQ(Ring::join(block.span()).error(), SetupError::kCorruptHeader) << "it is apart";
    EXPECT_EQ(Ring::join(block.span(), audience.span().first(parts.audience - 1)).error(),
              SetupError::kMemoryTooSmall);
    EXPECT_TRUE(Ring::join(block.span().first(parts.block), audience.span()));
  }
  auto ring = Ring::format(block.span(), kOptions).value();
  EXPECT_EQ(Ring::join(block.span(), audience.span()).error(), SetupError::kCorruptHeader)
      << "it is inside";
  EXPECT_TRUE(block.guards_are_whole());
  EXPECT_TRUE(audience.guards_are_whole());
}

}  // namespace
}  // namespace ringway::test
