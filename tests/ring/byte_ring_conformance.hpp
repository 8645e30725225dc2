// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What both rings of bytes promise to one thread.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/ring/byte_messages.hpp"
#include "tests/ring/guarded_memory.hpp"

namespace ringway::test {

inline constexpr std::size_t kAllMessages = std::numeric_limits<std::size_t>::max();

/// Capacity and largest message, from the smallest ring there is.
struct ByteSizes {
  std::size_t capacity;
  std::size_t max_frame;
};
inline constexpr ByteSizes kByteSizes[] = {
    {16, 1},  {16, 8},   {17, 8},    {24, 8},   {24, 16},  {64, 8},    {64, 24},
    {64, 56}, {100, 33}, {256, 100}, {1000, 1}, {1000, 7}, {1000, 64}, {4096, 4088}};

/// Positions that wrap within a few frames: 2^35 is where the tag in a frame's word does.
inline constexpr Sequence kByteStarts[] = {0,
                                           5,
                                           (Sequence{1} << 31) - 16,
                                           (Sequence{1} << 32) - 16,
                                           (Sequence{1} << 35) - 16,
                                           (Sequence{1} << 63) - 16,
                                           ~Sequence{0} - 15};

template <class Kind>
class ByteRingConformance : public testing::Test {
 protected:
  using Ring = typename Kind::Ring;
  using Options = typename Ring::Options;

  static std::optional<SetupError> refusal(const Options& options) {
    auto made = Ring::create(options);
    auto footprint = Ring::footprint(options);
    EXPECT_EQ(made.has_value(), footprint.has_value());
    if (made || footprint) return std::nullopt;
    EXPECT_EQ(made.error(), footprint.error());
    return made.error();
  }

  /// Reads everything and checks that it is messages `received` and those that follow.
  template <class Reader>
  static void read_all(Reader& reader, std::uint64_t& received, std::size_t most,
                       std::size_t limit = kAllMessages) {
    reader.drain(
        [&](std::span<const std::byte> bytes) {
          ASSERT_TRUE(is_message(received, size_of_message(received, most), bytes)) << received;
          ++received;
        },
        limit);
  }
};
TYPED_TEST_SUITE_P(ByteRingConformance);

TYPED_TEST_P(ByteRingConformance, CarriesMessagesOfEverySizeInOrderAndInPlace) {
  for (const ByteSizes& sizes : kByteSizes) {
    const std::size_t capacity = sizes.capacity;
    const std::size_t max_frame = sizes.max_frame;
    SCOPED_TRACE(testing::Message() << capacity << " bytes, messages up to " << max_frame);
    const typename TestFixture::Options options{.capacity = capacity, .max_frame = max_frame};
    GuardedMemory memory(TestFixture::Ring::footprint(options).value());
    const auto inside = [&](std::span<const std::byte> bytes) {
      return bytes.data() >= memory.span().data() &&
             bytes.data() + bytes.size() <= memory.span().data() + memory.span().size();
    };
    {
      ByteEnds<TypeParam> ends(TestFixture::Ring::format(memory.span(), options).value());
      std::vector<std::byte> copy(max_frame);
      for (std::uint64_t number = 0; number < 600; ++number) {
        const std::size_t size =
            number < 2 * max_frame ? number / 2 : size_of_message(number, max_frame);
        auto claim = ends.producer.try_claim(size);
        ASSERT_TRUE(claim);
        ASSERT_EQ(claim.bytes().size(), size);
        ASSERT_TRUE(inside(claim.bytes()));
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(claim.bytes().data()) % kFrameAlign, 0u);
        ASSERT_FALSE(ends.reader.has_news()) << "delivered before commit()";
        write_message(number, claim.bytes());
        const std::byte* const written = claim.bytes().data();
        claim.commit();
        ASSERT_FALSE(claim);
        ASSERT_TRUE(ends.reader.has_news());
        ASSERT_EQ(ends.reader.next_size(), size);
        if (number % 2 == 0) {
          const auto there = ends.reader.try_read(copy);
          ASSERT_TRUE(there.has_value());
          ASSERT_TRUE(is_message(number, size, std::span(copy).first(*there)));
        } else {
          ASSERT_EQ(ends.reader.drain(
                        [&](std::span<const std::byte> bytes) {
                          ASSERT_EQ(bytes.data(), written);
                          ASSERT_TRUE(is_message(number, size, bytes));
                        },
                        kAllMessages),
                    1u);
        }
        ASSERT_FALSE(ends.reader.has_news());
        ASSERT_EQ(ends.reader.try_read(copy).error(), ReadError::kEmpty);
      }
    }
    EXPECT_TRUE(memory.guards_are_whole());
  }
}

