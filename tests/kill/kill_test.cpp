// SPDX-License-Identifier: Apache-2.0
/// \file
/// SIGKILL behind every instruction of what a process does with a ring that it shares with others:
/// publish, receive, join and leave. The process is forked, stepped to the boundary and killed;
/// then the survivors must find everything that was committed and nothing else, somebody vacates
/// what the dead one held, and everybody goes on for three laps.
// labels: nosan

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/kill/broken_ring.hpp"
#include "tests/kill/operations.hpp"

namespace ringway::test {
namespace {

// Elements of a word lie 7 to a line, in two lines, or three of a lossy ring; those of 8 words, in
// broadcast rings, one to a line. For publishers: within a line, at the end of the second line and
// into the last free slot, at the end of the first, the first ever; at the end of the last line of
// 10, of 11, and of the last of three; the last free slot, full.
const std::vector<Moment> kPublisherMoments = {{3, 1, 2},  {12, 7, 2}, {5, 3, 2},
                                               {0, 0, 0},  {8, 4, 2},  {9, 4, 2},
                                               {19, 4, 2}, {16, 9, 0}, {20, 10, 0}};
const std::vector<Moment> kReaderMoments = {{4, 4, 2}, {8, 8, 1},   {4, 4, 0},
                                            {0, 0, 0}, {17, 10, 0}, {17, 4, 1}};

/// All of them in the long form, the first ones otherwise.
std::span<const Moment> some_of(const std::vector<Moment>& moments, std::size_t first) {
  return whole() ? std::span(moments) : std::span(moments).first(first);
}

// -- publishing

template <class Kind, std::size_t kWords, template <class> class Operation>
Tally kill_publishers(const Moment& moment) {
  using Element = Message<kWords>;
  using Ring = typename Kind::template RingOn<Element, BetweenProcesses>;
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    auto reader = Kind::reader(scene.ring).value();
    {
      auto before = scene.ring.producer().value();
      for (std::size_t i = 0; i < moment.published; ++i) {
        if (!publish<Element>(before)) ++tally.jammed;
        if (i + moment.unread < moment.published) read_one(reader, tally);
      }
      scene.ring.vacate_producer();
    }

    SteppedChild child([&](StepMarks& marks) {
      BetweenProcesses::enter();
      auto ring = Ring::join(scene.pages.span()).value();
      auto producer = ring.producer().value();
      for (std::size_t i = 0; i < moment.warm; ++i) {
        if (!publish<Element>(producer)) return false;
      }
      scene.witness.committing(producer.sequence());
      scene.witness.committed(producer.sequence());
      const Operation<Element> operation(producer.sequence());
      marks.begin();
      operation.run(producer, scene.witness);
      marks.end();
      return true;
    });
    const Sequence before = scene.witness.committed();
    go_to_boundary(turn, child, path, tally);
    child.kill();

    if (kWords == 1 && moment.warm != 0) {
      count_steps(turn, path, tally, [&reader] { static_cast<void>(next(reader)); });
    }
    read_all(reader, tally);
    const Sequence head = reader.sequence();
    if (precedes(head, scene.witness.committed())) ++tally.lost;
    if (precedes(scene.witness.committing(), head)) ++tally.torn;
    if (head == before) {
      ++tally.not_committed;
    } else if (head == scene.witness.committing()) {
      ++tally.committed;
    } else {
      ++tally.partly;
    }

    scene.ring.vacate_producer();
    auto successor = scene.ring.producer();
    if (!successor || successor->sequence() != head) {
      ++tally.jammed;
      continue;
    }
    if (goes_on<Element>(*successor, reader, kCapacity, tally) != kCapacity) ++tally.jammed;
  }
  return tally;
}

template <class Kind, template <class> class Operation>
Tally kill_publishers(std::span<const Moment> moments) {
  Tally tally;
  for (const Moment& moment : moments) {
    tally += kill_publishers<Kind, 1, Operation>(moment);
    if (whole() || &moment == moments.data()) tally += kill_publishers<Kind, 8, Operation>(moment);
  }
  return tally;
}

// -- receiving

enum class Afterwards { kSuccessor, kNobody };

template <class Kind, std::size_t kWords, template <class> class Operation>
Tally kill_readers(const Moment& moment, Afterwards afterwards) {
  using Element = Message<kWords>;
  using Ring = typename Kind::template RingOn<Element, BetweenProcesses>;
  constexpr bool kBroadcast = requires(Ring & ring) {
    ring.vacate_cursor(0);
  };
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    auto producer = scene.ring.producer().value();
    std::size_t gate = 0;
    if constexpr (kBroadcast) gate = scene.ring.reserve_cursor().value();
    {
      Forsaken before(successor_of_reader(scene.ring, gate));
      for (std::size_t i = 0; i < moment.published; ++i) {
        if (!publish<Element>(producer)) ++tally.jammed;
        if (i + moment.unread < moment.published) read_one(*before, tally);
      }
    }

    SteppedChild child([&](StepMarks& marks) {
      auto ring = Ring::join(scene.pages.span()).value();
      auto reader = successor_of_reader(ring, gate);
      for (std::size_t i = 0; i < moment.warm; ++i) {
        if (!next(reader)) return false;
      }
      scene.witness.passed(reader.sequence());
      Operation<Element> operation;
      marks.begin();
      operation.run(reader, scene.witness);
      marks.end();
      return true;
    });
    go_to_boundary(turn, child, path, tally);
    child.kill();

    // The survivors go on without taking any notice, as long as the dead one's share lasts.
    const Sequence committed = producer.sequence();
    if (kWords == 1 && moment.warm != 0) {
      const auto element = Element::at(committed);
      count_steps(turn, path, tally, [&] { static_cast<void>(producer.try_push(element)); });
    }
    std::size_t room = 0;
    while (room <= kCapacity && publish<Element>(producer)) ++room;

    Forsaken reader(successor_of_reader(scene.ring, gate));
    const Sequence begin = reader->sequence();
    const Sequence passed = scene.witness.passed();
    if (begin + kCapacity != committed + room) ++tally.jammed;
    if (precedes(passed, begin)) {
      const int gone = static_cast<int>(distance(passed, begin));
      (gone > 1 || Operation<Element>::kNotesBeforeItPasses ? tally.lost : tally.taken) += gone;
    }
    tally.again += precedes(begin, passed) ? static_cast<int>(distance(begin, passed)) : 0;

    if (afterwards == Afterwards::kSuccessor) {
      read_all(*reader, tally);
      if (reader->sequence() != producer.sequence()) ++tally.lost;
      if (goes_on<Element>(producer, *reader, kCapacity, tally) != kCapacity) ++tally.jammed;
      if constexpr (!kBroadcast) scene.ring.vacate_consumer();
    } else if constexpr (kBroadcast) {
      if (publish<Element>(producer)) ++tally.lost;  // it must still be held back
      scene.ring.vacate_cursor(gate);
      if (!publish<Element>(producer)) ++tally.jammed;
      auto other = scene.ring.cursor().value();
      if (goes_on<Element>(producer, other, kCapacity, tally) != kCapacity) ++tally.jammed;
    }
  }
  return tally;
}

