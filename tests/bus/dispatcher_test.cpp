// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <pthread.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
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
using test::eventually_at_rest;
using test::Number;

inline constexpr Topic<Number> kNumbers{"numbers", {.capacity = 64}};

std::int64_t time_ns(::clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

TEST(Dispatcher, EachIdleModeDelivers) {
  for (const Idle idle : {Idle::kSpin, Idle::kYield, Idle::kPark}) {
    for (const std::size_t batch : {std::size_t{0}, std::size_t{1}, std::size_t{64}}) {
      Bus bus;
      Dispatcher dispatcher{bus, {.idle = idle, .batch = batch}};
      std::atomic<std::uint64_t> sum{0};
      auto subscription =
          dispatcher.subscribe(kNumbers, [&](const Number& n) { sum.fetch_add(n.value); });
      auto publisher = bus.publisher(kNumbers);
      for (std::uint64_t i = 1; i <= 200; ++i) publisher.publish({i});
      EXPECT_TRUE(eventually([&] { return sum.load() == 200 * 201 / 2; }))
          << static_cast<int>(idle) << " " << batch;
    }
  }
}

// Counts the fences that interrupt other processors, and pauses.
struct CountingMemory : NativeMemory {
  static inline std::atomic<std::uint64_t> heavy_fences{0};
  static inline std::atomic<std::uint64_t> pauses{0};
  static void relax() noexcept {
    pauses.fetch_add(1);
    NativeMemory::relax();
  }
  static bool heavy_fence() noexcept {
    heavy_fences.fetch_add(1);
    return NativeMemory::heavy_fence();
  }
};
class CountingHome {
 public:
  using Memory = CountingMemory;
  explicit CountingHome(HeapHome home) : home_(std::move(home)) {}
  [[nodiscard]] std::span<std::byte> block() noexcept { return home_.block(); }
  [[nodiscard]] std::mutex& directory_lock() noexcept { return home_.directory_lock(); }

 private:
  HeapHome home_;
};

// Each handler publishes to the next of many topics, all on one thread: one message a round.
TEST(Dispatcher, AsksManyIdleLanesForASignalUnderOneFence) {
  constexpr std::size_t kTopics = 300;
  constexpr std::uint64_t kMessages = 20 * kTopics;
  auto bus = value_or_stop(BasicBus<CountingHome>::make(CountingHome(*HeapHome::create())));
  Dispatcher<CountingHome> dispatcher{bus, {.idle = Idle::kSpin}};
  std::vector<Publisher<Number, CountingHome>> publishers;
  for (std::size_t i = 0; i < kTopics; ++i) {
    publishers.push_back(bus.publisher(kNumbers.named("numbers." + std::to_string(i))));
  }
  std::atomic<std::uint64_t> handled{0};
  std::vector<Subscription> subscriptions;
  for (std::size_t i = 0; i < kTopics; ++i) {
    subscriptions.push_back(dispatcher.subscribe(
        kNumbers.named("numbers." + std::to_string(i)), [&, i](const Number& number) {
          EXPECT_EQ(number.value % kTopics, i);
          if (number.value < kMessages) {
            EXPECT_EQ(publishers[(i + 1) % kTopics].try_publish({number.value + 1}),
                      PublishStatus::kPublished);
          }
          handled.store(number.value);
        }));
  }
  // each publisher is one thread's, so the first message comes from a handler too
  const Topic<Number> start{"start"};
  subscriptions.push_back(dispatcher.subscribe(start, [&](const Number& number) {
    EXPECT_EQ(publishers[0].try_publish(number), PublishStatus::kPublished);
  }));
  const auto before = CountingMemory::heavy_fences.load();
  bus.publisher(start).publish({0});
  ASSERT_TRUE(eventually([&] { return handled.load() == kMessages; }));
  // all that the messages woke turns idle at last, if it did not on the way
  ASSERT_TRUE(eventually([&] { return CountingMemory::heavy_fences.load() != before; }));
  const auto fences = CountingMemory::heavy_fences.load() - before;
  EXPECT_LT(fences, kMessages / 20) << "a fence serves many lanes";
  for (auto& subscription : subscriptions) subscription.end();
}

TEST(Dispatcher, CountsItsOwnSleepsNotThoseOfAnEarlierOne) {
  Bus bus;
  {
    Dispatcher earlier{bus};
    ASSERT_TRUE(eventually([&] {
      auto subscription = earlier.subscribe(kNumbers, [](const Number&) {});  // a knock at its door
      return earlier.parks() != 0;
    }));
  }
  const Dispatcher later{bus, {.idle = Idle::kSpin}};
  EXPECT_EQ(later.parks(), 0u);
}

TEST(Dispatcher, IdleOneSleepsAndUsesHardlyAnyTime) {
  Bus bus;
  Dispatcher dispatcher{bus};
  ::clockid_t clock{};  // of the dispatcher's thread's own time
  std::atomic<bool> known{false};
  auto subscription = dispatcher.subscribe(kNumbers, [&](const Number&) {
    ::pthread_getcpuclockid(::pthread_self(), &clock);
    known.store(true);
  });
  auto publisher = bus.publisher(kNumbers);
  ASSERT_TRUE(eventually_at_rest([&] {
    publisher.publish({});
    return dispatcher.parks() != 0 && known.load();
  }));
  subscription.end();
  // A spinning one would never stop using time; how soon this one sleeps depends on the machine.
  EXPECT_TRUE(eventually([&] {
    const auto before = time_ns(clock);
    std::this_thread::sleep_for(100ms);
    return time_ns(clock) - before < 1'000'000;
  }));
}

// One message at a time over two topics, both sides parked in between: a lost wake-up hangs.
TEST(Dispatcher, ParkedPingPongLosesNoWakeUp) {
  Bus bus;
  const Topic<Number> ping{"ping", {.capacity = 1}};
  const Topic<Number> pong{"pong", {.capacity = 1}};
  // park at the first idle round: this test is about sleeping
  const auto options = [](const char* name) {
    return DispatcherOptions{.name = name, .pauses = 0, .yields = 0};
  };
  Dispatcher left{bus, options("left")};
  Dispatcher right{bus, options("right")};
  constexpr std::uint64_t kRounds = 20'000;
  auto to_right = bus.publisher(ping);
  auto to_left = bus.publisher(pong);
  std::atomic<std::uint64_t> done{0};
  std::atomic<bool> over{false};
  auto at_right = right.subscribe(ping, [&](const Number& n) { to_left.publish(n); });
  auto at_left = left.subscribe(pong, [&](const Number& n) {
    done.store(n.value);
    // how often they are quick enough to need no sleep depends on the machine
    if (n.value < kRounds || left.parks() + right.parks() < kRounds / 10) {
      to_right.publish({n.value + 1});
    } else {
      over.store(true);
    }
  });
  // each publisher is one thread's, so the first message comes from a handler too
  auto start =
      left.subscribe(Topic<Number>{"start"}, [&](const Number& n) { to_right.publish(n); });
  bus.publisher(Topic<Number>{"start"}).publish({1});
  ASSERT_TRUE(test::reaches([&] { return done.load(); }, kRounds)) << "stuck at " << done.load();
  EXPECT_TRUE(eventually([&] { return over.load(); })) << left.parks() << " " << right.parks();
}

// Whoever parks in its first idle round pauses nowhere else.
TEST(Dispatcher, SlipsAsOftenAsItRunsDry) {
  const auto pauses_of = [](unsigned slip) {
    auto bus = value_or_stop(BasicBus<CountingHome>::make(CountingHome(*HeapHome::create())));
    CountingMemory::pauses = 0;
    {
      Dispatcher<CountingHome> dispatcher{bus, {.pauses = 0, .yields = 0, .slip = slip}};
      auto subscription = dispatcher.subscribe(kNumbers, [](const Number&) {});
      auto publisher = bus.publisher(kNumbers);
      for (std::uint64_t i = 0; i < 20; ++i) {
        publisher.publish({i});
        EXPECT_TRUE(eventually([&] { return subscription.delivered() == i + 1; }));
      }
    }
    return CountingMemory::pauses.load();
  };
  constexpr unsigned kSlip = 10'000;
  EXPECT_GE(pauses_of(kSlip), kSlip - 1);
  EXPECT_LT(pauses_of(1), kSlip - 1);
}

// The publisher waits between messages, so that the dispatcher goes to sleep: longer and longer,
// until it did.
TEST(Dispatcher, EveryMessageToASleeperWakesIt) {
  Bus bus;
  Dispatcher dispatcher{bus};
  auto subscription = dispatcher.subscribe(kNumbers, [](const Number&) {});
  auto publisher = bus.publisher(kNumbers);
  std::uint64_t sent = 0;
  const auto publish = [&] {
    publisher.publish({sent++});
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == sent; })) << sent;
  };
  while (sent < 500) {
    publish();
    if (sent % 5 == 0) std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(eventually_at_rest([&] {
    publish();
    return dispatcher.parks() != 0;
  })) << "the dispatcher never sleeps";
}