TYPED_TEST_P(ByteRingConformance, MessagesThatCostTheCapacityAlwaysFit) {
  for (const ByteSizes& sizes : kByteSizes) {
    const std::size_t capacity = sizes.capacity;
    const std::size_t max_frame = sizes.max_frame;
    SCOPED_TRACE(testing::Message() << capacity << " bytes, messages up to " << max_frame);
    std::mt19937_64 random(capacity + max_frame);
    ByteEnds<TypeParam> ends({.capacity = capacity, .max_frame = max_frame});
    ASSERT_EQ(ends.ring.capacity(), capacity);
    ASSERT_EQ(ends.producer.capacity(), capacity);
    ASSERT_EQ(ends.reader.capacity(), capacity);
    ASSERT_EQ(ends.producer.max_frame(), max_frame);
    std::deque<std::size_t> there;  // what the ring holds: sizes
    std::size_t cost = 0;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::size_t refused = 0;
    for (int round = 0; round < 4000; ++round) {
      const std::size_t size =
          random() % 3 == 0 ? max_frame : static_cast<std::size_t>(random() % (max_frame + 1));
      auto claim = ends.producer.try_claim(size);
      if (cost + frame_bytes(size) <= capacity) {
        ASSERT_TRUE(claim) << cost << " bytes are there, " << frame_bytes(size) << " are to come";
      }
      if (claim) {
        write_message(sent++, claim.bytes());
        claim.commit();
        there.push_back(size);
        cost += frame_bytes(size);
        // All that a block can hold, but for the word behind the newest frame.
        ASSERT_LE(cost, round_up(capacity, kFrameAlign) + frame_bytes(max_frame) - kFrameHeader);
        continue;
      }
      ++refused;
      const std::size_t wanted = 1 + random() % there.size();
      ASSERT_EQ(ends.reader.drain(
                    [&](std::span<const std::byte> bytes) {
                      ASSERT_TRUE(is_message(received, there.front(), bytes));
                      ++received;
                      cost -= frame_bytes(there.front());
                      there.pop_front();
                    },
                    wanted),
                wanted);
    }
    EXPECT_GT(refused, 10u);
  }
}

TYPED_TEST_P(ByteRingConformance, KeepsOrderAcrossEveryWrapOfTheCounters) {
  for (const Sequence start : kByteStarts) {
    for (const ByteSizes& sizes : kByteSizes) {
      const std::size_t capacity = sizes.capacity;
      const std::size_t max_frame = sizes.max_frame;
      SCOPED_TRACE(testing::Message()
                   << capacity << " bytes, up to " << max_frame << ", start " << start);
      std::mt19937_64 random(capacity + start);
      ByteEnds<TypeParam> ends({.capacity = capacity, .max_frame = max_frame, .start = start});
      ASSERT_EQ(ends.producer.sequence(), start / 8 * 8);
      std::uint64_t sent = 0;
      std::uint64_t received = 0;
      while (received < 300) {
        for (auto burst = random() % 20; burst > 0 && send_message(ends.producer, sent, max_frame);
             --burst) {
          ++sent;
        }
        this->read_all(ends.reader, received, max_frame, random() % 20);
      }
      this->read_all(ends.reader, received, max_frame);
      ASSERT_EQ(received, sent);
      ASSERT_EQ(ends.reader.sequence(), ends.producer.sequence());
      ASSERT_FALSE(ends.reader.corrupt());
    }
  }
}

