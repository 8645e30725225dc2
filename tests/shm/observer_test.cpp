// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// Subscriptions of those who may only read: what they get, in which order, and what they are told
// of what they can not get.
#include "ringway/shm/observer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "observer_support.hpp"
#include "shm_support.hpp"
#include "tests/ring/byte_messages.hpp"

namespace ringway {
namespace {

struct Trade1 {
  std::uint64_t id;
  double price;
};
struct Trade2 {
  std::uint64_t id;
  double price;
  std::uint64_t quantity;
};
struct Other {
  std::uint64_t id;
  std::uint64_t price;
};

}  // namespace

template <>
struct DescribeType<Trade1> {
  static constexpr std::string_view kName = "md.Trade";
};
template <>
struct DescribeType<Trade2> {
  static constexpr std::string_view kName = "md.Trade";
  static constexpr std::uint32_t kVersion = 2;
};

namespace {

using namespace std::chrono_literals;
using test::at_once;
using test::contains;
using test::Numbered64;
using test::poll_all;
using test::Seen;
using test::SegmentName;

constexpr Topic<Numbered64> kNumbers{"numbers", {.capacity = 64}};
constexpr Topic<Numbered64> kFamily{"family.>", {.capacity = 64}};
constexpr ByteTopic kBytes{"bytes", {.capacity = 4000, .largest = 100, .encoding = "test/1"}};

/// A bus, and somebody who looks at it.
struct Observed {
  SegmentName name;
  SharedBus bus = open_shared(name.str()).value();
  Observer observer = observe_shared(name.str(), at_once()).value();
};

template <class Publisher>
void publish(Publisher& publisher, std::uint64_t from, std::uint64_t to) {
  for (auto i = from; i < to; ++i) {
    ASSERT_EQ(publisher.try_publish(Numbered64::of(i)), PublishStatus::kPublished) << i;
  }
}

TEST(Observer, GetsWhatIsPublishedAfterItBeganInOrder) {
  Observed on;
  auto publisher = on.bus.publisher(kNumbers);
  publish(publisher, 0, 5);
  std::vector<std::uint64_t> numbers;
  std::vector<std::string> topics;
  auto subscription =
      on.observer.subscribe(kNumbers, [&](const Numbered64& message, const MessageInfo& info) {
        EXPECT_TRUE(message.whole());
        EXPECT_EQ(info.sequence, message.number);
        EXPECT_EQ(info.gap, 0U);
        numbers.push_back(message.number);
        topics.emplace_back(info.topic);
      });
  std::uint64_t without_info = 0;
  auto other = on.observer.subscribe(kNumbers, [&](const Numbered64&) { ++without_info; });
  EXPECT_EQ(poll_all(on.observer), 0U);
  publish(publisher, 5, 8);
  EXPECT_EQ(poll_all(on.observer), 6U);
  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{5, 6, 7}));
  EXPECT_EQ(topics, (std::vector<std::string>{"numbers", "numbers", "numbers"}));
  EXPECT_EQ(without_info, 3U);
  EXPECT_EQ(subscription.delivered(), 3U);
  EXPECT_EQ(subscription.lost(), 0U);
  EXPECT_EQ(on.observer.state(), ObservedState::kRunning);
}

TEST(Observer, BeginsWhereItIsAsked) {
  Observed on;
  auto publisher = on.bus.publisher(kNumbers);
  publish(publisher, 0, 20);
  Seen oldest, last, next;
  oldest.next = 0;
  last.next = 19;
  next.next = 20;
  auto a = on.observer.subscribe(kNumbers, std::ref(oldest), {.start = Start::kOldest});
  auto b = on.observer.subscribe(kNumbers, std::ref(last), {.start = Start::kLastValue});
  auto c = on.observer.subscribe(kNumbers, std::ref(next));
  poll_all(on.observer);
  EXPECT_EQ(oldest.count, 20U);
  EXPECT_EQ(last.numbers, (std::vector<std::uint64_t>{19}));
  EXPECT_EQ(next.count, 0U);
  publish(publisher, 20, 22);
  poll_all(on.observer);
  EXPECT_EQ(oldest.count, 22U);
  EXPECT_EQ(last.count, 3U);
  EXPECT_EQ(next.count, 2U);
  EXPECT_EQ(oldest.wrong + last.wrong + next.wrong, 0U);
}