// Whoever makes or ends something may be held up while it has the directory's lock.
TEST(Dispatcher, NewsFromKnownLanesNeedsNoLock) {
  Bus bus;
  Dispatcher dispatcher{bus, {.pauses = 0, .yields = 0}};
  std::atomic<std::uint64_t> handled{0};
  auto subscription = dispatcher.subscribe(kNumbers, [&](const Number&) { ++handled; });
  auto publisher = bus.publisher(kNumbers);
  publisher.publish({0});
  ASSERT_TRUE(eventually([&] { return handled == 1; }));
  const auto lock = bus.core()->lock();
  for (std::uint64_t i = 1; i < 20; ++i) {
    publisher.publish({i});
    ASSERT_TRUE(eventually([&] { return handled == i + 1; })) << i;
  }
}

TEST(Dispatcher, ManyIdleLanesAndOneThatIsActive) {
  Bus bus;
  Dispatcher dispatcher{bus};
  constexpr std::size_t kTopics = 2000;
  std::atomic<std::uint64_t> wrong{0};
  auto subscription =
      dispatcher.subscribe(Topic<Number>{"t.*"}, [&](const Number& n, const MessageInfo& info) {
        if (info.topic != "t." + std::to_string(n.value)) wrong.fetch_add(1);
      });
  std::vector<Publisher<Number>> publishers;
  for (std::size_t i = 0; i < kTopics; ++i) {
    const auto name = "t." + std::to_string(i);
    publishers.push_back(bus.publisher(Topic<Number>{name, {.capacity = 4, .max_readers = 2}}));
  }
  for (int i = 0; i < 2000; ++i) publishers[777].publish({777});
  ASSERT_TRUE(eventually([&] { return subscription.delivered() == 2000; }));
  for (std::size_t i = 0; i < kTopics; ++i) publishers[i].publish({i});
  ASSERT_TRUE(eventually([&] { return subscription.delivered() == 2000 + kTopics; }));
  std::uint64_t expected = 2000 + kTopics;
  for (std::size_t i = 0; i < 200; ++i) {
    publishers[(i * 37) % kTopics].publish({(i * 37) % kTopics});
    ++expected;
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == expected; })) << i;
  }
  EXPECT_EQ(wrong.load(), 0u);
  publishers.clear();
  EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; })) << bus.lanes();
}

