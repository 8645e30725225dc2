// SPDX-License-Identifier: Apache-2.0
/// \file
/// Publishers, subscriptions and dispatchers that come and go at random; per-publisher order and
/// exactly-once for those who were there all the time, counted loss for nobody.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bus_support.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::eventually;

struct Item {
  std::uint32_t publisher;
  std::uint32_t number;
};
inline constexpr Topic<Item> kItems{"items.*", {.capacity = 32, .max_readers = 30}};

TEST(BusStress, ExactlyOnceInOrderWhileEverybodyElseComesAndGoes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr std::uint32_t kThreads = 2;
  constexpr std::uint32_t kLives = 60;  // publishers made by each thread
  constexpr std::uint32_t kItemsEach = 200;
  Bus bus;
  Dispatcher steady{bus};
  std::vector<std::uint32_t> next(kThreads * kLives, 0);
  std::atomic<std::uint64_t> wrong{0};
  auto witness = steady.subscribe(kItems, [&](const Item& item) {
    if (item.number != next[item.publisher]) wrong.fetch_add(1);
    next[item.publisher] = item.number + 1;
  });
  std::atomic<bool> over{false};
  std::vector<std::thread> publishing;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    publishing.emplace_back([&, t] {
      for (std::uint32_t life = 0; life < kLives; ++life) {
        const auto id = t * kLives + life;
        const auto name = "items." + std::to_string(id % 7);
        auto publisher = bus.publisher(kItems.named(name));
        for (std::uint32_t i = 0; i < kItemsEach; ++i) {
          if (publisher.publish({id, i}) != PublishStatus::kPublished) wrong.fetch_add(1);
        }
      }
    });
  }
  std::thread visiting([&] {
    std::mt19937 random(seed);
    while (!over.load()) {
      Dispatcher visitor{bus};
      // a visitor that begins in the middle must still see every publisher's items without a gap
      std::vector<std::int64_t> last(kThreads * kLives, -1);
      const auto check = [&last, &wrong](const Item& item) {
        auto& before = last[item.publisher];
        if (before != -1 && item.number != before + 1) wrong.fetch_add(1);
        before = item.number;
      };
      std::optional<Subscription> one = visitor.subscribe(kItems, check);
      std::optional<Subscription> other =
          visitor.subscribe(kItems.named("items.3"), [](const Item&) {});
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
      if (random() % 2 == 0) one.reset();
      if (random() % 2 == 0) other.reset();
    }
  });
  std::thread listening([&] {
    while (!over.load()) {
      std::atomic<std::uint64_t> heard{0};
      auto inside = bus.subscribe_inline(kItems, [&](const Item&) { heard.fetch_add(1); });
      std::this_thread::sleep_for(300us);
    }
  });
  for (auto& thread : publishing) thread.join();
  over.store(true);
  visiting.join();
  listening.join();
  constexpr std::uint64_t kAll = std::uint64_t{kThreads} * kLives * kItemsEach;
  EXPECT_TRUE(eventually([&] { return witness.delivered() == kAll; })) << witness.delivered();
  EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; })) << bus.lanes();
  EXPECT_TRUE(bus.stop({.drain = 60s}).drained);
  EXPECT_EQ(wrong.load(), 0u);
  for (const auto count : next) EXPECT_EQ(count, kItemsEach);
}

}  // namespace
}  // namespace ringway