TYPED_TEST_P(ByteRingConformance, MessagesThatLookLikeFramesAreNeverTakenForOnes) {
  // Every word of every message is the word of a message of no bytes at the place where it lies,
  // one lap later: what a reader would follow if it met one.
  constexpr std::size_t kCapacity = 256;
  constexpr std::size_t kMaxFrame = 120;
  const std::size_t lap = kCapacity + frame_bytes(kMaxFrame);
  ByteEnds<TypeParam> ends({.capacity = kCapacity, .max_frame = kMaxFrame});
  std::mt19937_64 random(1);
  std::deque<std::vector<std::byte>> there;
  for (int round = 0; round < 20'000; ++round) {
    auto claim = ends.producer.try_claim(random() % (kMaxFrame + 1));
    if (claim) {
      const auto bytes = claim.bytes();
      const Sequence position = ends.producer.sequence();
      for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
        const std::uint64_t word = FrameWord::message(position + kFrameHeader + at + lap, 0);
        std::memcpy(bytes.data() + at, &word, 8);
      }
      there.emplace_back(bytes.begin(), bytes.end());
      if (random() % 4 != 0) {
        claim.commit();
      } else {
        there.pop_back();  // abandoned: its bytes stay behind
      }
    }
    if (claim && random() % 2 == 0) continue;
    ends.reader.drain(
        [&](std::span<const std::byte> bytes) {
          ASSERT_FALSE(there.empty()) << "a message that nobody sent";
          ASSERT_TRUE(std::ranges::equal(bytes, there.front()));
          there.pop_front();
        },
        random() % 4);
    ASSERT_FALSE(ends.reader.corrupt());
  }
}

TYPED_TEST_P(ByteRingConformance, ClaimMayBeCommittedShorterThanItWas) {
  ByteEnds<TypeParam> ends({.capacity = 512, .max_frame = 200});
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  for (int round = 0; round < 500; ++round) {
    std::size_t cost = 0;
    while (cost + frame_bytes(200) <= 512) {
      const std::size_t size = size_of_message(sent, 200);
      auto claim = ends.producer.try_claim(200);
      ASSERT_TRUE(claim) << "what was not committed is free";
      std::memset(claim.bytes().data(), 0xFF, 200);
      write_message(sent, claim.bytes().first(size));
      claim.commit(size);
      cost += frame_bytes(size);
      ++sent;
    }
    this->read_all(ends.reader, received, 200);
    ASSERT_EQ(received, sent);
  }
}

TYPED_TEST_P(ByteRingConformance, AbandonedClaimIsNeverDeliveredAndCostsNothing) {
  for (const ByteSizes& sizes : kByteSizes) {
    const std::size_t capacity = sizes.capacity;
    const std::size_t max_frame = sizes.max_frame;
    ByteEnds<TypeParam> ends({.capacity = capacity, .max_frame = max_frame});
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (int round = 0; round < 200; ++round) {
      for (int i = 0; i < 3; ++i) {
        auto claim = ends.producer.try_claim(max_frame);
        ASSERT_TRUE(claim);
        std::memset(claim.bytes().data(), 0xFF, max_frame);
        auto moved = std::move(claim);
        ASSERT_FALSE(claim);  // NOLINT(bugprone-use-after-move): that it is empty is the point
        ASSERT_TRUE(moved);
      }
      ASSERT_FALSE(ends.reader.has_news());
      ASSERT_TRUE(send_message(ends.producer, sent++, max_frame));
      ASSERT_EQ(
          ends.reader.drain(
              [&](std::span<const std::byte> bytes) {
                ASSERT_TRUE(is_message(received, size_of_message(received, max_frame), bytes));
              },
              kAllMessages),
          1u);
      ++received;
    }
  }
}

