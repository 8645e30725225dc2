// SPDX-License-Identifier: Apache-2.0
/// \file
/// What a dead participant leaves in the directory, without processes: those are in tests/shm.
#include "ringway/bus/clean_up.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bus_support.hpp"
#include "ringway/bus/directory.hpp"
#include "ringway/bus/home.hpp"
#include "ringway/ring/broadcast_ring.hpp"

namespace ringway {
namespace {

struct Item {
  std::uint64_t number;
};
using Table = Directory<NativeMemory>;
using Ring = BroadcastRing<Item>;

/// Participants 0 to 2, each with an endpoint, a subscription, and a topic that all three read.
class CleanUpTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kDead = 1;
  static constexpr DirectorySizes kSizes{
      .topics = 8, .subscriptions = 8, .endpoints = 4, .lanes = 8, .participants = 3, .types = 4};

  CleanUpTest() : home_(value_or_stop(HeapHome::create({.bytes = std::size_t{8} << 20}))) {
    EXPECT_TRUE(Table::format(home_.block(), kSizes).ok());
    table_.emplace(value_or_stop(Table::join(home_.block())));
    for (std::uint32_t p = 0; p < 3; ++p) {
      endpoints_.push_back(*table().new_endpoint(p));
      topics_.push_back(*table().declare("a." + std::to_string(p), kind_));
      subscriptions_.push_back(*table().new_subscription("a.>", kind_, endpoints_[p], false));
    }
    for (std::uint32_t p = 0; p < 3; ++p) lanes_.push_back(lane_of(p));
  }

  [[nodiscard]] Table& table() { return *table_; }
  [[nodiscard]] LaneRecord<NativeMemory>& lane(std::uint32_t p) { return table().lane(lanes_[p]); }
  [[nodiscard]] CleanUp<NativeMemory> clean_up() { return CleanUp<NativeMemory>(table()); }
  [[nodiscard]] Ring::Producer& producer(std::uint32_t p) { return *producers_[p]; }

  /// Publishes until the ring is full. \return how many went in
  [[nodiscard]] static std::uint64_t fill(Ring::Producer& producer) {
    std::uint64_t sent = 0;
    while (sent < 1000 && producer.try_push(Item{sent})) ++sent;
    return sent;
  }
  void read_all(std::uint32_t reader, std::uint32_t publisher) {
    readers_[3 * publisher + reader]->drain([](const Item&) {}, 1000);
  }
  [[nodiscard]] bool is_free(std::uint32_t endpoint) {
    return table().endpoint(endpoint).used == 0;
  }

  const NameKind kind_{type_identity<Item>()};
  HeapHome home_;
  std::optional<Table> table_;
  std::vector<std::uint32_t> endpoints_, topics_, subscriptions_, lanes_;
  std::vector<std::unique_ptr<Ring>> rings_;
  std::vector<std::unique_ptr<Ring::Producer>> producers_;
  std::vector<std::unique_ptr<Ring::Cursor>> readers_;  // by publisher, then by reader

