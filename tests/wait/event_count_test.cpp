// SPDX-License-Identifier: Apache-2.0
#include "ringway/wait/event_count.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <new>
#include <thread>
#include <vector>

#include "ping_pong.hpp"

namespace ringway {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kHang = minutes(2);  // only a lost wake-up lasts this long

void until(auto&& condition) {
  while (!condition()) {
    std::this_thread::sleep_for(milliseconds(1));
  }
}

TEST(EventCount, ANotificationAfterPrepareEndsTheWait) {
  EventCount<> event;
  const auto key = event.prepare();
  event.notify_one();
  EXPECT_TRUE(event.wait(key, Deadline::after(kHang)));
  EXPECT_EQ(event.parks(), 0U);
  EXPECT_EQ(event.waiters_approx(), 0U);
}

TEST(EventCount, ANotificationBeforePrepareDoesNotEndTheWait) {
  EventCount<> event;
  event.notify_one();
  event.notify_all();
  // longer, if the deadline has passed before this thread could sleep
  for (auto limit = milliseconds(20); event.parks() == 0; limit *= 2) {
    ASSERT_LT(limit, kHang) << "it never sleeps";
    const auto key = event.prepare();
    EXPECT_FALSE(event.wait(key, Deadline::after(limit)));
    EXPECT_EQ(event.waiters_approx(), 0U);
  }
}

TEST(EventCount, CancelTakesTheRegistrationBack) {
  EventCount<> event;
  const auto key = event.prepare();
  static_cast<void>(key);
  EXPECT_EQ(event.waiters_approx(), 1U);
  event.cancel();
  EXPECT_EQ(event.waiters_approx(), 0U);
}

TEST(EventCount, ADeadlineThatHasPassedEndsTheWaitWithoutASleep) {
  EventCount<> event;
  const auto key = event.prepare();
  EXPECT_FALSE(event.wait(key, Deadline::after(seconds(-1))));
  EXPECT_EQ(event.parks(), 0U);
}

TEST(EventCount, DoesNotReturnBeforeTheDeadline) {
  EventCount<> event;
  const auto begin = std::chrono::steady_clock::now();
  const auto key = event.prepare();
  EXPECT_FALSE(event.wait(key, begin + milliseconds(30)));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(30));
}

TEST(EventCount, ASleeperIsCountedAsAPark) {
  EventCount<> event;
  std::atomic<bool> set{false};
  std::thread sleeper([&] {
    while (!set.load()) {
      const auto key = event.prepare();
      if (set.load()) {
        event.cancel();
        return;
      }
      EXPECT_TRUE(event.wait(key, Deadline::after(kHang)));
    }
  });
  until([&] { return event.waiters_approx() == 1; });
  std::this_thread::sleep_for(milliseconds(50));
  set.store(true);
  event.notify_one();
  sleeper.join();
  EXPECT_LE(event.parks(), 1U);
}

TEST(EventCount, NotifyAllEndsEveryWait) {
  EventCount<> event;
  std::atomic<bool> set{false};
  std::vector<std::thread> sleepers;
  for (int i = 0; i < 6; ++i) {
    sleepers.emplace_back([&] {
      while (!set.load()) {
        const auto key = event.prepare();
        if (set.load()) {
          event.cancel();
          return;
        }
        EXPECT_TRUE(event.wait(key, Deadline::after(kHang)));
      }
    });
  }
  until([&] { return event.waiters_approx() == 6; });
  set.store(true);
  event.notify_all();
  for (auto& sleeper : sleepers) {
    sleeper.join();
  }
  EXPECT_EQ(event.waiters_approx(), 0U);
}

// Tickets stand for messages. A waiter whose time-out is as short as a sleep keeps coming and
// going between the others, and passes on what it finds when it looks for the last time: if its
// time-outs could eat a wake-up, another waiter would hang.
TEST(EventCount, NNotificationsEndNWaitsThoughOthersComeAndGo) {
  constexpr int kWaiters = 4;
  constexpr int kLaps = 200;
  for (int lap = 0; lap < kLaps; ++lap) {
    EventCount<> event;
    std::atomic<int> tickets{0};
    std::atomic<bool> done{false};
    const auto take = [&] {
      int left = tickets.load();
      while (left > 0 && !tickets.compare_exchange_weak(left, left - 1)) {
      }
      return left > 0;
    };
    std::vector<std::thread> waiters;
    for (int i = 0; i < kWaiters; ++i) {
      waiters.emplace_back([&] {
        while (!take()) {
          const auto key = event.prepare();
          if (take()) {
            event.cancel();
            return;
          }
          ASSERT_TRUE(event.wait(key, Deadline::after(kHang))) << "a wake-up was eaten";
        }
      });
    }
    std::thread fickle([&] {
      while (!done.load()) {
        const auto key = event.prepare();
        event.wait(key, Deadline::after(std::chrono::microseconds(20)));
        if (take()) {
          tickets.fetch_add(1);
          event.notify_one();
        }
      }
    });
    for (int i = 0; i < kWaiters; ++i) {
      tickets.fetch_add(1);
      event.notify_one();
    }
    for (auto& waiter : waiters) {
      waiter.join();
    }
    done.store(true);
    fickle.join();
    ASSERT_EQ(tickets.load(), 0);
  }
}

TEST(EventCount, APingPongOfParkedWaitsWithoutTimeOutsEnds) {
  test::Court<NativeMemory> left;
  test::Court<NativeMemory> right;
  const auto parks = test::play_until_slept(left, right, 20'000, 1);
  std::printf("really slept: %llu\n", static_cast<unsigned long long>(parks));
  EXPECT_GT(parks, 0U);
}

// The policy of machines where the kernel refuses membarrier: each notification then pays.
struct RefusedMemory : NativeMemory {
  static bool heavy_fence() noexcept { return false; }
};

TEST(EventCount, WithoutTheHeavyFenceThePingPongEndsToo) {
  test::Court<RefusedMemory> left;
  test::Court<RefusedMemory> right;
  EXPECT_TRUE(left.arrival.fence_needed());
  EXPECT_GT(test::play_until_slept(left, right, 20'000, 2), 0U);
}

// One block, two addresses: the sleeper and the notifier know it by different ones.
TEST(EventCount, LivesInABlockThatIsMappedAtTwoAddresses) {
  const int file = ::memfd_create("event_count", 0);
  ASSERT_GE(file, 0);
  constexpr std::size_t kBytes = 4096;
  ASSERT_EQ(::ftruncate(file, kBytes), 0);
  void* here = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  void* there = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ASSERT_NE(here, MAP_FAILED);
  ASSERT_NE(there, MAP_FAILED);
  auto* event = ::new (here) EventCount<NativeSharedMemory>;
  auto* same = static_cast<EventCount<NativeSharedMemory>*>(there);

  std::thread sleeper([&] {
    const auto key = event->prepare();
    EXPECT_TRUE(event->wait(key, Deadline::after(kHang)));
  });
  until([&] { return same->waiters_approx() == 1; });
  std::this_thread::sleep_for(milliseconds(20));
  same->notify_one();
  sleeper.join();
  ::munmap(here, kBytes);
  ::munmap(there, kBytes);
  ::close(file);
}

}  // namespace
}  // namespace ringway
