// SPDX-License-Identifier: Apache-2.0
#include "ringway/wait/futex.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace ringway {
namespace {

TEST(Futex, DoesNotSleepWhenTheWordIsAnotherAlready) {
  std::atomic<std::uint32_t> word{1};
  EXPECT_FALSE(NativeMemory::futex_wait(word, 0, -1));
  EXPECT_FALSE(NativeSharedMemory::futex_wait(word, 0, -1));
}

TEST(Futex, ATimeLimitEndsTheSleep) {
  std::atomic<std::uint32_t> word{0};
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(NativeMemory::futex_wait(word, 0, 10'000'000));
  EXPECT_TRUE(NativeSharedMemory::futex_wait(word, 0, 10'000'000));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(20));
}

template <class Memory>
void wake_a_sleeper() {
  std::atomic<std::uint32_t> word{0};
  std::thread sleeper([&] {
    while (word.load() == 0) {
      Memory::futex_wait(word, 0, -1);
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  word.store(1);
  Memory::futex_wake(word, 1);
  sleeper.join();
  EXPECT_EQ(word.load(), 1U);
}

TEST(Futex, WakesASleeper) {
  wake_a_sleeper<NativeMemory>();
  wake_a_sleeper<NativeSharedMemory>();
}

}  // namespace
}  // namespace ringway
