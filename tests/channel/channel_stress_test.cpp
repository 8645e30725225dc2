// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "channel_stress.hpp"

namespace ringway {
namespace {

using test::kScale;

// A handle's sleep must not eat a wake-up meant for another: four sleepers, four messages, and none
// of them looks a second time.
TEST(MpmcChannelStress, NMessagesEndNReceives) {
  for (int lap = 0; lap < 500 / kScale; ++lap) {
    auto [sender, receiver] = mpmc_channel<int, Park>({.capacity = 8});
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([mine = receiver]() mutable { EXPECT_TRUE(mine.receive()); });
    }
    std::thread second([mine = sender]() mutable {
      EXPECT_EQ(mine.send(1), SendStatus::kSent);
      EXPECT_EQ(mine.send(2), SendStatus::kSent);
    });
    EXPECT_EQ(sender.send(3), SendStatus::kSent);
    EXPECT_EQ(sender.send(4), SendStatus::kSent);
    second.join();
    for (auto& thread : threads) thread.join();
  }
}

}  // namespace

namespace test {
using BoundedKinds = testing::Types<Spsc<SpinPark>, Spsc<Park>, Mpmc<SpinPark>, Mpmc<Park>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Bounded, ChannelStressTest, BoundedKinds);
}  // namespace test
}  // namespace ringway
