// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What each kind of channel must stand, as a type-parameterised suite.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

#include "channel_kinds.hpp"
#include "support/sanitized.hpp"

namespace ringway::test {

// sanitizers are slow; they find what they find in a tenth
inline constexpr int kScale = kSanitized ? 10 : 1;

struct Message {
  std::uint32_t sender;
  std::uint32_t number;
};

/// Every message of every sender arrives exactly once, and in order per sender and receiver.
template <class Kind>
void exactly_once_in_order(std::size_t capacity, std::uint32_t senders, int receivers,
                           std::uint32_t each) {
  SCOPED_TRACE(testing::Message() << senders << " senders, " << receivers << " receivers, capacity "
                                  << capacity);
  const unsigned seed = fresh_seed();
  ChannelTally tally;
  std::vector<std::atomic<unsigned char>> seen(std::size_t{senders} * each);
  {
    auto ends = Kind::template make<Message>({.capacity = capacity, .tally = &tally});
    std::vector<std::thread> threads;
    threads.reserve(8);
    const auto send = [each, seed](auto& sender, std::uint32_t id) {
      std::minstd_rand random(seed + id);
      std::vector<Message> batch;
      for (std::uint32_t n = 0; n < each;) {
        const std::uint32_t count =
            std::min<std::uint32_t>(1 + static_cast<std::uint32_t>(random() % 5), each - n);
        if (count == 1) {
          ASSERT_EQ(sender.send({id, n}), SendStatus::kSent);
        } else {
          batch.clear();
          for (std::uint32_t i = 0; i < count; ++i) batch.push_back({id, n + i});
          ASSERT_EQ(sender.send_batch(std::span(batch)), count);
        }
        n += count;
        if (random() % 64 == 0) std::this_thread::yield();
      }
    };
    const auto receive = [&, senders](auto& receiver, int id) {
      std::minstd_rand random(seed + 100 + static_cast<unsigned>(id));
      std::vector<std::int64_t> last(senders, -1);
      const auto check = [&](const Message& message) {
        EXPECT_EQ(seen[std::size_t{message.sender} * each + message.number].fetch_add(1), 0)
            << "message " << message.number << " of sender " << message.sender << " came twice";
        EXPECT_GT(static_cast<std::int64_t>(message.number), last[message.sender]);
        last[message.sender] = message.number;
      };
      for (;;) {
        if (random() % 4 == 0) {
          receiver.drain([&](Message& message) { check(message); }, 1 + random() % 8);
        }
        const auto message = receiver.receive();
        if (!message) return;
        check(*message);
      }
    };
    if constexpr (Kind::kManyHandles) {
      for (std::uint32_t id = 0; id < senders; ++id) {
        threads.emplace_back([send, id, mine = ends.sender]() mutable { send(mine, id); });
      }
      for (int id = 0; id < receivers; ++id) {
        threads.emplace_back([receive, id, mine = ends.receiver]() mutable { receive(mine, id); });
      }
      const auto sender = std::move(ends.sender);  // this thread's own handles go, so the senders'
      const auto receiver = std::move(ends.receiver);  // end is the channel's end
    } else {
      threads.emplace_back([send, mine = std::move(ends.sender)]() mutable { send(mine, 0); });
      threads.emplace_back(
          [receive, mine = std::move(ends.receiver)]() mutable { receive(mine, 0); });
    }
    for (auto& thread : threads) thread.join();
  }
  std::size_t missing = 0;
  for (const auto& mark : seen) missing += mark.load() == 0 ? 1 : 0;
  EXPECT_EQ(missing, 0U);
  EXPECT_EQ(tally.sent.load(), std::uint64_t{senders} * each);
  EXPECT_EQ(tally.received.load(), std::uint64_t{senders} * each);
  EXPECT_EQ(tally.left.load(), 0U);
}

template <class Kind>
class ChannelStressTest : public testing::Test {};
TYPED_TEST_SUITE_P(ChannelStressTest);

TYPED_TEST_P(ChannelStressTest, EachMessageArrivesExactlyOnceAndInOrder) {
  const bool parks = std::is_same_v<typename TypeParam::Wait, Park>;
  const std::uint32_t each = (parks ? 20'000 : 100'000) / kScale;
  exactly_once_in_order<TypeParam>(1, 1, 1, each / 2);
  exactly_once_in_order<TypeParam>(64, 1, 1, each);
  if constexpr (TypeParam::kManyHandles) {
    exactly_once_in_order<TypeParam>(1, 2, 2, each / 4);
    exactly_once_in_order<TypeParam>(3, 3, 2, each / 4);
    exactly_once_in_order<TypeParam>(64, 2, 3, each / 2);
  }
}

// Senders that close at once, before the receiver has even begun: nothing that was accepted is
// lost.
TYPED_TEST_P(ChannelStressTest, SendThenCloseAtOnceLosesNothing) {
  for (int lap = 0; lap < 2000 / kScale; ++lap) {
    auto ends = TypeParam::template make<int>({.capacity = 4});
    std::atomic<bool> go{false};
    std::uint64_t accepted = 0;
    std::uint64_t received = 0;
    std::thread sending([&, sender = std::move(ends.sender)]() mutable {
      while (!go.load()) std::this_thread::yield();
      for (int i = 0; i < 1 + lap % 3; ++i) {
        accepted += sender.try_send(i) == SendStatus::kSent ? 1U : 0U;
      }
      if (lap % 2 == 0) sender.close();
    });
    go.store(true);
    while (ends.receiver.receive()) ++received;
    sending.join();
    ASSERT_EQ(received, accepted) << "lap " << lap;
  }
}

// The ball flies through two channels of one slot each; no wait has a time-out.
TYPED_TEST_P(ChannelStressTest, APingPongOfOneSlotLosesNoWakeUp) {
  auto there = TypeParam::template make<std::uint32_t>({.capacity = 1});
  auto back = TypeParam::template make<std::uint32_t>({.capacity = 1});
  const std::uint32_t rounds = 20'000 / kScale;
  std::thread other([&] {
    for (std::uint32_t& ball : there.receiver) {
      ASSERT_EQ(back.sender.send(ball), SendStatus::kSent);
    }
  });
  for (std::uint32_t round = 0; round < rounds; ++round) {
    ASSERT_EQ(there.sender.send(round), SendStatus::kSent);
    ASSERT_EQ(back.receiver.receive().value(), round);
  }
  there.sender.close();
  other.join();
  if (std::is_same_v<typename TypeParam::Wait, Park>) {
    std::printf("really slept: %llu\n",
                static_cast<unsigned long long>(there.receiver.parks() + back.receiver.parks()));
  }
}

// More threads than processors, and a close in the middle: all end, and the sums hold.
TYPED_TEST_P(ChannelStressTest, CloseUnderLoadEndsEverybodyAndTheSumsHold) {
  const unsigned seed = fresh_seed();
  std::minstd_rand random(seed);
  for (int lap = 0; lap < 1000 / kScale; ++lap) {
    ASSERT_EQ(Awkward::alive.load(), 0) << "lap " << lap;
    ChannelTally tally;
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> received{0};
    {
      auto ends = TypeParam::template make<Awkward>(
          {.capacity = 1 + static_cast<std::size_t>(lap % 4), .tally = &tally});
      std::vector<std::thread> threads;
      threads.reserve(8);
      const auto send = [&](auto& sender) {
        for (std::uint64_t n = 0;; ++n) {
          if (sender.send(Awkward(n)) != SendStatus::kSent) return;
          accepted.fetch_add(1);
        }
      };
      const auto receive = [&](auto& receiver) {
        while (receiver.receive()) received.fetch_add(1);
      };
      const auto pause = [&] {
        for (auto i = random() % 20'000; i > 0; --i) NativeMemory::relax();
      };
      if constexpr (TypeParam::kManyHandles) {
        for (int i = 0; i < 2; ++i) {
          threads.emplace_back([send, mine = ends.sender]() mutable { send(mine); });
          threads.emplace_back([receive, mine = ends.receiver]() mutable { receive(mine); });
        }
        pause();
        if (lap % 2 == 0) {
          ends.sender.close();
        } else {
          ends.receiver.close();
        }
      } else {
        threads.emplace_back([&] { send(ends.sender); });
        threads.emplace_back([&] { receive(ends.receiver); });
        pause();
        ends.receiver.close();
      }
      for (auto& thread : threads) thread.join();
    }
    ASSERT_EQ(tally.sent.load(), accepted.load()) << "lap " << lap;
    ASSERT_EQ(tally.received.load(), received.load()) << "lap " << lap;
    ASSERT_EQ(accepted.load(), received.load() + tally.left.load()) << "lap " << lap;
    if (std::is_same_v<TypeParam, Mpmc<typename TypeParam::Wait>>) {
      ASSERT_EQ(tally.left.load(), 0U) << "the seal decides: accepted means received";
    }
  }
  EXPECT_EQ(Awkward::alive.load(), 0);
}

// Receivers that leave one by one, and senders that do not know: the last one's end is the close.
TYPED_TEST_P(ChannelStressTest, ReceiversThatLeaveReleaseTheSenders) {
  for (int lap = 0; lap < 200 / kScale; ++lap) {
    ChannelTally tally;
    {
      auto ends = TypeParam::template make<Awkward>({.capacity = 2, .tally = &tally});
      std::thread leaving([receiver = std::move(ends.receiver), lap]() mutable {
        for (int i = 0; i < lap % 10; ++i) {
          if (!receiver.receive()) return;
        }
        const auto gone = std::move(receiver);
      });
      while (ends.sender.send(Awkward(1)) == SendStatus::kSent) {
      }
      leaving.join();
    }
    ASSERT_EQ(tally.sent.load(), tally.received.load() + tally.left.load());
  }
  EXPECT_EQ(Awkward::alive.load(), 0);
}

REGISTER_TYPED_TEST_SUITE_P(ChannelStressTest, EachMessageArrivesExactlyOnceAndInOrder,
                            SendThenCloseAtOnceLosesNothing, APingPongOfOneSlotLosesNoWakeUp,
                            CloseUnderLoadEndsEverybodyAndTheSumsHold,
                            ReceiversThatLeaveReleaseTheSenders);

}  // namespace ringway::test