TYPED_TEST_P(ByteRingConformance, LargerMessagesThanTheLargestAreRefused) {
  ByteEnds<TypeParam> ends({.capacity = 128, .max_frame = 40});
  std::vector<std::byte> large(41);
  for (const std::size_t size : {std::size_t{41}, std::size_t{1} << 30, kAllMessages}) {
    EXPECT_FALSE(ends.producer.try_claim(size));
  }
  EXPECT_FALSE(ends.producer.try_push(large));
  EXPECT_TRUE(ends.producer.try_push(std::span(large).first(40)));
  EXPECT_TRUE(ends.producer.try_push({}));
  std::vector<std::size_t> sizes;
  ends.reader.drain([&](std::span<const std::byte> bytes) { sizes.push_back(bytes.size()); },
                    kAllMessages);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{40, 0}));
}

TYPED_TEST_P(ByteRingConformance, MessageThatIsLargerThanTheBufferStays) {
  ByteEnds<TypeParam> ends({.capacity = 128, .max_frame = 40});
  std::array<std::byte, 40> buffer{};
  ASSERT_TRUE(ends.producer.try_push(std::span(buffer).first(24)));
  for (const std::size_t size : {std::size_t{0}, std::size_t{23}}) {
    const auto refused = ends.reader.try_read(std::span(buffer).first(size));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), ReadError::kBufferTooSmall);
  }
  ASSERT_TRUE(ends.reader.has_news());
  EXPECT_EQ(ends.reader.next_size(), 24u);
  EXPECT_EQ(ends.reader.try_read(std::span(buffer).first(24)).value(), 24u);
  EXPECT_EQ(ends.reader.try_read(buffer).error(), ReadError::kEmpty);
}

TYPED_TEST_P(ByteRingConformance, DrainStopsAtItsLimitAndWhenTheHandlerHasEnough) {
  ByteEnds<TypeParam> ends({.capacity = 400, .max_frame = 16});
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  for (std::size_t limit = 0; limit < 12; ++limit) {
    while (sent - received < 12) ASSERT_TRUE(send_message(ends.producer, sent++, 16));
    const auto see = [&](std::span<const std::byte> bytes) {
      EXPECT_TRUE(is_message(received, size_of_message(received, 16), bytes));
      ++received;
    };
    ASSERT_EQ(ends.reader.drain(see, limit), limit);
    const std::uint64_t before = received;
    const auto until_third = [&](std::span<const std::byte> bytes) {
      see(bytes);
      return received < before + 3;
    };
    ASSERT_EQ(ends.reader.drain(until_third, kAllMessages),
              std::min<std::uint64_t>(sent - before, 3));
    while (sent - received < 12) ASSERT_TRUE(send_message(ends.producer, sent++, 16));
  }
}

