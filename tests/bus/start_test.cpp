// SPDX-License-Identifier: Apache-2.0
// Where subscriptions begin: with the next message, the oldest still in the lane, the last value.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
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
using test::Parcel;

inline constexpr Topic<Number> kRetained{"md.a", {.capacity = 4, .retain = true}};
inline constexpr Topic<Number> kPlain{"md.a", {.capacity = 64}};

/// What handlers saw: "topic:value", in order.
class Seen {
 public:
  auto handler() {
    return [this](const Number& number, const MessageInfo& info) {
      add(std::string(info.topic) + ":" + std::to_string(number.value));
    };
  }
  void add(std::string text) {
    const std::scoped_lock lock(lock_);
    texts_.push_back(std::move(text));
  }
  std::vector<std::string> texts() {
    const std::scoped_lock lock(lock_);
    return texts_;
  }
  /// Waits until there are so many.
  std::vector<std::string> await(std::size_t count) {
    EXPECT_TRUE(eventually([&] { return texts().size() >= count; }));
    return texts();
  }

 private:
  std::mutex lock_;
  std::vector<std::string> texts_;
};

using Texts = std::vector<std::string>;

TEST(SubscriptionStart, OldestOfARetainingTopicIsTheLastCapacityMessages) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kRetained);
  for (std::uint64_t i = 0; i < 11; ++i)
    ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
  Seen seen;
  auto subscription = dispatcher.subscribe(kRetained, seen.handler(), {.start = Start::kOldest});
  ASSERT_EQ(publisher.publish({11}), PublishStatus::kPublished);
  EXPECT_EQ(seen.await(5), (Texts{"md.a:7", "md.a:8", "md.a:9", "md.a:10", "md.a:11"}));
}

TEST(SubscriptionStart, LastValueComesFirstWhoeverHasReadIt) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kRetained);
  Seen first;
  auto early = dispatcher.subscribe(kRetained, first.handler());
  for (std::uint64_t i = 0; i < 6; ++i)
    ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
  static_cast<void>(first.await(6));
  Seen second;
  auto late = dispatcher.subscribe(kRetained, second.handler(), {.start = Start::kLastValue});
  EXPECT_EQ(second.await(1), (Texts{"md.a:5"}));
  ASSERT_EQ(publisher.publish({6}), PublishStatus::kPublished);
  EXPECT_EQ(second.await(2), (Texts{"md.a:5", "md.a:6"}));
  EXPECT_EQ(first.await(7).back(), "md.a:6");
}

TEST(SubscriptionStart, NextMessageIsTheDefault) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kRetained);
  for (std::uint64_t i = 0; i < 6; ++i)
    ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
  Seen seen;
  auto subscription = dispatcher.subscribe(kRetained, seen.handler());
  ASSERT_EQ(publisher.publish({6}), PublishStatus::kPublished);
  EXPECT_EQ(seen.await(1), (Texts{"md.a:6"}));
}

TEST(SubscriptionStart, NothingPublishedYetMeansTheNextMessage) {
  for (const Start start : {Start::kOldest, Start::kLastValue}) {
    Bus bus;
    Dispatcher dispatcher{bus};
    auto publisher = bus.publisher(kRetained);
    Seen seen;
    auto subscription = dispatcher.subscribe(kRetained, seen.handler(), {.start = start});
    ASSERT_EQ(publisher.publish({1}), PublishStatus::kPublished);
    EXPECT_EQ(seen.await(1), (Texts{"md.a:1"}));
  }
}

TEST(SubscriptionStart, TopicThatDoesNotRetainGivesWhatItStillHolds) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kPlain);
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
  }
  Seen seen;
  auto subscription = dispatcher.subscribe(kPlain, seen.handler(), {.start = Start::kOldest});
  ASSERT_EQ(publisher.publish({200}), PublishStatus::kPublished);
  ASSERT_TRUE(eventually([&] {
    const auto texts = seen.texts();
    return !texts.empty() && texts.back() == "md.a:200";
  }));
  const auto texts = seen.texts();
  EXPECT_GE(texts.size(), 64u - 7u + 1u) << "all but a line at most";
  EXPECT_LE(texts.size(), 64u + 1u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(texts[i], "md.a:" + std::to_string(201 - texts.size() + i));
  }
}