template <class Kind, template <class> class Operation>
Tally kill_readers(std::size_t first, Afterwards afterwards) {
  Tally tally;
  const auto moments = some_of(kReaderMoments, first);
  for (const Moment& moment : moments) {
    tally += kill_readers<Kind, 1, Operation>(moment, afterwards);
    if (whole() || &moment == moments.data())
      tally += kill_readers<Kind, 8, Operation>(moment, afterwards);
  }
  return tally;
}

// -- coming and going

/// Kills a process that takes and gives back the sending role.
template <class Kind>
Tally kill_coming_producers() {
  using Element = Message<1>;
  using Ring = typename Kind::template RingOn<Element, BetweenProcesses>;
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    auto reader = Kind::reader(scene.ring).value();
    {
      auto before = scene.ring.producer().value();
      if (goes_on<Element>(before, reader, kCapacity, tally) != kCapacity) ++tally.jammed;
    }
    SteppedChild child([&](StepMarks& marks) {
      marks.begin();
      static_cast<void>(scene.ring.producer());
      marks.end();
      return true;
    });
    go_to_boundary(turn, child, path, tally);
    child.kill();
    scene.ring.vacate_producer();
    auto producer = scene.ring.producer().value();
    if (goes_on<Element>(producer, reader, kCapacity, tally) != kCapacity) ++tally.jammed;
  }
  return tally;
}