// What a lane retains is there whoever has read it; of what went past the ring, nothing is.
TEST(Observer, BeginsWithTheNextMessageWhereTheLaneHoldsOlderOnesOnly) {
  Observed on;
  std::uint64_t heard = 0;
  auto inlined = on.bus.subscribe_inline(kNumbers, [&](const Numbered64&) { ++heard; });
  auto publisher = on.bus.publisher(kNumbers);
  publish(publisher, 0, 5);  // to the inline subscriber alone
  Seen seen;
  seen.next = 5;
  auto subscription = on.observer.subscribe(kNumbers, std::ref(seen), {.start = Start::kOldest});
  EXPECT_EQ(poll_all(on.observer), 0U);
  inlined.end();
  publish(publisher, 5, 7);
  EXPECT_EQ(poll_all(on.observer), 2U);
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_EQ(heard, 5U);
}

TEST(Observer, CountsWhatOnlyInlineSubscribersHeard) {
  Observed on;
  auto publisher = on.bus.publisher(kNumbers);
  Seen seen;
  auto subscription = on.observer.subscribe(kNumbers, std::ref(seen));
  publish(publisher, 0, 3);
  EXPECT_EQ(poll_all(on.observer), 3U);
  {
    auto inlined = on.bus.subscribe_inline(kNumbers, [](const Numbered64&) {});
    publish(publisher, 3, 10);
  }
  EXPECT_EQ(poll_all(on.observer), 0U);
  publish(publisher, 10, 12);
  EXPECT_EQ(poll_all(on.observer), 2U);
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_EQ(seen.gaps, 7U);
  EXPECT_EQ(subscription.lost(), 7U);
}

TEST(Observer, GetsTheTopicsOfAFamilyThatItsPatternCovers) {
  Observed on;
  auto family = on.bus.family_publisher(kFamily);
  const auto a = family.topic("family.a.1");
  const auto b = family.topic("family.b.1");
  std::vector<std::string> seen;
  const auto note = [&](const Numbered64& message, const MessageInfo& info) {
    EXPECT_TRUE(message.whole());
    seen.push_back(std::string(info.topic) + "=" + std::to_string(message.number));
  };
  auto some = on.observer.subscribe(kFamily.matching("family.*.1"), note);
  std::uint64_t of_b = 0;
  auto one = on.observer.subscribe(kFamily.named("family.b.1"), [&](const Numbered64&) { ++of_b; });
  ASSERT_EQ(family.publish(a, Numbered64::of(0)), PublishStatus::kPublished);
  ASSERT_EQ(family.publish(b, Numbered64::of(1)), PublishStatus::kPublished);
  poll_all(on.observer);
  const auto late = family.topic("family.c.1");  // known to the bus since the last look
  const auto other = family.topic("family.c.2");
  ASSERT_EQ(family.publish(late, Numbered64::of(2)), PublishStatus::kPublished);
  ASSERT_EQ(family.publish(other, Numbered64::of(3)), PublishStatus::kPublished);
  poll_all(on.observer);
  EXPECT_EQ(seen, (std::vector<std::string>{"family.a.1=0", "family.b.1=1", "family.c.1=2"}));
  EXPECT_EQ(of_b, 1U);
  EXPECT_EQ(some.lost(), 0U);
}

// As above, with the topic made after the look of the poll that reads it.
TEST(Observer, LooksUpTheNameOfATopicThatItDoesNotKnow) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto family = bus.family_publisher(kFamily);
  ObserverOptions options;
  options.look_every = 1h;
  auto observer = observe_shared(name.str(), options).value();
  std::vector<std::string> seen;
  auto all = observer.subscribe(
      kFamily, [&](const Numbered64&, const MessageInfo& info) { seen.emplace_back(info.topic); });
  EXPECT_EQ(poll_all(observer), 0U);
  ASSERT_EQ(family.publish(family.topic("family.new"), Numbered64::of(0)),
            PublishStatus::kPublished);
  EXPECT_EQ(poll_all(observer), 1U);
  EXPECT_EQ(seen, (std::vector<std::string>{"family.new"}));
}

