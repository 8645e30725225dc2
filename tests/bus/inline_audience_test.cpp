// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
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

inline constexpr Topic<Number> kNumbers{"numbers", {.capacity = 4}};

TEST(InlineSubscription, RunsOnThePublishersThreadBeforePublishReturnsInOrder) {
  Bus bus;
  auto publisher = bus.publisher(kNumbers);
  std::vector<std::uint64_t> seen;
  const auto here = std::this_thread::get_id();
  auto subscription = bus.subscribe_inline(kNumbers, [&](const Number& n, const MessageInfo& info) {
    EXPECT_EQ(std::this_thread::get_id(), here);
    EXPECT_EQ(info.topic, "numbers");
    EXPECT_EQ(info.sequence, n.value);
    seen.push_back(n.value);
  });
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_EQ(publisher.publish({i}), PublishStatus::kPublished);
    ASSERT_EQ(seen.size(), i + 1);
    EXPECT_EQ(seen.back(), i);
  }
  subscription.end();
  publisher.publish({100});
  EXPECT_EQ(seen.size(), 100u);
}

TEST(InlineSubscription, HearsLaterPublishersAndPatternsAndFamilies) {
  Bus bus;
  std::vector<std::string> seen;
  auto subscription = bus.subscribe_inline(
      kNumbers.matching("md.>"),
      [&](const Number&, const MessageInfo& info) { seen.emplace_back(info.topic); });
  auto other_type = bus.subscribe_inline(Topic<double>{">"}, [](double) { FAIL(); });
  auto a = bus.publisher(kNumbers.named("md.a"));
  auto b = bus.publisher(kNumbers.named("other"));
  auto family = bus.family_publisher(kNumbers.matching("*.f"));
  a.publish({1});
  b.publish({1});
  family.publish(family.topic("md.f"), {1});
  family.publish(family.topic("xx.f"), {1});
  EXPECT_EQ(seen, (std::vector<std::string>{"md.a", "md.f"}));
}

TEST(InlineSubscription, RefusedPublicationIsNotHeard) {
  Bus bus;
  Dispatcher dispatcher{bus};
  Door door;
  auto slow = dispatcher.subscribe(kNumbers, [&](const Number&) { door.pass(); });
  auto publisher = bus.publisher(kNumbers);
  int heard = 0;
  auto subscription = bus.subscribe_inline(kNumbers, [&](const Number&) { ++heard; });
  for (int i = 0; i < 4; ++i) publisher.publish({});
  EXPECT_EQ(publisher.try_publish({}), PublishStatus::kFull);
  EXPECT_EQ(heard, 4);
  door.open();
}

TEST(InlineSubscription, HandlerMayPublishAgainUntilTheMessageItHoldsWouldBeOverwritten) {
  Bus bus;
  auto publisher = bus.publisher(Topic<Parcel>{"p", {.capacity = 4}});
  std::vector<std::uint64_t> seen;
  std::optional<PublishStatus> refused;
  auto subscription = bus.subscribe_inline(Topic<Parcel>{"p"}, [&](const Parcel& parcel) {
    const auto value = parcel.value();
    seen.push_back(value);
    if (value < 100) {
      const auto status = publisher.publish(Parcel(value + 1));
      if (status != PublishStatus::kPublished && !refused) refused = status;
    }
    EXPECT_EQ(parcel.value(), value) << "still there";
  });
  EXPECT_EQ(publisher.publish(Parcel(1)), PublishStatus::kPublished);
  EXPECT_EQ(refused, PublishStatus::kWouldDeadlock);
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(publisher.publish(Parcel(100)), PublishStatus::kPublished) << "later it goes on";
}

// The only subscription ends itself and then publishes: the message in its hands must stay whole.
TEST(InlineSubscription, EndedInsideItsHandlerAndThenPublishingKeepsTheMessageWhole) {
  Bus bus;
  const Topic<Parcel> topic{"p", {.capacity = 2}};
  auto publisher = bus.publisher(topic);
  auto family = bus.family_publisher(Topic<Parcel>{"f.*", {.capacity = 2}});
  const auto number = family.topic("f.1");
  std::optional<InlineSubscription> subscription;
  int calls = 0;
  const auto handler = [&](auto&& publish) {
    return [&, publish](const Parcel& parcel) {
      ++calls;
      subscription->end();
      for (int i = 0; i < 10; ++i) publish();
      EXPECT_EQ(parcel.value(), 7u);
    };
  };
  subscription.emplace(bus.subscribe_inline(
      topic, handler([&] { static_cast<void>(publisher.try_publish(Parcel(1))); })));
  publisher.publish(Parcel(7));
  EXPECT_EQ(calls, 1);
  subscription.reset();
  subscription.emplace(bus.subscribe_inline(
      Topic<Parcel>{"f.*"},
      handler([&] { static_cast<void>(family.try_publish(number, Parcel(1))); })));
  family.publish(number, Parcel(7));
  EXPECT_EQ(calls, 2);
}

