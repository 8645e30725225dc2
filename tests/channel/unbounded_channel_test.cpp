// SPDX-License-Identifier: Apache-2.0
// ThreadSanitizer does not understand the stand-alone fences inside moodycamel::ConcurrentQueue:
// labels: notsan
#include "ringway/channel/unbounded_channel.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <type_traits>

#include "channel_conformance.hpp"
#include "channel_stress.hpp"

namespace ringway {
namespace {

static_assert(std::is_copy_constructible_v<UnboundedSender<int>>);
static_assert(std::is_copy_constructible_v<UnboundedReceiver<int>>);

TEST(UnboundedChannel, IsNeverFull) {
  auto [sender, receiver] = unbounded_channel<int>();
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_EQ(sender.try_send(i), SendStatus::kSent);
  }
  EXPECT_EQ(sender.size_approx(), 100'000U);
  EXPECT_EQ(sender.capacity(), std::numeric_limits<std::size_t>::max());
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_EQ(receiver.try_receive(), i);
  }
}

}  // namespace

namespace test {

template <class Strategy>
struct Unbounded {
  using Wait = Strategy;
  static constexpr bool kBounded = false;
  static constexpr bool kManyHandles = true;
  template <class T>
  static auto make(const ChannelOptions& options) {
    return unbounded_channel<T, Strategy>({.tally = options.tally});
  }
};

using UnboundedKinds = testing::Types<Unbounded<SpinPark>, Unbounded<Park>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Unbounded, ChannelTest, UnboundedKinds);
INSTANTIATE_TYPED_TEST_SUITE_P(Unbounded, ChannelStressTest, UnboundedKinds);

}  // namespace test
}  // namespace ringway
