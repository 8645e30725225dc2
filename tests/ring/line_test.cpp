// SPDX-License-Identifier: Apache-2.0
#include "ringway/ring/line.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "tests/ring/processor_kinds.hpp"

namespace ringway {
using test::AskedAhead;
using test::StreamsAlone;
namespace {

template <std::size_t kSize, std::size_t kAlignment = 1>
struct alignas(kAlignment) Bytes {
  std::byte bytes[kSize];
};

template <class T>
using LineOf = Line<Slot<T>, NativeMemory>;

TEST(Line, HoldsAsManyElementsAsFitBesideItsWord) {
  EXPECT_EQ(LineOf<std::uint64_t>::kItems, 7U);
  EXPECT_EQ(LineOf<std::uint32_t>::kItems, 14U);
  EXPECT_EQ(LineOf<char>::kItems, 56U);
  EXPECT_EQ((LineOf<Bytes<28>>::kItems), 2U);
  EXPECT_EQ((LineOf<Bytes<56>>::kItems), 1U);
}

TEST(Line, HoldsSeveralMediumElementsBehindItsWord) {
  EXPECT_EQ((LineOf<Bytes<57>>::kItems), 7U);
  EXPECT_EQ((LineOf<Bytes<64>>::kItems), 7U);
  EXPECT_EQ((LineOf<Bytes<512>>::kItems), 7U);
  EXPECT_EQ((LineOf<Bytes<520>>::kItems), 1U);
  EXPECT_EQ(sizeof(LineOf<Bytes<64>>), 8 * kCacheLine);
}

TEST(Line, HoldsAsManyMediumElementsAsItsRingWants) {
  using Many = Line<Slot<Bytes<64>>, NativeMemory, 31>;
  EXPECT_EQ(Many::kItems, 31U);
  EXPECT_EQ(sizeof(Many), 32 * kCacheLine);
  EXPECT_EQ((Line<Slot<std::uint64_t>, NativeMemory, 31>::kItems), 7U) << "small";
  EXPECT_EQ((Line<Slot<Bytes<520>>, NativeMemory, 31>::kItems), 1U) << "large";
}

TEST(Line, SharedLinesAreExactlyACacheLine) {
  EXPECT_EQ(sizeof(LineOf<std::uint64_t>), kCacheLine);
  EXPECT_EQ(alignof(LineOf<std::uint64_t>), kCacheLine);
  EXPECT_EQ(sizeof(LineOf<Bytes<56>>), kCacheLine);
}

TEST(Line, LargeElementsAreAlignedAsTheyAsk) {
  EXPECT_EQ(alignof(LineOf<Bytes<64, 64>>), 64U);
  EXPECT_EQ(alignof(LineOf<Bytes<128, 128>>), 128U);
  EXPECT_EQ(alignof(LineOf<Bytes<64>>), kCacheLine);
  EXPECT_EQ(alignof(LineOf<Bytes<1024>>), kCacheLine);
  alignas(LineOf<Bytes<256>>) std::byte memory[sizeof(LineOf<Bytes<256>>)];
  auto* line = ::new (static_cast<void*>(memory)) LineOf<Bytes<256>>(0);
  EXPECT_EQ(reinterpret_cast<std::byte*>(line->begin()) - memory, std::ptrdiff_t{kCacheLine});
}

class LinesTest : public testing::TestWithParam<Sequence> {
 protected:
  using Element = std::uint64_t;
  using LinesType = Lines<Slot<Element>, NativeMemory>;
  static constexpr std::size_t kCount = 3;
  static constexpr std::size_t kSlots = kCount * LinesType::kItems;

  LinesTest()
      : memory_(static_cast<std::byte*>(
            ::operator new (kCount* kCacheLine, std::align_val_t{kCacheLine}))),
        lines_(memory_, kCount, GetParam()) {
    lines_.format();
  }
  ~LinesTest() override { ::operator delete (memory_, std::align_val_t{kCacheLine}); }