/// Kills a process that becomes a reader of a running producer and leaves again.
template <class Kind>
Tally kill_coming_readers() {
  using Element = Message<1>;
  using Ring = typename Kind::template RingOn<Element, BetweenProcesses>;
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    auto producer = scene.ring.producer().value();
    auto reader = Kind::reader(scene.ring).value();
    if (goes_on<Element>(producer, reader, kCapacity, tally) != kCapacity) ++tally.jammed;
    SteppedChild child([&](StepMarks& marks) {
      marks.begin();
      if constexpr (Kind::kTakes) {
        scene.ring.vacate_consumer();
        static_cast<void>(scene.ring.consumer());
      } else {
        static_cast<void>(scene.ring.cursor());
      }
      marks.end();
      return true;
    });
    go_to_boundary(turn, child, path, tally);
    child.kill();
    if constexpr (Kind::kTakes) {
      scene.ring.vacate_consumer();
      auto other = scene.ring.consumer().value();
      if (goes_on<Element>(producer, other, kCapacity, tally) != kCapacity) ++tally.jammed;
      continue;
    } else {
      // Nobody knows the dead one's gate, but all others are known.
      for (std::size_t gate = 0; gate < producer.max_cursors(); ++gate) {
        using GateType = std::remove_reference_t<decltype(producer.gate(gate))>;
        if (gate == reader.gate() || producer.gate(gate).state.load() == GateType::kFree) continue;
        ++tally.leaked;
        scene.ring.vacate_cursor(gate);
      }
      if (goes_on<Element>(producer, reader, kCapacity, tally) != kCapacity) ++tally.jammed;
      if (!scene.ring.cursor()) ++tally.jammed;
    }
  }
  return tally;
}

/// Kills a process that vacates what dead ones held.
template <class Kind>
Tally kill_cleaners() {
  using Element = Message<1>;
  using Ring = typename Kind::template RingOn<Element, BetweenProcesses>;
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    std::size_t gate = 0;
    if constexpr (!Kind::kTakes) gate = scene.ring.reserve_cursor().value();
    Forsaken producer(scene.ring.producer().value());
    Forsaken reader(successor_of_reader(scene.ring, gate));
    if (goes_on<Element>(*producer, *reader, kCapacity, tally) != kCapacity) ++tally.jammed;
    for (int i = 0; i < 4; ++i) {
      if (!publish<Element>(*producer)) ++tally.jammed;
      if (i % 2 == 0) read_one(*reader, tally);
    }
    const auto vacate = [&] {
      scene.ring.vacate_producer();
      if constexpr (Kind::kTakes) {
        scene.ring.vacate_consumer();
      } else {
        scene.ring.vacate_cursor(gate);
      }
    };
    SteppedChild child([&vacate](StepMarks& marks) {
      marks.begin();
      vacate();
      marks.end();
      return true;
    });
    go_to_boundary(turn, child, path, tally);
    child.kill();
    vacate();
    auto next_producer = scene.ring.producer().value();
    auto next_reader = Kind::reader(scene.ring).value();
    if (next_producer.sequence() != producer->sequence()) ++tally.lost;
    if (Kind::kTakes && next_reader.sequence() != reader->sequence()) ++tally.lost;
    read_all(next_reader, tally);
    if (goes_on<Element>(next_producer, next_reader, kCapacity, tally) != kCapacity) {
      ++tally.jammed;
    }
  }
  return tally;
}

