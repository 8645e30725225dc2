// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "ringway/bus/pending_table.hpp"

namespace ringway {
namespace {

using Table = PendingTable<int>;
using Answer = Table::Answer;

TEST(PendingTable, HoldsExactlyItsSize) {
  Table table(3);
  std::vector<Ticket> tickets;
  for (int i = 0; i < 3; ++i) {
    const auto ticket = table.open(Deadline::never());
    ASSERT_TRUE(ticket);
    tickets.push_back(*ticket);
  }
  EXPECT_EQ(table.waiting(), 3u);
  EXPECT_FALSE(table.open(Deadline::never()));
  table.cancel(tickets[1]);
  EXPECT_EQ(table.waiting(), 2u);
  EXPECT_TRUE(table.open(Deadline::never()));
  EXPECT_FALSE(table.open(Deadline::never()));
  EXPECT_FALSE(Table(0).open(Deadline::never()));
}

TEST(PendingTable, AnswerReachesItsTicketAlone) {
  Table table(2);
  const auto a = *table.open(Deadline::never());
  const auto b = *table.open(Deadline::never());
  EXPECT_TRUE(table.answer(b, 7));
  EXPECT_FALSE(table.is_answered(a));
  ASSERT_TRUE(table.is_answered(b));
  EXPECT_EQ(*table.take(b), 7);
  EXPECT_FALSE(table.is_answered(b));
  EXPECT_TRUE(table.is_waiting(a));
}

TEST(PendingTable, LateAnswerNeverMeetsANewerRequest) {
  Table table(1);
  for (int i = 0; i < 1000; ++i) {
    const auto old = *table.open(Deadline::never());
    table.cancel(old);
    const auto fresh = *table.open(Deadline::never());
    EXPECT_EQ(old.slot, fresh.slot);
    EXPECT_FALSE(table.answer(old, i)) << "late";
    EXPECT_TRUE(table.is_waiting(fresh));
    table.cancel(old);
    EXPECT_TRUE(table.is_waiting(fresh)) << "cancelling twice touches nobody else";
    EXPECT_TRUE(table.answer(fresh, i));
    EXPECT_FALSE(table.answer(fresh, i + 1)) << "a duplicate";
    EXPECT_EQ(*table.take(fresh), i);
    EXPECT_FALSE(table.answer(fresh, i)) << "after it was taken";
  }
  EXPECT_EQ(table.waiting(), 0u);
}

TEST(PendingTable, TicketOfAForeignSlotIsRefused) {
  Table table(2);
  EXPECT_FALSE(table.answer({.slot = 2, .generation = 0}, 1));
  EXPECT_FALSE(table.answer({.slot = 0xffff'ffff, .generation = 0}, 1));
  EXPECT_FALSE(table.answer({.slot = 0, .generation = 0}, 1)) << "not open";
}

TEST(PendingTable, CallbackRunsOnceWithTheSlotFreeAlready) {
  Table table(1);
  int calls = 0;
  const auto ticket = *table.open(Deadline::never());
  table.on_answer(ticket, [&](Answer answer) {
    ++calls;
    EXPECT_EQ(*answer, 5);
    const auto next = table.open(Deadline::never());
    EXPECT_TRUE(next) << "a callback may ask again";
  });
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(table.answer(ticket, 5));
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(table.answer(ticket, 6));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(table.waiting(), 1u);
}

TEST(PendingTable, CallbackRunsAtOnceIfTheAnswerIsThere) {
  Table table(1);
  const auto ticket = *table.open(Deadline::never());
  EXPECT_TRUE(table.answer(ticket, 5));
  int got = 0;
  table.on_answer(ticket, [&](Answer answer) { got = *answer; });
  EXPECT_EQ(got, 5);
  EXPECT_TRUE(table.open(Deadline::never()));
}

TEST(PendingTable, CancelledRequestRunsNoCallback) {
  Table table(1);
  auto state = std::make_shared<int>(0);
  const auto ticket = *table.open(Deadline::never());
  table.on_answer(ticket, [state](Answer) { ++*state; });
  table.cancel(ticket);
  EXPECT_FALSE(table.answer(ticket, 1));
  EXPECT_EQ(*state, 0);
  EXPECT_EQ(state.use_count(), 1) << "the callback was let go of";
}

TEST(PendingTable, OnlyWhatIsTooOldExpires) {
  Table table(3);
  const auto old = *table.open(Deadline::after(std::chrono::nanoseconds(-1)));
  const auto young = *table.open(Deadline::after(std::chrono::hours(1)));
  const auto ageless = *table.open(Deadline::never());
  table.expire();
  ASSERT_TRUE(table.is_answered(old));
  EXPECT_EQ(table.take(old).error(), RequestError::kTimedOut);
  EXPECT_TRUE(table.is_waiting(young) && table.is_waiting(ageless));
  EXPECT_EQ(table.waiting(), 2u);
}

TEST(PendingTable, FailingAllLeavesAnswersThatAreThere) {
  Table table(3);
  const auto a = *table.open(Deadline::never());
  const auto b = *table.open(Deadline::never());
  EXPECT_TRUE(table.answer(a, 1));
  table.fail_all(RequestError::kReplierGone);
  EXPECT_EQ(*table.take(a), 1);
  EXPECT_EQ(table.take(b).error(), RequestError::kReplierGone);
  EXPECT_EQ(table.waiting(), 0u);
}

// A callback that asks again while the others are being failed: its new request is not one of them.
TEST(PendingTable, RequestMadeByACallbackIsNotFailedWithTheOthers) {
  Table table(4);
  std::optional<Ticket> fresh;
  const auto first = *table.open(Deadline::never());
  table.on_answer(first, [&](Answer) {
    static_cast<void>(table.open(Deadline::never()));  // takes the slot of the failed one
    fresh = table.open(Deadline::never());             // takes one behind it
  });
  table.fail_all(RequestError::kReplierGone);
  ASSERT_TRUE(fresh);
  EXPECT_GT(fresh->slot, first.slot);
  EXPECT_TRUE(table.is_waiting(*fresh));
}

TEST(PendingTable, MoveOnlyAnswers) {
  PendingTable<std::unique_ptr<int>> table(1);
  const auto ticket = *table.open(Deadline::never());
  EXPECT_TRUE(table.answer(ticket, std::make_unique<int>(3)));
  auto answer = table.take(ticket);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(**answer, 3);
}

TEST(RequestError, EachSaysSomethingElse) {
  std::vector<std::string> all;
  for (int i = 0; i <= static_cast<int>(RequestError::kWouldDeadlock); ++i) {
    const std::string text = describe(static_cast<RequestError>(i));
    EXPECT_GT(text.size(), 10u);
    for (const auto& other : all) EXPECT_NE(text, other);
    all.push_back(text);
  }
}

}  // namespace
}  // namespace ringway