TEST(Observer, GetsTheLastMessageOfEachTopicOfAFamily) {
  Observed on;
  auto family = on.bus.family_publisher(kFamily);
  const auto a = family.topic("family.a");
  const auto b = family.topic("family.b");
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_EQ(family.publish(i == 7 ? b : a, Numbered64::of(i)), PublishStatus::kPublished);
  }
  std::vector<std::string> seen;
  auto subscription = on.observer.subscribe(
      kFamily,
      [&](const Numbered64& message, const MessageInfo& info) {
        seen.push_back(std::string(info.topic) + "=" + std::to_string(message.number));
      },
      {.start = Start::kLastValue});
  poll_all(on.observer);
  ASSERT_EQ(family.publish(b, Numbered64::of(20)), PublishStatus::kPublished);
  poll_all(on.observer);
  EXPECT_EQ(seen, (std::vector<std::string>{"family.b=7", "family.a=19", "family.b=20"}));
}

TEST(Observer, GetsBytes) {
  Observed on;
  auto publisher = on.bus.publisher(kBytes);
  std::uint64_t sent = 0;
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i, ++sent) {
      std::vector<std::byte> message(test::size_of_message(sent, 100));
      test::write_message(sent, message);
      ASSERT_EQ(publisher.try_publish(message), PublishStatus::kPublished);
    }
  };
  send(3);
  std::uint64_t next = 3;
  std::uint64_t wrong = 0;
  auto subscription =
      on.observer.subscribe(kBytes, [&](std::span<const std::byte> bytes, const MessageInfo& info) {
        const auto size = test::size_of_message(info.sequence, 100);
        wrong += test::is_message(info.sequence, size, bytes) && info.sequence == next + info.gap &&
                         info.topic == "bytes"
                     ? 0
                     : 1;
        next = info.sequence + 1;
      });
  std::uint64_t all = 0;
  auto from_oldest = on.observer.subscribe(kBytes, [&](std::span<const std::byte>) { ++all; },
                                           {.start = Start::kOldest});
  send(4);
  poll_all(on.observer);
  EXPECT_EQ(next, 7U);
  EXPECT_EQ(all, 7U);
  send(1000);
  poll_all(on.observer);
  send(1);
  poll_all(on.observer);
  EXPECT_EQ(next, sent);
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(subscription.delivered() + subscription.lost() + 3, sent);
  const auto last = on.observer.try_subscribe(kBytes, [](std::span<const std::byte>) {},
                                              {.start = Start::kLastValue});
  EXPECT_TRUE(contains(test::message_of(last), "no way back"));
}

TEST(Observer, ReadsALaneThatCameLaterFromItsFirstMessage) {
  Observed on;
  Seen seen;
  auto subscription = on.observer.subscribe(kNumbers, std::ref(seen));
  auto publisher = on.bus.publisher(kNumbers);
  publish(publisher, 0, 10);
  EXPECT_EQ(poll_all(on.observer), 10U);
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_EQ(seen.gaps, 0U);
}

TEST(Observer, TellsHowManyWereOverwritten) {
  Observed on;
  Seen seen;
  auto subscription = on.observer.subscribe(kNumbers, std::ref(seen));
  auto publisher = on.bus.publisher(kNumbers);  // found after it was lapped: counted all the same
  publish(publisher, 0, 500);
  poll_all(on.observer);
  publish(publisher, 500, 1000);
  poll_all(on.observer);
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_GT(seen.count, 64U);
  EXPECT_EQ(seen.next, 1000U);
  EXPECT_EQ(seen.count + seen.gaps, 1000U);
  EXPECT_EQ(subscription.lost(), seen.gaps);
}

