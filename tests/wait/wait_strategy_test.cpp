// SPDX-License-Identifier: Apache-2.0
#include "ringway/wait/wait_strategy.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>
#include <type_traits>

namespace ringway {
namespace {

using namespace std::chrono_literals;

struct NotAStrategy {
  template <class Memory>
  using Gate = OpenGate;
};
static_assert(!WaitStrategy<NotAStrategy>);
static_assert(!WaitStrategy<int>);
static_assert(std::is_empty_v<BusySpin::Gate<NativeMemory>>, "spinning shares no state");

template <class Strategy>
class WaitStrategyTest : public testing::Test {
 protected:
  using Gate = typename Strategy::template Gate<NativeMemory>;
  template <class Predicate>
  bool wait(Predicate&& ready, Deadline deadline = Deadline::never(),
            const std::stop_token& stop = {}) {
    return await<Strategy, NativeMemory>(gate, ready, deadline, stop);
  }
  Gate gate;
};

using Strategies = testing::Types<BusySpin, SlipSpin, SpinYield, SpinPark, Park>;
TYPED_TEST_SUITE(WaitStrategyTest, Strategies);

TYPED_TEST(WaitStrategyTest, DoesNotWaitForWhatIsReady) {
  int looks = 0;
  EXPECT_TRUE(this->wait([&] { return ++looks == 1; }));
  EXPECT_TRUE(this->wait([] { return true; }, Deadline::after(-1s)));
}

TYPED_TEST(WaitStrategyTest, ReturnsWhenAnotherThreadNotifies) {
  for (int lap = 0; lap < 100; ++lap) {
    std::atomic<bool> set{false};
    std::thread setter([&] {
      set.store(true, std::memory_order_release);
      this->gate.notify_one();
    });
    EXPECT_TRUE(this->wait([&] { return set.load(std::memory_order_acquire); }));
    setter.join();
  }
}

TYPED_TEST(WaitStrategyTest, EndsAtTheDeadlineAndNotBefore) {
  const auto limit = std::chrono::steady_clock::now() + 30ms;
  EXPECT_FALSE(this->wait([] { return false; }, limit));
  EXPECT_GE(std::chrono::steady_clock::now(), limit);
}

// What comes while the thread sleeps up to its deadline is found, not reported as timed out.
TEST(WaitStrategy, ASleepThatEndsAtTheDeadlineIsFollowedByALook) {
  EventCount<> gate;
  const auto limit = std::chrono::steady_clock::now() + 20ms;
  const auto ready = [&] { return std::chrono::steady_clock::now() >= limit; };
  EXPECT_TRUE((await<Park, NativeMemory>(gate, ready, limit)));
}

TYPED_TEST(WaitStrategyTest, AStopRequestEndsTheWait) {
  std::stop_source source;
  std::thread stopper([&] {
    std::this_thread::sleep_for(20ms);
    source.request_stop();
  });
  EXPECT_FALSE(this->wait([] { return false; }, Deadline::never(), source.get_token()));
  stopper.join();
}

TYPED_TEST(WaitStrategyTest, AnEarlierStopRequestEndsTheWaitAtOnce) {
  std::stop_source source;
  source.request_stop();
  EXPECT_FALSE(this->wait([] { return false; }, Deadline::never(), source.get_token()));
}

TYPED_TEST(WaitStrategyTest, StopRequestsAtAnyMomentAreNotMissed) {
  for (int lap = 0; lap < 300; ++lap) {
    std::stop_source source;
    std::atomic<bool> begun{false};
    std::thread stopper([&] {
      while (!begun.load()) {
        std::this_thread::yield();
      }
      for (int i = 0; i < lap * 10; ++i) {
        NativeMemory::relax();
      }
      source.request_stop();
    });
    EXPECT_FALSE(this->wait(
        [&] {
          begun.store(true);
          return false;
        },
        Deadline::never(), source.get_token()));
    stopper.join();
  }
}

// Deterministic: the checker's place is taken by a policy that plays the other thread.
struct ScriptedMemory : NativeMemory {
  static inline int relaxed = 0;
  static inline int yielded = 0;
  static void relax() noexcept { ++relaxed; }
  static void yield() noexcept { ++yielded; }
};

TEST(SpinPark, SpinsThenYieldsThenParks) {
  ScriptedMemory::relaxed = ScriptedMemory::yielded = 0;
  using Strategy = SpinThenPark<5, 3>;
  EventCount<ScriptedMemory> gate;
  const std::stop_token never;
  {
    Strategy::Waiter<ScriptedMemory> waiter{gate, Deadline::never(), never};
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(waiter.step(), WaitStep::kLookAgain);
      EXPECT_EQ(ScriptedMemory::relaxed, i + 1);
    }
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(waiter.step(), WaitStep::kLookAgain);
      EXPECT_EQ(ScriptedMemory::yielded, i + 1);
    }
    EXPECT_EQ(ScriptedMemory::relaxed, 5);
    EXPECT_EQ(gate.waiters_approx(), 0U);
    EXPECT_EQ(waiter.step(), WaitStep::kLookAgain);
    EXPECT_EQ(gate.waiters_approx(), 1U) << "announced before the last look";
  }
  EXPECT_EQ(gate.waiters_approx(), 0U) << "the registration is taken back at the end of the wait";
  EXPECT_EQ(gate.parks(), 0U);
}

TEST(SlipSpin, StaysAwayAfterTheFirstLookInVainAloneThenPausesOnceBetweenLooks) {
  ScriptedMemory::relaxed = ScriptedMemory::yielded = 0;
  OpenGate gate;
  int looks = 0;
  int before_second = 0;
  EXPECT_TRUE((await<SlipThenSpin<50>, ScriptedMemory>(gate, [&] {
    ++looks;
    if (looks == 2) before_second = ScriptedMemory::relaxed;
    return looks == 12;
  })));
  EXPECT_EQ(before_second, 50);
  EXPECT_EQ(ScriptedMemory::relaxed, 60);
  EXPECT_EQ(ScriptedMemory::yielded, 0);
}

TEST(SpinYield, PausesSixteenTimesThenYields) {
  ScriptedMemory::relaxed = ScriptedMemory::yielded = 0;
  OpenGate gate;
  int looks = 0;
  EXPECT_TRUE((await<SpinYield, ScriptedMemory>(gate, [&] { return ++looks == 100; })));
  EXPECT_EQ(ScriptedMemory::relaxed, 16);
  EXPECT_EQ(ScriptedMemory::yielded, 83);
}

TEST(Park, AnIdleWaitUsesAlmostNoProcessorTime) {
  EventCount<> gate;
  const auto used = [] {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  // A spin would use all of it; longer, if the machine is so busy that this thread had no sleep.
  for (auto limit = 300ms; gate.parks() == 0; limit *= 2) {
    ASSERT_LT(limit, 60s) << "it never sleeps";
    const auto before = used();
    EXPECT_FALSE((await<SpinPark, NativeMemory>(
        gate, [] { return false; }, Deadline::after(limit))));
    if (gate.parks() != 0) {
      EXPECT_LT(used() - before, limit / 2);
    }
  }
}

}  // namespace
}  // namespace ringway