 private:
  std::uint32_t lane_of(std::uint32_t p) {
    const auto bytes = *Ring::footprint({.capacity = 16});
    const auto index = *table().new_lane(LaneKind::kTopic, topics_[p], false, bytes, p);
    auto ring = Ring::format(table().ring_memory(table().lane(index)), {.capacity = 16});
    ring->hold_elements(false);
    rings_.push_back(std::make_unique<Ring>(*std::move(ring)));
    producers_.push_back(std::make_unique<Ring::Producer>(*rings_.back()->producer()));
    table().hold(index, p);
    for (std::uint32_t reader = 0; reader < 3; ++reader) {
      auto cursor = rings_.back()->adopt_cursor(*rings_.back()->reserve_cursor());
      cursor.set_address(endpoints_[reader]);
      readers_.push_back(std::make_unique<Ring::Cursor>(std::move(cursor)));
      table().hold(index, reader);
    }
    return index;
  }
};

TEST_F(CleanUpTest, DeadReaderHoldsNobodyBackAndTheLivingStillDo) {
  EXPECT_EQ(fill(producer(0)), 16U);
  read_all(0, 0);
  read_all(2, 0);
  EXPECT_EQ(fill(producer(0)), 0U) << "the dead one has read nothing";
  clean_up().bury(kDead);
  EXPECT_EQ(fill(producer(0)), 16U);
  EXPECT_EQ(fill(producer(0)), 0U) << "the living have read nothing since";
}

TEST_F(CleanUpTest, DeadPublishersLaneIsLeftAndStaysForItsReaders) {
  EXPECT_TRUE(producer(kDead).try_push(Item{7}));
  clean_up().bury(kDead);
  EXPECT_TRUE(lane(kDead).left() && lane(kDead).closed());
  EXPECT_TRUE(table().is_held(lanes_[kDead]));
  EXPECT_EQ(readers_[3 * kDead + 0]->try_read()->number, 7U);
  EXPECT_EQ(readers_[3 * kDead + 2]->try_read()->number, 7U);
  for (const std::uint32_t alive : {0U, 2U}) EXPECT_FALSE(lane(alive).closed());
}

TEST_F(CleanUpTest, ReadersOfADeadPublisherAreSignalled) {
  clean_up().bury(kDead);
  for (const std::uint32_t alive : {0U, 2U}) {
    std::vector<std::size_t> ready;
    table().endpoint(endpoints_[alive]).ready.take([&ready](std::size_t number) {
      ready.push_back(number);
    });
    EXPECT_EQ(ready, std::vector<std::size_t>{lanes_[kDead]}) << alive;
  }
}

TEST_F(CleanUpTest, RecordsOfTheDeadComeFreeAndTheOthersStay) {
  clean_up().bury(kDead);
  for (std::uint32_t p = 0; p < 3; ++p) {
    EXPECT_EQ(is_free(endpoints_[p]), p == kDead) << p;
    EXPECT_EQ(table().subscription(subscriptions_[p]).used == 0, p == kDead) << p;
    EXPECT_EQ(table().lane(lanes_[p]).used, 1U) << p;
  }
  EXPECT_EQ(*table().new_endpoint(2), endpoints_[kDead]);
}

TEST_F(CleanUpTest, LaneGoesWithTheLastWhoHoldsIt) {
  for (const std::uint32_t p : {0U, 1U}) {
    clean_up().bury(p);
    EXPECT_EQ(table().lane(lanes_[0]).used, 1U) << p;
  }
  clean_up().bury(2);
  for (std::uint32_t p = 0; p < 3; ++p) {
    EXPECT_EQ(table().lane(lanes_[p]).used, 0U) << p;
    EXPECT_TRUE(is_free(endpoints_[p])) << p;
  }
}

// Whoever cleans up may die, too: the next one begins again.
TEST_F(CleanUpTest, DoneTwiceIsDoneOnce) {
  for (int i = 0; i < 2; ++i) {
    clean_up().bury(kDead);
    clean_up().repair();
    EXPECT_EQ(table().subscription(subscriptions_[0]).used, 1U);
    EXPECT_FALSE(is_free(endpoints_[0]));
    EXPECT_TRUE(table().is_held(lanes_[0]) && table().is_held(lanes_[kDead]));
    EXPECT_FALSE(lane(0).closed());
  }
}

// A place that was taken, whose taker did not live to say for whom.
TEST_F(CleanUpTest, RepairFreesPlacesOfNobodyAndNoOthers) {
  const auto nobody = rings_[0]->reserve_cursor();
  ASSERT_TRUE(nobody.has_value());
  EXPECT_EQ(fill(producer(0)), 16U);
  for (std::uint32_t reader = 0; reader < 3; ++reader) read_all(reader, 0);
  EXPECT_EQ(fill(producer(0)), 0U);
  clean_up().repair();
  EXPECT_EQ(fill(producer(0)), 16U);
  EXPECT_EQ(fill(producer(0)), 0U);
}

TEST_F(CleanUpTest, AfterAForkEverythingOfTheChildIsClosed) {
  clean_up().close();
  for (std::uint32_t p = 0; p < 3; ++p) {
    EXPECT_TRUE(lane(p).closed()) << p;
    EXPECT_FALSE(lane(p).left()) << p;
  }
}

}  // namespace
}  // namespace ringway