TEST(Observer, ReadsWhatAPublisherLeftBehind) {
  Observed on;
  Seen seen;
  auto subscription = on.observer.subscribe(kNumbers, std::ref(seen));
  {
    auto publisher = on.bus.publisher(kNumbers);
    publish(publisher, 0, 3);
    poll_all(on.observer);
    publish(publisher, 3, 10);
  }
  EXPECT_EQ(on.bus.lanes(), 0U) << "nobody else read it: it is given back";
  EXPECT_EQ(poll_all(on.observer), 7U);
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_EQ(subscription.cut_off(), 0U);
}

// The lane's place is another lane's by the next look: what lay there is not taken for it.
TEST(Observer, TakesNoMessageOfALaneThatFollowedForOneOfTheLaneBefore) {
  Observed on;
  Seen first;
  auto subscription =
      on.observer.subscribe(kNumbers, [&](const Numbered64& m, const MessageInfo& i) {
        if (m.number == 0) first = Seen();  // another lane
        first(m, i);
      });
  for (int round = 0; round < 5; ++round) {
    auto publisher = on.bus.publisher(kNumbers);
    publish(publisher, 0, 10);
    EXPECT_EQ(poll_all(on.observer), 10U);
    publish(publisher, 10, 15);  // nobody looks before it ends
  }
  auto publisher = on.bus.publisher(kNumbers);
  publish(publisher, 0, 20);
  EXPECT_EQ(poll_all(on.observer), 20U);
  EXPECT_EQ(first.wrong, 0U);
  EXPECT_EQ(first.count, 20U);
  EXPECT_EQ(subscription.cut_off(), 5U);
}

TEST(Observer, CountsLanesThatCameAndWentUnseen) {
  Observed on;
  auto subscription = on.observer.subscribe(kNumbers, [](const Numbered64&) {});
  for (int i = 0; i < 3; ++i) {
    auto publisher = on.bus.publisher(kNumbers);
    publish(publisher, 0, 1);
  }
  poll_all(on.observer);
  EXPECT_EQ(on.observer.unseen_lanes(), 3U);
  auto publisher = on.bus.publisher(kNumbers);
  poll_all(on.observer);
  EXPECT_EQ(on.observer.unseen_lanes(), 3U);
}

TEST(Observer, RefusesWhatItWasNotCompiledFor) {
  Observed on;
  constexpr Topic<Trade1> kTrades{"md.trades", {.capacity = 16}};
  auto publisher = on.bus.publisher(kTrades);
  constexpr Topic<Other> kOthers{"md.trades", {.capacity = 16}};
  const auto refused = on.observer.try_subscribe(kOthers, [](const Other&) {});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(contains(test::message_of(refused), "md.Trade")) << refused.status();
  EXPECT_TRUE(contains(test::message_of(refused), "Other")) << refused.status();
  constexpr Topic<Trade2> kNewer{"md.trades", {.capacity = 16}};
  const auto newer = on.observer.try_subscribe(kNewer, [](const Trade2&) {});
  EXPECT_TRUE(contains(test::message_of(newer), "the publisher is older")) << newer.status();
  const auto bytes =
      on.observer.try_subscribe(kBytes.named("md.trades"), [](std::span<const std::byte>) {});
  EXPECT_TRUE(contains(test::message_of(bytes), "test/1")) << bytes.status();
  const auto bad = on.observer.try_subscribe(kTrades.named("md..x"), [](const Trade1&) {});
  EXPECT_TRUE(contains(test::message_of(bad), "no valid name"));
  // a pattern selects by type
  auto pattern = on.observer.subscribe(kOthers.matching("md.>"), [](const Other&) {});
  EXPECT_TRUE(pattern.unreadable().empty());
  auto old = on.observer.subscribe(kNewer.matching("md.>"), [](const Trade2&) {});
  ASSERT_EQ(old.unreadable().size(), 1U);
  EXPECT_EQ(old.unreadable()[0].topic, "md.trades");
  EXPECT_TRUE(contains(old.unreadable()[0].why, "the publisher is older"));
}

