// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
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
using test::Number;
using test::Parcel;

inline constexpr Topic<Number> kSmall{"small", {.capacity = 3}};

/// A bus with a subscriber that stands before a door: it has taken one message and no more.
struct Held {
  explicit Held(const Topic<Number>& topic)
      : subscription(dispatcher.subscribe(topic,
                                          [this](const Number& number) {
                                            door.pass();
                                            seen.push_back(number.value);
                                          })),
        publisher(bus.publisher(topic)) {}
  ~Held() { door.open(); }  // before the subscription ends

  Bus bus;
  Door door;
  std::vector<std::uint64_t> seen;
  Dispatcher<> dispatcher{bus, {.name = "held"}};
  Subscription subscription;
  Publisher<Number> publisher;
};

TEST(Publisher, CapacityIsExact) {
  for (const std::size_t capacity : {1u, 2u, 3u, 7u, 8u, 100u}) {
    const Topic<Number> topic{"exact", {.capacity = capacity}};
    Held held(topic);
    EXPECT_EQ(held.publisher.capacity(), capacity);
    for (std::uint64_t i = 0; i < capacity; ++i) {
      ASSERT_EQ(held.publisher.try_publish({i}), PublishStatus::kPublished);
    }
    ASSERT_TRUE(held.door.await_somebody());
    // what the handler holds still counts as unread
    EXPECT_EQ(held.publisher.try_publish({capacity}), PublishStatus::kFull) << capacity;
    EXPECT_FALSE(held.publisher.try_claim()) << capacity;
    EXPECT_EQ(held.publisher.publish_for(Number{capacity}, 1ms), PublishStatus::kTimedOut);
    EXPECT_EQ(held.publisher.sequence(), capacity);
    held.door.open();
    EXPECT_EQ(held.publisher.publish({capacity}), PublishStatus::kPublished);
    EXPECT_TRUE(eventually([&] { return held.subscription.delivered() == capacity + 1; }));
  }
}

TEST(Publisher, WithoutReadersNeverFull) {
  Bus bus;
  auto publisher = bus.publisher(kSmall);
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_EQ(publisher.try_publish({i}), PublishStatus::kPublished);
  }
}

TEST(Publisher, ThatWaitsIsReleasedByTheReader) {
  Held held(kSmall);
  std::thread opener([&] {
    std::this_thread::sleep_for(20ms);
    held.door.open();
  });
  for (std::uint64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(held.publisher.publish({i}), PublishStatus::kPublished);
  }
  opener.join();
  EXPECT_TRUE(eventually([&] { return held.subscription.delivered() == 10; }));
}

TEST(Publisher, ThatWaitsIsReleasedByTheReadersEnd) {
  for (int round = 0; round < 20; ++round) {
    Bus bus;
    Dispatcher dispatcher{bus};
    Door door;
    auto subscription = dispatcher.subscribe(kSmall, [&](const Number&) { door.pass(); });
    auto publisher = bus.publisher(kSmall);
    for (int i = 0; i < 3; ++i) publisher.publish({});
    ASSERT_TRUE(door.await_somebody());
    std::atomic<bool> released{false};
    std::thread waiter([&] {
      EXPECT_EQ(publisher.publish({9}), PublishStatus::kPublished);
      released.store(true);
    });
    std::this_thread::sleep_for(3ms);  // it sleeps by now
    EXPECT_FALSE(released.load());
    std::thread ender([&] { subscription.end(); });
    std::this_thread::sleep_for(1ms);
    door.open();
    ender.join();
    EXPECT_TRUE(eventually([&] { return released.load(); }));
    if (!released.load()) std::_Exit(1);
    waiter.join();
  }
}

TEST(Publisher, ThatWaitsIsReleasedByTheDispatchersEnd) {
  Bus bus;
  Door door;
  std::optional<Dispatcher<>> dispatcher(std::in_place, bus);
  auto subscription = dispatcher->subscribe(kSmall, [&](const Number&) { door.pass(); });
  auto publisher = bus.publisher(kSmall);
  for (int i = 0; i < 3; ++i) publisher.publish({});
  ASSERT_TRUE(door.await_somebody());
  std::atomic<bool> released{false};
  std::thread waiter([&] {
    EXPECT_EQ(publisher.publish({9}), PublishStatus::kPublished);
    released.store(true);
  });
  std::thread ender([&] { dispatcher.reset(); });
  std::this_thread::sleep_for(3ms);
  door.open();
  ender.join();
  EXPECT_TRUE(eventually([&] { return released.load(); }));
  if (!released.load()) std::_Exit(1);
  waiter.join();
}

