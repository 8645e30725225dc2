// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "bus_support.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Door;
using test::eventually;
using test::Number;

inline constexpr Topic<Number> kNumbers{"numbers", {.capacity = 64}};

TEST(Subscription, IsLiveWhenItIsReturned) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kNumbers);
  std::atomic<int> go{0};
  std::atomic<bool> over{false};
  std::thread publishing([&] {
    for (int done = 0; !over.load();) {
      if (go.load() == done) {
        std::this_thread::yield();
        continue;
      }
      publisher.publish({static_cast<std::uint64_t>(++done)});
    }
  });
  for (int round = 1; round <= 500; ++round) {
    std::atomic<bool> seen{false};
    auto subscription = dispatcher.subscribe(kNumbers, [&](const Number& number) {
      if (number.value == static_cast<std::uint64_t>(round)) seen.store(true);
    });
    go.store(round);
    ASSERT_TRUE(eventually([&] { return seen.load(); })) << round;
  }
  over.store(true);
  publishing.join();
}

TEST(Subscription, EndedInsideItsOwnHandlerHandlesNothingMore) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kNumbers);
  int calls = 0;
  std::optional<Subscription> subscription;
  std::atomic<bool> ended{false};
  subscription.emplace(dispatcher.subscribe(kNumbers, [&](const Number&) {
    ++calls;
    subscription.reset();
    ended.store(true);
  }));
  for (int i = 0; i < 50; ++i) publisher.publish({});
  ASSERT_TRUE(eventually([&] { return ended.load(); }));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(publisher.publish({}), PublishStatus::kPublished);
  bus.stop();
  EXPECT_EQ(calls, 1);
}

TEST(Subscription, EndedInsideAnothersHandlerOfTheSameDispatcher) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kNumbers);
  std::optional<Subscription> victim;
  std::atomic<bool> ended{false};
  bool called_after = false;
  victim.emplace(dispatcher.subscribe(kNumbers, [&](const Number&) {
    if (ended.load()) called_after = true;
  }));
  auto killer = dispatcher.subscribe(kNumbers, [&](const Number& number) {
    if (number.value != 10) return;
    victim.reset();
    ended.store(true);
  });
  for (std::uint64_t i = 0; i < 500; ++i) publisher.publish({i});
  ASSERT_TRUE(eventually([&] { return killer.delivered() == 500; }));
  bus.stop();
  EXPECT_FALSE(called_after);
}

TEST(Subscription, MadeInsideAHandler) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kNumbers);
  std::vector<Subscription> more;
  std::atomic<std::uint64_t> made{0};
  auto subscription = dispatcher.subscribe(kNumbers, [&](const Number& number) {
    if (number.value != 0) return;
    more.push_back(dispatcher.subscribe(kNumbers, [](const Number&) {}));
    made.store(1);
  });
  publisher.publish({0});
  ASSERT_TRUE(eventually([&] { return made.load() == 1; }));
  for (std::uint64_t i = 1; i <= 100; ++i) publisher.publish({i});
  EXPECT_TRUE(eventually([&] { return more[0].delivered() == 100; }));
}

// Under load from another thread: when end() has returned, the handler's state may be freed.
TEST(Subscription, EndFromAnotherThreadWhileTheHandlerRuns) {
  Bus bus;
  Dispatcher dispatcher{bus};
  std::atomic<bool> over{false};
  std::thread publishing([&] {
    auto publisher = bus.publisher(kNumbers);
    for (std::uint64_t i = 0; !over.load(); ++i)
      static_cast<void>(publisher.publish_for(Number{i}, 1s));
  });
  auto beside = dispatcher.subscribe(kNumbers, [](const Number&) {});
  std::uint64_t heard = 0;
  for (int round = 0; round < 300 || heard == 0; ++round) {
    ASSERT_LT(round, 1000) << "nothing is heard";
    auto state = std::make_unique<std::vector<std::uint64_t>>(8, 0);
    auto subscription = dispatcher.subscribe(
        kNumbers, [raw = state.get()](const Number& number) { ++(*raw)[number.value % 8]; });
    if (round % 3 == 0) std::this_thread::sleep_for(100us);
    if (round > 300) std::this_thread::sleep_for((round - 300) * 1ms);  // a busy machine
    subscription.end();
    for (const auto count : *state) heard += count;
    state.reset();
  }
  over.store(true);
  publishing.join();
}

TEST(Subscription, EndWaitsForTheHandlerThatRuns) {
  Bus bus;
  Dispatcher dispatcher{bus};
  Door door;
  std::atomic<bool> inside{false};
  auto subscription = dispatcher.subscribe(kNumbers, [&](const Number&) {
    inside.store(true);
    door.pass();
    inside.store(false);
  });
  bus.publisher(kNumbers).publish({});
  ASSERT_TRUE(door.await_somebody());
  std::thread opener([&] {
    std::this_thread::sleep_for(10ms);
    door.open();
  });
  subscription.end();
  EXPECT_FALSE(inside.load());
  EXPECT_FALSE(subscription.live());
  subscription.end();
  opener.join();
}

TEST(Subscription, UnreadMessagesOfAnEndedOneAreCounted) {
  Bus bus;
  Dispatcher dispatcher{bus};
  Door door;
  auto blocker = dispatcher.subscribe(kNumbers.named("block"), [&](const Number&) { door.pass(); });
  auto subscription = dispatcher.subscribe(kNumbers, [](const Number&) {});
  auto block = bus.publisher(kNumbers.named("block"));
  auto publisher = bus.publisher(kNumbers);
  block.publish({});
  ASSERT_TRUE(door.await_somebody());
  for (int i = 0; i < 10; ++i) publisher.publish({});
  subscription.end();
  door.open();
  EXPECT_TRUE(eventually([&] { return subscription.undelivered() == 10; }));
  EXPECT_EQ(subscription.delivered(), 0u);
}

TEST(Subscription, MoveAssignmentEndsTheOldOne) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kNumbers);
  std::atomic<int> old_calls{0};
  std::atomic<int> new_calls{0};
  auto subscription =
      dispatcher.subscribe(kNumbers, [&](const Number&) { old_calls.fetch_add(1); });
  subscription = dispatcher.subscribe(kNumbers, [&](const Number&) { new_calls.fetch_add(1); });
  publisher.publish({});
  EXPECT_TRUE(eventually([&] { return new_calls.load() == 1; }));
  EXPECT_EQ(old_calls.load(), 0);
}

TEST(Subscription, OutlivesDispatcherAndBus) {
  std::optional<Bus> bus(std::in_place);
  std::optional<Dispatcher<>> dispatcher(std::in_place, *bus);
  auto subscription = dispatcher->subscribe(kNumbers, [](const Number&) {});
  {
    auto publisher = bus->publisher(kNumbers);
    for (int i = 0; i < 5; ++i) publisher.publish({});
    EXPECT_TRUE(eventually([&] { return subscription.delivered() == 5; }));
  }
  bus.reset();
  dispatcher.reset();
  subscription.end();
  EXPECT_EQ(subscription.delivered() + subscription.undelivered(), 5u);
  EXPECT_EQ(subscription.pattern(), "numbers");
}

}  // namespace
}  // namespace ringway
