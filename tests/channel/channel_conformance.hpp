// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What holds for each kind of channel, as a type-parameterised suite.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "channel_kinds.hpp"

namespace ringway::test {

using namespace std::chrono_literals;

template <class Kind>
class ChannelTest : public testing::Test {};
TYPED_TEST_SUITE_P(ChannelTest);

TYPED_TEST_P(ChannelTest, MessagesArriveInOrder) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 8});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(sender.try_send(i), SendStatus::kSent);
  }
  EXPECT_EQ(sender.size_approx(), 5U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(receiver.try_receive(), i);
  }
  EXPECT_EQ(receiver.try_receive(), std::nullopt);
  EXPECT_EQ(sender.sent(), 5U);
  EXPECT_EQ(receiver.received(), 5U);
}

TYPED_TEST_P(ChannelTest, ReceiveWaitsForASend) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 1});
  std::thread other([&sender = sender] {
    let_it_wait();
    EXPECT_EQ(sender.send(7), SendStatus::kSent);
  });
  EXPECT_EQ(receiver.receive().value(), 7);
  other.join();
}

TYPED_TEST_P(ChannelTest, ReceiveEndsAtTheDeadlineAndNotBefore) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 1});
  const auto limit = std::chrono::steady_clock::now() + 20ms;
  EXPECT_EQ(receiver.receive_until(limit).error(), ReceiveError::kTimedOut);
  EXPECT_GE(std::chrono::steady_clock::now(), limit);
  EXPECT_EQ(receiver.receive_for(1ms).error(), ReceiveError::kTimedOut);
  EXPECT_EQ(receiver.receive_for(-1s).error(), ReceiveError::kTimedOut);
  EXPECT_EQ(sender.send(3), SendStatus::kSent);
  EXPECT_EQ(receiver.receive_for(-1s).value(), 3) << "what is there needs no time";
}

TYPED_TEST_P(ChannelTest, AStopRequestEndsReceive) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 1});
  std::stop_source source;
  std::thread stopper([&] {
    let_it_wait();
    source.request_stop();
  });
  EXPECT_EQ(receiver.receive(source.get_token()).error(), ReceiveError::kStopped);
  stopper.join();
  EXPECT_EQ(sender.send(3), SendStatus::kSent);
  EXPECT_EQ(receiver.receive(source.get_token()).value(), 3) << "what is there comes first";
}

TYPED_TEST_P(ChannelTest, AfterCloseBySenderTheRestIsReceivedThenClosed) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 4});
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  EXPECT_EQ(sender.send(2), SendStatus::kSent);
  sender.close();
  EXPECT_TRUE(receiver.closed());
  EXPECT_EQ(sender.send(3), SendStatus::kClosed);
  EXPECT_EQ(sender.try_send(3), SendStatus::kClosed);
  EXPECT_EQ(sender.send_for(3, 1h), SendStatus::kClosed);
  EXPECT_EQ(receiver.receive().value(), 1);
  EXPECT_EQ(receiver.receive().value(), 2);
  EXPECT_EQ(receiver.receive().error(), ReceiveError::kClosed);
  EXPECT_EQ(receiver.receive_for(1h).error(), ReceiveError::kClosed);
  EXPECT_EQ(receiver.try_receive(), std::nullopt);
}

TYPED_TEST_P(ChannelTest, AfterCloseByReceiverSendsFailAndTheRestIsReceived) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 4});
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  receiver.close();
  receiver.close();
  EXPECT_EQ(sender.send(2), SendStatus::kClosed);
  EXPECT_EQ(receiver.receive().value(), 1);
  EXPECT_EQ(receiver.receive().error(), ReceiveError::kClosed);
}

TYPED_TEST_P(ChannelTest, ARefusedMessageIsUntouched) {
  auto [sender, receiver] = TypeParam::template make<Awkward>({.capacity = 1});
  EXPECT_EQ(sender.send(Awkward(1)), SendStatus::kSent);
  receiver.close();
  Awkward message(2);
  EXPECT_EQ(sender.try_send(std::move(message)), SendStatus::kClosed);
  EXPECT_EQ(sender.send(std::move(message)), SendStatus::kClosed);
  EXPECT_TRUE(message.untouched());
}

TYPED_TEST_P(ChannelTest, ALonelySenderIsRefused) {
  auto ends = TypeParam::template make<int>({.capacity = 4});
  auto sender = std::move(ends.sender);
  { const auto receiver = std::move(ends.receiver); }
  EXPECT_EQ(sender.send(1), SendStatus::kClosed);
}