TEST(Publisher, ThatWaitsIsReleasedByStop) {
  Held held(kSmall);
  for (int i = 0; i < 3; ++i) held.publisher.publish({});
  ASSERT_TRUE(held.door.await_somebody());
  std::atomic<int> status{-1};
  std::thread waiter([&] { status.store(static_cast<int>(held.publisher.publish({9}))); });
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(status.load(), -1);
  const auto report = held.bus.stop({.drain = 1ms});
  waiter.join();
  EXPECT_EQ(status.load(), static_cast<int>(PublishStatus::kClosed));
  EXPECT_FALSE(report.drained);
  EXPECT_EQ(held.publisher.try_publish({1}), PublishStatus::kClosed);
  EXPECT_EQ(held.publisher.publish({1}), PublishStatus::kClosed);
  EXPECT_EQ(held.publisher.publish_for(Number{1}, 1h), PublishStatus::kClosed);
  EXPECT_FALSE(held.publisher.try_claim());
}

TEST(Publisher, HandlerThatPublishesToTheLaneItHoldsUpWouldDeadlock) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kSmall);
  std::vector<PublishStatus> statuses;
  std::atomic<bool> done{false};
  auto subscription = dispatcher.subscribe(kSmall, [&](const Number& number) {
    if (number.value != 1) return;
    for (int i = 0; i < 5; ++i) statuses.push_back(publisher.publish({100}));
    statuses.push_back(publisher.publish_for(Number{101}, 1h));
    done.store(true);
  });
  // the publisher is the dispatcher's thread's alone, so the first message comes from there too
  auto start = dispatcher.subscribe(Topic<Number>{"start"},
                                    [&](const Number& number) { publisher.publish(number); });
  bus.publisher(Topic<Number>{"start"}).publish({1});
  ASSERT_TRUE(eventually([&] { return done.load(); }));
  ASSERT_EQ(statuses.size(), 6u);
  EXPECT_EQ(statuses[0], PublishStatus::kPublished);
  EXPECT_EQ(statuses[1], PublishStatus::kPublished);
  for (std::size_t i = 2; i < 6; ++i) EXPECT_EQ(statuses[i], PublishStatus::kWouldDeadlock) << i;
  EXPECT_TRUE(eventually([&] { return subscription.delivered() == 3; }));
}

TEST(Publisher, HandlerMayPublishToOtherTopicsAndToItsOwn) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto own = bus.publisher(kSmall);
  auto other = bus.publisher(Topic<Number>{"other"});
  std::vector<std::uint64_t> seen;
  auto a = dispatcher.subscribe(kSmall, [&](const Number& number) {
    if (number.value < 100) {
      EXPECT_EQ(own.publish({number.value + 1}), PublishStatus::kPublished);
    }
    EXPECT_EQ(other.publish({number.value}), PublishStatus::kPublished);
  });
  auto b = dispatcher.subscribe(kSmall.named("other"),
                                [&](const Number& number) { seen.push_back(number.value); });
  auto start = dispatcher.subscribe(Topic<Number>{"start"},
                                    [&](const Number& number) { own.publish(number); });
  bus.publisher(Topic<Number>{"start"}).publish({0});
  ASSERT_TRUE(eventually([&] { return b.delivered() == 101; }));
  bus.stop();
  ASSERT_EQ(seen.size(), 101u);
  for (std::uint64_t i = 0; i <= 100; ++i) EXPECT_EQ(seen[i], i);
}

