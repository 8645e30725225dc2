// SPDX-License-Identifier: Apache-2.0
// labels: nosan
/// \file
/// A thread is suspended behind every instruction of an operation on a ring, one after the other;
/// what the others can still do is what docs/guarantees.md promises. Then it goes on, and nothing
/// was lost or doubled. Prints how many boundaries have which effect.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "one_producer.hpp"

namespace ringway::test {
namespace {

// One producer: SpscRing and the broadcast rings.

struct LossyReaderKind : LossyBroadcastKind {
  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.lossy_cursor();
  }
};

/// A lossy reader is suspended; the producer laps it several times.
template <class Operation>
void suspend_lossy_reader(Operation operation) {
  Findings findings("LossyBroadcastRing", "lossy reader");
  for (std::uint64_t before = 0; before < 3; ++before) {
    Stage<LossyReaderKind> stage;
    stage.at_each_boundary([&](auto& ring, Report& report, Walk& walk) {
      for (std::uint64_t i = 0; i < before; ++i) {
        EXPECT_TRUE(ring.producer()->try_push(message(i)));
      }
      constexpr std::uint64_t kMore = 4 * kCapacity;
      SteppedChild child([&](StepMarks& marks) {
        auto reader = ring.lossy_cursor().value();
        for (std::uint64_t i = 0; i < 3; ++i) {
          if (!ring.producer()->try_push(message(before + i))) return false;
        }
        marks.begin();
        operation(reader, report);
        marks.end();
        while (const auto received = next(reader)) report.note(*received);
        return report.count + reader.lost() == 3 + kMore;
      });
      const bool inside = walk.go(child);
      auto producer = ring.producer().value();
      std::uint64_t sent = 0;
      while (sent < kMore && producer.try_push(message(before + 3 + sent))) ++sent;
      if (inside) findings.add(sent == kMore ? Effect::kNone : Effect::kBlocks);
      expect_good_end(child);
      const auto received = report.numbers();
      EXPECT_TRUE(std::is_sorted(received.begin(), received.end()));
      EXPECT_LT(received.size(), 3 + kMore) << "it was lapped";
      EXPECT_GE(received.size(), kCapacity) << "what the ring holds is readable";
      EXPECT_EQ(received.back(), before + 3 + kMore - 1);
    });
  }
  EXPECT_GT(findings.boundaries(), 30u);
  EXPECT_EQ(findings.count(Effect::kNone), findings.boundaries());
}

class SuspendedSpsc : public SuspendTest {};
TEST_F(SuspendedSpsc, ProducerBlocksNobody) {
  suspend_producer<SpscKind>("SpscRing", Push{});
  suspend_producer<SpscKind>("SpscRing", ClaimAndCommit{});
  suspend_producer<SpscKind>("SpscRing", PushBatch{});
}
TEST_F(SuspendedSpsc, ConsumerBlocksNobody) {
  suspend_reader<SpscKind>("SpscRing", Receive{});
  suspend_reader<SpscKind>("SpscRing", Drain{});
}

class SuspendedBroadcast : public SuspendTest {};
TEST_F(SuspendedBroadcast, ProducerBlocksNobody) {
  suspend_producer<BroadcastKind>("BroadcastRing", Push{});
  suspend_producer<BroadcastKind>("BroadcastRing", ClaimAndCommit{});
  suspend_producer<BroadcastKind>("BroadcastRing", PushBatch{});
}
TEST_F(SuspendedBroadcast, ReaderWithholdsItsUnreadMessagesOnly) {
  suspend_reader<BroadcastKind>("BroadcastRing", Receive{});
  suspend_reader<BroadcastKind>("BroadcastRing", Drain{});
}

class SuspendedLossyBroadcast : public SuspendTest {};
TEST_F(SuspendedLossyBroadcast, ProducerBlocksNobody) {
  suspend_producer<LossyBroadcastKind>("LossyBroadcastRing", Push{});
  suspend_producer<LossyBroadcastKind>("LossyBroadcastRing", PushBatch{});
  suspend_producer<LossyReaderKind>("LossyBroadcastRing", Push{});
  suspend_producer<LossyReaderKind>("LossyBroadcastRing", ClaimAndCommit{});
  suspend_producer<LossyReaderKind>("LossyBroadcastRing", PushBatch{});
}
TEST_F(SuspendedLossyBroadcast, ReliableReaderWithholdsItsUnreadMessagesOnly) {
  suspend_reader<LossyBroadcastKind>("LossyBroadcastRing", Receive{});
  suspend_reader<LossyBroadcastKind>("LossyBroadcastRing", Drain{});
}
TEST_F(SuspendedLossyBroadcast, LossyReaderBlocksNobody) {
  suspend_lossy_reader(Receive{});
  suspend_lossy_reader(Drain{});
}

// Rings for many: MpmcRing and LockFreeMpmcRing.

/// Everything that was taken out of a ring, by whomever.
class Taken {
 public:
  void note(std::uint64_t number) { numbers_.push_back(number); }
  /// Each of `expected` is there once, and nothing else.
  void expect(std::vector<std::uint64_t> expected) {
    std::sort(numbers_.begin(), numbers_.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(numbers_, expected);
  }

 private:
  std::vector<std::uint64_t> numbers_;
};

/// A producer and a consumer that go on while another thread stands still.
template <class Ring>
class Survivors {
 public:
  static constexpr std::uint64_t kFirst = 1000;  // what they send is numbered from here

