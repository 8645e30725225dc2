// SPDX-License-Identifier: Apache-2.0
/// \file
/// Does the checker say what it should? Histories made by hand, and hundreds of thousands made at
/// random, compared with brute force.

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/stress/queue_checker.hpp"

namespace ringway::stress {
namespace {

Operation push(std::uint64_t value, Time begin, Time end) {
  return {Kind::kPush, value, begin, end};
}
Operation pop(std::uint64_t value, Time begin, Time end) {
  return {Kind::kPop, value, begin, end};
}
Operation full(Time begin, Time end) {
  return {Kind::kFull, 0, begin, end};
}
Operation empty(Time begin, Time end) {
  return {Kind::kEmpty, 0, begin, end};
}

constexpr std::uint64_t kOther = value_of(1, 0);  // the others here are of producer 0

/// What the checker says: its first word.
std::string verdict(const std::vector<ThreadLog>& logs, const Promise& promise = {}) {
  const std::string finding = check_queue(logs, promise);
  return finding.empty() ? "fine" : finding.substr(0, finding.find(':'));
}

TEST(QueueChecker, NothingHappenedIsFine) {
  EXPECT_EQ(verdict({}), "fine");
  EXPECT_EQ(verdict({{}, {}}), "fine");
}
TEST(QueueChecker, OneAfterTheOtherIsFine) {
  EXPECT_EQ(verdict({{push(1, 0, 1), push(2, 2, 3), pop(1, 4, 5), pop(2, 6, 7), empty(8, 9)}}),
            "fine");
}
TEST(QueueChecker, OverlappingPushesMayComeOutEitherWay) {
  const ThreadLog one = {push(kOther, 0, 5)};
  EXPECT_EQ(verdict({one, {push(2, 3, 8)}, {pop(2, 10, 11), pop(kOther, 12, 13)}}), "fine");
  EXPECT_EQ(verdict({one, {push(2, 3, 8)}, {pop(kOther, 10, 11), pop(2, 12, 13)}}), "fine");
}
TEST(QueueChecker, OverlappingPopsMayTakeEitherWay) {
  EXPECT_EQ(verdict({{push(1, 0, 1), push(2, 2, 3)}, {pop(2, 4, 9)}, {pop(1, 5, 10)}}), "fine");
}
TEST(QueueChecker, PopMayOverlapItsPush) {
  EXPECT_EQ(verdict({{push(1, 5, 20)}, {pop(1, 0, 6)}}), "fine");
}
TEST(QueueChecker, RestMayStay) {
  EXPECT_EQ(verdict({{push(1, 0, 1), push(2, 2, 3)}, {pop(1, 4, 5)}}), "fine");
}
TEST(QueueChecker, SwappedValuesAreFound) {
  EXPECT_EQ(verdict({{push(1, 0, 1), push(2, 2, 3)}, {pop(2, 4, 5), pop(1, 6, 7)}}), "order");
}
TEST(QueueChecker, SwappedValuesOfTwoThreadsAreFound) {
  EXPECT_EQ(verdict({{push(1, 0, 1)}, {push(2, 2, 3)}, {pop(2, 4, 5)}, {pop(1, 6, 7)}}), "order");
}
TEST(QueueChecker, LostValueIsFound) {
  EXPECT_EQ(verdict({{push(1, 0, 1), push(2, 2, 3)}, {pop(2, 4, 5)}}), "order");
  EXPECT_EQ(verdict({{push(1, 0, 1)}, {empty(2, 3)}}), "witness");
}
TEST(QueueChecker, RepetitionIsFound) {
  EXPECT_EQ(verdict({{push(1, 0, 1)}, {pop(1, 2, 3)}, {pop(1, 2, 3)}}), "repetition");
}
TEST(QueueChecker, InventionIsFound) {
  EXPECT_EQ(verdict({{push(1, 0, 1)}, {pop(7, 2, 3)}}), "invention");
  EXPECT_EQ(verdict({{push(1, 4, 5)}, {pop(1, 2, 3)}}), "invention");
}
TEST(QueueChecker, HistoryThatIsNoneIsFound) {
  EXPECT_EQ(verdict({{push(1, 0, 1), push(1, 2, 3)}}), "the history itself");
}
TEST(QueueChecker, EmptyBeforeAfterAndBetweenIsFine) {
  const std::vector<ThreadLog> logs = {
      {push(1, 10, 11), push(2, 30, 31)},
      {empty(0, 5), pop(1, 20, 21), empty(22, 25), pop(2, 40, 41), empty(50, 51)}};
  EXPECT_EQ(verdict(logs), "fine");
}
TEST(QueueChecker, EmptyMayHaveItsMomentInAGap) {
  // 1 is there from 11 to 20, 2 from 21 at the earliest: the moment between is enough.
  EXPECT_EQ(verdict({{push(1, 10, 11), push(2, 15, 21)}, {pop(1, 20, 22)}, {empty(12, 30)}}),
            "fine");
}
TEST(QueueChecker, EmptyWhileAChainOfValuesCoversItIsFound) {
  const std::vector<ThreadLog> logs = {{push(1, 0, 1), push(2, 2, 3), push(3, 4, 5)},
                                       {pop(1, 10, 11), pop(2, 20, 21), pop(3, 30, 31)},
                                       {empty(6, 25)}};
  EXPECT_EQ(verdict(logs), "witness");
}
TEST(QueueChecker, EmptyIsExcusedByAPushUnderWayIfThatIsThePromise) {
  const std::vector<ThreadLog> logs = {{push(1, 0, 1)}, {push(2, 2, 9)}, {empty(3, 4)}};
  EXPECT_EQ(verdict(logs), "witness");
  EXPECT_EQ(verdict(logs, {.empty = Answer::kUnlessBusy}), "fine");
  EXPECT_EQ(
      verdict({{push(1, 0, 1)}, {push(2, 5, 9)}, {empty(3, 4)}}, {.empty = Answer::kUnlessBusy}),
      "witness");
}
TEST(QueueChecker, FullWhenItIsFullIsFine) {
  EXPECT_EQ(verdict({{push(1, 0, 1), push(2, 2, 3), full(4, 5)}}, {.capacity = 2}), "fine");
  EXPECT_EQ(verdict({{push(1, 0, 1), full(4, 9)}, {pop(1, 2, 5)}}, {.capacity = 1}), "fine");
  EXPECT_EQ(verdict({{push(1, 0, 1), full(2, 9)}, {push(2, 3, 20)}}, {.capacity = 2}), "fine");
}
TEST(QueueChecker, FullWhileThereIsRoomIsFound) {
  EXPECT_EQ(verdict({{push(1, 0, 1), full(4, 5)}}, {.capacity = 2}), "room");
  EXPECT_EQ(verdict({{push(1, 0, 1), full(6, 7)}, {pop(1, 2, 5)}}, {.capacity = 1}), "room");
  EXPECT_EQ(verdict({{full(6, 7)}}, {.capacity = 1}), "room");
}
TEST(QueueChecker, FullIsExcusedByAPopUnderWayIfThatIsThePromise) {
  const std::vector<ThreadLog> logs = {
      {push(1, 0, 1), push(2, 2, 3), full(20, 21)}, {pop(1, 4, 5)}, {pop(2, 6, 30)}};
  EXPECT_EQ(verdict(logs, {.capacity = 2}), "room");
  EXPECT_EQ(verdict(logs, {.capacity = 2, .full = Answer::kUnlessBusy}), "fine");
}
TEST(QueueChecker, MoreThanTheCapacityIsFound) {
  EXPECT_EQ(verdict({{push(1, 0, 1), push(2, 2, 3)}}, {.capacity = 1}), "overfull");
  EXPECT_EQ(verdict({{push(1, 0, 1), push(2, 2, 3)}}, {.capacity = 2}), "fine");
}
TEST(QueueChecker, ABatchKeepsItsOrder) {
  EXPECT_EQ(verdict({{push(1, 0, 9), push(2, 0, 9)}, {pop(1, 10, 11), pop(2, 12, 13)}}), "fine");
  EXPECT_EQ(verdict({{push(1, 0, 9), push(2, 0, 9)}, {pop(2, 10, 11), pop(1, 12, 13)}}),
            "a producer's order");
}
TEST(QueueChecker, TimesThatAreEqualMayBeEitherWay) {
  EXPECT_EQ(verdict({{push(1, 0, 1)}, {empty(1, 2)}, {pop(1, 2, 3)}}), "fine");
  EXPECT_EQ(verdict({{push(kOther, 0, 1)}, {push(2, 1, 2)}, {pop(2, 3, 4), pop(kOther, 5, 6)}}),
            "fine");
}

/// Wing and Gong (1993): tries every order that respects time.
class BruteForce {
 public:
  BruteForce(const ThreadLog& operations, std::size_t capacity)
      : operations_(operations), capacity_(capacity), used_(operations.size(), false) {}