TEST(SubscriptionStart, LaneWhosePublisherLeftIsReadWhileSomebodyHoldsIt) {
  Bus bus;
  Dispatcher slow{bus, {.name = "slow"}};
  Dispatcher dispatcher{bus};
  Door door;
  auto holder = slow.subscribe(kRetained, [&](const Number&) { door.pass(); });
  {
    auto publisher = bus.publisher(kRetained);
    for (std::uint64_t i = 0; i < 3; ++i) {
      ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
    }
    ASSERT_TRUE(door.await_somebody());
  }
  Seen oldest;
  Seen last;
  Seen next;
  auto one = dispatcher.subscribe(kRetained, oldest.handler(), {.start = Start::kOldest});
  auto two = dispatcher.subscribe(kRetained, last.handler(), {.start = Start::kLastValue});
  auto three = dispatcher.subscribe(kRetained, next.handler());
  EXPECT_EQ(oldest.await(3), (Texts{"md.a:0", "md.a:1", "md.a:2"}));
  EXPECT_EQ(last.await(1), (Texts{"md.a:2"}));
  EXPECT_TRUE(next.texts().empty());
  door.open();
  ASSERT_TRUE(eventually([&] { return bus.lanes() == 0; })) << "read to its end, the lane goes";
}

TEST(SubscriptionStart, EachPublishersLastValueIsGiven) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto one = bus.publisher(kRetained);
  auto two = bus.publisher(kRetained);
  for (std::uint64_t i = 0; i < 5; ++i) {
    ASSERT_EQ(one.publish({i}), PublishStatus::kPublished);
    ASSERT_EQ(two.publish({100 + i}), PublishStatus::kPublished);
  }
  Seen seen;
  auto subscription = dispatcher.subscribe(kRetained.matching("md.>"), seen.handler(),
                                           {.start = Start::kLastValue});
  auto texts = seen.await(2);
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(texts, (Texts{"md.a:104", "md.a:4"}));
}

TEST(SubscriptionStart, FamilyGivesTheLastValueOfEachTopicThatItStillHolds) {
  Bus bus;
  Dispatcher dispatcher{bus};
  constexpr Topic<Number> kFamily{"n2k.>", {.capacity = 8, .retain = true}};
  auto family = bus.family_publisher(kFamily);
  const auto heading = family.topic("n2k.heading");
  const auto depth = family.topic("n2k.depth");
  const auto speed = family.topic("n2k.speed");
  ASSERT_EQ(family.publish(speed, {1}), PublishStatus::kPublished);  // 8 come behind it
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_EQ(family.publish(heading, {i}), PublishStatus::kPublished);
    ASSERT_EQ(family.publish(depth, {10 + i}), PublishStatus::kPublished);
  }
  Seen all;
  Seen some;
  auto one = dispatcher.subscribe(kFamily, all.handler(), {.start = Start::kLastValue});
  auto two = dispatcher.subscribe(kFamily.named("n2k.depth"), some.handler(),
                                  {.start = Start::kLastValue});
  EXPECT_EQ(all.await(2), (Texts{"n2k.heading:3", "n2k.depth:13"}));
  EXPECT_EQ(some.await(1), (Texts{"n2k.depth:13"}));
  ASSERT_EQ(family.publish(depth, {14}), PublishStatus::kPublished);
  ASSERT_EQ(family.publish(depth, {15}), PublishStatus::kPublished);
  EXPECT_EQ(all.await(4), (Texts{"n2k.heading:3", "n2k.depth:13", "n2k.depth:14", "n2k.depth:15"}));
  EXPECT_EQ(some.await(3), (Texts{"n2k.depth:13", "n2k.depth:14", "n2k.depth:15"}));
}

TEST(SubscriptionStart, LanesThatComeLaterAreReadWhole) {
  Bus bus;
  Dispatcher dispatcher{bus};
  constexpr Topic<Number> kFamily{"n2k.>", {.capacity = 8, .retain = true}};
  Door door;
  auto busy = dispatcher.subscribe(kPlain, [&](const Number&) { door.pass(); });
  auto publisher = bus.publisher(kPlain);
  ASSERT_EQ(publisher.publish({0}), PublishStatus::kPublished);
  ASSERT_TRUE(door.await_somebody());
  Seen seen;
  auto subscription = dispatcher.subscribe(kFamily, seen.handler(), {.start = Start::kLastValue});
  auto family = bus.family_publisher(kFamily);
  const auto depth = family.topic("n2k.depth");
  for (std::uint64_t i = 0; i < 3; ++i) {
    ASSERT_EQ(family.publish(depth, {i}), PublishStatus::kPublished);
  }
  door.open();
  EXPECT_EQ(seen.await(3), (Texts{"n2k.depth:0", "n2k.depth:1", "n2k.depth:2"}));
}

