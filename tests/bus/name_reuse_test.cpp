// SPDX-License-Identifier: Apache-2.0
// Names that nobody uses any more are given back.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "bus_support.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway {
namespace {

using test::eventually;
using test::MappedHome;
using test::Number;
using test::TwiceMapped;

/// A home whose directory was laid out for few names.
class SmallHome : public MappedHome {
 public:
  SmallHome() : MappedHome(std::make_shared<TwiceMapped>(std::size_t{64} << 20), 0) {}
};
using SmallBus = BasicBus<SmallHome>;

constexpr std::uint32_t kNames = 8;

SmallBus small_bus() {
  SmallHome home;
  const auto status = Directory<SmallHome::Memory>::format(
      home.block(),
      {.topics = kNames, .subscriptions = 64, .endpoints = 8, .lanes = 64, .types = 4});
  EXPECT_TRUE(status.ok()) << status;
  return *SmallBus::join(std::move(home));
}

std::string name_of(std::uint32_t i) {
  return "topic." + std::to_string(i);
}
Topic<Number> topic_of(const std::string& name) {
  return {name, {.capacity = 16}};
}

TEST(NameReuse, NamesOfPublishersAndSubscriptionsThatAreGoneMakeRoom) {
  auto bus = small_bus();
  Dispatcher dispatcher{bus};
  for (std::uint32_t i = 0; i < 50 * kNames; ++i) {
    const auto name = name_of(i);
    auto publisher = bus.try_publisher(topic_of(name));
    ASSERT_TRUE(publisher.ok()) << i << publisher.status();
    auto subscription = dispatcher.try_subscribe(topic_of(name + ".b"), [](const Number&) {});
    ASSERT_TRUE(subscription.ok()) << i << subscription.status();
    subscription->end();
    // its dispatcher lets go of it a little later
    ASSERT_TRUE(eventually([&] {
      auto lock = bus.core()->lock();
      return bus.core()->directory().subscription(0).used == 0;
    }));
  }
}

TEST(NameReuse, NamesInUseStay) {
  auto bus = small_bus();
  Dispatcher dispatcher{bus};
  std::atomic<std::uint64_t> heard{0};
  auto subscription =
      dispatcher.subscribe(topic_of("kept.a"), [&](const Number& n) { heard += n.value; });
  auto held = bus.publisher(topic_of("kept.b"));
  auto of_lane = dispatcher.subscribe(topic_of("kept.*").matching("kept.*"),
                                      [&](const Number& n) { heard += 1000 * n.value; });
  for (std::uint32_t i = 0; i < 10 * kNames; ++i) {
    ASSERT_TRUE(bus.try_publisher(topic_of(name_of(i))).ok()) << i;
  }
  EXPECT_EQ(held.topic(), "kept.b");
  auto late = bus.publisher(topic_of("kept.a"));
  ASSERT_EQ(late.publish({1}), PublishStatus::kPublished);
  ASSERT_EQ(held.publish({2}), PublishStatus::kPublished);
  EXPECT_TRUE(eventually([&] { return heard == 1 + 1000 + 2000; })) << heard;
  EXPECT_FALSE(bus.try_publisher(Topic<double>{"kept.a"}).ok());
}

TEST(NameReuse, FullTableIsAnErrorWhileAllNamesAreInUse) {
  auto bus = small_bus();
  std::vector<Publisher<Number, SmallHome>> publishers;
  for (std::uint32_t i = 0; i < kNames; ++i) {
    publishers.push_back(bus.publisher(topic_of(name_of(i))));
  }
  const auto refused = bus.try_publisher(topic_of("one.more"));
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  publishers.pop_back();
  EXPECT_TRUE(bus.try_publisher(topic_of("one.more")).ok());
  EXPECT_TRUE(bus.try_publisher(topic_of(name_of(3))).ok()) << "those that stayed are found";
}

TEST(NameReuse, NameThatNobodyUsesMayGetAnotherType) {
  auto bus = small_bus();
  {
    auto publisher = bus.publisher(topic_of("a"));
    EXPECT_FALSE(bus.try_publisher(Topic<double>{"a"}).ok());
  }
  EXPECT_TRUE(bus.try_publisher(Topic<double>{"a"}).ok());
  // more types than the table has places, one after the other
  EXPECT_TRUE(bus.try_publisher(Topic<float>{"a"}).ok());
  EXPECT_TRUE(bus.try_publisher(Topic<int>{"a"}).ok());
  EXPECT_TRUE(bus.try_publisher(Topic<char>{"a"}).ok());
  EXPECT_TRUE(bus.try_publisher(Topic<unsigned>{"a"}).ok());
  EXPECT_TRUE(bus.try_publisher(Topic<long>{"a"}).ok());
}

/// What a subscription has heard by topic, when an index of a family's topic is another's later.
TEST(NameReuse, FamilysTopicsStayWithItsLaneAndNumbersAreNotMixedUp) {
  auto bus = small_bus();
  Dispatcher dispatcher{bus};
  std::mutex lock;
  std::map<std::string, std::uint64_t> heard;
  const auto handler = [&](const Number& number, const MessageInfo& info) {
    const std::scoped_lock hold(lock);
    heard[std::string(info.topic)] += number.value;
  };
  auto odd = dispatcher.subscribe(topic_of("*.odd").matching("*.odd"), handler);
  std::map<std::string, std::uint64_t> expected;
  for (std::uint32_t round = 0; round < 40; ++round) {
    const std::string prefix = "f" + std::to_string(round);
    std::optional family{bus.family_publisher(topic_of(prefix + ".>"))};
    // in every round the other way round: an index belongs to a wanted topic, then to another
    const char* names[] = {".odd", ".even"};
    const auto first = family->topic(prefix + names[round % 2]);
    const auto second = family->topic(prefix + names[1 - round % 2]);
    for (const auto topic : {first, second}) {
      ASSERT_EQ(family->publish(topic, {round + 1}), PublishStatus::kPublished);
    }
    for (std::uint32_t i = 0; i < kNames; ++i) {
      ASSERT_TRUE(bus.try_publisher(topic_of(name_of(i))).ok()) << "makes old names go";
    }
    ASSERT_EQ(family->publish(first, {0}), PublishStatus::kPublished) << "its own stay";
    family.reset();
    ASSERT_TRUE(eventually([&] { return bus.lanes() == 0; })) << "read to its end, it goes";
    expected[prefix + ".odd"] = round + 1;
  }
  EXPECT_TRUE(eventually([&] {
    const std::scoped_lock hold(lock);
    return heard == expected;
  }));
  const std::scoped_lock hold(lock);
  EXPECT_EQ(heard, expected);
}

TEST(NameReuse, NumberOfAGivenBackTopicIsNotItsSuccessors) {
  auto memory = std::make_shared<TwiceMapped>(std::size_t{64} << 20);
  using Table = Directory<NativeSharedMemory>;
  ASSERT_TRUE(Table::format(memory->mapping(0), {.topics = 2, .lanes = 4}).ok());
  auto directory = *Table::join(memory->mapping(0));
  const NameKind kind{type_identity<Number>()};
  const auto a = *directory.bind_name("a", kind);
  const auto number = directory.number_of(a);
  EXPECT_EQ(directory.topic(number).name.view(), "a");
  ASSERT_EQ(directory.give_back_names(), 1u);
  ASSERT_EQ(*directory.bind_name("b", kind), a);
  EXPECT_NE(directory.number_of(a), number);
  EXPECT_EQ(Table::index_of(directory.number_of(a)), a);
  directory.repair();
  EXPECT_EQ(*directory.declare("b", kind), a);
}

}  // namespace
}  // namespace ringway