TYPED_TEST_P(ChannelTest, ALonelyReceiverDrainsThenHearsClosed) {
  auto ends = TypeParam::template make<int>({.capacity = 4});
  auto receiver = std::move(ends.receiver);
  {
    auto sender = std::move(ends.sender);
    EXPECT_EQ(sender.send(1), SendStatus::kSent);
  }
  EXPECT_EQ(receiver.receive().value(), 1);
  EXPECT_EQ(receiver.receive().error(), ReceiveError::kClosed);
}

TYPED_TEST_P(ChannelTest, DestroyingTheSenderEndsAWaitingReceive) {
  auto ends = TypeParam::template make<int>({.capacity = 4});
  std::thread other([sender = std::move(ends.sender)]() mutable {
    let_it_wait();
    const auto gone = std::move(sender);
  });
  EXPECT_EQ(ends.receiver.receive().error(), ReceiveError::kClosed);
  other.join();
}

TYPED_TEST_P(ChannelTest, CloseByAnyEndEndsAWaitingReceive) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 4});
  std::thread other([&sender = sender] {
    let_it_wait();
    sender.close();
  });
  EXPECT_EQ(receiver.receive().error(), ReceiveError::kClosed);
  other.join();
}

TYPED_TEST_P(ChannelTest, IterationEndsWhenClosedAndDrained) {
  auto [sender, receiver] = TypeParam::template make<Awkward>({.capacity = 2});
  std::thread other([&sender = sender] {
    for (std::uint64_t i = 0; i < 1000; ++i) {
      ASSERT_EQ(sender.send(Awkward(i)), SendStatus::kSent);
    }
    sender.close();
  });
  std::uint64_t next = 0;
  for (Awkward& message : receiver) {
    EXPECT_EQ(message.value(), next++);
  }
  EXPECT_EQ(next, 1000U);
  other.join();
}

TYPED_TEST_P(ChannelTest, DrainTakesWhatIsThereUpToTheLimit) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 16});
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(sender.send(i), SendStatus::kSent);
  }
  std::vector<int> seen;
  const auto keep = [&](int& value) { seen.push_back(value); };
  EXPECT_EQ(receiver.drain(keep, 3), 3U);
  EXPECT_EQ(receiver.drain(keep, 0), 0U);
  EXPECT_EQ(receiver.drain(keep, 100), 7U);
  EXPECT_EQ(receiver.drain(keep, 100), 0U);
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(receiver.received(), 10U);
}

TYPED_TEST_P(ChannelTest, DrainCountsTheMessageAtWhichTheHandlerThrows) {
#if defined(__cpp_exceptions)
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 4});
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(sender.send(i), SendStatus::kSent);
  }
  const auto fussy = [](int& value) {
    if (value == 1) throw value;
  };
  EXPECT_THROW(receiver.drain(fussy, 4), int);
  EXPECT_EQ(receiver.received(), 2U);
  EXPECT_EQ(receiver.receive().value(), 2);
#else
  GTEST_SKIP() << "nothing throws in this build";
#endif
}

TYPED_TEST_P(ChannelTest, BatchesArriveWholeAndInOrder) {
  auto [sender, receiver] = TypeParam::template make<Awkward>({.capacity = 4});
  std::thread other([&receiver = receiver] {
    for (std::uint64_t i = 0; i < 64; ++i) {
      auto message = receiver.receive();
      ASSERT_TRUE(message);
      EXPECT_EQ(message->value(), i);
    }
  });
  std::vector<Awkward> messages;
  messages.reserve(64);
  for (std::uint64_t i = 0; i < 64; ++i) {
    messages.emplace_back(i);
  }
  EXPECT_EQ(sender.send_batch(std::span(messages)), 64U);
  EXPECT_EQ(sender.sent(), 64U);
  other.join();
  receiver.close();
  EXPECT_EQ(sender.send_batch(std::span(messages)), 0U);
}

TYPED_TEST_P(ChannelTest, ABatchOfConstMessagesIsCopied) {
  auto [sender, receiver] = TypeParam::template make<int>({.capacity = 4});
  const std::array<int, 3> messages{1, 2, 3};
  EXPECT_EQ(sender.try_send_batch(std::span(messages)), 3U);
  EXPECT_EQ(receiver.try_receive(), 1);
  EXPECT_EQ(receiver.try_receive(), 2);
  EXPECT_EQ(receiver.try_receive(), 3);
}

