// SPDX-License-Identifier: Apache-2.0
// ThreadSanitizer does not understand the stand-alone fences inside moodycamel::ConcurrentQueue:
// labels: notsan
#include "ringway/channel/unbounded_channel.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <vector>

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

TEST(UnboundedChannel, DrainsInOrderUpToItsLimit) {
  auto [sender, receiver] = unbounded_channel<std::unique_ptr<int>>();
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(sender.send(std::make_unique<int>(i)), SendStatus::kSent);
  int next = 0;
  int wrong = 0;
  const auto handler = [&](std::unique_ptr<int>& value) noexcept { wrong += *value != next++; };
  EXPECT_EQ(receiver.drain(handler, 0), 0U);
  EXPECT_EQ(receiver.drain(handler, 1), 1U);
  EXPECT_EQ(receiver.drain(handler, 698), 698U) << "over several blocks";
  EXPECT_EQ(next, 699);
  EXPECT_EQ(*receiver.try_receive().value(), 699);
  next = 700;
  EXPECT_EQ(receiver.drain(handler, 1000), 300U);
  EXPECT_EQ(receiver.drain(handler, 1000), 0U);
  EXPECT_EQ(receiver.received(), 1000U);
  EXPECT_EQ(wrong, 0);
}

// A message is taken when its handler is called, not before: what follows is there for everybody.
TEST(UnboundedChannel, HandlersOfDrainMayReceiveWhatFollows) {
  auto ends = unbounded_channel<int>();
  auto& sender = ends.sender;
  auto& receiver = ends.receiver;
  auto other = receiver;
  for (int i = 0; i < 90; ++i) ASSERT_EQ(sender.try_send(i), SendStatus::kSent);
  std::vector<int> seen;
  const auto handler = [&](int& value) noexcept {
    seen.push_back(value);
    seen.push_back(receiver.receive_for(std::chrono::seconds(10)).value_or(-1));
    seen.push_back(other.receive_for(std::chrono::seconds(10)).value_or(-1));
    if (value == 60) {
      EXPECT_EQ(sender.try_send(90), SendStatus::kSent);
      EXPECT_EQ(sender.try_send(91), SendStatus::kSent);
      EXPECT_EQ(sender.try_send(92), SendStatus::kSent);
    }
  };
  EXPECT_EQ(receiver.drain(handler, 100), 31U);
  ASSERT_EQ(seen.size(), 93U);
  for (int i = 0; i < 93; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(UnboundedChannel, DrainWithAHandlerThatThrowsLosesNothingElse) {
  auto [sender, receiver] = unbounded_channel<int>();
  for (int i = 0; i < 10; ++i) ASSERT_EQ(sender.try_send(i), SendStatus::kSent);
  int seen = 0;
  const auto handler = [&](int& value) {
    ++seen;
    if (value == 4) throw std::runtime_error("four");
  };
  EXPECT_THROW(receiver.drain(handler, 10), std::runtime_error);
  EXPECT_EQ(seen, 5);
  EXPECT_EQ(receiver.try_receive(), 5);
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