TEST(Dispatcher, PinningToAnImpossibleProcessorIsAnError) {
  Bus bus;
  for (const int cpu : {100'000, -1, 1023}) {
    auto dispatcher = Dispatcher<>::make(bus, {.name = "pinned", .cpu = cpu});
    ASSERT_FALSE(dispatcher.ok()) << cpu;
    EXPECT_EQ(dispatcher.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(test::contains(test::message_of(dispatcher), "pinned"));
  }
  EXPECT_TRUE(bus.stop().drained) << "the refused ones are gone";
}

TEST(Dispatcher, AfterStopThereIsNoNewOne) {
  Bus bus;
  bus.stop();
  EXPECT_FALSE(Dispatcher<>::make(bus).ok());
}

TEST(Dispatcher, ItsEndLeavesWhatWasNotReadAsUndelivered) {
  Bus bus;
  Door door;
  std::optional<Dispatcher<>> dispatcher(std::in_place, bus);
  auto subscription = dispatcher->subscribe(kNumbers, [&](const Number&) { door.pass(); });
  auto publisher = bus.publisher(kNumbers);
  for (int i = 0; i < 20; ++i) publisher.publish({});
  ASSERT_TRUE(door.await_somebody());
  std::thread ender([&] { dispatcher.reset(); });
  std::this_thread::sleep_for(5ms);
  door.open();
  ender.join();
  EXPECT_EQ(subscription.delivered() + subscription.undelivered(), 20u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(publisher.try_publish({}), PublishStatus::kPublished);
}

// Two handlers on two dispatchers, each ending the other's subscription: one of them must not wait.
TEST(Dispatcher, TwoSubscriptionsThatEndEachOther) {
  for (int round = 0; round < 50; ++round) {
    Bus bus;
    Dispatcher one{bus};
    Dispatcher other{bus};
    std::optional<Subscription> a;
    std::optional<Subscription> b;
    std::atomic<int> inside{0};
    std::atomic<int> done{0};
    const auto meet = [&](std::optional<Subscription>& target) {
      inside.fetch_add(1);
      while (inside.load() < 2) std::this_thread::yield();
      target->end();
      done.fetch_add(1);
    };
    a.emplace(one.subscribe(kNumbers, [&](const Number&) { meet(b); }));
    b.emplace(other.subscribe(kNumbers, [&](const Number&) { meet(a); }));
    auto publisher = bus.publisher(kNumbers);
    publisher.publish({});
    const bool ended = eventually([&] { return done.load() == 2; });
    EXPECT_TRUE(ended);
    if (!ended) std::_Exit(1);
  }
}

}  // namespace
}  // namespace ringway
