// SPDX-License-Identifier: Apache-2.0
#include "ringway/base/asymmetric_fence.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/wait/child_process.hpp"

namespace ringway {
namespace {

TEST(AsymmetricFence, IsAvailableOnThisKernel) {
  EXPECT_TRUE(AsymmetricFence::available());
}

TEST(AsymmetricFence, ManyThreadsMayBeFirst) {
  EXPECT_EQ(test::in_child([] {
              std::atomic<int> refused{0};
              std::vector<std::thread> threads;
              for (int i = 0; i < 8; ++i) {
                threads.emplace_back([&] { refused += AsymmetricFence::heavy() ? 0 : 1; });
              }
              for (auto& thread : threads) {
                thread.join();
              }
              return refused.load();
            }),
            0);
}

// The kernel forgets the registration at fork and answers EPERM.
TEST(AsymmetricFence, WorksInAChildOfARegisteredProcess) {
  ASSERT_TRUE(AsymmetricFence::heavy());
  EXPECT_EQ(test::in_child([] { return AsymmetricFence::heavy() ? 0 : 1; }), 0);
}

// Store, fence, load on both sides: both must never miss the other's store.
TEST(AsymmetricFence, OneOfTwoSidesSeesTheOther) {
  constexpr int kRounds = 20'000;
  struct alignas(128) Word {
    std::atomic<int> value{0};
  };
  Word mine;
  Word yours;
  Word go;
  Word done;
  std::atomic<int> both_missed{0};
  int seen_by_other = 0;
  std::thread other([&] {
    for (int round = 1; round <= kRounds; ++round) {
      while (go.value.load(std::memory_order_acquire) != round) {
        std::this_thread::yield();
      }
      yours.value.store(round, std::memory_order_relaxed);
      AsymmetricFence::light();
      seen_by_other = mine.value.load(std::memory_order_relaxed);
      done.value.store(round, std::memory_order_release);
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    go.value.store(round, std::memory_order_release);
    mine.value.store(round, std::memory_order_relaxed);
    ASSERT_TRUE(AsymmetricFence::heavy());
    const int seen = yours.value.load(std::memory_order_relaxed);
    while (done.value.load(std::memory_order_acquire) != round) {
      std::this_thread::yield();
    }
    both_missed += seen != round && seen_by_other != round ? 1 : 0;
  }
  other.join();
  EXPECT_EQ(both_missed.load(), 0);
}

}  // namespace
}  // namespace ringway