TEST(InlineSubscription, ThatEndsAnotherInsideAHandlerAtOnce) {
  Bus bus;
  auto publisher = bus.publisher(kNumbers);
  std::optional<InlineSubscription> second;
  int heard = 0;
  auto first = bus.subscribe_inline(kNumbers, [&](const Number&) { second.reset(); });
  second.emplace(bus.subscribe_inline(kNumbers, [&](const Number&) { ++heard; }));
  publisher.publish({});
  EXPECT_EQ(heard, 0) << "ended before its turn came";
  publisher.publish({});
  EXPECT_EQ(heard, 0);
}

TEST(InlineSubscription, MadeInsideAHandlerHearsTheNextMessage) {
  Bus bus;
  auto publisher = bus.publisher(kNumbers);
  std::vector<InlineSubscription> more;
  int heard = 0;
  auto first = bus.subscribe_inline(kNumbers, [&](const Number&) {
    more.push_back(bus.subscribe_inline(kNumbers, [&](const Number&) { ++heard; }));
  });
  publisher.publish({});
  EXPECT_EQ(heard, 0);
  publisher.publish({});
  EXPECT_EQ(heard, 1);
}

TEST(InlineSubscription, HandlerThatThrowsHarmsNobody) {
  std::vector<std::string> told;
  Bus bus{{.on_error = [&](std::string_view name, const std::exception_ptr&) {
    told.emplace_back(name);
  }}};
  auto publisher = bus.publisher(kNumbers);
  int heard = 0;
  auto bad = bus.subscribe_inline(kNumbers.matching("num*").named("*"),
                                  [](const Number&) { throw std::runtime_error("inline"); });
  auto good = bus.subscribe_inline(kNumbers, [&](const Number&) { ++heard; });
  EXPECT_EQ(publisher.publish({1}), PublishStatus::kPublished);
  EXPECT_EQ(publisher.publish({2}), PublishStatus::kPublished);
  EXPECT_EQ(heard, 2);
  EXPECT_EQ(told, (std::vector<std::string>{"*", "*"}));
}

TEST(InlineSubscription, MoveOnlyMessagesAndClaims) {
  const auto before = Parcel::living.load();
  {
    Bus bus;
    const Topic<Parcel> topic{"p", {.capacity = 2}};
    auto publisher = bus.publisher(topic);
    std::vector<std::uint64_t> seen;
    auto subscription =
        bus.subscribe_inline(topic, [&](const Parcel& parcel) { seen.push_back(parcel.value()); });
    publisher.publish(Parcel(1));
    publisher.try_claim(2u).commit();
    { auto dropped = publisher.try_claim(3u); }
    EXPECT_EQ(publisher.try_publish(Parcel(4)), PublishStatus::kPublished);
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 4}));
  }
  EXPECT_EQ(Parcel::living.load(), before);
}

// Once end() has returned no handler runs: what it used may go.
TEST(InlineSubscription, EndedFromAnotherThreadWhileItRuns) {
  Bus bus;
  std::atomic<bool> over{false};
  std::vector<std::thread> publishers;
  for (int t = 0; t < 2; ++t) {
    publishers.emplace_back([&] {
      auto publisher = bus.publisher(kNumbers);
      for (std::uint64_t i = 0; !over.load(std::memory_order_relaxed); ++i) {
        publisher.publish({i});
        if (i % 64 == 0) std::this_thread::yield();
      }
    });
  }
  std::uint64_t heard = 0;
  for (int round = 0; round < 300 || heard == 0; ++round) {
    ASSERT_LT(round, 1000) << "nothing is heard";
    // one state for each publisher's thread would need no lock; here both call
    struct State {
      std::mutex lock;
      std::uint64_t count = 0;
      std::vector<int> data = std::vector<int>(16, 1);
    };
    auto state = std::make_unique<State>();
    auto subscription = bus.subscribe_inline(kNumbers, [raw = state.get()](const Number&) {
      const std::scoped_lock guard(raw->lock);
      raw->count += static_cast<std::uint64_t>(raw->data[raw->count % 16]);
    });
    if (round % 4 == 0) std::this_thread::sleep_for(100us);
    if (round > 300) std::this_thread::sleep_for((round - 300) * 1ms);  // a busy machine
    subscription.end();
    heard += state->count;  // without the lock: nobody else is there
    state.reset();
  }
  over.store(true);
  for (auto& thread : publishers) thread.join();
}

TEST(InlineSubscription, EndWaitsForTheHandlerThatRuns) {
  Bus bus;
  Door door;
  std::atomic<bool> inside{false};
  auto subscription = bus.subscribe_inline(kNumbers, [&](const Number&) {
    inside.store(true);
    door.pass();
    inside.store(false);
  });
  std::thread publishing([&] { bus.publisher(kNumbers).publish({}); });
  ASSERT_TRUE(door.await_somebody());
  std::thread opener([&] {
    std::this_thread::sleep_for(10ms);
    door.open();
  });
  subscription.end();
  EXPECT_FALSE(inside.load());
  opener.join();
  publishing.join();
}