TYPED_TEST_P(ByteRingConformance, HandlerThatThrowsLosesItsMessageAlone) {
#if defined(__cpp_exceptions)
  ByteEnds<TypeParam> ends({.capacity = 400, .max_frame = 16});
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  for (std::uint64_t bad = 0; bad < 12; ++bad) {
    while (sent - received < 12) ASSERT_TRUE(send_message(ends.producer, sent++, 16));
    const std::uint64_t first = received;
    const auto handler = [&](std::span<const std::byte> bytes) {
      EXPECT_TRUE(is_message(received, size_of_message(received, 16), bytes));
      if (received++ == first + bad) throw std::runtime_error("bad message");
    };
    ASSERT_THROW(ends.reader.drain(handler, kAllMessages), std::runtime_error);
    ASSERT_EQ(received, first + bad + 1);
    ASSERT_EQ(ends.reader.drain(handler, kAllMessages), 12 - bad - 1);
  }
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

TYPED_TEST_P(ByteRingConformance, SizeIsExactWhenNobodyIsAtWork) {
  ByteEnds<TypeParam> ends({.capacity = 400, .max_frame = 16, .start = ~Sequence{0} - 63});
  const std::vector<std::byte> message(10);
  for (int lap = 0; lap < 5; ++lap) {
    for (std::size_t i = 0; i < 5; ++i) {
      ASSERT_GE(ends.reader.size_approx(), i * frame_bytes(10));
      ASSERT_LE(ends.reader.size_approx(), i * frame_bytes(10) + frame_bytes(16));  // a padding
      ASSERT_TRUE(ends.producer.try_push(message));
    }
    ends.reader.drain([](std::span<const std::byte>) {}, kAllMessages);
    ASSERT_EQ(ends.reader.size_approx(), 0u);
  }
}

TYPED_TEST_P(ByteRingConformance, ImpossibleSizesAreRefusedWithAReason) {
  constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(this->refusal({.capacity = 0, .max_frame = 8}), SetupError::kZeroCapacity);
  EXPECT_EQ(this->refusal({.capacity = 64, .max_frame = 0}), SetupError::kZeroFrame);
  EXPECT_EQ(this->refusal({.capacity = 64, .max_frame = 57}), SetupError::kFrameTooLarge);
  EXPECT_EQ(this->refusal({.capacity = 64, .max_frame = 56}), std::nullopt);
  EXPECT_EQ(this->refusal({.capacity = 8, .max_frame = 1}), SetupError::kFrameTooLarge);
  for (const std::size_t capacity : {kMax, kMax - 7, kMax / 2, kMax / 4 + 1}) {
    EXPECT_EQ(this->refusal({.capacity = capacity, .max_frame = 8}), SetupError::kCapacityTooLarge);
    EXPECT_EQ(this->refusal({.capacity = capacity, .max_frame = capacity}),
              SetupError::kFrameTooLarge);
  }
  EXPECT_EQ(this->refusal({.capacity = std::size_t{1} << 40, .max_frame = std::size_t{1} << 30}),
            SetupError::kFrameTooLarge);
  for (const auto error : {SetupError::kZeroFrame, SetupError::kFrameTooLarge}) {
    EXPECT_GT(std::strlen(describe(error)), 20u);
  }
  std::set<std::string> sentences;
  for (const auto error : {ReadError::kEmpty, ReadError::kBufferTooSmall, ReadError::kCorrupt}) {
    sentences.insert(describe(error));
  }
  EXPECT_EQ(sentences.size(), 3u);
}

TYPED_TEST_P(ByteRingConformance, ExclusiveRolesAreGivenOnceAndTheNextHandleGoesOn) {
  auto ring =
      TestFixture::Ring::create({.capacity = 200, .max_frame = 40, .start = ~Sequence{0} - 99})
          .value();
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::optional keeper{TypeParam::reader(ring).value()};
  for (int round = 0; round < 100; ++round) {
    auto producer = ring.producer().value();
    EXPECT_EQ(ring.producer().error(), SetupError::kRoleTaken);
    auto moved = std::move(producer);
    EXPECT_EQ(ring.producer().error(), SetupError::kRoleTaken);
    while (send_message(moved, sent, 40)) ++sent;
    { const auto abandoned = moved.try_claim(1); }
    this->read_all(*keeper, received, 40, 2);
    if (!TypeParam::kExclusiveReader) continue;
    EXPECT_FALSE(TypeParam::reader(ring).has_value());
    if (round % 2 == 0) (void)keeper->has_news();  // has looked behind a padding
    keeper.reset();
    keeper.emplace(TypeParam::reader(ring).value());
  }
  this->read_all(*keeper, received, 40);
  EXPECT_EQ(received, sent);
}

TYPED_TEST_P(ByteRingConformance, SecondViewSeesTheSameRing) {
  const typename TestFixture::Options options{.capacity = 200, .max_frame = 40, .start = 4096};
  GuardedMemory memory(TestFixture::Ring::footprint(options).value());
  auto one = TestFixture::Ring::format(memory.span(), options).value();
  auto other = TestFixture::Ring::join(memory.span()).value();
  EXPECT_EQ(other.capacity(), 200u);
  EXPECT_EQ(other.max_frame(), 40u);
  auto producer = other.producer().value();
  EXPECT_FALSE(one.producer().has_value());
  auto reader = TypeParam::reader(one).value();
  std::uint64_t received = 0;
  for (std::uint64_t sent = 0; sent < 100; ++sent) {
    ASSERT_TRUE(send_message(producer, sent, 40));
    this->read_all(reader, received, 40);
    ASSERT_EQ(received, sent + 1);
  }
  EXPECT_TRUE(memory.guards_are_whole());
}

TYPED_TEST_P(ByteRingConformance, JoinRefusesWhatIsNotThisRing) {
  using Joined = typename TestFixture::Ring;
  const typename TestFixture::Options options{.capacity = 200, .max_frame = 40};
  const std::size_t bytes = Joined::footprint(options).value();
  GuardedMemory memory(bytes);
  const auto reason = [&](std::size_t size) {
    return Joined::join(memory.span().first(size)).error();
  };
  const auto format = [&] { (void)Joined::format(memory.span(), options).value(); };
  EXPECT_EQ(reason(bytes), SetupError::kNotARing);
  EXPECT_EQ(Joined::format(memory.span().first(bytes - 1), options).error(),
            SetupError::kMemoryTooSmall);
  EXPECT_EQ(Joined::format(memory.span().subspan(8), options).error(), SetupError::kMemoryTooSmall);
  format();
  ASSERT_TRUE(Joined::join(memory.span()).has_value());
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, sizeof(RingHeader), bytes - 1}) {
    EXPECT_EQ(reason(size), SetupError::kMemoryTooSmall) << size;
  }
  auto* header = reinterpret_cast<ByteHeader*>(memory.span().data());
  const auto with = [&](auto&& change) {
    format();
    change(*header);
    auto joined = Joined::join(memory.span());
    EXPECT_FALSE(joined.has_value());
    return joined ? std::optional<SetupError>() : joined.error();
  };
  EXPECT_EQ(with([](ByteHeader& h) { h.ring.magic = 1; }), SetupError::kNotARing);
  EXPECT_EQ(with([](ByteHeader& h) { ++h.ring.layout_version; }), SetupError::kOtherVersion);
  EXPECT_EQ(with([](ByteHeader& h) { h.ring.kind = RingKind::kSpsc; }), SetupError::kOtherKind);
  EXPECT_EQ(with([](ByteHeader& h) { h.ring.element_size = 8; }), SetupError::kOtherElement);
  // Any one word of the shape changed: it no longer holds together, and nothing is believed.
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{48}, std::uint64_t{1} << 31,
        std::uint64_t{1} << 61, ~std::uint64_t{0}, ~std::uint64_t{7}}) {
    EXPECT_EQ(with([&](ByteHeader& h) { h.ring.capacity = wrong; }), SetupError::kCorruptHeader);
    EXPECT_EQ(with([&](ByteHeader& h) { h.max_frame = wrong; }), SetupError::kCorruptHeader);
    EXPECT_EQ(with([&](ByteHeader& h) { h.ring.blocks = wrong; }), SetupError::kCorruptHeader);
    const auto of_bytes = with([&](ByteHeader& h) { h.ring.bytes = wrong; });
    EXPECT_TRUE(of_bytes == SetupError::kCorruptHeader || of_bytes == SetupError::kMemoryTooSmall);
  }
  EXPECT_EQ(with([&](ByteHeader& h) { h.ring.start = 3; }), SetupError::kCorruptHeader);
  // A larger shape that does hold together, in memory that is too small for it.
  EXPECT_EQ(with([&](ByteHeader& h) {
              h.ring.capacity += 64;
              h.ring.blocks += 8;
              h.ring.bytes += 64;
            }),
            SetupError::kMemoryTooSmall);
  EXPECT_TRUE(memory.guards_are_whole());
}