TEST(Publisher, ClaimsAreCommittedOrTakenBack) {
  const auto before = Parcel::living.load();
  {
    Bus bus;
    Dispatcher dispatcher{bus};
    std::vector<std::uint64_t> seen;
    const Topic<Parcel> topic{"parcels", {.capacity = 4}};
    auto subscription =
        dispatcher.subscribe(topic, [&](const Parcel& parcel) { seen.push_back(parcel.value()); });
    auto publisher = bus.publisher(topic);
    for (std::uint64_t i = 0; i < 50; ++i) {
      { [[maybe_unused]] auto dropped = publisher.try_claim(1000 + i); }
      EXPECT_EQ(publisher.sequence(), i);
      while (true) {
        auto claim = publisher.try_claim(i);
        if (!claim) {
          std::this_thread::yield();
          continue;
        }
        EXPECT_EQ(claim->value(), i);
        claim.commit();
        EXPECT_FALSE(claim);
        break;
      }
    }
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == 50; }));
    bus.stop();
    for (std::uint64_t i = 0; i < 50; ++i) EXPECT_EQ(seen[i], i);
  }
  EXPECT_EQ(Parcel::living.load(), before);
}

TEST(Publisher, ClaimOfALossyLane) {
  Bus bus;
  Dispatcher dispatcher{bus};
  const Topic<Number> topic{"lossy", {.capacity = 4, .admits_lossy = true}};
  std::vector<std::uint64_t> seen;
  std::vector<std::uint64_t> inlined;
  auto subscription =
      dispatcher.subscribe(topic, [&](const Number& number) { seen.push_back(number.value); });
  auto inside =
      bus.subscribe_inline(topic, [&](const Number& number) { inlined.push_back(number.value); });
  auto publisher = bus.publisher(topic);
  for (std::uint64_t i = 0; i < 20; ++i) {
    { [[maybe_unused]] auto dropped = publisher.try_claim(); }
    auto claim = publisher.try_claim();
    while (!claim) {
      std::this_thread::yield();
      auto again = publisher.try_claim();
      if (!again) continue;
      again->value = i;
      again.commit();
      break;
    }
    if (claim) {
      claim->value = i;
      claim.commit();
    }
  }
  ASSERT_TRUE(eventually([&] { return subscription.delivered() == 20; }));
  bus.stop();
  ASSERT_EQ(inlined.size(), 20u);
  for (std::uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(seen[i], i);
    EXPECT_EQ(inlined[i], i);
  }
}

TEST(Publisher, MessageIsUntouchedUnlessPublished) {
  Bus bus;
  Dispatcher dispatcher{bus};
  Door door;
  const Topic<Parcel> topic{"parcels", {.capacity = 1}};
  auto subscription = dispatcher.subscribe(topic, [&](const Parcel&) { door.pass(); });
  auto publisher = bus.publisher(topic);
  EXPECT_EQ(publisher.publish(Parcel(1)), PublishStatus::kPublished);
  ASSERT_TRUE(door.await_somebody());
  Parcel parcel(7);
  EXPECT_EQ(publisher.try_publish(std::move(parcel)), PublishStatus::kFull);
  EXPECT_EQ(parcel.value(), 7u);  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_EQ(publisher.publish_for(std::move(parcel), 1ms), PublishStatus::kTimedOut);
  EXPECT_EQ(parcel.value(), 7u);  // NOLINT(bugprone-use-after-move)
  bus.stop({.drain = 0ms});
  EXPECT_EQ(publisher.publish(std::move(parcel)), PublishStatus::kClosed);
  EXPECT_EQ(parcel.value(), 7u);  // NOLINT(bugprone-use-after-move)
  door.open();
}

