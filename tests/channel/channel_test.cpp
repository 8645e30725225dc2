// SPDX-License-Identifier: Apache-2.0
#include "ringway/channel/channel.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <limits>
#include <type_traits>

#include "channel_conformance.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<Sender<int>>, "one sender is a type");
static_assert(!std::is_copy_constructible_v<Receiver<int>>, "one receiver is a type");
static_assert(std::is_nothrow_move_constructible_v<Sender<int>>);
static_assert(std::is_copy_constructible_v<MpmcSender<int>>);
static_assert(std::is_copy_constructible_v<MpmcReceiver<int>>);

TEST(Channel, ImpossibleOptionsAreRefusedWithAReason) {
  EXPECT_EQ(make_channel<int>({.capacity = 0}).error(), SetupError::kZeroCapacity);
  EXPECT_EQ(make_mpmc_channel<int>({.capacity = 0}).error(), SetupError::kZeroCapacity);
  constexpr auto kMost = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(make_channel<int>({.capacity = kMost}).error(), SetupError::kCapacityTooLarge);
  EXPECT_EQ(make_mpmc_channel<int>({.capacity = kMost}).error(), SetupError::kCapacityTooLarge);
  EXPECT_EQ(make_channel<int>({.capacity = 1, .overflow = Overflow::kDropOldest}).error(),
            SetupError::kOverflowNotPossible);
}

TEST(ChannelDeathTest, TheShortFormStopsWithTheReason) {
  EXPECT_DEATH(static_cast<void>(channel<int>({.capacity = 0})), "capacity is 0");
  EXPECT_DEATH(static_cast<void>(mpmc_channel<int>({.capacity = 0})), "capacity is 0");
}

TEST(Channel, ASleepingReceiverIsCountedAndUsesAlmostNoProcessorTime) {
  auto [sender, receiver] = channel<int>({.capacity = 1});
  const auto used = [] {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  // A spin would use all of it; longer, if the machine is so busy that this thread had no sleep.
  for (auto limit = 300ms; receiver.parks() == 0; limit *= 2) {
    ASSERT_LT(limit, 60s) << "it never sleeps";
    const auto before = used();
    EXPECT_EQ(receiver.receive_for(limit).error(), ReceiveError::kTimedOut);
    if (receiver.parks() != 0) {
      EXPECT_LT(used() - before, limit / 2);
    }
  }
  EXPECT_EQ(sender.parks(), 0U);
}

}  // namespace

namespace test {
using BoundedKinds =
    testing::Types<Spsc<SpinPark>, Spsc<Park>, Spsc<SlipSpin>, Mpmc<Park>, Mpmc<SpinYield>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Bounded, ChannelTest, BoundedKinds);
}  // namespace test
}  // namespace ringway