  [[nodiscard]] bool linearizable() {
    bool left = false;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if (used_[i]) continue;
      left = true;
      if (!may_be_next(i)) continue;
      const auto queue = queue_;
      if (apply(operations_[i])) {
        used_[i] = true;
        if (linearizable()) return true;
        used_[i] = false;
      }
      queue_ = queue;
    }
    return !left;
  }

 private:
  [[nodiscard]] bool may_be_next(std::size_t i) const {
    for (std::size_t j = 0; j < operations_.size(); ++j) {
      if (!used_[j] && operations_[j].end < operations_[i].begin) return false;
    }
    return true;
  }
  bool apply(const Operation& operation) {
    switch (operation.kind) {
      case Kind::kPush:
        if (capacity_ != 0 && queue_.size() == capacity_) return false;
        queue_.push_back(operation.value);
        return true;
      case Kind::kPop:
        if (queue_.empty() || queue_.front() != operation.value) return false;
        queue_.erase(queue_.begin());
        return true;
      case Kind::kFull: return queue_.size() == capacity_;
      case Kind::kEmpty: return queue_.empty();
    }
    return false;
  }

  const ThreadLog& operations_;
  std::size_t capacity_;
  std::vector<bool> used_;
  std::vector<std::uint64_t> queue_;
};

using Random = std::mt19937_64;

/// Up to 8 operations with random times, whose results may or may not be those of a queue. Each
/// push is of a producer of its own: programme order is a matter of times alone here.
ThreadLog random_history(Random& random, bool with_empty, bool with_full) {
  const std::size_t count = 2 + random() % 7;
  const Time most = 4 + static_cast<Time>(random() % 16);
  ThreadLog log;
  std::vector<std::uint64_t> pushed;
  for (std::size_t i = 0; i < count; ++i) {
    const Time begin = static_cast<Time>(random() % static_cast<std::uint64_t>(most));
    const Time end = begin + static_cast<Time>(random() % 5);
    const auto what = random() % 10;
    if (with_empty && what == 0) {
      log.push_back(empty(begin, end));
    } else if (with_full && what == 1) {
      log.push_back(full(begin, end));
    } else if (what < 6 || pushed.empty()) {
      const std::uint64_t value = value_of(i, 0);
      log.push_back(push(value, begin, end));
      pushed.push_back(value);
    } else {
      // Most are not repeated, and come later than their push.
      const std::size_t which = random() % pushed.size();
      log.push_back(pop(pushed[which], begin + 2, end + 2));
      if (random() % 16 != 0) pushed.erase(pushed.begin() + static_cast<std::ptrdiff_t>(which));
    }
  }
  return log;
}

TEST(QueueChecker, AgreesWithBruteForceOnUnboundedQueues) {
  Random random(1);
  int legal = 0;
  int illegal = 0;
  for (int i = 0; i < 100'000; ++i) {
    const ThreadLog history = random_history(random, true, false);
    const bool fine = BruteForce(history, 0).linearizable();
    const std::string finding = check_queue({history}, {});
    std::string text;
    for (const Operation& operation : history) text += describe(operation) + "\n";
    ASSERT_EQ(finding.empty(), fine) << text << finding;
    ++(fine ? legal : illegal);
  }
  EXPECT_GT(legal, 10'000);
  EXPECT_GT(illegal, 10'000);
  std::printf("%d legal, %d illegal\n", legal, illegal);
}

TEST(QueueChecker, NeverCondemnsWhatABoundedQueueDoes) {
  Random random(2);
  int legal = 0;
  int illegal = 0;
  int missed = 0;
  for (int i = 0; i < 100'000; ++i) {
    const ThreadLog history = random_history(random, true, true);
    const std::size_t capacity = 1 + random() % 3;
    const bool fine = BruteForce(history, capacity).linearizable();
    const std::string finding = check_queue({history}, {.capacity = capacity});
    std::string text;
    for (const Operation& operation : history) text += describe(operation) + "\n";
    ASSERT_TRUE(finding.empty() || !fine) << "capacity " << capacity << "\n" << text << finding;
    ++(fine ? legal : illegal);
    missed += !fine && finding.empty() ? 1 : 0;
  }
  EXPECT_GT(legal, 2'000);
  EXPECT_GT(illegal, 10'000);
  EXPECT_LT(missed, illegal / 50);
  std::printf("%d legal, %d illegal, of which %d were not found\n", legal, illegal, missed);
}

// A refused push or a pop in vain alone, one thread on each side: here the bound is exact too.
TEST(QueueChecker, IsExactForOneProducerAndOneConsumer) {
  Random random(3);
  int legal = 0;
  int illegal = 0;
  for (int i = 0; i < 50'000; ++i) {
    const bool with_full = random() % 2 == 0;
    const std::size_t capacity = 1 + random() % 2;
    std::vector<ThreadLog> logs(2);
    Time now[2] = {0, 0};
    std::uint64_t next[2] = {0, 0};
    for (int n = 0; n < 7; ++n) {
      const std::size_t side = random() % 2;
      const Time begin = now[side] + 1 + static_cast<Time>(random() % 4);
      const Time end = begin + static_cast<Time>(random() % 4);
      now[side] = end;
      const bool refused = random() % 3 == 0 && (side == 0) == with_full;
      if (side == 0) {
        logs[0].push_back(refused ? full(begin, end) : push(value_of(0, next[0]++), begin, end));
      } else {
        logs[1].push_back(refused ? empty(begin, end) : pop(value_of(0, next[1]++), begin, end));
      }
    }
    ThreadLog all = logs[0];
    all.insert(all.end(), logs[1].begin(), logs[1].end());
    const bool fine = BruteForce(all, capacity).linearizable();
    const std::string finding = check_queue(logs, {.capacity = capacity});
    std::string text;
    for (const Operation& operation : all) text += describe(operation) + "\n";
    ASSERT_EQ(finding.empty(), fine) << "capacity " << capacity << "\n" << text << finding;
    ++(fine ? legal : illegal);
  }
  EXPECT_GT(legal, 1'000);
  EXPECT_GT(illegal, 1'000);
}

}  // namespace
}  // namespace ringway::stress
