// SPDX-License-Identifier: Apache-2.0
#include "ringway/bus/byte_lane.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace ringway {
namespace {

using Rings = LaneRings<Bytes, NativeMemory>;

// Observers are promised what lies further back.
TEST(ByteLane, DroppedClaimWritesNoFurtherThanItsLength) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  ByteLaneOptions options;
  options.largest = 100;
  options.capacity = 500;
  const auto ring_options = Rings::ring_options(options, Sequence{0} - 1000);
  std::vector<std::byte> memory(Rings::Reliable::footprint(ring_options).value() +
                                Rings::Reliable::kAlign);
  void* aligned = memory.data();
  auto room = memory.size();
  ASSERT_NE(std::align(Rings::Reliable::kAlign, room - Rings::Reliable::kAlign, aligned, room),
            nullptr);
  auto ring =
      Rings::Reliable::format({static_cast<std::byte*>(aligned), room}, ring_options).value();
  auto producer = ring.producer().value();
  const auto start = producer.sequence();
  const auto largest = ring_options.max_frame;
  const auto lap = round_up(options.capacity, kFrameAlign) + frame_bytes(largest);
  auto* const frames =
      static_cast<std::byte*>(aligned) + (Rings::Reliable::footprint(ring_options).value() - lap);
  std::size_t furthest = 0;
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(producer.try_push(std::vector<std::byte>(random() % (largest + 1))));
    const std::vector<std::byte> before(frames, frames + lap);
    auto claim = producer.try_claim(largest);
    ASSERT_TRUE(claim);
    for (auto& byte : claim.bytes()) byte ^= std::byte{0xff};
    const auto own = static_cast<std::size_t>((producer.sequence() - start) % lap);
    { const auto dropped = std::move(claim); }
    for (std::size_t at = 0; at < lap; ++at) {
      if (before[at] != frames[at]) furthest = std::max(furthest, (at + lap - own) % lap + 1);
    }
  }
  EXPECT_LE(furthest, Rings::longest_claim(options));
  EXPECT_GT(furthest, frame_bytes(largest)) << "with padding before it, at times";
}

TEST(ByteLane, NumberIsInFrontOfTheMessage) {
  std::vector<std::byte> frame(kByteMessageHeader + 3, std::byte{7});
  write_number(frame, 0x0123'4567'89ab'cdefU);
  EXPECT_EQ(number_in(frame), 0x0123'4567'89ab'cdefU);
  EXPECT_EQ(frame.back(), std::byte{7});
}

TEST(ByteLane, LargestMessageHasRoomWhateverItCosts) {
  for (const std::size_t largest : {1U, 7U, 8U, 9U, 1000U}) {
    ByteTopic topic{"blobs", {.capacity = byte_message_cost(largest)}};
    topic.options.largest = largest;
    ASSERT_TRUE(check_byte_options(topic).ok()) << largest;
    auto ring =
        Rings::Reliable::create(Rings::ring_options(lane_options(topic.options), 0)).value();
    auto cursor = ring.cursor().value();
    auto producer = ring.producer().value();
    EXPECT_TRUE(producer.try_push(std::vector<std::byte>(kByteMessageHeader + largest)));
    EXPECT_FALSE(producer.try_push(std::vector<std::byte>(kByteMessageHeader + largest + 1)));
    --topic.options.capacity;
    const auto refused = check_byte_options(topic);
    EXPECT_NE(refused.message().find("byte_message_cost(largest)"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace ringway
