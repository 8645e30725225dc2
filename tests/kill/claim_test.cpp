// SPDX-License-Identifier: Apache-2.0
/// \file
/// What SIGKILL does to rings in which a position or a cell is claimed first and published later:
/// `MpmcRing` and `LockFreeMpmcRing`. Counted by boundary, and the reason why neither is offered
/// between processes: the first one jams, the second one loses a cell for ever.
// labels: nosan

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <deque>

#include "ringway/ring/lock_free_mpmc_ring.hpp"
#include "tests/kill/operations.hpp"

namespace ringway::test {
namespace {

using Element = Message<4>;
using Mpmc = MpmcRing<Element, BetweenProcesses>;
using LockFreeMpmc = LockFreeMpmcRing<Element, BetweenProcesses>;

constexpr Sequence kOfTheDead = 1'000'000;  // what a killed producer was about to send

/// A survivor with both handles, and what it expects to receive, in order.
template <class Ring>
class Survivor {
 public:
  explicit Survivor(Ring& ring)
      : producer_(ring.producer().value()), consumer_(ring.consumer().value()) {}

  bool push() {
    if (!producer_.try_push(Element::at(next_))) return false;
    expected_.push_back(next_++);
    return true;
  }
  bool pop() {
    const auto element = consumer_.try_pop();
    if (!element) return false;
    if (oldest_may_be_gone && expected_.size() > 1 && element->is_at(expected_[1])) {
      expected_.pop_front();
      ++gone;
    }
    oldest_may_be_gone = false;
    if (element->is_at(kOfTheDead)) {
      ++of_the_dead;
    } else if (!expected_.empty() && element->is_at(expected_.front())) {
      expected_.pop_front();
    } else {
      ++torn;
    }
    return true;
  }
  [[nodiscard]] bool has_all() const { return expected_.empty(); }

  bool oldest_may_be_gone = false;  // with a killed consumer
  int gone = 0;
  int of_the_dead = 0;
  int torn = 0;

 private:
  typename Ring::Producer producer_;
  typename Ring::Consumer consumer_;
  std::deque<Sequence> expected_;
  Sequence next_ = 0;
};

enum class Victim { kProducer, kConsumer };

/// Kills `victim` at each boundary of its operation in a ring with three elements, after `cycled`
/// more have gone through.
template <class Ring>
Tally kill_claimants(Victim victim, std::size_t cycled) {
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(options_of<Ring>(kCapacity, 0));
    Survivor<Ring> survivor(scene.ring);
    for (std::size_t i = 0; i < cycled; ++i) {
      if (!survivor.push() || !survivor.pop()) ++tally.torn;
    }
    for (int i = 0; i < 3; ++i) {
      if (!survivor.push()) ++tally.torn;
    }
    SteppedChild child([&](StepMarks& marks) {
      auto producer = scene.ring.producer().value();
      auto consumer = scene.ring.consumer().value();
      const Element element = Element::at(kOfTheDead);
      marks.begin();
      const bool done =
          victim == Victim::kProducer ? producer.try_push(element) : consumer.try_pop().has_value();
      if (done) scene.witness.committed(1);
      marks.end();
      return done;
    });
    go_to_boundary(turn, child, path, tally);
    child.kill();

    // What was there, three laps and a bit, and as much as fits.
    survivor.oldest_may_be_gone = victim == Victim::kConsumer;
    while (survivor.pop()) {
    }
    bool goes_on = true;
    for (std::size_t i = 0; goes_on && i < 3 * kCapacity + 8; ++i) {
      goes_on = survivor.push() && survivor.pop();
    }
    std::size_t full = 0;
    while (goes_on && full <= kCapacity && survivor.push()) ++full;
    while (survivor.pop()) {
    }

    const int effects = survivor.of_the_dead + survivor.gone;
    (effects != 0 ? tally.committed : tally.not_committed) += 1;
    if (effects == 0 && scene.witness.committed() == 1) ++tally.lost;
    tally.torn += survivor.torn;
    if (!goes_on) {
      ++tally.jammed;
    } else {
      if (!survivor.has_all()) ++tally.lost;
      if (full < kCapacity) ++tally.leaked;
      if (full > kCapacity) ++tally.torn;
    }
  }
  return tally;
}

/// In the first lap and behind a wrap of the slots.
template <class Ring>
Tally kill_claimants(Victim victim) {
  Tally tally = kill_claimants<Ring>(victim, 0);
  tally += kill_claimants<Ring>(victim, 2 * kCapacity - 3);
  return tally;
}

class KilledClaimant : public SteppedTest {};

TEST_F(KilledClaimant, OfAnMpmcRingMayJamItForEver) {
  const Tally push = kill_claimants<Mpmc>(Victim::kProducer);
  push.print("MpmcRing", "try_push");
  const Tally pop = kill_claimants<Mpmc>(Victim::kConsumer);
  pop.print("MpmcRing", "try_pop");
  for (const Tally& tally : {push, pop}) {
    EXPECT_GT(tally.jammed, 0) << "or it could be offered between processes";
    EXPECT_LT(tally.jammed, tally.boundaries);
    EXPECT_EQ(tally.torn, 0);
    EXPECT_EQ(tally.astray, 0);
  }
}

TEST_F(KilledClaimant, OfALockFreeMpmcRingLeaksACellAtMost) {
  const Tally push = kill_claimants<LockFreeMpmc>(Victim::kProducer);
  push.print("LockFreeMpmcRing", "try_push");
  const Tally pop = kill_claimants<LockFreeMpmc>(Victim::kConsumer);
  pop.print("LockFreeMpmcRing", "try_pop");
  for (const Tally& tally : {push, pop}) {
    EXPECT_EQ(tally.jammed, 0);
    EXPECT_GT(tally.leaked, 0) << "or it could be offered between processes";
    EXPECT_EQ(tally.lost, 0);
    EXPECT_EQ(tally.torn, 0);
    EXPECT_EQ(tally.astray, 0);
  }
}

}  // namespace
}  // namespace ringway::test