/// Kills a lossy reader in the middle of a reading, far behind.
template <class Ring>
Tally kill_lossy_readers() {
  using Element = typename Ring::value_type;
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    auto producer = scene.ring.producer().value();
    const std::size_t gate = scene.ring.reserve_lossy_cursor().value();
    EXPECT_LT(slots_of(scene), 3 * kCapacity) << "nothing would be overwritten";
    for (std::size_t i = 0; i < 3 * kCapacity; ++i) {
      if (!publish<Element>(producer)) ++tally.jammed;
    }
    SteppedChild child([&](StepMarks& marks) {
      auto reader = scene.ring.adopt_lossy_cursor(gate);
      marks.begin();
      const auto element = reader.try_read();
      marks.end();
      return element.has_value();
    });
    go_to_boundary(turn, child, path, tally);
    child.kill();
    for (std::size_t i = 0; i < 3 * kCapacity; ++i) {  // nobody has vacated anything
      if (!publish<Element>(producer)) ++tally.jammed;
    }
    auto reader = scene.ring.cursor().value();
    if (scene.ring.cursor()) ++tally.leaked;  // both gates are in use
    scene.ring.vacate_cursor(gate);
    auto second = scene.ring.lossy_cursor();
    if (!second) ++tally.jammed;
    if (goes_on<Element>(producer, reader, kCapacity, tally) != kCapacity) ++tally.jammed;
  }
  return tally;
}

// -- the tests

template <class Kind>
class KillAtEveryInstruction : public SteppedTest {};
using Kinds = testing::Types<Spsc, Broadcast, LossyBroadcast>;
TYPED_TEST_SUITE(KillAtEveryInstruction, Kinds);

TYPED_TEST(KillAtEveryInstruction, OfAPublishLeavesWhatWasCommittedAndNothingElse) {
  const Tally push = kill_publishers<TypeParam, Push>(some_of(kPublisherMoments, 4));
  push.print(TypeParam::kName, Push<int>::kName);
  expect_nothing_wrong(push);
  EXPECT_GT(push.committed, 0);
  EXPECT_GT(push.not_committed, 0);

  const Tally claim = kill_publishers<TypeParam, ClaimAndCommit>(some_of(kPublisherMoments, 2));
  claim.print(TypeParam::kName, ClaimAndCommit<int>::kName);
  expect_nothing_wrong(claim);
  const Tally batch = kill_publishers<TypeParam, PushBatch>(some_of(kPublisherMoments, 1));
  batch.print(TypeParam::kName, PushBatch<int>::kName);
  expect_nothing_wrong(batch);
  EXPECT_GT(batch.partly, 0) << "a batch is published line by line";
}

TYPED_TEST(KillAtEveryInstruction, OfAReceiveLosesNothingThatItsSuccessorShallHave) {
  const Tally one = kill_readers<TypeParam, ReadOne>(3, Afterwards::kSuccessor);
  one.print(TypeParam::kName, "try_pop or try_read");
  expect_nothing_wrong(one);
  const Tally many = kill_readers<TypeParam, Drain>(1, Afterwards::kSuccessor);
  many.print(TypeParam::kName, "drain");
  expect_nothing_wrong(many);
  EXPECT_EQ(many.taken, 0);
  EXPECT_GT(many.again, 0) << "elements in the handler's hands come again";
}

