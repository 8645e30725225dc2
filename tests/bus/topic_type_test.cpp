// SPDX-License-Identifier: Apache-2.0
// What names are bound to: versions of message types, and who reads whom.
#include "ringway/bus/topic_type.hpp"

#include <gtest/gtest.h>

#include <array>
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
namespace versions {

struct Trade1 {
  std::uint64_t id;
  double price;
};
struct Trade2 {  // appends
  std::uint64_t id;
  double price;
  std::uint32_t quantity;
};
struct Trade3 {  // appends what is aligned more strictly
  std::uint64_t id;
  double price;
  std::uint32_t quantity;
  alignas(16) std::array<std::uint64_t, 20> levels;
};
struct Changed1 {  // name, version, size and alignment of Trade1
  std::uint64_t id;
  std::int64_t price;
};
struct Changed2 {  // a newer version that does not only append
  double price;
  std::uint64_t id;
  std::uint32_t quantity;
};
struct Long1 {
  std::array<std::uint16_t, 3> few;
  struct Pair {
    std::uint8_t a, b;
  } pairs[30];
};
struct Answer1 {
  std::uint32_t value;
};
struct Answer2 {
  std::uint32_t value;
  std::uint32_t more;
};

}  // namespace versions

template <>
struct DescribeType<versions::Trade1> {
  static constexpr std::string_view kName = "md.Trade";
};
template <>
struct DescribeType<versions::Trade2> {
  static constexpr std::string_view kName = "md.Trade";
  static constexpr std::uint32_t kVersion = 2;
};
template <>
struct DescribeType<versions::Trade3> {
  static constexpr std::string_view kName = "md.Trade";
  static constexpr std::uint32_t kVersion = 3;
};
template <>
struct DescribeType<versions::Changed1> {
  static constexpr std::string_view kName = "md.Trade";
};
template <>
struct DescribeType<versions::Changed2> {
  static constexpr std::string_view kName = "md.Trade";
  static constexpr std::uint32_t kVersion = 2;
};
template <>
struct DescribeType<versions::Answer1> {
  static constexpr std::string_view kName = "Answer";
};
template <>
struct DescribeType<versions::Answer2> {
  static constexpr std::string_view kName = "Answer";
  static constexpr std::uint32_t kVersion = 2;
};

namespace {

using namespace std::chrono_literals;
using namespace versions;
using test::eventually;

template <class T>
Topic<T> topic_of(bool lossy = false) {
  return {"md.trades", {.capacity = 16, .admits_lossy = lossy, .retain = true}};
}
template <class T>
Topic<T> family_of(bool lossy = false) {
  return {"md.x.>", {.capacity = 16, .admits_lossy = lossy, .retain = true}};
}

/// Messages as "topic:id/price".
class Seen {
 public:
  auto handler() {
    return [this](const auto& trade, const MessageInfo& info) {
      const std::scoped_lock lock(lock_);
      texts_.push_back(std::string(info.topic) + ":" + std::to_string(trade.id) + "/" +
                       std::to_string(static_cast<int>(trade.price)));
    };
  }
  std::vector<std::string> await(std::size_t count) {
    EXPECT_TRUE(eventually([&] {
      const std::scoped_lock lock(lock_);
      return texts_.size() >= count;
    }));
    const std::scoped_lock lock(lock_);
    return texts_;
  }