TEST(Observer, TellsOfALaneThatComesLaterAndDoesNotFit) {
  Observed on;
  auto subscription =
      on.observer.subscribe(Topic<Other>{"md.trades", {.capacity = 16}}, [](const Other&) {});
  auto publisher = on.bus.publisher(Topic<Trade1>{"md.trades", {.capacity = 16}});
  poll_all(on.observer);
  ASSERT_EQ(subscription.unreadable().size(), 1U);
  EXPECT_EQ(subscription.unreadable()[0].topic, "md.trades");
  EXPECT_TRUE(contains(subscription.unreadable()[0].why, "md.Trade"));
}

TEST(Observer, OfAnOlderVersionReadsANewerPublisher) {
  Observed on;
  double sum = 0;
  auto one = on.observer.subscribe(Topic<Trade1>{"md.trades", {}}, [&](const Trade1& trade) {
    sum += trade.price + static_cast<double>(trade.id);
  });
  auto family_too = on.observer.subscribe(Topic<Trade1>{"of.>", {}}, [&](const Trade1& trade) {
    sum += trade.price + static_cast<double>(trade.id);
  });
  auto publisher = on.bus.publisher(Topic<Trade2>{"md.trades", {.capacity = 16}});
  auto family = on.bus.family_publisher(Topic<Trade2>{"of.>", {.capacity = 16}});
  const auto topic = family.topic("of.it");
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_EQ(publisher.try_publish({i, 100, ~i}), PublishStatus::kPublished);
    ASSERT_EQ(family.try_publish(topic, {i, 1000, ~i}), PublishStatus::kPublished);
  }
  poll_all(on.observer);
  EXPECT_EQ(sum, 1000 + 10000 + 45 + 45);
  EXPECT_TRUE(one.unreadable().empty() && family_too.unreadable().empty());
}

TEST(Observer, TellsWhichLanesItCanNotRead) {
  Observed on;
  struct Large {
    std::uint64_t words[100];
  };
  constexpr Topic<Large> kLarge{"large", {.capacity = 1}};
  auto publisher = on.bus.publisher(kLarge);
  auto numbers = on.bus.publisher(kNumbers);
  std::uint64_t large = 0;
  auto single = on.observer.subscribe(kLarge, [&](const Large&) { ++large; });
  ASSERT_EQ(publisher.try_publish({}), PublishStatus::kPublished);
  poll_all(on.observer);
  EXPECT_EQ(large + single.unreadable().size(), 1U) << "read, or told";
  on.name.remove_own_segments();  // by hand: whoever comes now can not read it
  auto late = observe_shared(on.name.str(), at_once()).value();
  auto subscription = late.subscribe(kNumbers, [](const Numbered64&) {});
  ASSERT_EQ(subscription.unreadable().size(), 1U);
  EXPECT_EQ(subscription.unreadable()[0].topic, "numbers");
  EXPECT_EQ(subscription.unreadable()[0].why, "its publisher's segment can not be read");
}

TEST(Observer, KeepsToTheLimitAndServesAllLanesInTurn) {
  Observed on;
  auto a = on.bus.publisher(kNumbers);
  auto b = on.bus.publisher(kNumbers.named("b"));
  std::uint64_t of_a = 0;
  std::uint64_t of_b = 0;
  auto first = on.observer.subscribe(kNumbers, [&](const Numbered64&) { ++of_a; });
  auto second = on.observer.subscribe(kNumbers.named("b"), [&](const Numbered64&) { ++of_b; });
  publish(a, 0, 20);
  publish(b, 0, 20);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(on.observer.poll(5).value(), 5U);
  EXPECT_EQ(of_a, 10U);
  EXPECT_EQ(of_b, 10U);
  EXPECT_EQ(poll_all(on.observer), 20U);
}