  explicit Survivors(Ring& ring)
      : producer_(ring.producer().value()), consumer_(ring.consumer().value()) {}

  /// They fill the ring and empty it, ten times. Others hold `withheld` slots of it at most.
  Effect go_round(std::size_t capacity, std::size_t withheld, Taken& taken) {
    bool less = false;
    for (int lap = 0; lap < 10; ++lap) {
      std::size_t pushed = 0;
      const std::size_t here = consumer_.size_approx();
      while (producer_.try_push(message(sent_))) {
        ++sent_;
        ++pushed;
      }
      take_all(taken);
      if (received_ != sent_) return Effect::kBlocks;  // something is hidden
      if (lap == 0) {
        less = here + pushed < capacity;
      } else if (pushed + withheld < capacity || pushed == 0) {
        return Effect::kBlocks;
      } else {
        less = less || pushed < capacity;
      }
    }
    return less ? Effect::kLessRoom : Effect::kNone;
  }
  /// Takes what is there; what they sent comes in order.
  void take_all(Taken& taken) {
    while (const auto received = consumer_.try_pop()) {
      EXPECT_TRUE(received->whole());
      taken.note(received->number);
      if (received->number < kFirst) continue;
      EXPECT_EQ(received->number, received_);
      ++received_;
    }
  }
  /// The same as take_all(), and what must have been taken by everybody: `others`, and what they
  /// sent.
  void expect_all(Taken& taken, std::vector<std::uint64_t> others) {
    take_all(taken);
    for (std::uint64_t i = kFirst; i < sent_; ++i) others.push_back(i);
    taken.expect(std::move(others));
  }