 private:
  std::mutex lock_;
  std::vector<std::string> texts_;
};
using Texts = std::vector<std::string>;

TEST(TopicType, IdentityTellsVersionsAndMembersApart) {
  EXPECT_EQ(type_identity<Trade1>(), type_identity<Trade1>());
  EXPECT_FALSE(type_identity<Trade1>() == type_identity<Changed1>());
  EXPECT_EQ(fit_of(type_identity<Trade1>(), type_identity<Trade1>()), TypeFit::kSame);
  EXPECT_EQ(fit_of(type_identity<Trade2>(), type_identity<Trade1>()), TypeFit::kNewer);
  EXPECT_EQ(fit_of(type_identity<Trade3>(), type_identity<Trade1>()), TypeFit::kNewer);
  EXPECT_EQ(fit_of(type_identity<Trade1>(), type_identity<Trade2>()), TypeFit::kOlder);
  EXPECT_EQ(fit_of(type_identity<Changed1>(), type_identity<Trade1>()), TypeFit::kOtherMembers);
  EXPECT_EQ(fit_of(type_identity<Changed2>(), type_identity<Trade1>()), TypeFit::kOtherMembers);
  EXPECT_EQ(fit_of(type_identity<Answer1>(), type_identity<Trade1>()), TypeFit::kOtherName);
  EXPECT_TRUE(are_related(type_identity<Trade1>(), type_identity<Trade3>()));
  EXPECT_FALSE(are_related(type_identity<Changed2>(), type_identity<Trade2>()));
}

TEST(TopicType, RecordKeepsWhatIsComparedAndListsThatAreTooLongByTheirHash) {
  auto record = std::make_unique<TypeRecord>();
  record->assign(type_identity<Trade2>());
  EXPECT_EQ(record->identity(), type_identity<Trade2>());
  EXPECT_EQ(fit_of(record->identity(), type_identity<Trade1>()), TypeFit::kNewer);
  record->member_count = ~0U;  // somebody else's hand
  EXPECT_LE(record->identity().members.size(), TypeRecord::kMostMembers);

  auto many = type_identity<Long1>();
  std::vector<TypeMember> members(TypeRecord::kMostMembers + 1);
  many.members = members;
  many.member_count = members.size();
  record->assign(many);
  EXPECT_EQ(fit_of(record->identity(), many), TypeFit::kSame);
  auto newer = many;
  newer.version = 2;
  EXPECT_EQ(fit_of(newer, record->identity()), TypeFit::kOtherMembers) << "can not be compared";
}

template <class Newer>
void read_newer(bool lossy_lane, bool lossy) {
  SCOPED_TRACE(std::to_string(sizeof(Newer)) + (lossy_lane ? " lossy lane" : "") +
               (lossy ? " lossy" : ""));
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(topic_of<Newer>(lossy_lane));
  auto family = bus.family_publisher(family_of<Newer>(lossy_lane));
  const auto a = family.topic("md.x.a");
  const auto b = family.topic("md.x.b");
  const auto trade = [](std::uint64_t id) {
    Newer message{};
    message.id = id;
    message.price = static_cast<double>(id + 100);
    message.quantity = 7;
    return message;
  };
  for (std::uint64_t i = 0; i < 40; ++i) {
    ASSERT_EQ(publisher.publish(trade(i)), PublishStatus::kPublished);
    ASSERT_EQ(family.publish(i % 2 == 0 ? a : b, trade(i)), PublishStatus::kPublished);
  }
  Seen next;
  Seen oldest;
  Seen last;
  Seen last_b;
  const auto options = [&](Start start) {
    return SubscribeOptions{.lossy = lossy, .start = start};
  };
  auto one = dispatcher.subscribe(topic_of<Trade1>(), next.handler(), options(Start::kNext));
  auto two = dispatcher.subscribe(topic_of<Trade1>(), oldest.handler(), options(Start::kOldest));
  auto three =
      dispatcher.subscribe(family_of<Trade1>(), last.handler(), options(Start::kLastValue));
  auto four = dispatcher.subscribe(family_of<Trade1>().named("md.x.b"), last_b.handler(),
                                   options(Start::kLastValue));
  const auto sixteen = oldest.await(16);
  EXPECT_EQ(sixteen.front(), "md.trades:24/124");
  EXPECT_EQ(sixteen.back(), "md.trades:39/139");
  EXPECT_EQ(last.await(2), (Texts{"md.x.a:38/138", "md.x.b:39/139"}));
  for (std::uint64_t i = 40; i < 200; ++i) {
    ASSERT_EQ(publisher.publish_for(trade(i), 60s), PublishStatus::kPublished);
    if (!lossy) continue;
    ASSERT_TRUE(eventually([&] { return one.delivered() == i - 39; }));  // or it may lose some
  }
  ASSERT_EQ(family.publish(b, trade(40)), PublishStatus::kPublished);
  EXPECT_EQ(last_b.await(2), (Texts{"md.x.b:39/139", "md.x.b:40/140"}));
  const auto all = next.await(160);
  ASSERT_EQ(all.size(), 160u);
  for (std::uint64_t i = 0; i < 160; ++i) {
    EXPECT_EQ(all[i], "md.trades:" + std::to_string(40 + i) + "/" + std::to_string(140 + i));
  }
}

TEST(TopicType, OlderSubscriberReadsNewerPublishers) {
  read_newer<Trade2>(false, false);
  read_newer<Trade3>(false, false);
  read_newer<Trade2>(true, false);
  read_newer<Trade3>(true, false);
}

TEST(TopicType, OlderSubscriberReadsNewerPublishersLossily) {
  read_newer<Trade2>(true, true);
  read_newer<Trade3>(true, true);
}

TEST(TopicType, NewerSubscriberIsRefusedByAnOlderPublisherAndBothAreNamed) {
  Bus bus;
  Dispatcher dispatcher{bus};
  {
    auto publisher = bus.publisher(topic_of<Trade1>());
    const auto refused = dispatcher.try_subscribe(topic_of<Trade2>(), [](const Trade2&) {});
    ASSERT_FALSE(refused.ok());
    for (const char* part : {"md.Trade version 1 (16 bytes", "md.Trade version 2 (24 bytes",
                             "member 3 is missing there", "publisher is older"}) {
      EXPECT_TRUE(test::contains(test::message_of(refused), part)) << refused.status();
    }
  }
  EXPECT_TRUE(dispatcher.try_subscribe(topic_of<Trade2>(), [](const Trade2&) {}).ok())
      << "the publisher has left";
}

TEST(TopicType, OlderPublisherIsRefusedWhileANewerSubscriberIsThere) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto family = bus.family_publisher(family_of<Trade1>());
  {
    auto subscription = dispatcher.subscribe(topic_of<Trade2>(), [](const Trade2&) {});
    auto of_family = dispatcher.subscribe(topic_of<Trade2>().named("md.y"), [](const Trade2&) {});
    const auto refused = bus.try_publisher(topic_of<Trade1>());
    ASSERT_FALSE(refused.ok());
    EXPECT_TRUE(test::contains(test::message_of(refused), "md.Trade version 1"))
        << refused.status();
    EXPECT_TRUE(test::contains(test::message_of(refused), "md.Trade version 2"))
        << refused.status();
    EXPECT_FALSE(bus.try_publisher(topic_of<Trade1>().named("md.y")).ok());
    EXPECT_TRUE(bus.try_publisher(topic_of<Trade3>()).ok()) << "it only appends";
  }
  EXPECT_TRUE(bus.try_publisher(topic_of<Trade1>()).ok());
  const auto newer =
      dispatcher.try_subscribe(topic_of<Trade2>().named("md.x.a"), [](const Trade2&) {});
  EXPECT_FALSE(newer.ok()) << "the family may carry it";
}

