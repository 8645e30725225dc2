// SPDX-License-Identifier: Apache-2.0
#include "ringway/bus/platform.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>

#include "ringway/base/native_memory.hpp"

namespace ringway {
namespace {

using Native = Platform<NativeMemory>;

TEST(Platform, ThreadsThatLiveTogetherAreTold) {
  const auto own = Native::this_thread();
  EXPECT_EQ(Native::this_thread(), own);
  EXPECT_NE(own, nullptr) << "null is nobody";
  Native::ThreadId other = nullptr;
  Native::Thread thread([&other] { other = Native::this_thread(); });
  thread.join();
  EXPECT_NE(other, nullptr);
  EXPECT_NE(other, own);
}

/// A thread that stays until it is joined.
class Idle {
 public:
  ~Idle() {
    over_.store(true);
    over_.notify_one();
    thread_.join();
  }

  [[nodiscard]] Native::Thread& thread() noexcept { return thread_; }

 private:
  std::atomic<bool> over_{false};
  Native::Thread thread_{[this] { over_.wait(false); }};
};

TEST(Platform, PinsToAProcessorOrSaysThatItCanNot) {
  Idle idle;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ASSERT_EQ(::sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  int first = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(first), &allowed)) ++first;
  EXPECT_TRUE(Native::pin(idle.thread(), first));
  cpu_set_t got;
  CPU_ZERO(&got);
  ASSERT_EQ(::pthread_getaffinity_np(idle.thread().native_handle(), sizeof(got), &got), 0);
  EXPECT_EQ(CPU_COUNT(&got), 1);
  EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(first), &got));
  if (std::thread::hardware_concurrency() < CPU_SETSIZE) {
    EXPECT_FALSE(Native::pin(idle.thread(), CPU_SETSIZE - 1));
  }
}

TEST(Platform, LongNamesAreCutOffNotRefused) {
  Idle idle;
  const auto name_of = [&idle] {
    char name[16] = {};
    EXPECT_EQ(::pthread_getname_np(idle.thread().native_handle(), name, sizeof(name)), 0);
    return std::string(name);
  };
  Native::set_name(idle.thread(), "feed");
  EXPECT_EQ(name_of(), "feed");
  Native::set_name(idle.thread(), "a dispatcher with a long name");
  EXPECT_EQ(name_of(), "a dispatcher wi");
}

}  // namespace
}  // namespace ringway