TEST(Publisher, BadNamesAndOptionsAreRefusedWithAReason) {
  Bus bus;
  for (const char* name : {"", "a..b", "a.*", ">", "a b"}) {
    EXPECT_EQ(bus.try_publisher(Topic<Number>{name}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
  const auto refused = [&](const TopicOptions& options) {
    auto publisher = bus.try_publisher(Topic<Number>{"options", options});
    EXPECT_FALSE(publisher.ok());
    return publisher.ok() ? "" : test::message_of(publisher);
  };
  EXPECT_TRUE(test::contains(refused({.capacity = 0}), "capacity"));
  EXPECT_TRUE(
      test::contains(refused({.capacity = std::numeric_limits<std::size_t>::max()}), "cap"));
  EXPECT_TRUE(test::contains(refused({.capacity = std::size_t{1} << 40}), "capacity"));
  EXPECT_TRUE(test::contains(refused({.max_readers = 0}), "62"));
  EXPECT_TRUE(test::contains(refused({.max_readers = 63}), "62"));
  auto lossy = bus.try_publisher(Topic<std::string>{"text", {.admits_lossy = true}});
  ASSERT_FALSE(lossy.ok());
  EXPECT_TRUE(test::contains(test::message_of(lossy), "trivially copyable")) << lossy.status();
  EXPECT_EQ(bus.lanes(), 0u);
}

TEST(Publisher, OtherTypeOnANameShowsBoth) {
  Bus bus;
  auto publisher = bus.publisher(kSmall);
  auto wrong = bus.try_publisher(Topic<double>{"small"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_TRUE(test::contains(test::message_of(wrong), "double")) << wrong.status();
  EXPECT_TRUE(test::contains(test::message_of(wrong), "Number")) << wrong.status();
  EXPECT_FALSE(bus.try_requester(Service<int(int)>{"small"}).ok());
}

TEST(Publisher, MoreReadersThanPlacesIsAnErrorOnBothSides) {
  Bus bus;
  Dispatcher dispatcher{bus};
  const Topic<Number> topic{"few", {.max_readers = 2}};
  const auto nothing = [](const Number&) {};
  {
    auto publisher = bus.publisher(topic);
    auto a = dispatcher.subscribe(topic, nothing);
    auto b = dispatcher.subscribe(topic.matching("*"), nothing);
    auto c = dispatcher.try_subscribe(topic, nothing);
    ASSERT_FALSE(c.ok());
    EXPECT_TRUE(test::contains(test::message_of(c), "max_readers")) << c.status();
    b.end();
    auto d = dispatcher.try_subscribe(topic, nothing);
    EXPECT_TRUE(d.ok()) << "the place of an ended one is free at once: " << d.status();
  }
  auto a = dispatcher.subscribe(topic, nothing);
  auto b = dispatcher.subscribe(topic, nothing);
  auto c = dispatcher.subscribe(topic, nothing);
  auto publisher = bus.try_publisher(topic);
  ASSERT_FALSE(publisher.ok());
  EXPECT_TRUE(test::contains(test::message_of(publisher), "raise TopicOptions::max_readers"))
      << publisher.status();
  EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; })) << "the refused one left nothing";
  c.end();
  EXPECT_TRUE(bus.try_publisher(topic).ok());
}

// A subscriber that came between "the record is free" and "its cursors have left" was refused.
TEST(Publisher, PlaceOfAnEndedReaderIsFreeForTheNextOneAtOnce) {
  Bus bus;
  Dispatcher dispatcher{bus};
  const Topic<Number> topic{"one", {.max_readers = 1}};
  auto publisher = bus.publisher(topic);
  auto subscription = dispatcher.subscribe(topic, [](const Number&) {});
  for (int i = 0; i < 2000; ++i) {
    subscription.end();
    auto next = dispatcher.try_subscribe(topic, [](const Number&) {});
    ASSERT_TRUE(next.ok()) << "at round " << i << ": " << next.status();
    subscription = *std::move(next);
  }
}

TEST(Publisher, TenThousandThatComeAndGoLeaveRoom) {
  Bus bus;
  Dispatcher dispatcher{bus};
  std::uint64_t sum = 0;
  const Topic<Number> topic{"many", {.capacity = 100}};
  auto subscription =
      dispatcher.subscribe(topic, [&](const Number& number) { sum += number.value; });
  constexpr std::uint64_t kMany = 10'000;
  for (std::uint64_t i = 0; i < kMany; ++i) {
    auto publisher = bus.try_publisher(topic);
    ASSERT_TRUE(publisher.ok()) << i << ": " << publisher.status();
    EXPECT_EQ(publisher->publish({i}), PublishStatus::kPublished);
  }
  EXPECT_TRUE(eventually([&] { return subscription.delivered() == kMany; }));
  EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; }));
  bus.stop();
  EXPECT_EQ(sum, kMany * (kMany - 1) / 2);
}