TEST(TopicType, OtherMembersUnderOneNameAndSizeAreRefused) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(topic_of<Trade1>());
  const auto same_version = dispatcher.try_subscribe(topic_of<Changed1>(), [](const Changed1&) {});
  ASSERT_FALSE(same_version.ok());
  EXPECT_TRUE(test::contains(test::message_of(same_version), "floating 8 at 8"))
      << same_version.status();
  EXPECT_TRUE(test::contains(test::message_of(same_version), "signed 8 at 8"))
      << same_version.status();
  EXPECT_FALSE(bus.try_publisher(topic_of<Changed2>()).ok()) << "it does not only append";
  EXPECT_TRUE(bus.try_publisher(topic_of<Trade1>()).ok()) << "nothing was changed";
}

TEST(TopicType, PublishersOfSeveralVersionsServeTheOldestSubscriber) {
  Bus bus;
  Dispatcher dispatcher{bus};
  Seen seen;
  auto subscription = dispatcher.subscribe(topic_of<Trade1>(), seen.handler());
  auto one = bus.publisher(topic_of<Trade1>());
  auto two = bus.publisher(topic_of<Trade2>());
  auto three = bus.publisher(topic_of<Trade3>());
  ASSERT_EQ(one.publish({1, 11}), PublishStatus::kPublished);
  static_cast<void>(seen.await(1));
  ASSERT_EQ(two.publish({2, 12, 0}), PublishStatus::kPublished);
  static_cast<void>(seen.await(2));
  ASSERT_EQ(three.publish({3, 13, 0, {}}), PublishStatus::kPublished);
  EXPECT_EQ(seen.await(3), (Texts{"md.trades:1/11", "md.trades:2/12", "md.trades:3/13"}));
}

