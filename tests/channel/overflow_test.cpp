// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "channel_kinds.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Awkward;
using test::let_it_wait;

template <class Kind>
class FullChannelTest : public testing::Test {};

using Kinds = testing::Types<test::Spsc<SpinPark>, test::Spsc<SpinYield>, test::Mpmc<SpinPark>,
                             test::Mpmc<Park>>;
TYPED_TEST_SUITE(FullChannelTest, Kinds);

TYPED_TEST(FullChannelTest, ExactlyTheCapacityFits) {
  for (const std::size_t capacity : {1U, 2U, 3U, 5U, 7U, 8U, 100U}) {
    auto [sender, receiver] = TypeParam::template make<std::size_t>({.capacity = capacity});
    EXPECT_EQ(sender.capacity(), capacity);
    for (std::size_t i = 0; i < capacity; ++i) {
      EXPECT_EQ(sender.try_send(i), SendStatus::kSent);
    }
    EXPECT_EQ(sender.try_send(0), SendStatus::kFull);
    EXPECT_EQ(receiver.try_receive(), 0U);
    EXPECT_EQ(sender.try_send(0), SendStatus::kSent);
    EXPECT_EQ(sender.try_send(0), SendStatus::kFull);
  }
}

TYPED_TEST(FullChannelTest, ARefusedMessageIsUntouched) {
  auto [sender, receiver] = TypeParam::template make<Awkward>({.capacity = 1});
  EXPECT_EQ(sender.send(Awkward(1)), SendStatus::kSent);
  Awkward message(2);
  EXPECT_EQ(sender.try_send(std::move(message)), SendStatus::kFull);
  EXPECT_EQ(sender.send_for(std::move(message), 1ms), SendStatus::kTimedOut);
  EXPECT_TRUE(message.untouched());
  EXPECT_EQ(sender.dropped(), 0U);
}

TYPED_TEST(FullChannelTest, SendWaitsForRoom) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 1});
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  std::thread other([&receiver = receiver] {
    let_it_wait();
    EXPECT_EQ(receiver.receive().value(), 1);
  });
  EXPECT_EQ(sender.send(2), SendStatus::kSent);
  other.join();
  EXPECT_EQ(receiver.receive().value(), 2);
}

TYPED_TEST(FullChannelTest, DrainMakesRoomForAWaitingSend) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 2});
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  EXPECT_EQ(sender.send(2), SendStatus::kSent);
  std::thread other([&receiver = receiver] {
    let_it_wait();
    EXPECT_EQ(receiver.drain([](int&) {}, 2), 2U);
  });
  EXPECT_EQ(sender.send(3), SendStatus::kSent);
  other.join();
}

TYPED_TEST(FullChannelTest, SendEndsAtTheDeadlineAndNotBefore) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 1});
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  const auto limit = std::chrono::steady_clock::now() + 20ms;
  EXPECT_EQ(sender.send_until(2, limit), SendStatus::kTimedOut);
  EXPECT_GE(std::chrono::steady_clock::now(), limit);
  EXPECT_EQ(sender.send_for(2, -1s), SendStatus::kTimedOut);
  EXPECT_EQ(receiver.receive().value(), 1);
  EXPECT_EQ(sender.send_for(2, -1s), SendStatus::kSent) << "room that is there needs no time";
}

TYPED_TEST(FullChannelTest, AStopRequestEndsSend) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 1});
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  std::stop_source source;
  std::thread stopper([&] {
    let_it_wait();
    source.request_stop();
  });
  EXPECT_EQ(sender.send(2, source.get_token()), SendStatus::kStopped);
  stopper.join();
}

TYPED_TEST(FullChannelTest, CloseEndsAWaitingSend) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 1});
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  std::thread other([&receiver = receiver] {
    let_it_wait();
    receiver.close();
  });
  EXPECT_EQ(sender.send(2), SendStatus::kClosed);
  other.join();
}