TEST(Observer, HandlerMayThrowEndAndSubscribe) {
  Observed on;
  auto publisher = on.bus.publisher(kNumbers);
  std::vector<std::uint64_t> got;
  std::optional<Observation> thrower;
  thrower = on.observer.subscribe(kNumbers, [&](const Numbered64& message) {
    got.push_back(message.number);
    if (message.number == 1) throw std::runtime_error("one");
    if (message.number == 3) thrower->end();
  });
  std::uint64_t later = 0;
  std::optional<Observation> made;
  auto maker = on.observer.subscribe(kNumbers, [&](const Numbered64&) {
    EXPECT_FALSE(on.observer.poll().ok()) << "polled from a handler";
    if (!made) made = on.observer.subscribe(kNumbers, [&](const Numbered64&) { ++later; });
  });
  publish(publisher, 0, 6);
  EXPECT_THROW(static_cast<void>(on.observer.poll()), std::runtime_error);
  poll_all(on.observer);
  EXPECT_EQ(got, (std::vector<std::uint64_t>{0, 1, 2, 3}));
  EXPECT_EQ(thrower->delivered(), 4U);
  EXPECT_EQ(maker.delivered(), 6U);
  EXPECT_EQ(later, 0U);
  publish(publisher, 6, 8);
  poll_all(on.observer);
  EXPECT_EQ(later, 2U);
}

TEST(Observer, OfAnAnonymousBusNeedsADescriptorForReading) {
  auto bus = make_anonymous_shared().value();
  const auto file = descriptor_for_reading(bus).value();
  EXPECT_EQ(::fcntl(file.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  auto observer = observe_shared(file.get(), at_once()).value();
  Seen seen;
  auto subscription = observer.subscribe(kNumbers, std::ref(seen));
  {
    auto publisher = bus.publisher(kNumbers);
    publish(publisher, 0, 30);
    EXPECT_EQ(poll_all(observer), 30U);
    publish(publisher, 30, 40);
  }
  EXPECT_EQ(poll_all(observer), 10U);
  EXPECT_EQ(seen.wrong + seen.gaps, 0U);
  EXPECT_FALSE(observe_shared(-1).ok());
}

TEST(Observer, FindsABusThatComesAndOneThatIsMadeAnew) {
  const SegmentName name;
  EXPECT_TRUE(absl::IsNotFound(observe_shared(name.str()).status()));
  EXPECT_FALSE(observe_shared("no/name").ok());
  auto options = at_once();
  options.may_be_absent = true;
  auto observer = observe_shared(name.str(), options).value();
  Seen seen;
  auto subscription = observer.subscribe(kNumbers, [&](const Numbered64& m, const MessageInfo& i) {
    if (m.number == 0) seen.next = 0;  // of the next bus
    seen(m, i);
  });
  EXPECT_EQ(observer.state(), ObservedState::kAbsent);
  EXPECT_EQ(poll_all(observer), 0U);
  for (std::uint64_t round = 0; round < 3; ++round) {
    {
      auto bus = open_shared(name.str()).value();
      auto publisher = bus.publisher(kNumbers);
      publish(publisher, 0, 10);
      EXPECT_EQ(poll_all(observer), round == 2 ? 12U : 10U);
      EXPECT_EQ(observer.state(), ObservedState::kRunning);
      EXPECT_EQ(observer.times_made_anew(), round);
      publish(publisher, 10, 12);
    }
    EXPECT_FALSE(name.exists());
    if (round != 1) {  // and once the next one is there before anybody looks
      EXPECT_EQ(poll_all(observer), 2U);
      EXPECT_EQ(observer.state(), ObservedState::kEnded);
    }
  }
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_EQ(seen.count, 36U);
  EXPECT_EQ(subscription.cut_off(), 0U);
}

TEST(Observer, WaitsInEveryWay) {
  for (const auto idle : {Idle::kSpin, Idle::kYield, Idle::kPark}) {
    const SegmentName name;
    auto bus = open_shared(name.str()).value();
    auto options = at_once();
    options.idle = idle;
    auto observer = observe_shared(name.str(), options).value();
    Seen seen;
    auto subscription = observer.subscribe(kNumbers, std::ref(seen));
    EXPECT_EQ(observer.poll_for(1ms).value(), 0U);
    auto publisher = bus.publisher(kNumbers);
    std::thread feed([&] { publish(publisher, 0, 10); });
    while (seen.count != 10) {
      const auto got = observer.poll_for(1min);
      ASSERT_TRUE(got.ok() && *got != 0);
    }
    feed.join();
    EXPECT_EQ(observer.run_for(1ms).value(), 0U);
    EXPECT_EQ(seen.wrong, 0U);
  }
}

}  // namespace
}  // namespace ringway
