// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bus_support.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Door;
using test::eventually;
using test::eventually_at_rest;
using test::Number;
using test::Parcel;

inline constexpr Topic<Number> kNumbers{"numbers", {.capacity = 16}};

TEST(Bus, StopDeliversWhatWasAccepted) {
  for (int round = 0; round < 300; ++round) {
    Bus bus;
    Dispatcher dispatcher{bus};
    std::uint64_t handled = 0;
    auto subscription = dispatcher.subscribe(kNumbers, [&](const Number&) { ++handled; });
    auto publisher = bus.publisher(kNumbers);
    const auto accepted = static_cast<std::uint64_t>(round % 17);
    for (std::uint64_t i = 0; i < accepted; ++i) {
      ASSERT_EQ(publisher.try_publish({i}), PublishStatus::kPublished);
    }
    const auto report = bus.stop({.drain = 60s});
    EXPECT_TRUE(report.drained);
    EXPECT_EQ(report.left, 0u);
    EXPECT_TRUE(report.in_the_way.empty());
    ASSERT_EQ(handled, accepted);
  }
}

TEST(Bus, StopUnderLoadDeliversOrCounts) {
  for (int round = 0; round < 100; ++round) {
    Bus bus;
    Dispatcher dispatcher{bus};
    auto subscription = dispatcher.subscribe(kNumbers, [](const Number&) {});
    std::atomic<std::uint64_t> accepted{0};
    std::vector<std::thread> threads;
    std::atomic<int> running{0};
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        auto publisher = bus.publisher(kNumbers);
        running.fetch_add(1);
        while (true) {
          const auto status = publisher.publish({});
          if (status != PublishStatus::kPublished) {
            EXPECT_EQ(status, PublishStatus::kClosed);
            break;
          }
          accepted.fetch_add(1);
        }
      });
    }
    ASSERT_TRUE(eventually([&] { return running.load() == 2; }));
    bus.stop({.drain = 60s});
    for (auto& thread : threads) thread.join();
    subscription.end();
    ASSERT_EQ(subscription.delivered() + subscription.undelivered(), accepted.load()) << round;
  }
}

TEST(Bus, StopNamesTheHandlerInTheWayAndReturns) {
  Bus bus;
  Door door;
  Dispatcher stuck{bus, {.name = "stuck"}};
  Dispatcher fine{bus, {.name = "fine"}};
  auto a = stuck.subscribe(kNumbers, [&](const Number&) { door.pass(); });
  auto b = fine.subscribe(kNumbers, [](const Number&) {});
  auto publisher = bus.publisher(kNumbers);
  for (int i = 0; i < 5; ++i) publisher.publish({});
  ASSERT_TRUE(door.await_somebody());
  for (int again = 0; again < 2; ++again) {
    // "fine" is in the way too until it had its turn on a processor
    EXPECT_TRUE(eventually([&] {
      const auto report = bus.stop({.drain = 20ms});
      EXPECT_FALSE(report.drained);
      return report.in_the_way == std::vector<std::string>{"stuck (in numbers)"};
    }));
  }
  EXPECT_EQ(b.delivered(), 5u);
  EXPECT_EQ(publisher.publish({}), PublishStatus::kClosed);
  door.open();
  EXPECT_TRUE(eventually([&] { return bus.stop({.drain = 1s}).in_the_way.empty(); }));
  a.end();
  EXPECT_EQ(a.delivered() + a.undelivered(), 5u);
}

TEST(Bus, StopTwiceAndNothingIsBoundAfterwards) {
  Bus bus;
  Dispatcher dispatcher{bus};
  EXPECT_TRUE(bus.stop().drained);
  EXPECT_TRUE(bus.stop().drained);
  EXPECT_FALSE(bus.try_publisher(kNumbers).ok());
  EXPECT_FALSE(bus.try_family_publisher(Topic<Number>{"a.*"}).ok());
  EXPECT_FALSE(dispatcher.try_subscribe(kNumbers, [](const Number&) {}).ok());
  EXPECT_FALSE(bus.try_requester(Service<int(int)>{"s"}).ok());
  EXPECT_FALSE(dispatcher.try_reply(Service<int(int)>{"s"}, [](int i) { return i; }).ok());
}

TEST(Bus, EveryOrderOfDestructionLeavesNothing) {
  const auto before = Parcel::living.load();
  int order[] = {0, 1, 2, 3, 4};
  do {
    std::optional<Bus> bus(std::in_place);
    std::optional<Dispatcher<>> dispatcher(std::in_place, *bus);
    const Topic<Parcel> topic{"parcels", {.capacity = 4}};
    std::uint64_t sum = 0;
    std::optional<Subscription> subscription =
        dispatcher->subscribe(topic, [&](const Parcel& parcel) { sum += parcel.value(); });
    std::optional<Publisher<Parcel>> publisher = bus->publisher(topic);
    std::optional<InlineSubscription> inside =
        bus->subscribe_inline(topic, [](const Parcel& parcel) { EXPECT_EQ(parcel.value(), 1u); });
    for (int i = 0; i < 7; ++i) static_cast<void>(publisher->try_publish(Parcel(1)));
    for (const int step : order) {
      switch (step) {
        case 0: bus.reset(); break;
        case 1: dispatcher.reset(); break;
        case 2: subscription.reset(); break;
        case 3: publisher.reset(); break;
        default: inside.reset(); break;
      }
    }
    ASSERT_EQ(Parcel::living.load(), before);
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST(Bus, LanesAreGivenBack) {
  Bus bus;
  {
    Dispatcher dispatcher{bus};
    auto subscription = dispatcher.subscribe(kNumbers.matching(">"), [](const Number&) {});
    std::vector<Publisher<Number>> publishers;
    for (int i = 0; i < 20; ++i) publishers.push_back(bus.publisher(kNumbers));
    EXPECT_EQ(bus.lanes(), 20u);
    for (auto& publisher : publishers) publisher.publish({});
    publishers.clear();
    EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; }));
    EXPECT_TRUE(eventually([&] { return subscription.delivered() == 20; }));
  }
  EXPECT_EQ(bus.lanes(), 0u);
}