TYPED_TEST(FullChannelTest, DestroyingTheReceiverEndsAWaitingSend) {
  auto ends = TypeParam::template make<int>({.capacity = 1});
  EXPECT_EQ(ends.sender.send(1), SendStatus::kSent);
  std::thread other([receiver = std::move(ends.receiver)]() mutable {
    let_it_wait();
    const auto gone = std::move(receiver);
  });
  EXPECT_EQ(ends.sender.send(2), SendStatus::kClosed);
  other.join();
}

TYPED_TEST(FullChannelTest, FailMeansNobodyWaits) {
  auto [sender, receiver] =
      TypeParam::template make<int>({.capacity = 1, .overflow = Overflow::kFail});
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  EXPECT_EQ(sender.send(2), SendStatus::kFull);
  EXPECT_EQ(sender.send_for(2, 1h), SendStatus::kFull);
  EXPECT_EQ(receiver.receive().value(), 1);
}

TYPED_TEST(FullChannelTest, DropNewestKeepsTheOldestAndCounts) {
  ChannelTally tally;
  {
    auto [sender, receiver] = TypeParam::template make<int>(
        {.capacity = 3, .overflow = Overflow::kDropNewest, .tally = &tally});
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(i % 2 == 0 ? sender.send(i) : sender.try_send(i),
                i < 3 ? SendStatus::kSent : SendStatus::kDropped);
    }
    EXPECT_EQ(sender.dropped(), 7U);
    EXPECT_EQ(sender.sent(), 3U);
    std::array<int, 5> more{};
    EXPECT_EQ(receiver.receive().value(), 0);
    EXPECT_EQ(sender.send_batch(std::span(more)), 1U);
    EXPECT_EQ(sender.dropped(), 11U);
    EXPECT_EQ(receiver.receive().value(), 1);
    sender.close();
    EXPECT_EQ(sender.send(5), SendStatus::kClosed);
    EXPECT_EQ(sender.dropped(), 11U);
  }
  EXPECT_EQ(tally.sent.load(), 4U);
  EXPECT_EQ(tally.dropped.load(), 11U);
  EXPECT_EQ(tally.received.load(), 2U);
  EXPECT_EQ(tally.left.load(), 2U);
}

TEST(DropOldest, KeepsTheNewestAndCounts) {
  ChannelTally tally;
  {
    auto [sender, receiver] =
        mpmc_channel<int>({.capacity = 3, .overflow = Overflow::kDropOldest, .tally = &tally});
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(i % 2 == 0 ? sender.send(i) : sender.try_send(i), SendStatus::kSent);
    }
    EXPECT_EQ(sender.dropped(), 7U);
    EXPECT_EQ(receiver.receive().value(), 7);
    EXPECT_EQ(receiver.receive().value(), 8);
  }
  EXPECT_EQ(tally.sent.load(), 10U);
  EXPECT_EQ(tally.dropped.load(), 7U);
  EXPECT_EQ(tally.received.load(), 2U);
  EXPECT_EQ(tally.left.load(), 1U);
}

TEST(DropOldest, SumsHoldUnderLoad) {
  ChannelTally tally;
  constexpr std::uint64_t kEach = 20'000;
  ASSERT_EQ(Awkward::alive.load(), 0);
  {
    auto [sender, receiver] =
        mpmc_channel<Awkward>({.capacity = 4, .overflow = Overflow::kDropOldest, .tally = &tally});
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([mine = sender]() mutable {
        for (std::uint64_t n = 0; n < kEach; ++n) {
          ASSERT_EQ(mine.send(Awkward(n)), SendStatus::kSent);
        }
      });
    }
    std::thread reader([mine = receiver]() mutable {
      while (mine.receive_for(std::chrono::milliseconds(200))) {
      }
    });
    for (auto& thread : threads) {
      thread.join();
    }
    reader.join();
  }
  EXPECT_EQ(Awkward::alive.load(), 0);
  EXPECT_EQ(tally.sent.load(), 2 * kEach);
  EXPECT_EQ(tally.sent.load(), tally.received.load() + tally.dropped.load() + tally.left.load());
}

template <class Kind>
class ClaimTest : public testing::Test {};
TYPED_TEST_SUITE(ClaimTest, Kinds);