// Leftovers of every order of destruction: nothing leaks, nothing is destroyed twice, and the sums
// hold.
TYPED_TEST_P(ChannelTest, LeftoversAreDestroyedAndCounted) {
  enum class Order { kSenderFirst, kReceiverFirst };
  enum class Close { kNobody, kSender, kReceiver };
  for (const auto order : {Order::kSenderFirst, Order::kReceiverFirst}) {
    for (const auto close : {Close::kNobody, Close::kSender, Close::kReceiver}) {
      ASSERT_EQ(Awkward::alive.load(), 0);
      ChannelTally tally;
      {
        auto ends = TypeParam::template make<Awkward>({.capacity = 8, .tally = &tally});
        std::optional sender(std::move(ends.sender));
        std::optional receiver(std::move(ends.receiver));
        for (std::uint64_t i = 0; i < 5; ++i) {
          EXPECT_EQ(sender->send(Awkward(i)), SendStatus::kSent);
        }
        EXPECT_EQ(receiver->receive()->value(), 0U);
        if (close == Close::kSender) sender->close();
        if (close == Close::kReceiver) receiver->close();
        if (order == Order::kSenderFirst) {
          sender.reset();
          EXPECT_EQ(receiver->receive()->value(), 1U);
          receiver.reset();
        } else {
          receiver.reset();
          EXPECT_EQ(sender->send(Awkward(9)), SendStatus::kClosed);
          sender.reset();
        }
      }
      EXPECT_EQ(Awkward::alive.load(), 0);
      EXPECT_TRUE(Awkward::aligned);
      const std::uint64_t received = order == Order::kSenderFirst ? 2 : 1;
      EXPECT_EQ(tally.sent.load(), 5U);
      EXPECT_EQ(tally.received.load(), received);
      EXPECT_EQ(tally.left.load(), 5 - received);
      EXPECT_EQ(tally.dropped.load(), 0U);
    }
  }
}

TYPED_TEST_P(ChannelTest, LeftoversWithoutATallyAreDestroyedToo) {
  ASSERT_EQ(Awkward::alive.load(), 0);
  {
    auto [sender, receiver] = TypeParam::template make<Awkward>({.capacity = 8});
    EXPECT_EQ(sender.send(Awkward(1)), SendStatus::kSent);
    EXPECT_EQ(sender.send(Awkward(2)), SendStatus::kSent);
  }
  EXPECT_EQ(Awkward::alive.load(), 0);
}

TYPED_TEST_P(ChannelTest, HandlesCanBeMovedAndAssigned) {
  auto first = TypeParam::template make<int>({.capacity = 2});
  auto second = TypeParam::template make<int>({.capacity = 2});
  auto sender = std::move(first.sender);
  EXPECT_EQ(sender.send(1), SendStatus::kSent);
  sender = std::move(second.sender);  // the first channel loses its last sender
  EXPECT_EQ(first.receiver.receive().value(), 1);
  EXPECT_EQ(first.receiver.receive().error(), ReceiveError::kClosed);
  EXPECT_EQ(sender.send(2), SendStatus::kSent);
  auto receiver = std::move(first.receiver);
  receiver = std::move(second.receiver);
  EXPECT_EQ(receiver.receive().value(), 2);
}

TYPED_TEST_P(ChannelTest, NoValueIsReserved) {
  auto [sender, receiver] = TypeParam::template make<double>({.capacity = 4});
  for (const double value : {0.0, -0.0, std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(sender.send(value), SendStatus::kSent);
    EXPECT_EQ(receiver.receive().value(), value);
  }
  EXPECT_EQ(sender.send(std::numeric_limits<double>::quiet_NaN()), SendStatus::kSent);
  EXPECT_NE(receiver.receive().value(), 0.0);
  auto [pointers, taken] = TypeParam::template make<int*>({.capacity = 1});
  EXPECT_EQ(pointers.send(nullptr), SendStatus::kSent);
  EXPECT_EQ(taken.try_receive().value(), nullptr);
}

REGISTER_TYPED_TEST_SUITE_P(
    ChannelTest, MessagesArriveInOrder, ReceiveWaitsForASend, ReceiveEndsAtTheDeadlineAndNotBefore,
    AStopRequestEndsReceive, AfterCloseBySenderTheRestIsReceivedThenClosed,
    AfterCloseByReceiverSendsFailAndTheRestIsReceived, ARefusedMessageIsUntouched,
    ALonelySenderIsRefused, ALonelyReceiverDrainsThenHearsClosed,
    DestroyingTheSenderEndsAWaitingReceive, CloseByAnyEndEndsAWaitingReceive,
    IterationEndsWhenClosedAndDrained, DrainTakesWhatIsThereUpToTheLimit,
    DrainCountsTheMessageAtWhichTheHandlerThrows, BatchesArriveWholeAndInOrder,
    ABatchOfConstMessagesIsCopied, LeftoversAreDestroyedAndCounted,
    LeftoversWithoutATallyAreDestroyedToo, HandlesCanBeMovedAndAssigned, NoValueIsReserved);

}  // namespace ringway::test
