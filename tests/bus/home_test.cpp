// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "bus_support.hpp"
#include "ringway/bus/home.hpp"

namespace ringway {
namespace {

TEST(HeapHome, BlockIsZeroedAndAsLargeAsAsked) {
  auto home = HeapHome::create({.bytes = std::size_t{1} << 20});
  ASSERT_TRUE(home.ok());
  const auto block = home->block();
  EXPECT_EQ(block.size(), std::size_t{1} << 20);
  EXPECT_TRUE(
      std::all_of(block.begin(), block.end(), [](std::byte b) { return b == std::byte{}; }));
  block.back() = std::byte{1};
}

TEST(HeapHome, ImpossibleSizeIsRefusedWithAdvice) {
  auto home = HeapHome::create({.bytes = std::numeric_limits<std::size_t>::max() / 2});
  ASSERT_FALSE(home.ok());
  EXPECT_EQ(home.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(test::contains(test::message_of(home), "HeapHomeOptions"));
  EXPECT_FALSE(HeapHome::create({.bytes = 0}).ok());
}

TEST(HeapHome, MovesItsBlock) {
  auto home = HeapHome::create({.bytes = 1 << 16});
  ASSERT_TRUE(home.ok());
  auto* data = home->block().data();
  HeapHome moved(*std::move(home));
  EXPECT_EQ(moved.block().data(), data);
  moved.block()[0] = std::byte{1};
}

TEST(HeapHome, TooSmallABlockForABusIsAnError) {
  for (const std::size_t bytes : {std::size_t{4096}, std::size_t{1} << 20}) {
    auto home = HeapHome::create({.bytes = bytes});
    ASSERT_TRUE(home.ok());
    auto bus = Bus::make(*std::move(home));
    ASSERT_FALSE(bus.ok());
    EXPECT_TRUE(test::contains(test::message_of(bus), "at least"));
  }
}

TEST(HeapHome, BlockThatIsFullIsAnErrorAndWhatIsGivenBackIsUsable) {
  auto home = HeapHome::create({.bytes = std::size_t{64} << 20});
  ASSERT_TRUE(home.ok());
  auto bus = Bus::make(*std::move(home));
  ASSERT_TRUE(bus.ok()) << bus.status();
  const Topic<test::Number> topic{"big", {.capacity = std::size_t{1} << 21}};
  std::vector<Publisher<test::Number>> publishers;
  absl::Status status;
  while (publishers.size() < 100) {
    auto made = bus->try_publisher(topic);
    if (!made.ok()) {
      status = made.status();
      break;
    }
    publishers.push_back(*std::move(made));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(test::contains(std::string(status.message()), "capacity"));
  ASSERT_FALSE(publishers.empty());
  const auto lanes = bus->lanes();
  publishers.pop_back();
  EXPECT_EQ(bus->lanes(), lanes - 1);
  auto again = bus->try_publisher(topic);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->try_publish({1}), PublishStatus::kPublished);
}

}  // namespace
}  // namespace ringway