  std::byte* memory_;
  LinesType lines_;
};

TEST_P(LinesTest, FreshLinesHoldNothingForAnybody) {
  for (std::size_t i = 0; i < kSlots; ++i) {
    LineReader<Slot<Element>, NativeMemory> reader(lines_, GetParam() + i);
    EXPECT_FALSE(reader.open()) << "at slot " << i;
    EXPECT_EQ(reader.available(), 0U);
  }
}

TEST_P(LinesTest, PlacesGoRoundWithoutGaps) {
  for (std::size_t i = 0; i < 3 * kSlots; ++i) {
    EXPECT_EQ(lines_.slot_of(GetParam() + i), lines_.slot_of(GetParam() + i % kSlots));
    EXPECT_EQ(lines_.used_before(GetParam() + i), i >= kSlots);
  }
}

TEST_P(LinesTest, ReaderFindsWhatTheWriterPublishesAndNoMore) {
  std::atomic<Sequence> front{GetParam()};
  LineWriter<Slot<Element>, NativeMemory> writer(lines_, GetParam());
  LineReader<Slot<Element>, NativeMemory> reader(lines_, GetParam());
  for (Element i = 0; i < 10 * kSlots; ++i) {
    ASSERT_FALSE(reader.available() != 0 || reader.open()) << "nothing before publication " << i;
    if (writer.room() == 0) {
      ASSERT_TRUE(writer.open([&] { return reader.position() + kSlots; },
                              [&](auto*, Sequence position) { front.store(position); }));
    }
    writer.slot()->construct(i);
    writer.publish(1);
    EXPECT_EQ(lines_.head(front), writer.position());
    ASSERT_TRUE(reader.available() != 0 || reader.open());
    EXPECT_EQ(reader.slot()->get(), i);
    reader.advance();
    EXPECT_EQ(reader.position(), writer.position());
  }
}

TEST_P(LinesTest, WriterThatTakesOverEntersTheSameLinesAsOneThatGoesOn) {
  std::atomic<Sequence> front{GetParam()};
  Sequence position = GetParam();
  for (Element i = 0; i < 3 * kSlots; ++i) {  // a writer of its own for each element
    LineWriter<Slot<Element>, NativeMemory> writer(lines_, position);
    ASSERT_TRUE(writer.open([&] { return position + kSlots; },
                            [&](auto* line, Sequence entered) {
                              EXPECT_EQ(line, lines_.line_of(entered));
                              front.store(entered);
                            }));
    EXPECT_EQ(writer.slot(), lines_.slot_of(position));
    EXPECT_EQ(front.load(), GetParam() + i / LinesType::kItems * LinesType::kItems);
    writer.slot()->construct(i);
    writer.publish(1);
    position = writer.position();
    ASSERT_EQ(lines_.head(front), position);
  }
}

TEST_P(LinesTest, WriterStopsAtItsLimitEvenIfThatShrinks) {
  LineWriter<Slot<Element>, NativeMemory> writer(lines_, GetParam());
  const auto nothing = [](auto*, Sequence) {};
  ASSERT_TRUE(writer.open([&] { return GetParam() + 5; }, nothing));
  EXPECT_EQ(writer.room(), 5U);
  writer.slot()->construct(Element{1});
  writer.publish(1);
  writer.set_limit(GetParam() + 3);
  EXPECT_EQ(writer.room(), 2U);
  writer.set_limit(GetParam());  // a joiner's gate may lie behind the position
  EXPECT_EQ(writer.room(), 0U);
  EXPECT_FALSE(writer.open([&] { return GetParam(); }, nothing));
  EXPECT_TRUE(writer.open([&] { return GetParam() + 2; }, nothing));
  EXPECT_EQ(writer.room(), 1U);
}

TEST_P(LinesTest, OwningALineChangesNothingAlsoWhenItsWriterIsALapAhead) {
  LineWriter<Slot<Element>, NativeMemory> writer(lines_, GetParam());
  LineReader<Slot<Element>, NativeMemory> reader(lines_, GetParam());
  const auto write = [&](Sequence count) {
    for (Sequence i = 0; i < count; ++i) {
      ASSERT_TRUE(writer.open([&] { return GetParam() + 2 * kSlots; }, [](auto*, Sequence) {}));
      writer.slot()->construct(i);
      writer.publish(1);
    }
  };
  write(LinesType::kItems);
  ASSERT_TRUE(reader.open());
  for (std::size_t i = 1; i < LinesType::kItems; ++i) reader.advance();
  const auto published = [&] { return reader.line()->published.load(std::memory_order_relaxed); };
  reader.own_line();
  EXPECT_EQ(published(), GetParam() + LinesType::kItems);
  // a ring that is full to the brim uses the line again while its last element is still unread
  write(kSlots - LinesType::kItems + 1);
  ASSERT_EQ(published(), GetParam() + kSlots + 1);
  reader.own_line();
  EXPECT_EQ(published(), GetParam() + kSlots + 1);
}

TEST_P(LinesTest, ReaderThatSeeksFindsTheSameAsOneThatWalked) {
  LineWriter<Slot<Element>, NativeMemory> writer(lines_, GetParam());
  for (Element i = 0; i < kSlots; ++i) {
    if (writer.room() == 0) {
      ASSERT_TRUE(writer.open([&] { return GetParam() + kSlots; }, [](auto*, Sequence) {}));
    }
    writer.slot()->construct(i);
    writer.publish(1);
  }
  for (Element i = 0; i < kSlots; ++i) {
    LineReader<Slot<Element>, NativeMemory> reader(lines_, GetParam() + i);
    ASSERT_TRUE(reader.open());
    EXPECT_EQ(reader.slot()->get(), i);
    EXPECT_EQ(reader.line_end(), GetParam() + (i / LinesType::kItems + 1) * LinesType::kItems);
  }
}

INSTANTIATE_TEST_SUITE_P(Starts, LinesTest,
                         testing::Values(Sequence{0}, (Sequence{1} << 32) - 2,
                                         (Sequence{1} << 63) - 3, ~Sequence{0} - 4));

}  // namespace

/// A reader of lines of eight-byte elements, and a writer beside it, on one kind of processor.
template <class Memory>
class StreamedLine : public testing::Test {
 protected:
  using SlotType = Slot<std::uint64_t>;
  static constexpr std::size_t kLines = 3;