TYPED_TEST(ClaimTest, ACommittedClaimIsReceived) {
  auto [sender, receiver] = TypeParam::template make<Awkward>({.capacity = 1});
  {
    auto claim = sender.try_claim(5U);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->value(), 5U);
    EXPECT_FALSE(receiver.try_receive()) << "not sent yet";
    claim.commit();
    EXPECT_FALSE(claim);
  }
  EXPECT_EQ(receiver.receive()->value(), 5U);
  EXPECT_EQ(sender.sent(), 1U);
}

TYPED_TEST(ClaimTest, NoClaimWhenFullOrClosed) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 1});
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  EXPECT_FALSE(sender.try_claim());
  EXPECT_EQ(receiver.receive().value(), 1);
  receiver.close();
  EXPECT_FALSE(sender.try_claim());
}

TYPED_TEST(ClaimTest, ACommitWakesAReceiver) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 1});
  std::thread other([&sender = sender] {
    auto claim = sender.try_claim(3);
    let_it_wait();
    claim.commit();
  });
  EXPECT_EQ(receiver.receive().value(), 3);
  other.join();
}

TYPED_TEST(ClaimTest, AnAbandonedClaimIsNeverReceived) {
  ASSERT_EQ(Awkward::alive.load(), 0);
  ChannelTally tally;
  {
    auto [sender, receiver] = TypeParam::template make<Awkward>({.capacity = 2, .tally = &tally});
    { const auto claim = sender.try_claim(5U); }
    EXPECT_EQ(Awkward::alive.load(), 0);
    EXPECT_EQ(sender.send(Awkward(6)), SendStatus::kSent);
    EXPECT_EQ(receiver.receive()->value(), 6U);
    { const auto claim = sender.try_claim(7U); }
  }
  EXPECT_EQ(Awkward::alive.load(), 0);
  EXPECT_EQ(tally.sent.load(), 1U);
  EXPECT_EQ(tally.received.load(), 1U);
  EXPECT_EQ(tally.left.load(), 0U);
}

// The hole hides a message; the receiver sleeps before it, and giving up must wake it.
TEST(MpmcClaim, GivingUpWakesAReceiverForWhatLiesBehindTheHole) {
  auto [sender, receiver] = mpmc_channel<int, Park>({.capacity = 4});
  auto second = sender;
  std::optional claim(sender.try_claim(1));
  EXPECT_EQ(second.send(2), SendStatus::kSent);
  std::thread other([&claim] {
    let_it_wait();
    claim.reset();
  });
  EXPECT_EQ(receiver.receive().value(), 2);
  other.join();
}

// A hole fills a channel of capacity 1. The receiver finds nothing in it, but that look makes room.
TEST(MpmcClaim, PassingAHoleWakesAWaitingSender) {
  auto [sender, receiver] = mpmc_channel<int, Park>({.capacity = 1});
  { const auto claim = sender.try_claim(1); }
  std::thread other(
      [mine = sender]() mutable { EXPECT_EQ(mine.send_for(2, test::kHang), SendStatus::kSent); });
  let_it_wait();
  EXPECT_EQ(receiver.receive().value(), 2);
  other.join();
}

// The seal lies behind an open claim: nobody has ended until that is decided, then all have.
TEST(MpmcClaim, AnOpenClaimAtCloseIsReceivedOrEndsEveryReceiver) {
  for (const bool commit : {true, false}) {
    auto ends = mpmc_channel<int, Park>({.capacity = 4});
    auto sender = std::move(ends.sender);
    std::optional claim(sender.try_claim(1));
    std::atomic<int> received{0};
    std::vector<std::thread> receivers;
    for (int i = 0; i < 3; ++i) {
      receivers.emplace_back([mine = ends.receiver, &received]() mutable {
        for ([[maybe_unused]] int message : mine) {
          received.fetch_add(1);
        }
      });
    }
    let_it_wait();
    sender.close();
    let_it_wait();
    EXPECT_EQ(received.load(), 0);
    if (commit) claim->commit();
    claim.reset();
    for (auto& thread : receivers) {
      thread.join();
    }
    EXPECT_EQ(received.load(), commit ? 1 : 0);
  }
}

}  // namespace
}  // namespace ringway
