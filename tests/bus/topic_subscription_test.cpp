// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
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

inline constexpr Topic<Number> kNumbers{"md.a", {.capacity = 64}};

TEST(TopicSubscription, PatternsTakeInLaterPublishers) {
  Bus bus;
  Dispatcher dispatcher{bus};
  std::map<std::string, int> star;
  std::map<std::string, int> rest;
  auto early = bus.publisher(kNumbers.named("md.a"));
  auto one_level = dispatcher.subscribe(
      kNumbers.matching("md.*"),
      [&](const Number&, const MessageInfo& info) { ++star[std::string(info.topic)]; });
  auto all = dispatcher.subscribe(
      kNumbers.matching(">"),
      [&](const Number&, const MessageInfo& info) { ++rest[std::string(info.topic)]; });
  auto late = bus.publisher(kNumbers.named("md.b"));
  auto deep = bus.publisher(kNumbers.named("md.b.c"));
  auto other = bus.publisher(Topic<double>{"md.d"});
  early.publish({1});
  late.publish({1});
  late.publish({2});
  deep.publish({1});
  other.publish(1.0);
  ASSERT_TRUE(eventually([&] { return one_level.delivered() == 3 && all.delivered() == 4; }));
  bus.stop();
  EXPECT_EQ(star, (std::map<std::string, int>{{"md.a", 1}, {"md.b", 2}}));
  EXPECT_EQ(rest, (std::map<std::string, int>{{"md.a", 1}, {"md.b", 2}, {"md.b.c", 1}}));
}

TEST(TopicSubscription, MismatchShowsBothTypes) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kNumbers);
  auto wrong = dispatcher.try_subscribe(Topic<double>{"md.a"}, [](double) {});
  ASSERT_FALSE(wrong.ok());
  EXPECT_TRUE(test::contains(test::message_of(wrong), "double")) << wrong.status();
  EXPECT_TRUE(test::contains(test::message_of(wrong), "Number")) << wrong.status();
  for (const char* name : {"", "a..b", "a.>.b", "a*"}) {
    EXPECT_FALSE(dispatcher.try_subscribe(Topic<double>{name}, [](double) {}).ok()) << name;
  }
}

TEST(TopicSubscription, SubscriberFixesTheTypeAsWell) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto subscription = dispatcher.subscribe(kNumbers, [](const Number&) {});
  EXPECT_FALSE(bus.try_publisher(Topic<double>{"md.a"}).ok());
}

TEST(TopicSubscription, HandlerThatThrowsIsToldAndNobodyElseSuffers) {
  std::atomic<int> told{0};
  Bus bus{{.on_error = [&](std::string_view name, const std::exception_ptr& error) {
    EXPECT_EQ(name, "md.a");
    EXPECT_THROW(std::rethrow_exception(error), int);
    told.fetch_add(1);
  }}};
  Dispatcher dispatcher{bus, {.batch = 4}};
  std::vector<std::uint64_t> bad;
  std::vector<std::uint64_t> good;
  auto throws = dispatcher.subscribe(kNumbers, [&](const Number& number) {
    bad.push_back(number.value);
    if (number.value % 3 == 0) throw 7;
  });
  auto fine = dispatcher.subscribe(kNumbers, [&](const Number& n) { good.push_back(n.value); });
  auto publisher = bus.publisher(kNumbers);
  for (std::uint64_t i = 0; i < 300; ++i) publisher.publish({i});
  EXPECT_TRUE(bus.stop({.drain = 60s}).drained);
  EXPECT_EQ(told.load(), 100);
  ASSERT_EQ(bad.size(), 300u);
  EXPECT_EQ(bad, good);
  for (std::uint64_t i = 0; i < 300; ++i) EXPECT_EQ(bad[i], i);
}

TEST(TopicSubscription, InfoTellsTopicSequenceAndNoGap) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kNumbers);
  for (int i = 0; i < 10; ++i) publisher.publish({});
  std::atomic<std::uint64_t> wrong{0};
  auto subscription =
      dispatcher.subscribe(kNumbers, [&](const Number& number, const MessageInfo& info) {
        if (info.topic != "md.a" || info.sequence != number.value || info.gap != 0) ++wrong;
      });
  for (std::uint64_t i = 10; i < 300; ++i) publisher.publish({i});
  EXPECT_TRUE(eventually([&] { return subscription.delivered() == 290; }));
  EXPECT_EQ(wrong.load(), 0u);
}

TEST(TopicSubscription, LossyOneNeverHoldsThePublisherBackAndCountsWhatItMissed) {
  for (const bool latest_only : {false, true}) {
    Bus bus;
    Dispatcher dispatcher{bus};
    Door door;
    const Topic<Number> topic{"lossy", {.capacity = 8, .admits_lossy = true}};
    std::uint64_t received = 0;
    std::uint64_t gaps = 0;
    std::uint64_t next = 0;
    std::uint64_t wrong = 0;
    auto subscription =
        dispatcher.subscribe(topic,
                             [&](const Number& number, const MessageInfo& info) {
                               door.pass();
                               ++received;
                               gaps += info.gap;
                               if (number.value != next + info.gap || info.sequence != number.value)
                                 ++wrong;
                               next = number.value + 1;
                             },
                             {.lossy = true, .latest_only = latest_only});
    auto publisher = bus.publisher(topic);
    publisher.publish({0});
    ASSERT_TRUE(door.await_somebody());
    constexpr std::uint64_t kMany = 1000;
    for (std::uint64_t i = 1; i < kMany; ++i) {
      ASSERT_EQ(publisher.try_publish({i}), PublishStatus::kPublished);
    }
    door.open();
    ASSERT_TRUE(eventually([&] { return subscription.delivered() + subscription.lost() == kMany; }))
        << subscription.delivered() << " and " << subscription.lost();
    bus.stop();
    EXPECT_EQ(received, subscription.delivered());
    EXPECT_EQ(gaps, subscription.lost());
    EXPECT_EQ(next, kMany) << "the newest one is there";
    EXPECT_EQ(wrong, 0u);
    EXPECT_GT(gaps, 0u);
    if (latest_only) {
      EXPECT_EQ(received, 2u);
    }
  }
}

