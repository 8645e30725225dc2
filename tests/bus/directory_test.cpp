// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "bus_support.hpp"
#include "ringway/bus/directory.hpp"
#include "ringway/bus/home.hpp"

namespace ringway {
namespace {

using Table = Directory<NativeMemory>;

struct Trade {
  std::uint64_t id;
};
struct Order {
  std::uint64_t id;
};

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() : home_(value_or_stop(HeapHome::create({.bytes = std::size_t{256} << 20}))) {
    EXPECT_TRUE(Table::format(home_.block()).ok());
    directory_.emplace(value_or_stop(Table::join(home_.block())));
  }
  [[nodiscard]] Table& directory() { return *directory_; }

  HeapHome home_;
  std::optional<Table> directory_;
};

TEST_F(DirectoryTest, NameIsDeclaredOnceAndFoundAgain) {
  const NameKind kind{type_identity<Trade>()};
  const auto a = directory().declare("a", kind);
  const auto b = directory().declare("b", kind);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(*a, *b);
  EXPECT_EQ(*directory().declare("a", kind), *a);
  EXPECT_EQ(directory().topic(*b).name.view(), "b");
}

TEST_F(DirectoryTest, OtherTypeOnANameIsAnErrorThatShowsBoth) {
  ASSERT_TRUE(directory().declare("a", {type_identity<Trade>()}).ok());
  const auto status = directory().declare("a", {type_identity<Order>()}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  EXPECT_TRUE(test::contains(message, "Trade")) << message;
  EXPECT_TRUE(test::contains(message, "Order")) << message;
  EXPECT_TRUE(test::contains(message, "\"a\"")) << message;
  EXPECT_TRUE(directory().declare("a", {type_identity<Trade>()}).ok()) << "nothing was changed";
}

TEST_F(DirectoryTest, TopicAndServiceOfOneNameAreDifferent) {
  ASSERT_TRUE(directory().declare("a", {type_identity<Trade>()}).ok());
  EXPECT_FALSE(directory().declare("a", {type_identity<Trade>(), true}).ok());
}

template <int kNumber>
struct Leaf {
  std::uint64_t value;
};
template <class A, class B>
struct AVeryLongNameThatFillsTheRecordOfTheTypeAndThenSomeMoreOfItForGoodMeasure {
  std::uint64_t value;
};
template <class X>
using Long = AVeryLongNameThatFillsTheRecordOfTheTypeAndThenSomeMoreOfItForGoodMeasure<
    AVeryLongNameThatFillsTheRecordOfTheTypeAndThenSomeMoreOfItForGoodMeasure<int, long>, X>;

// Names of types may be longer than their records; they must still be told apart.
TEST_F(DirectoryTest, TypesThatDifferLateInTheirNamesAreDifferent) {
  const auto one = type_identity<Long<Leaf<1>>>();
  const auto other = type_identity<Long<Leaf<2>>>();
  ASSERT_EQ(one.name.substr(0, kLongestName + 1), other.name.substr(0, kLongestName + 1));
  ASSERT_TRUE(directory().declare("a", {one}).ok());
  EXPECT_TRUE(directory().declare("a", {one}).ok());
  EXPECT_FALSE(directory().declare("a", {other}).ok());
  const auto topic = *directory().declare("a", {one});
  const auto lane = directory().new_lane(LaneKind::kTopic, topic, false, 4096);
  const auto same = directory().new_subscription("a", {one}, 0, false);
  const auto different = directory().new_subscription(">", {other}, 0, false);
  ASSERT_TRUE(lane.ok() && same.ok() && different.ok());
  EXPECT_TRUE(directory().wants(directory().subscription(*same), directory().lane(*lane)));
  EXPECT_FALSE(directory().wants(directory().subscription(*different), directory().lane(*lane)));
}

TEST_F(DirectoryTest, TableOfNamesFillsUpWithAnError) {
  const NameKind kind{type_identity<Trade>()};
  for (std::uint32_t i = 0; i < Table::kMaxTopics; ++i) {
    ASSERT_TRUE(directory().declare("t." + std::to_string(i), kind).ok()) << i;
  }
  EXPECT_EQ(directory().declare("one.more", kind).status().code(),
            absl::StatusCode::kResourceExhausted);
  for (std::uint32_t i = 0; i < Table::kMaxTopics; i += 97) {
    EXPECT_EQ(*directory().declare("t." + std::to_string(i), kind), i);
  }
}

TEST_F(DirectoryTest, EndpointsAndSubscriptionsRunOutWithAnErrorAndComeBack) {
  for (std::uint32_t i = 0; i < Table::kMaxEndpoints; ++i) {
    ASSERT_TRUE(directory().new_endpoint().ok());
  }
  EXPECT_EQ(directory().new_endpoint().status().code(), absl::StatusCode::kResourceExhausted);
  directory().free_endpoint(7);
  EXPECT_EQ(*directory().new_endpoint(), 7u);

  const NameKind kind{type_identity<Trade>()};
  for (std::uint32_t i = 0; i < Table::kMaxSubscriptions; ++i) {
    ASSERT_TRUE(directory().new_subscription("a", kind, 0, false).ok());
  }
  EXPECT_FALSE(directory().new_subscription("a", kind, 0, false).ok());
  directory().free_subscription(9);
  EXPECT_EQ(*directory().new_subscription("a", kind, 0, false), 9u);
}

TEST_F(DirectoryTest, LanesAreReusedAndTheirMemoryToo) {
  const auto topic = *directory().declare("a", {type_identity<Trade>()});
  const auto first = directory().new_lane(LaneKind::kTopic, topic, false, 10'000);
  const auto second = directory().new_lane(LaneKind::kTopic, topic, false, 10'000);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(*first, Table::kNoLane);
  const auto a = directory().ring_memory(directory().lane(*first));
  const auto b = directory().ring_memory(directory().lane(*second));
  EXPECT_TRUE(a.data() + a.size() <= b.data() || b.data() + b.size() <= a.data());
  EXPECT_EQ(a.size(), 10'000u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.data()) % kOwnerSpacing, 0u);
  directory().free_lane(*first);
  const auto third = directory().new_lane(LaneKind::kTopic, topic, false, 10'000);
  EXPECT_EQ(*third, *first);
  EXPECT_EQ(directory().ring_memory(directory().lane(*third)).data(), a.data());
}

// Lanes of ever other sizes come and go: their memory must serve each other, or the home fills up.
TEST_F(DirectoryTest, LanesOfEverOtherSizesDoNotUseTheHomeUp) {
  const auto topic = *directory().declare("a", {type_identity<Trade>()});
  for (std::size_t i = 0; i < 20'000; ++i) {
    const auto lane = directory().new_lane(LaneKind::kTopic, topic, false, 4096 + 64 * i);
    ASSERT_TRUE(lane.ok()) << "lane " << i << ": " << lane.status();
    directory().free_lane(*lane);
  }
}

TEST_F(DirectoryTest, ImpossibleLanesAreRefused) {
  const auto topic = *directory().declare("a", {type_identity<Trade>()});
  for (const std::size_t bytes :
       {std::size_t{1} << 40, ~std::size_t{0}, ~std::size_t{0} - 255, ~std::size_t{0} / 2}) {
    EXPECT_EQ(directory().new_lane(LaneKind::kTopic, topic, false, bytes).status().code(),
              absl::StatusCode::kResourceExhausted)
        << bytes;
  }
  EXPECT_TRUE(directory().new_lane(LaneKind::kTopic, topic, false, 4096).ok());
}

TEST_F(DirectoryTest, ForeignBlockIsRefused) {
  auto other = value_or_stop(HeapHome::create({.bytes = std::size_t{64} << 20}));
  EXPECT_EQ(Table::join(other.block()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Table::join(other.block().first(100)).status().code(), absl::StatusCode::kDataLoss);
  ASSERT_TRUE(Table::format(other.block()).ok());
  EXPECT_TRUE(Table::join(other.block()).ok());
  EXPECT_FALSE(Table::join(other.block().first(other.block().size() / 2)).ok()) << "truncated";
  other.block()[0] ^= std::byte{1};
  EXPECT_FALSE(Table::join(other.block()).ok());
}

TEST_F(DirectoryTest, WantsFollowsPatternTypeAndKind) {
  const NameKind trades{type_identity<Trade>()};
  const NameKind service{type_identity<Trade>(), true};
  const auto name = *directory().declare("md.a", trades);
  const auto family = *directory().declare("md.>", trades);
  const auto question = *directory().declare("ask", service);
  const auto lane = *directory().new_lane(LaneKind::kTopic, name, false, 4096);
  const auto wide = *directory().new_lane(LaneKind::kFamily, family, false, 4096);
  const auto requests = *directory().new_lane(LaneKind::kRequest, question, false, 4096);
  const auto answers = *directory().new_lane(LaneKind::kReply, question, false, 4096);
  const auto wants = [&](std::string_view pattern, const NameKind& kind, std::uint32_t which) {
    const auto record = *directory().new_subscription(pattern, kind, 0, false);
    const bool result =
        directory().wants(directory().subscription(record), directory().lane(which));
    directory().free_subscription(record);
    EXPECT_FALSE(directory().wants(directory().subscription(record), directory().lane(which)));
    return result;
  };
  EXPECT_TRUE(wants("md.a", trades, lane));
  EXPECT_TRUE(wants("md.*", trades, lane));
  EXPECT_TRUE(wants(">", trades, lane));
  EXPECT_FALSE(wants("md.b", trades, lane));
  EXPECT_FALSE(wants("md.a", {type_identity<Order>()}, lane));
  EXPECT_FALSE(wants(">", {type_identity<Order>()}, lane));
  EXPECT_FALSE(wants("md.a", service, lane));
  EXPECT_TRUE(wants("md.b", trades, wide));
  EXPECT_TRUE(wants("*.b.*", trades, wide));
  EXPECT_FALSE(wants("md", trades, wide));
  EXPECT_TRUE(wants("ask", service, requests));
  EXPECT_FALSE(wants(">", trades, requests));
  EXPECT_FALSE(wants("ask", service, answers)) << "answers are for one requester alone";
}

TEST(FixedString, KeepsWhatFits) {
  FixedString<4> text;
  EXPECT_EQ(text.view(), "");
  text.assign("abcd");
  EXPECT_EQ(text.view(), "abcd");
  text.assign("abcdef");
  EXPECT_EQ(text.view(), "abcd");
}

}  // namespace
}  // namespace ringway