  StreamedLine()
      : lines_(memory_, kLines, 0), writer_((lines_.format(), lines_), 0), reader_(lines_, 0) {}

  void write(int count) {
    for (int i = 0; i < count; ++i) {
      if (writer_.room() == 0) {
        ASSERT_TRUE(
            writer_.open([&] { return reader_.position() + kLines * 7; }, [](auto*, Sequence) {}));
      }
      writer_.slot()->construct(writer_.position());
      writer_.publish(1);
    }
  }
  /// The positions at which the reader said that a streamed line ends.
  std::vector<Sequence> read(int count) {
    std::vector<Sequence> ends;
    for (int i = 0; i < count; ++i) {
      if (reader_.available() == 0 && !reader_.open()) break;
      if (reader_.ends_streamed_line()) ends.push_back(reader_.position());
      reader_.advance();
    }
    return ends;
  }

  alignas(kCacheLine) std::byte memory_[kLines * kCacheLine];
  Lines<SlotType, Memory> lines_;
  LineWriter<SlotType, Memory> writer_;
  LineReader<SlotType, Memory> reader_;
};
using BothProcessors = testing::Types<AskedAhead, StreamsAlone>;
TYPED_TEST_SUITE(StreamedLine, BothProcessors);

TYPED_TEST(StreamedLine, IsNotOneInWhichTheReaderWaited) {
  this->write(10);
  EXPECT_EQ(this->read(20), std::vector<Sequence>{});
  this->write(8);
  EXPECT_EQ(this->read(20), std::vector<Sequence>{}) << "it had to wait for the eleventh";
}

TYPED_TEST(StreamedLine, IsNoLoneMessage) {
  for (int i = 0; i < 20; ++i) {
    this->write(1);
    EXPECT_EQ(this->read(2), std::vector<Sequence>{}) << i;
  }
}

using StreamedLineAskedAhead = StreamedLine<AskedAhead>;
TEST_F(StreamedLineAskedAhead, EndsWhereTheReaderNeverWaited) {
  write(20);
  EXPECT_EQ(read(20), (std::vector<Sequence>{13}));  // the first line was not entered
}

// A reader that its writer never keeps waiting is the slower of the two: it has no time to give.
using StreamedLineAlone = StreamedLine<StreamsAlone>;
TEST_F(StreamedLineAlone, EndsWhereTheReaderWaitedAWhileAgo) {
  constexpr Sequence kHelp = 128 * 7;
  for (int round = 0; round < 2; ++round) {
    const Sequence begin = reader_.position();
    ASSERT_EQ(read(1), std::vector<Sequence>{}) << "it waits";
    std::vector<Sequence> ends;
    while (reader_.position() < begin + 2 * kHelp) {
      write(7);
      for (const Sequence end : read(7)) ends.push_back(end);
    }
    ASSERT_EQ(ends.size(), 127U) << "not the line in which it waited";
    for (std::size_t i = 0; i < ends.size(); ++i) EXPECT_EQ(ends[i], begin + 7 * (i + 1) + 6);
  }
}

TEST_F(StreamedLineAlone, EndsNowhereForAReaderThatNeverWaited) {
  for (int line = 0; line < 300; ++line) {
    write(7);
    ASSERT_EQ(read(7), std::vector<Sequence>{}) << line;
  }
}

TEST(Slot, OwningItsLinesLeavesItsBytes) {
  const auto check = []<std::size_t kSize>(std::integral_constant<std::size_t, kSize>) {
    Slot<std::array<unsigned char, kSize>> slot;
    auto* bytes = slot.construct();
    for (std::size_t i = 0; i < kSize; ++i) (*bytes)[i] = static_cast<unsigned char>(i * 7 + 1);
    slot.own_lines();
    for (std::size_t i = 0; i < kSize; ++i) {
      ASSERT_EQ((*bytes)[i], static_cast<unsigned char>(i * 7 + 1)) << kSize << " bytes, at " << i;
    }
  };
  check(std::integral_constant<std::size_t, 1>{});
  check(std::integral_constant<std::size_t, 8>{});
  check(std::integral_constant<std::size_t, 64>{});
  check(std::integral_constant<std::size_t, 200>{});
}

}  // namespace ringway