// With inline subscribers alone messages take no place in the ring; nobody can tell.
TEST(InlineSubscription, SequencesGoOnWhetherOrNotSomebodyReadsTheRing) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto publisher = bus.publisher(kNumbers);
  std::vector<std::uint64_t> heard;
  const auto note = [](std::vector<std::uint64_t>& to) {
    return [&to](const Number& number, const MessageInfo& info) {
      EXPECT_EQ(info.sequence, number.value);
      EXPECT_EQ(info.gap, 0u);
      EXPECT_EQ(info.topic, "numbers");
      to.push_back(number.value);
    };
  };
  auto inside = bus.subscribe_inline(kNumbers, note(heard));
  std::uint64_t next = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 20; ++i) ASSERT_EQ(publisher.publish({next++}), PublishStatus::kPublished);
    std::vector<std::uint64_t> read;
    auto outside = dispatcher.subscribe(kNumbers, note(read));
    const auto first = next;
    for (int i = 0; i < 20; ++i) publisher.publish({next++});
    ASSERT_TRUE(eventually([&] { return outside.delivered() == 20; }));
    outside.end();
    ASSERT_EQ(read.size(), 20u);
    EXPECT_EQ(read.front(), first);
    EXPECT_EQ(read.back(), next - 1);
    EXPECT_EQ(publisher.sequence(), next);
  }
  EXPECT_EQ(heard.size(), next);
}

// Each handler ends the next one's subscription while all of them run, on threads of their own.
TEST(InlineSubscription, HandlersThatEndEachOtherInACircleDoNotWaitForEver) {
  for (const std::size_t size : {2u, 3u}) {
    for (int round = 0; round < 50; ++round) {
      Bus bus;
      std::vector<std::optional<InlineSubscription>> subscriptions(size);
      std::vector<std::optional<Publisher<Number>>> publishers(size);
      std::atomic<std::size_t> inside{0};
      std::atomic<std::size_t> calls{0};
      for (std::size_t i = 0; i < size; ++i) {
        const auto name = "numbers." + std::to_string(i);
        const auto topic = kNumbers.named(name);
        subscriptions[i].emplace(bus.subscribe_inline(topic, [&, i](const Number&) {
          calls.fetch_add(1);
          inside.fetch_add(1);
          EXPECT_TRUE(eventually([&] { return inside.load() == size; }));
          subscriptions[(i + 1) % size]->end();
        }));
        publishers[i].emplace(bus.publisher(topic));
      }
      std::vector<std::thread> threads;
      for (std::size_t i = 0; i < size; ++i) {
        threads.emplace_back([&, i] {
          EXPECT_EQ(publishers[i]->publish({}), PublishStatus::kPublished);
          EXPECT_EQ(publishers[i]->publish({}), PublishStatus::kPublished);
        });
      }
      for (auto& thread : threads) thread.join();
      for (auto& publisher : publishers) publisher->publish({});
      EXPECT_EQ(calls.load(), size) << "none is called again";
    }
  }
}

// What is given away is gone for the caller, and whole for the handlers.
TEST(InlineSubscription, MessageThatIsGivenAwayIsTakenThoughNobodyReadsTheRing) {
  Bus bus;
  auto publisher = bus.publisher(Topic<std::unique_ptr<int>>{"p"});
  int seen = 0;
  auto subscription = bus.subscribe_inline(Topic<std::unique_ptr<int>>{"p"},
                                           [&](const std::unique_ptr<int>& it) { seen = *it; });
  auto message = std::make_unique<int>(7);
  EXPECT_EQ(publisher.publish(std::move(message)), PublishStatus::kPublished);
  EXPECT_EQ(message, nullptr);
  EXPECT_EQ(seen, 7);
}

TEST(InlineSubscription, TypeMismatchAndBadNamesAreRefused) {
  Bus bus;
  auto publisher = bus.publisher(kNumbers);
  auto wrong = bus.try_subscribe_inline(Topic<double>{"numbers"}, [](double) {});
  ASSERT_FALSE(wrong.ok());
  EXPECT_TRUE(test::contains(test::message_of(wrong), "double"));
  EXPECT_FALSE(bus.try_subscribe_inline(kNumbers.named("a..b"), [](const Number&) {}).ok());
}

TEST(InlineSubscription, OutlivesBusAndPublisher) {
  auto bus = std::make_unique<Bus>();
  std::optional<Publisher<Number>> publisher = bus->publisher(kNumbers);
  int heard = 0;
  auto subscription = bus->subscribe_inline(kNumbers, [&](const Number&) { ++heard; });
  bus.reset();
  publisher->publish({});
  publisher.reset();
  subscription.end();
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace ringway