TEST(FamilyPublisher, OneOrderAcrossItsTopicsAndFilters) {
  Bus bus;
  Dispatcher dispatcher{bus};
  const Topic<Number> family{"n2k.>", {.capacity = 16}};
  std::vector<std::uint64_t> all;
  std::vector<std::uint64_t> some;
  std::vector<std::uint64_t> one;
  auto everything = dispatcher.subscribe(family, [&](const Number& n, const MessageInfo& info) {
    all.push_back(n.value);
    EXPECT_EQ(info.sequence, n.value);
    EXPECT_EQ(info.topic, "n2k." + std::to_string(n.value % 5) + ".x");
    EXPECT_EQ(info.gap, 0u);
  });
  auto exact = dispatcher.subscribe(family.named("n2k.1.x"),
                                    [&](const Number& n) { one.push_back(n.value); });
  auto publisher = bus.family_publisher(family);
  auto pattern = dispatcher.subscribe(family.matching("*.*.x"),
                                      [&](const Number& n) { some.push_back(n.value); });
  auto other = dispatcher.subscribe(family.matching("n2k.*.y"), [](const Number&) { FAIL(); });
  std::vector<TopicNumber> topics;
  for (int i = 0; i < 5; ++i) {
    topics.push_back(publisher.topic("n2k." + std::to_string(i) + ".x"));
    EXPECT_EQ(publisher.topic("n2k." + std::to_string(i) + ".x").value(), topics.back().value());
  }
  constexpr std::uint64_t kMany = 1000;
  for (std::uint64_t i = 0; i < kMany; ++i) {
    ASSERT_EQ(publisher.publish(topics[i % 5], {i}), PublishStatus::kPublished);
  }
  ASSERT_TRUE(eventually([&] {
    return everything.delivered() == kMany && pattern.delivered() == kMany &&
           exact.delivered() == kMany / 5;
  }));
  const auto report = bus.stop();
  EXPECT_TRUE(report.drained);
  for (std::uint64_t i = 0; i < kMany; ++i) {
    EXPECT_EQ(all[i], i);
    EXPECT_EQ(some[i], i);
  }
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i], 5 * i + 1);
  EXPECT_EQ(bus.lanes(), 1u) << "one lane, whatever the number of topics";
}

TEST(FamilyPublisher, RefusesForeignAndBadNamesAndOtherTypes) {
  Bus bus;
  const Topic<Number> family{"n2k.>"};
  auto taken = bus.publisher(Topic<double>{"n2k.taken"});
  auto publisher = bus.family_publisher(family);
  for (const char* name : {"", "other.1", "n2k", "n2k.*", "n2k..1"}) {
    EXPECT_EQ(publisher.try_topic(name).status().code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
  const auto conflict = publisher.try_topic("n2k.taken");
  ASSERT_FALSE(conflict.ok());
  EXPECT_TRUE(test::contains(test::message_of(conflict), "double"));
  EXPECT_TRUE(publisher.try_topic("n2k.1").ok());
  EXPECT_FALSE(bus.try_publisher(Topic<double>{"n2k.1"}).ok());
  EXPECT_TRUE(bus.try_publisher(Topic<Number>{"n2k.1"}).ok()) << "one of its own, same type";
  EXPECT_FALSE(bus.try_family_publisher(Topic<Number>{"n2k.1"}).ok()) << "one name is no family";
  EXPECT_FALSE(bus.try_family_publisher(Topic<Number>{"n2k.>.1"}).ok());
}

TEST(FamilyPublisher, FullAndTimedOutAndMoveOnly) {
  const auto before = Parcel::living.load();
  {
    Bus bus;
    Dispatcher dispatcher{bus};
    Door door;
    const Topic<Parcel> family{"p.*", {.capacity = 2}};
    std::uint64_t sum = 0;
    auto subscription = dispatcher.subscribe(family, [&](const Parcel& parcel) {
      door.pass();
      sum += parcel.value();
    });
    auto publisher = bus.family_publisher(family);
    const auto topic = publisher.topic("p.1");
    EXPECT_EQ(publisher.publish(topic, Parcel(1)), PublishStatus::kPublished);
    EXPECT_EQ(publisher.try_publish(topic, Parcel(2)), PublishStatus::kPublished);
    EXPECT_EQ(publisher.try_publish(topic, Parcel(4)), PublishStatus::kFull);
    EXPECT_EQ(publisher.publish_for(topic, Parcel(4), 1ms), PublishStatus::kTimedOut);
    door.open();
    EXPECT_EQ(publisher.publish(topic, Parcel(8)), PublishStatus::kPublished);
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == 3; }));
    bus.stop();
    EXPECT_EQ(sum, 11u);
    EXPECT_EQ(publisher.publish(topic, Parcel(1)), PublishStatus::kClosed);
  }
  EXPECT_EQ(Parcel::living.load(), before);
}

}  // namespace
}  // namespace ringway