TYPED_TEST_P(ByteRingConformance, NothingThatLiesThereIsBelievedUnchecked) {
  // Any word in place of a frame's: the reader says corrupt, or reads a message that lies inside.
  const typename TestFixture::Options options{.capacity = 200, .max_frame = 40};
  const std::size_t bytes = TestFixture::Ring::footprint(options).value();
  std::mt19937_64 random(7);
  std::size_t corrupt = 0;
  for (int round = 0; round < 3000; ++round) {
    GuardedMemory memory(bytes);
    ByteEnds<TypeParam> ends(TestFixture::Ring::format(memory.span(), options).value());
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (std::uint64_t i = random() % 20; i > 0; --i) {
      ASSERT_TRUE(send_message(ends.producer, sent++, 40));
      this->read_all(ends.reader, received, 40);
    }
    const std::size_t frames = bytes - (200 + frame_bytes(40));
    const Sequence position = ends.reader.sequence();
    const std::size_t offset = frames + static_cast<std::size_t>(position % (bytes - frames));
    const std::size_t rest = bytes - offset;
    std::uint64_t word = random();
    switch (random() % 6) {
      case 0: break;
      case 1: word = FrameWord::message(position, random() % 300); break;
      case 2: word = FrameWord::message(position, random() & kLargestFrame); break;
      case 3: word = FrameWord::padding(position, 8 * (1 + random() % 40)); break;
      case 4: word = FrameWord::padding(position, rest); break;
      default: word = FrameWord::message(position + 8 * (random() % 4), 8); break;
    }
    std::memcpy(memory.span().data() + offset, &word, 8);
    std::size_t read = 0;
    while (ends.reader.drain(
               [&](std::span<const std::byte> message) {
                 ASSERT_LE(message.size(), 40u);
                 ASSERT_GE(message.data(), memory.span().data() + frames);
                 ASSERT_LE(message.data() + message.size(), memory.span().data() + bytes);
               },
               kAllMessages) != 0) {
      ASSERT_LE(++read, bytes);
    }
    if (ends.reader.corrupt()) {
      ++corrupt;
      std::array<std::byte, 40> buffer{};
      EXPECT_EQ(ends.reader.try_read(buffer).error(), ReadError::kCorrupt);
      word = FrameWord::message(ends.reader.sequence(), 0);  // too late
      std::memcpy(memory.span().data() + offset, &word, 8);
      EXPECT_FALSE(ends.reader.has_news());
      EXPECT_TRUE(ends.reader.corrupt());
    }
  }
  EXPECT_GT(corrupt, 1500u);
}

REGISTER_TYPED_TEST_SUITE_P(
    ByteRingConformance, CarriesMessagesOfEverySizeInOrderAndInPlace,
    MessagesThatCostTheCapacityAlwaysFit, KeepsOrderAcrossEveryWrapOfTheCounters,
    MessagesThatLookLikeFramesAreNeverTakenForOnes, ClaimMayBeCommittedShorterThanItWas,
    AbandonedClaimIsNeverDeliveredAndCostsNothing, LargerMessagesThanTheLargestAreRefused,
    MessageThatIsLargerThanTheBufferStays, DrainStopsAtItsLimitAndWhenTheHandlerHasEnough,
    HandlerThatThrowsLosesItsMessageAlone, SizeIsExactWhenNobodyIsAtWork,
    ImpossibleSizesAreRefusedWithAReason, ExclusiveRolesAreGivenOnceAndTheNextHandleGoesOn,
    SecondViewSeesTheSameRing, JoinRefusesWhatIsNotThisRing,
    NothingThatLiesThereIsBelievedUnchecked);

}  // namespace ringway::test