TEST(Bus, JoiningAForeignBlockIsAnError) {
  auto memory = std::make_shared<test::TwiceMapped>(std::size_t{64} << 20);
  ASSERT_TRUE(memory->usable());
  EXPECT_FALSE(BasicBus<test::MappedHome>::join(test::MappedHome(memory, 0)).ok());
}

// The same block at two addresses: nothing in it may be a pointer, and parking finds its sleepers.
class MappedTwice : public testing::Test {
 protected:
  using MappedBus = BasicBus<test::MappedHome>;

  MappedTwice() : memory_(std::make_shared<test::TwiceMapped>(std::size_t{256} << 20)) {
    a_.emplace(value_or_stop(MappedBus::make(test::MappedHome(memory_, 0))));
    b_.emplace(value_or_stop(MappedBus::join(test::MappedHome(memory_, 1))));
  }

  std::shared_ptr<test::TwiceMapped> memory_;
  std::optional<MappedBus> a_;
  std::optional<MappedBus> b_;
};

TEST_F(MappedTwice, PublishesAcrossBothWaysParked) {
  Dispatcher<test::MappedHome> at_a{*a_};
  Dispatcher<test::MappedHome> at_b{*b_};
  std::uint64_t next_a = 0;
  std::uint64_t next_b = 0;
  auto early = at_a.subscribe(kNumbers, [&](const Number& n) { EXPECT_EQ(n.value, next_a++); });
  auto publisher = b_->publisher(kNumbers);
  auto late = at_b.subscribe(kNumbers, [&](const Number& n) { EXPECT_EQ(n.value, next_b++); });
  for (std::uint64_t i = 0; i < 300; ++i) {
    ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
    if (i % 20 == 0) std::this_thread::sleep_for(1ms);
  }
  ASSERT_TRUE(eventually([&] { return early.delivered() == 300 && late.delivered() == 300; }));
  // How soon a dispatcher gets to sleep depends on what else the machine does.
  std::uint64_t sent = 300;
  ASSERT_TRUE(eventually_at_rest([&] {
    EXPECT_EQ(publisher.publish({sent++}), PublishStatus::kPublished);
    return at_a.parks() != 0 && at_b.parks() != 0;
  }));
  ASSERT_TRUE(eventually([&] { return early.delivered() == sent && late.delivered() == sent; }));
}

TEST_F(MappedTwice, PublisherThatWaitsIsReleasedFromTheOtherMapping) {
  Dispatcher<test::MappedHome> at_a{*a_};
  Door door;
  auto subscription = at_a.subscribe(kNumbers, [&](const Number&) { door.pass(); });
  auto publisher = b_->publisher(kNumbers);
  for (int i = 0; i < 16; ++i) publisher.publish({});
  std::thread opener([&] {
    std::this_thread::sleep_for(10ms);
    door.open();
  });
  EXPECT_EQ(publisher.publish({}), PublishStatus::kPublished);
  opener.join();
  EXPECT_TRUE(eventually([&] { return subscription.delivered() == 17; }));
}

TEST_F(MappedTwice, RequestsAcrossParked) {
  const Service<int(int)> service{"next", {.timeout = 60s}};
  Dispatcher<test::MappedHome> at_a{*a_};
  std::atomic<int> milliseconds{2};
  auto replier = at_a.reply(service, [&](int i) {
    if (i % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds.load()));
    return i + 1;
  });
  auto requester = b_->requester(service);
  for (int i = 0; i < 200; ++i) {
    const auto answer = requester.request(i);
    ASSERT_TRUE(answer.has_value()) << describe(answer.error());
    ASSERT_EQ(*answer, i + 1);
  }
  // 20 again and again: how soon the requester gets to sleep depends on what else the machine does.
  for (; requester.parks() == 0; milliseconds = 2 * milliseconds) {
    ASSERT_LT(milliseconds.load(), 40'000) << "it never sleeps";
    const auto answer = requester.request(20);
    EXPECT_TRUE(answer.has_value()) << describe(answer.error());
  }
}

TEST_F(MappedTwice, TypeMismatchIsSeenAcross) {
  auto publisher = a_->publisher(kNumbers);
  EXPECT_FALSE(b_->try_publisher(Topic<double>{"numbers"}).ok());
}

TEST(BusDeathTest, ShortFormsStopTheProgramWithTheMessage) {
  Bus bus;
  EXPECT_DEATH(static_cast<void>(bus.publisher(Topic<Number>{"a..b"})), "two dots");
}

}  // namespace
}  // namespace ringway