TYPED_TEST(KillAtEveryInstruction, OfComingAndGoingLeavesARoleThatCanBeVacated) {
  const Tally producers = kill_coming_producers<TypeParam>();
  producers.print(TypeParam::kName, "producer() and its end");
  expect_nothing_wrong(producers);
  const Tally readers = kill_coming_readers<TypeParam>();
  readers.print(TypeParam::kName, "consumer() or cursor() and its end");
  expect_nothing_wrong(readers);
}

TYPED_TEST(KillAtEveryInstruction, OfVacatingLeavesTheRestToTheNext) {
  const Tally tally = kill_cleaners<TypeParam>();
  tally.print(TypeParam::kName, "vacating");
  expect_nothing_wrong(tally);
}

template <class Kind>
class KilledReader : public SteppedTest {};
using BroadcastKinds = testing::Types<Broadcast, LossyBroadcast>;
TYPED_TEST_SUITE(KilledReader, BroadcastKinds);

TYPED_TEST(KilledReader, HoldsTheProducerBackUntilItsGateIsVacatedAndNoLonger) {
  const Tally one = kill_readers<TypeParam, ReadOne>(3, Afterwards::kNobody);
  one.print(TypeParam::kName, "try_read, gate vacated");
  expect_nothing_wrong(one);
}

/// Elements of a cache line that several share a word, as between threads: a bus between processes
/// has a word for each.
template <class Kind>
class KillBehindASharedWord : public SteppedTest {};
using SharedWordKinds = testing::Types<BroadcastSeveralToAWord, LossyBroadcastSeveralToAWord>;
TYPED_TEST_SUITE(KillBehindASharedWord, SharedWordKinds);

TYPED_TEST(KillBehindASharedWord, LosesNothing) {
  Tally push;
  Tally batch;
  for (const Moment& moment : some_of(kPublisherMoments, 1)) {
    push += kill_publishers<TypeParam, 8, Push>(moment);
    batch += kill_publishers<TypeParam, 8, PushBatch>(moment);
  }
  Tally one;
  Tally many;
  for (const Moment& moment : some_of(kReaderMoments, 1)) {
    one += kill_readers<TypeParam, 8, ReadOne>(moment, Afterwards::kSuccessor);
    many += kill_readers<TypeParam, 8, Drain>(moment, Afterwards::kSuccessor);
  }
  push.print(TypeParam::kName, Push<int>::kName);
  batch.print(TypeParam::kName, PushBatch<int>::kName);
  one.print(TypeParam::kName, "try_read");
  many.print(TypeParam::kName, "drain");
  for (const Tally& tally : {push, batch, one, many}) expect_nothing_wrong(tally);
  EXPECT_GT(batch.partly, 0) << "a batch is published line by line";
  EXPECT_GT(many.again, 0) << "elements in the handler's hands come again";
}

class KilledLossyReader : public SteppedTest {};

TEST_F(KilledLossyReader, HoldsNobodyBack) {
  const Tally tally = kill_lossy_readers<LossyBroadcastRing<Message<8>, BetweenProcesses>>();
  tally.print(LossyBroadcast::kName, "try_read of a lossy reader");
  expect_nothing_wrong(tally);
  EXPECT_EQ(tally.leaked, 0);
}

class KillTestItself : public SteppedTest {};

TEST_F(KillTestItself, NoticesARingThatPublishesBeforeItWrites) {
  const Moment first_lap{0, 0, 0};
  const Moment second_lap{12, 2, 1};
  for (const Moment& moment : {first_lap, second_lap}) {
    const Tally sound = kill_publishers<BrokenKind<Slip::kNone>, 8, Push>(moment);
    sound.print("sound copy", Push<int>::kName);
    expect_nothing_wrong(sound);
    const Tally broken =
        kill_publishers<BrokenKind<Slip::kPublishesBeforeItWrites>, 8, Push>(moment);
    broken.print("broken copy", Push<int>::kName);
    EXPECT_GE(broken.torn, 7) << "one for each word that is written too late";
  }
}

}  // namespace
}  // namespace ringway::test
