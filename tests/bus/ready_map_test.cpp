// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "bus_support.hpp"
#include "ringway/bus/ready_map.hpp"

namespace ringway {
namespace {

using Map = ReadyMap<>;

TEST(ReadyMap, EmptyOneHasNothing) {
  auto map = std::make_unique<Map>();
  EXPECT_FALSE(map->any());
  EXPECT_EQ(map->take([](std::size_t) { FAIL(); }), 0u);
}

TEST(ReadyMap, EveryBitIsTakenOnceAndThenGone) {
  auto map = std::make_unique<Map>();
  std::vector<std::size_t> bits{0, 1, 63, 64, 127, 4095, 4096, 4097, 8192, Map::kBits - 1};
  for (const auto bit : bits) {
    map->set(bit);
    map->set(bit);
  }
  EXPECT_TRUE(map->any());
  std::vector<std::size_t> taken;
  EXPECT_EQ(map->take([&](std::size_t bit) { taken.push_back(bit); }), bits.size());
  EXPECT_EQ(taken, bits);
  EXPECT_FALSE(map->any());
  EXPECT_EQ(map->take([&](std::size_t) { FAIL(); }), 0u);
}

TEST(ReadyMap, AllBitsAtOnce) {
  auto map = std::make_unique<Map>();
  for (std::size_t bit = 0; bit < Map::kBits; ++bit) map->set(bit);
  std::size_t next = 0;
  EXPECT_EQ(map->take([&](std::size_t bit) { EXPECT_EQ(bit, next++); }), Map::kBits);
}

TEST(ReadyMap, SettingDuringAVisitIsSeenLater) {
  auto map = std::make_unique<Map>();
  map->set(5);
  map->take([&](std::size_t) {
    map->set(5);
    map->set(6);
  });
  EXPECT_TRUE(map->any());
  std::set<std::size_t> taken;
  map->take([&](std::size_t bit) { taken.insert(bit); });
  EXPECT_EQ(taken, (std::set<std::size_t>{5, 6}));
}

// Each setter writes its number, sets its bit, and waits until the owner has read the number: no
// bit may be missed, and what was written before set() is seen by the visit.
TEST(ReadyMap, NoSetIsMissedAndWhatCameBeforeItIsSeen) {
  auto map = std::make_unique<Map>();
  constexpr std::size_t kSetters = 3;
  constexpr int kRounds = 3000;
  struct alignas(128) Place {
    int value = 0;
    std::atomic<int> seen{0};
  };
  std::vector<Place> places(kSetters);
  const std::size_t bits[kSetters] = {1, 2, 5000};
  std::vector<std::thread> setters;
  for (std::size_t i = 0; i < kSetters; ++i) {
    setters.emplace_back([&, i] {
      for (int round = 1; round <= kRounds; ++round) {
        places[i].value = round;
        map->set(bits[i]);
        while (places[i].seen.load() != round) std::this_thread::yield();
      }
    });
  }
  const auto look = [&] {
    map->take([&](std::size_t bit) {
      auto& place = places[bit == 1 ? 0 : bit == 2 ? 1 : 2];
      place.seen.store(place.value);
    });
    std::uint64_t done = 0;
    for (auto& place : places) done += static_cast<std::uint64_t>(place.seen.load());
    return done;
  };
  const bool all = test::reaches(look, kSetters * kRounds);
  EXPECT_TRUE(all);
  if (!all) std::_Exit(1);
  for (auto& setter : setters) setter.join();
}

}  // namespace
}  // namespace ringway