 private:
  typename Ring::Producer producer_;
  typename Ring::Consumer consumer_;
  std::uint64_t sent_ = kFirst;
  std::uint64_t received_ = kFirst;
};

/// A ring that is as good as new holds exactly its capacity.
template <class Ring>
void expect_whole_capacity(Ring& ring) {
  auto producer = ring.producer().value();
  for (std::size_t i = 0; i < ring.capacity(); ++i) EXPECT_TRUE(producer.try_push(message(i)));
  EXPECT_FALSE(producer.try_push(message(0)));
}

/// A producer is suspended in `operation`, with one message in the ring.
template <class Kind, class Operation>
void suspend_one_producer(Findings& findings, std::size_t capacity, Operation operation) {
  Stage<Kind> stage(capacity);
  stage.at_each_boundary([&](auto& ring, Report&, Walk& walk) {
    const bool first = capacity > Operation::kCount;
    SteppedChild child([&](StepMarks& marks) {
      auto producer = ring.producer().value();
      bool sent = !first || producer.try_push(message(0));
      const auto messages = messages_from(1);
      marks.begin();
      sent = operation(producer, messages) && sent;
      marks.end();
      return sent;
    });
    const bool inside = walk.go(child);
    const bool claimed = ring.size_approx() > (first ? 1u : 0u);
    Survivors survivors(ring);
    Taken taken;
    // Those who go on must leave it room, or its push would fail when it goes on.
    const Effect effect = survivors.go_round(capacity, Operation::kCount, taken);
    EXPECT_TRUE(claimed || effect == Effect::kNone) << "it holds nothing yet";
    if (inside) findings.add(effect);
    expect_good_end(child);
    std::vector<std::uint64_t> sent;
    for (std::uint64_t i = first ? 0 : 1; i <= Operation::kCount; ++i) sent.push_back(i);
    survivors.expect_all(taken, sent);
    expect_whole_capacity(ring);
  });
}

/// A consumer is suspended in `operation`, with a full ring before it.
template <class Kind, class Operation>
void suspend_one_consumer(Findings& findings, std::size_t capacity, Operation operation) {
  Stage<Kind> stage(capacity);
  stage.at_each_boundary([&](auto& ring, Report& report, Walk& walk) {
    std::vector<std::uint64_t> sent;
    for (std::uint64_t i = 0; i < capacity; ++i) {
      EXPECT_TRUE(ring.producer()->try_push(message(i)));
      sent.push_back(i);
    }
    SteppedChild child([&](StepMarks& marks) {
      auto consumer = ring.consumer().value();
      marks.begin();
      operation(consumer, report);
      marks.end();
      return true;
    });
    const bool inside = walk.go(child);
    const bool has_taken = ring.size_approx() < capacity;
    Survivors survivors(ring);
    Taken taken;
    const Effect effect = survivors.go_round(capacity, Operation::kCount, taken);
    EXPECT_TRUE(has_taken || effect == Effect::kNone) << "it holds nothing yet";
    if (inside) findings.add(effect);
    expect_good_end(child);
    for (const std::uint64_t number : report.numbers()) taken.note(number);
    survivors.expect_all(taken, sent);
    expect_whole_capacity(ring);
  });
}

class SuspendedMpmc : public SuspendTest {};
TEST_F(SuspendedMpmc, ProducerBlocksOthersBetweenClaimAndCommitOnly) {
  const auto check = [](const Findings& findings) {
    EXPECT_GT(findings.count(Effect::kBlocks), 0u) << "the watch has seen nothing";
    EXPECT_LT(findings.count(Effect::kBlocks), findings.boundaries());
    EXPECT_TRUE(findings.in_one_piece(Effect::kBlocks));
    EXPECT_EQ(findings.count(Effect::kLessRoom), 0u);
  };
  Findings push("MpmcRing", Push::kName);
  suspend_one_producer<MpmcKind>(push, kCapacity, Push{});
  check(push);
  Findings claim("MpmcRing", ClaimAndCommit::kName);
  suspend_one_producer<MpmcKind>(claim, kCapacity, ClaimAndCommit{});
  check(claim);
  Findings batch("MpmcRing", PushBatch::kName);
  suspend_one_producer<MpmcKind>(batch, kCapacity, PushBatch{});
  check(batch);
}
TEST_F(SuspendedMpmc, ConsumerBlocksOthersBetweenTakeAndFreeOnly) {
  const auto check = [](const Findings& findings) {
    EXPECT_GT(findings.count(Effect::kBlocks), 0u) << "the watch has seen nothing";
    EXPECT_LT(findings.count(Effect::kBlocks), findings.boundaries());
    EXPECT_TRUE(findings.in_one_piece(Effect::kBlocks));
  };
  Findings pop("MpmcRing", Receive::kName);
  suspend_one_consumer<MpmcKind>(pop, kCapacity, Receive{});
  check(pop);
  Findings drain("MpmcRing", Drain::kName);
  suspend_one_consumer<MpmcKind>(drain, kCapacity, Drain{});
  check(drain);
}

class SuspendedLockFreeMpmc : public SuspendTest {
 protected:
  static void expect_nobody_blocked(const Findings& findings) {
    EXPECT_EQ(findings.count(Effect::kBlocks), 0u);
    EXPECT_GT(findings.count(Effect::kNone), 0u);
    EXPECT_GT(findings.count(Effect::kLessRoom), 0u) << "the watch has seen nothing";
    EXPECT_TRUE(findings.in_one_piece(Effect::kLessRoom));
  }
};
TEST_F(SuspendedLockFreeMpmc, ProducerWithholdsItsCellAndBlocksNobody) {
  Findings push("LockFreeMpmcRing", Push::kName);
  suspend_one_producer<LockFreeMpmcKind>(push, kCapacity, Push{});
  expect_nobody_blocked(push);
  Findings claim("LockFreeMpmcRing", ClaimAndCommit::kName);
  suspend_one_producer<LockFreeMpmcKind>(claim, kCapacity, ClaimAndCommit{});
  expect_nobody_blocked(claim);
  Findings batch("LockFreeMpmcRing", PushBatch::kName);
  suspend_one_producer<LockFreeMpmcKind>(batch, kCapacity, PushBatch{});
  expect_nobody_blocked(batch);
}
TEST_F(SuspendedLockFreeMpmc, ConsumerWithholdsItsCellAndBlocksNobody) {
  Findings pop("LockFreeMpmcRing", Receive::kName);
  suspend_one_consumer<LockFreeMpmcKind>(pop, kCapacity, Receive{});
  expect_nobody_blocked(pop);
  Findings drain("LockFreeMpmcRing", Drain::kName);
  suspend_one_consumer<LockFreeMpmcKind>(drain, kCapacity, Drain{});
  expect_nobody_blocked(drain);
}

}  // namespace
}  // namespace ringway::test