TEST(TopicSubscription, ReliableOneOnALossyLaneMissesNothing) {
  Bus bus;
  Dispatcher dispatcher{bus};
  const Topic<Number> topic{"lossy", {.capacity = 8, .admits_lossy = true}};
  std::uint64_t next = 0;
  auto reliable = dispatcher.subscribe(topic, [&](const Number& n) {
    EXPECT_EQ(n.value, next);
    ++next;
  });
  auto lossy = dispatcher.subscribe(topic, [](const Number&) {}, {.lossy = true});
  auto publisher = bus.publisher(topic);
  for (std::uint64_t i = 0; i < 5000; ++i) publisher.publish({i});
  EXPECT_TRUE(eventually([&] { return reliable.delivered() == 5000; }));
  EXPECT_TRUE(eventually([&] { return lossy.delivered() + lossy.lost() == 5000; }));
}

TEST(TopicSubscription, LossyIsRefusedWhereTheTopicDoesNotAdmitIt) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kNumbers);
  auto refused = dispatcher.try_subscribe(kNumbers, [](const Number&) {}, {.lossy = true});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(test::contains(test::message_of(refused), "admits_lossy")) << refused.status();
  EXPECT_TRUE(dispatcher.try_subscribe(kNumbers, [](const Number&) {}).ok());
}

// A family's lane carries topics that a subscription does not want: those are nobody's loss.
TEST(TopicSubscription, UndeliveredOfAFamilyAreThoseThatThePatternCovers) {
  const Topic<Number> family{"f.*", {.capacity = 64}};
  for (const bool ends_itself : {true, false}) {
    Bus bus;
    std::optional<Dispatcher<>> dispatcher(std::in_place, bus, DispatcherOptions{.batch = 1});
    Door door;
    std::optional<Subscription> subscription;
    subscription = dispatcher->subscribe(family.matching("f.wanted"), [&](const Number&) {
      door.pass();
      if (ends_itself) subscription->end();
    });
    auto publisher = bus.family_publisher(family);
    const auto wanted = publisher.topic("f.wanted");
    const auto other = publisher.topic("f.other");
    publisher.publish(wanted, {0});
    ASSERT_TRUE(door.await_somebody());
    for (std::uint64_t i = 0; i < 5; ++i) {
      publisher.publish(other, {i});
      if (i % 2 == 0) publisher.publish(wanted, {i});
    }
    door.open();
    if (ends_itself) {
      ASSERT_TRUE(eventually([&] { return subscription->undelivered() != 0; }));
    }
    dispatcher.reset();
    EXPECT_EQ(subscription->delivered() + subscription->undelivered(), 4u);
  }
}

TEST(TopicSubscription, FamilyClaimsAreFilledInPlace) {
  for (const bool lossy : {false, true}) {
    const Topic<Number> family{"f.*", {.capacity = 2, .admits_lossy = lossy}};
    Bus bus;
    Dispatcher dispatcher{bus};
    std::vector<std::string> heard;
    std::vector<std::string> heard_inline;
    const auto tell = [](const Number& number, const MessageInfo& info) {
      return std::string(info.topic) + " " + std::to_string(info.sequence) + " " +
             std::to_string(number.value);
    };
    auto subscription =
        dispatcher.subscribe(family, [&](const Number& number, const MessageInfo& info) {
          heard.push_back(tell(number, info));
        });
    auto publisher = bus.family_publisher(family);
    const auto a = publisher.topic("f.a");
    const auto b = publisher.topic("f.b");
    { [[maybe_unused]] auto dropped = publisher.try_claim(a); }
    auto first = publisher.try_claim(a);
    ASSERT_TRUE(first);
    first->value = 10;
    first.commit();
    EXPECT_FALSE(first);
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == 1; }));
    auto beside = bus.subscribe_inline(family.matching("f.b"),
                                       [&](const Number& number, const MessageInfo& info) {
                                         heard_inline.push_back(tell(number, info));
                                       });
    ASSERT_TRUE(eventually([&] {
      auto second = publisher.try_claim(b, Number{11});
      if (!second) return false;
      EXPECT_EQ((*second).value, 11u);
      second.commit();
      return true;
    }));
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == 2; }));
    bus.stop();
    EXPECT_FALSE(publisher.try_claim(a)) << "closed";
    EXPECT_EQ(heard, (std::vector<std::string>{"f.a 0 10", "f.b 1 11"}));
    EXPECT_EQ(heard_inline, std::vector<std::string>{"f.b 1 11"});
  }
}

TEST(TopicSubscription, LossyFamily) {
  Bus bus;
  Dispatcher dispatcher{bus};
  const Topic<Number> family{"f.*", {.capacity = 8, .admits_lossy = true}};
  auto subscription = dispatcher.subscribe(family, [](const Number&) {}, {.lossy = true});
  auto publisher = bus.family_publisher(family);
  const auto topic = publisher.topic("f.1");
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(publisher.try_publish(topic, {i}), PublishStatus::kPublished);
  }
  EXPECT_TRUE(eventually([&] { return subscription.delivered() + subscription.lost() == 1000; }));
}

}  // namespace
}  // namespace ringway
