// SPDX-License-Identifier: Apache-2.0
// The bus between processes: the same topics and services, whoever comes first.
#include "ringway/shm/shared_bus.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Process;
using test::SegmentName;
using test::Witness;

struct Tick {
  std::uint64_t number;
  std::uint64_t check;
};
struct Question {
  std::uint64_t value;
};
struct Answer {
  std::uint64_t value;
};

constexpr Topic<Tick> kTicks{"ticks", {.capacity = 64}};
constexpr Topic<Tick> kFamily{"family.>", {.capacity = 64}};
constexpr Service<Answer(Question)> kDouble{"double", {.timeout = 20s}};

struct Counts {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> stop{0};
};

/// Runs in a child: counts ticks in their order until it is told to stop.
int subscribe_until_stopped(const std::string& name, Counts& counts) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  Dispatcher feed{*bus, {.name = "feed"}};
  std::uint64_t next = 0;
  auto subscription = feed.subscribe(kTicks, [&](const Tick& tick) {
    if (tick.number != next++ || tick.check != ~tick.number) ++counts.wrong;
    ++counts.received;
  });
  ++counts.ready;
  return test::eventually([&] { return counts.stop != 0; }) ? 0 : 2;
}

TEST(SharedBus, PublishesToAnotherProcess) {
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] { return subscribe_until_stopped(name.str(), *counts); });
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1; }));
  {
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok()) << bus.status();
    auto publisher = bus->publisher(kTicks);
    constexpr std::uint64_t kCount = 20'000;
    for (std::uint64_t i = 0; i < kCount; ++i) {
      ASSERT_EQ(publisher.publish_for(Tick{i, ~i}, 60s), PublishStatus::kPublished);
    }
    ASSERT_TRUE(test::eventually([&] { return counts->received == kCount; }));
    EXPECT_EQ(counts->wrong, 0u);
    EXPECT_TRUE(name.exists());
  }
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(name.exists()) << "the last one removes the name";
}

TEST(SharedBus, LaterSubscribersMeetEarlierPublishersAndTheOtherWayRound) {
  const SegmentName name;
  Witness<Counts> counts;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto early = bus->publisher(kTicks);
  ASSERT_EQ(early.publish(Tick{77, 0}), PublishStatus::kPublished);  // nobody is there to see it
  Process child([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    Dispatcher feed{*own};
    auto one = feed.subscribe(kTicks.matching(">"), [&](const Tick&) { ++counts->received; });
    auto two = feed.subscribe(kFamily.matching("family.b.*"), [&](const Tick& tick) {
      ++counts->received;
      if (tick.number != 5) ++counts->wrong;
    });
    ++counts->ready;
    return test::eventually([&] { return counts->stop != 0; }) ? 0 : 2;
  });
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1; }));
  ASSERT_EQ(early.publish(Tick{1, 0}), PublishStatus::kPublished);
  auto late = bus->publisher(kTicks);
  ASSERT_EQ(late.publish(Tick{2, 0}), PublishStatus::kPublished);
  auto family = bus->family_publisher(kFamily);
  ASSERT_EQ(family.publish(family.topic("family.b.c"), Tick{5, 0}), PublishStatus::kPublished);
  ASSERT_EQ(family.publish(family.topic("family.c.c"), Tick{6, 0}), PublishStatus::kPublished);
  // ">" sees early's, late's and both of the family's; "family.b.*" one
  EXPECT_TRUE(test::eventually([&] { return counts->received == 5; })) << counts->received;
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(counts->received, 5u);
  EXPECT_EQ(counts->wrong, 0u);
}

TEST(SharedBus, AsksAnotherProcess) {
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    Dispatcher feed{*own};
    auto replier =
        feed.reply(kDouble, [](const Question& question) { return Answer{2 * question.value}; });
    ++counts->ready;
    return test::eventually([&] { return counts->stop != 0; }) ? 0 : 2;
  });
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto asker = bus->requester(kDouble);
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1 && asker.served(); }));
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    auto answer = asker.request({i});
    ASSERT_TRUE(answer) << describe(answer.error());
    ASSERT_EQ(answer->value, 2 * i);
  }
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
  auto answer = asker.request({1});
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error() == RequestError::kNoReplier ||
              answer.error() == RequestError::kReplierGone);
}

TEST(SharedBus, OtherTypeUnderANameIsRefusedAndBothAreNamed) {
  const SegmentName name;
  auto one = open_shared(name.str());
  auto two = open_shared(name.str());
  ASSERT_TRUE(one.ok() && two.ok()) << one.status() << two.status();
  auto publisher = one->publisher(kTicks);
  const auto other = two->try_publisher(Topic<Question>{"ticks"});
  ASSERT_FALSE(other.ok());
  EXPECT_TRUE(test::contains(test::message_of(other), "Tick"));
  EXPECT_TRUE(test::contains(test::message_of(other), "Question"));
}

TEST(SharedBus, StoppingEndsOnlyThisProcessesLanes) {
  const SegmentName name;
  auto one = open_shared(name.str());
  auto two = open_shared(name.str());
  ASSERT_TRUE(one.ok() && two.ok());
  auto ours = one->publisher(kTicks);
  auto theirs = two->publisher(kTicks);
  one->stop();
  EXPECT_EQ(ours.try_publish(Tick{}), PublishStatus::kClosed);
  EXPECT_EQ(theirs.try_publish(Tick{}), PublishStatus::kPublished);
  EXPECT_FALSE(one->try_publisher(kTicks).ok());
  EXPECT_TRUE(two->try_publisher(kTicks).ok());
}

TEST(SharedBus, AnonymousBusIsHandedOnByDescriptor) {
  Witness<Counts> counts;
  auto bus = make_anonymous_shared();
  ASSERT_TRUE(bus.ok()) << bus.status();
  const int handed_on = ::dup(shared_descriptor(*bus));  // survives into the child
  ASSERT_GE(handed_on, 0);
  Process child([&] {
    auto own = open_shared(handed_on);
    if (!own.ok()) return 1;
    if (::ftruncate(handed_on, 4096) == 0) return 3;  // sealed
    Dispatcher feed{*own};
    auto subscription = feed.subscribe(kTicks, [&](const Tick&) { ++counts->received; });
    ++counts->ready;
    return test::eventually([&] { return counts->received == 10; }) ? 0 : 2;
  });
  ::close(handed_on);
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1; }));
  auto publisher = bus->publisher(kTicks);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(publisher.publish(Tick{}), PublishStatus::kPublished);
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace ringway