TEST(TopicType, PatternsTakeInWhatTheyCanRead) {
  Bus bus;
  Dispatcher dispatcher{bus};
  Seen seen;
  auto older = bus.publisher(topic_of<Trade1>().named("md.a"));
  auto newer = bus.publisher(topic_of<Trade2>().named("md.b"));
  auto newest = bus.publisher(topic_of<Trade3>().named("md.c"));
  auto other = bus.publisher(Topic<Changed1>{"md.d"});
  auto subscription = dispatcher.subscribe(topic_of<Trade2>().matching(">"), seen.handler());
  ASSERT_EQ(older.publish({1, 1}), PublishStatus::kPublished);
  ASSERT_EQ(other.publish({4, 4}), PublishStatus::kPublished);
  ASSERT_EQ(newer.publish({2, 2, 0}), PublishStatus::kPublished);
  static_cast<void>(seen.await(1));
  ASSERT_EQ(newest.publish({3, 3, 0, {}}), PublishStatus::kPublished);
  EXPECT_EQ(seen.await(2), (Texts{"md.b:2/2", "md.c:3/3"}));
}

TEST(TopicType, OlderInlineSubscriberHearsNewerPublishers) {
  Bus bus;
  std::uint64_t heard = 0;
  auto subscription =
      bus.subscribe_inline(topic_of<Trade1>(), [&](const Trade1& trade) { heard = trade.id; });
  auto publisher = bus.publisher(topic_of<Trade2>());
  ASSERT_EQ(publisher.publish({5, 1, 1}), PublishStatus::kPublished);
  EXPECT_EQ(heard, 5u);
}

TEST(TopicType, ServicesWantOneVersionOnBothSides) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto replier = dispatcher.reply(Service<Answer2(Trade1)>{"ask"}, [](const Trade1&) {
    return Answer2{1, 2};
  });
  EXPECT_FALSE(bus.try_requester(Service<Answer1(Trade1)>{"ask"}).ok());
  EXPECT_FALSE(bus.try_requester(Service<Answer2(Trade2)>{"ask"}).ok());
  EXPECT_TRUE(bus.try_requester(Service<Answer2(Trade1)>{"ask"}).ok());
}

TEST(TopicType, TypesThatAreNotDescribedAreKnownByName) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(Topic<std::string>{"texts"});
  std::atomic<int> heard{0};
  auto subscription = dispatcher.subscribe(Topic<std::string>{"texts"},
                                           [&](const std::string& text) { heard += text == "a"; });
  ASSERT_EQ(publisher.publish("a"), PublishStatus::kPublished);
  EXPECT_TRUE(eventually([&] { return heard == 1; }));
  EXPECT_FALSE(bus.try_publisher(Topic<std::vector<char>>{"texts"}).ok());
}

}  // namespace
}  // namespace ringway