TEST(SubscriptionStart, LossySubscriptionGetsWhatIsThereToo) {
  Bus bus;
  Dispatcher dispatcher{bus};
  constexpr Topic<Number> kLossy{"md.a", {.capacity = 4, .admits_lossy = true, .retain = true}};
  constexpr Topic<Number> kFamily{"n2k.>", {.capacity = 8, .admits_lossy = true, .retain = true}};
  auto publisher = bus.publisher(kLossy);
  auto family = bus.family_publisher(kFamily);
  const auto heading = family.topic("n2k.heading");
  const auto depth = family.topic("n2k.depth");
  for (std::uint64_t i = 0; i < 11; ++i) {
    ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
    ASSERT_EQ(family.publish(i % 2 == 0 ? heading : depth, {i}), PublishStatus::kPublished);
  }
  Seen oldest;
  Seen last;
  Seen each;
  auto one =
      dispatcher.subscribe(kLossy, oldest.handler(), {.lossy = true, .start = Start::kOldest});
  auto two =
      dispatcher.subscribe(kLossy, last.handler(), {.lossy = true, .start = Start::kLastValue});
  auto three =
      dispatcher.subscribe(kFamily, each.handler(), {.lossy = true, .start = Start::kLastValue});
  EXPECT_EQ(oldest.await(4), (Texts{"md.a:7", "md.a:8", "md.a:9", "md.a:10"}));
  EXPECT_EQ(last.await(1), (Texts{"md.a:10"}));
  EXPECT_EQ(each.await(2), (Texts{"n2k.depth:9", "n2k.heading:10"}));
}

TEST(SubscriptionStart, RetainingTopicKeepsWhatOnlyInlineSubscribersHeard) {
  Bus bus;
  Dispatcher dispatcher{bus};
  Seen inlined;
  auto inline_one = bus.subscribe_inline(kRetained, inlined.handler());
  auto publisher = bus.publisher(kRetained);
  for (std::uint64_t i = 0; i < 9; ++i)
    ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
  EXPECT_EQ(inlined.texts().size(), 9u);
  std::atomic<std::uint64_t> sequence{0};
  Seen seen;
  auto subscription = dispatcher.subscribe(
      kRetained,
      [&, handler = seen.handler()](const Number& number, const MessageInfo& info) {
        sequence = info.sequence;
        handler(number, info);
      },
      {.start = Start::kLastValue});
  EXPECT_EQ(seen.await(1), (Texts{"md.a:8"}));
  EXPECT_EQ(sequence.load(), 8u);
}

TEST(SubscriptionStart, WhatWentPastTheRingIsNotThere) {
  Bus bus;
  Dispatcher dispatcher{bus};
  Seen inlined;
  auto publisher = bus.publisher(kPlain);
  ASSERT_EQ(publisher.publish({0}), PublishStatus::kPublished);  // into the ring
  auto inline_one = bus.subscribe_inline(kPlain, inlined.handler());
  ASSERT_EQ(publisher.publish({1}), PublishStatus::kPublished);  // past it
  Seen seen;
  auto subscription = dispatcher.subscribe(kPlain, seen.handler(), {.start = Start::kLastValue});
  ASSERT_EQ(publisher.publish({2}), PublishStatus::kPublished);
  EXPECT_EQ(seen.await(1), (Texts{"md.a:2"})) << "0 is not the last value";
}

TEST(SubscriptionStart, MessagesThatOwnMemoryAreReadInPlaceByLateSubscribers) {
  const auto before = Parcel::living.load();
  {
    Bus bus;
    Dispatcher dispatcher{bus};
    constexpr Topic<Parcel> kParcels{"parcels", {.capacity = 3, .retain = true}};
    auto publisher = bus.publisher(kParcels);
    for (std::uint64_t i = 0; i < 10; ++i) {
      ASSERT_EQ(publisher.publish(Parcel(i)), PublishStatus::kPublished);
    }
    Seen seen;
    auto subscription = dispatcher.subscribe(
        kParcels, [&](const Parcel& parcel) { seen.add(std::to_string(parcel.value())); },
        {.start = Start::kOldest});
    EXPECT_EQ(seen.await(3), (Texts{"7", "8", "9"}));
  }
  EXPECT_EQ(Parcel::living.load(), before);
}

TEST(SubscriptionStart, PublisherThatWaitsForALateReaderIsWoken) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kRetained);
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
  }
  // each joins a full lane, and the publisher has to wait until it has read
  for (std::uint64_t round = 0; round < 50; ++round) {
    Seen seen;
    auto subscription = dispatcher.subscribe(kRetained, seen.handler(), {.start = Start::kOldest});
    for (std::uint64_t i = 0; i < 8; ++i) {
      ASSERT_EQ(publisher.publish_for(Number{100 + i}, 60s), PublishStatus::kPublished);
    }
    ASSERT_EQ(seen.await(12).size(), 12u);
  }
}

}  // namespace
}  // namespace ringway
