// SPDX-License-Identifier: Apache-2.0
/// \file
/// SIGSTOP behind every instruction of what a process does with a ring that it shares with others,
/// and SIGCONT when the others have done what they could for more than a lap. The rings have no
/// time-outs, so no pause is longer than a long one: nobody may take the stopped process for dead,
/// and when it goes on it overwrites nothing newer and gets nothing torn.
// labels: nosan

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/kill/broken_ring.hpp"
#include "tests/kill/operations.hpp"

namespace ringway::test {
namespace {

constexpr std::size_t kLongPause = 3 * kCapacity;  // operations of the others

/// A publisher is stopped; then it ends its operation and publishes half a ring more.
template <class Kind, std::size_t kWords, template <class> class Operation>
Tally stop_publishers(const Moment& moment) {
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
    }
    SteppedChild child([&](StepMarks& marks) {
      BetweenProcesses::enter();
      auto producer = scene.ring.producer().value();
      for (std::size_t i = 0; i < moment.warm; ++i) {
        if (!publish<Element>(producer)) return false;
      }
      scene.witness.committing(producer.sequence());
      scene.witness.committed(producer.sequence());
      const Operation<Element> operation(producer.sequence());
      marks.begin();
      operation.run(producer, scene.witness);
      marks.end();
      for (std::size_t i = 0; i < kCapacity / 2; ++i) {
        if (!publish<Element>(producer)) return false;
      }
      scene.witness.committed(producer.sequence());
      return true;
    });
    go_to_boundary(turn, child, path, tally);
    child.suspend();

    read_all(reader, tally);
    if (precedes(reader.sequence(), scene.witness.committed())) ++tally.lost;
    if (precedes(scene.witness.committing(), reader.sequence())) ++tally.torn;
    for (std::size_t i = 0; i < kLongPause; ++i) {
      if (read_one(reader, tally)) ++tally.torn;  // nobody has published it
    }

    child.resume();
    if (!child.finish()) ++tally.jammed;
    read_all(reader, tally);
    if (reader.sequence() != scene.witness.committed()) ++tally.lost;
    auto producer = scene.ring.producer();
    if (!producer || goes_on<Element>(*producer, reader, kCapacity, tally) != kCapacity) {
      ++tally.jammed;
    }
  }
  return tally;
}

/// A reader is stopped while the producer publishes as much as it is allowed to; then it ends its
/// operation and reads the rest.
template <class Kind, std::size_t kWords, template <class> class Operation>
Tally stop_readers(const Moment& moment) {
  using Element = Message<kWords>;
  using Ring = typename Kind::template RingOn<Element, BetweenProcesses>;
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    auto producer = scene.ring.producer().value();
    std::size_t gate = 0;
    if constexpr (requires { scene.ring.reserve_cursor(); }) {
      gate = scene.ring.reserve_cursor().value();
    }
    for (std::size_t i = 0; i < moment.published; ++i) {
      if (!publish<Element>(producer)) ++tally.jammed;
    }
    SteppedChild child([&](StepMarks& marks) {
      auto reader = successor_of_reader(scene.ring, gate);
      for (std::size_t i = 0; i < moment.warm; ++i) {
        if (!next(reader)) return false;
      }
      const Sequence begin = reader.sequence();
      scene.witness.passed(begin);
      Operation<Element> operation;
      marks.begin();
      operation.run(reader, scene.witness);
      marks.end();
      for (int i = operation.torn(begin); i > 0; --i) scene.witness.count_torn();
      Tally rest;
      read_all(reader, rest);
      for (int i = rest.torn; i > 0; --i) scene.witness.count_torn();
      scene.witness.passed(reader.sequence());
      return true;
    });
    go_to_boundary(turn, child, path, tally);
    child.suspend();

    const Sequence passed = scene.witness.passed();
    for (std::size_t i = 0; i < kLongPause; ++i) {
      static_cast<void>(publish<Element>(producer));
    }
    // What a reader acknowledges before it notes it may be one element, or one drain().
    if (distance(passed, producer.sequence()) > static_cast<std::int64_t>(kCapacity + kBatch)) {
      ++tally.lost;
    }

    child.resume();
    if (!child.finish()) ++tally.jammed;
    tally.torn += static_cast<int>(scene.witness.torn());
    if (scene.witness.passed() != producer.sequence()) ++tally.lost;
    if constexpr (requires { scene.ring.vacate_consumer(); }) scene.ring.vacate_consumer();
    auto other = Kind::reader(scene.ring).value();
    if (goes_on<Element>(producer, other, kCapacity, tally) != kCapacity) ++tally.jammed;
  }
  return tally;
}

/// A lossy reader is stopped while the producer goes round three times.
template <std::size_t kWords>
Tally stop_lossy_readers(const Moment& moment) {
  using Element = Message<kWords>;
  using Ring = LossyBroadcastRing<Element, BetweenProcesses>;
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    auto producer = scene.ring.producer().value();
    const std::size_t gate = scene.ring.reserve_lossy_cursor().value();
    EXPECT_LT(slots_of(scene), kLongPause) << "nothing would be overwritten";
    for (std::size_t i = 0; i < moment.published; ++i) {
      if (!publish<Element>(producer)) ++tally.jammed;
    }
    SteppedChild child([&](StepMarks& marks) {
      auto reader = scene.ring.adopt_lossy_cursor(gate);
      std::uint64_t received = 0;
      const auto check = [&](const std::optional<Element>& element) {
        if (!element) return false;
        ++received;
        if (!element->is_at(reader.sequence() - 1)) scene.witness.count_torn();
        return true;
      };
      for (std::size_t i = 0; i < moment.warm; ++i) {
        if (!check(reader.try_read())) return false;
      }
      marks.begin();
      const auto element = reader.try_read();
      marks.end();
      check(element);
      while (check(reader.try_read())) {
      }
      scene.witness.passed(kStart + received + reader.lost());
      scene.witness.lost(reader.lost());
      return true;
    });
    go_to_boundary(turn, child, path, tally);
    child.suspend();
    for (std::size_t i = 0; i < kLongPause; ++i) {
      if (!publish<Element>(producer)) ++tally.jammed;
    }
    child.resume();
    if (!child.finish()) ++tally.jammed;
    tally.torn += static_cast<int>(scene.witness.torn());
    if (scene.witness.passed() != producer.sequence()) ++tally.lost;  // received + lost = published
    if (scene.witness.lost() != 0) ++tally.lapped;
  }
  return tally;
}

/// A producer that has taken over at the end of a line is stopped while it overwrites what a lossy
/// reader, a lap behind, is about to read.
template <std::size_t kWords, class Memory = BetweenProcesses>
Tally stop_publishers_over_a_lossy_reader() {
  using Element = Message<kWords>;
  using Ring = LossyBroadcastRing<Element, Memory>;
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    const std::size_t lap = slots_of(scene);
    auto reader = scene.ring.lossy_cursor().value();
    {
      auto before = scene.ring.producer().value();
      for (std::size_t i = 0; i < lap; ++i) {
        if (!publish<Element>(before)) ++tally.jammed;
      }
    }
    SteppedChild child([&](StepMarks& marks) {
      auto producer = scene.ring.producer().value();
      const Push<Element> push(producer.sequence());
      marks.begin();
      push.run(producer, scene.witness);
      marks.end();
      return true;
    });
    go_to_boundary(turn, child, path, tally);
    child.suspend();
    std::uint64_t received = 0;
    while (read_one(reader, tally)) ++received;
    child.resume();
    if (!child.finish()) ++tally.jammed;
    while (read_one(reader, tally)) ++received;
    if (received + reader.lost() != lap + 1) ++tally.lost;
    if (reader.lost() != 0) ++tally.lapped;
  }
  return tally;
}

/// A process that becomes a reader is stopped meanwhile.
template <class Kind>
Tally stop_joiners() {
  using Element = Message<1>;
  using Ring = typename Kind::template RingOn<Element, BetweenProcesses>;
  Tally tally;
  SteppedChild::Path path;
  for (std::size_t turn = 0; turn <= path.size(); ++turn) {
    Scene<Ring> scene(scene_options<Ring>());
    auto producer = scene.ring.producer().value();
    auto reader = Kind::reader(scene.ring).value();
    if (goes_on<Element>(producer, reader, kCapacity, tally) != kCapacity) ++tally.jammed;
    const Sequence far = producer.sequence() + 100 * kCapacity;
    scene.witness.committed(far);
    scene.witness.passed(far);
    SteppedChild child([&](StepMarks& marks) {
      marks.begin();
      auto cursor = scene.ring.cursor();
      marks.end();
      if (!cursor) return false;
      const Sequence begin = cursor->sequence();
      scene.witness.passed(begin);
      Tally found;
      const bool ended = comes_true([&] {
        read_all(*cursor, found);
        return cursor->sequence() == scene.witness.committed();
      });
      if (found.torn != 0) scene.witness.count_torn();
      return ended;
    });
    go_to_boundary(turn, child, path, tally);
    child.suspend();
    // The half-made reader may hold the producer back, and must not be run over.
    for (std::size_t i = 0; i < kLongPause; ++i) {
      if (publish<Element>(producer)) read_one(reader, tally);
    }
    const Sequence head = producer.sequence();
    child.resume();
    const bool joined = comes_true([&] { return scene.witness.passed() != far; });
    const bool live =
        joined && distance(scene.witness.passed(), head) >= 0 &&
        distance(scene.witness.passed(), head) <= static_cast<std::int64_t>(kCapacity);
    if (!live) ++tally.lost;
    for (std::size_t i = 0; i < kLongPause; ++i) {
      if (!comes_true([&] { return publish<Element>(producer); })) ++tally.jammed;
      read_one(reader, tally);
    }
    scene.witness.committed(producer.sequence());
    if (!child.finish()) ++tally.jammed;
    tally.torn += static_cast<int>(scene.witness.torn());
  }
  return tally;
}

// Within a line, and at the end of the last one: 7 elements in a line, two lines. In the long form
// also at the end of the last line of 10, and of the 11 or 3 of a lossy ring.
constexpr std::array kPublisherMoments = {Moment{3, 1, 2}, Moment{12, 3, 2}, Moment{8, 3, 2},
                                          Moment{9, 3, 2}, Moment{19, 3, 2}};
[[nodiscard]] std::span<const Moment> publisher_moments() {
  return std::span(kPublisherMoments).first(whole() ? kPublisherMoments.size() : 2);
}

template <class Kind>
class StopAtEveryInstruction : public SteppedTest {};
using Kinds = testing::Types<Spsc, Broadcast, LossyBroadcast>;
TYPED_TEST_SUITE(StopAtEveryInstruction, Kinds);

TYPED_TEST(StopAtEveryInstruction, OfAPublishOverwritesAndHidesNothing) {
  Tally push;
  for (const Moment& moment : publisher_moments()) {
    push += stop_publishers<TypeParam, 1, Push>(moment);
    if (whole() || &moment == kPublisherMoments.data())
      push += stop_publishers<TypeParam, 8, Push>(moment);
  }
  push.print(TypeParam::kName, Push<int>::kName);
  expect_nothing_wrong(push);
  if (whole()) {
    const Tally batch = stop_publishers<TypeParam, 1, PushBatch>(kPublisherMoments[1]);
    batch.print(TypeParam::kName, PushBatch<int>::kName);
    expect_nothing_wrong(batch);
  }
}

TYPED_TEST(StopAtEveryInstruction, OfAReceiveIsNotOverwritten) {
  Tally one = stop_readers<TypeParam, 8, ReadOne>({8, 8, 1});
  if (whole()) one += stop_readers<TypeParam, 1, ReadOne>({10, 10, 6});
  one.print(TypeParam::kName, "try_pop or try_read");
  expect_nothing_wrong(one);
  const Tally many = stop_readers<TypeParam, 1, Drain>({8, 8, 4});
  many.print(TypeParam::kName, "drain");
  expect_nothing_wrong(many);
}

template <class Kind>
class StoppedJoiner : public SteppedTest {};
using BroadcastKinds = testing::Types<Broadcast, LossyBroadcast>;
TYPED_TEST_SUITE(StoppedJoiner, BroadcastKinds);

TYPED_TEST(StoppedJoiner, SeesAllThatIsPublishedWhenItHasJoined) {
  const Tally tally = stop_joiners<TypeParam>();
  tally.print(TypeParam::kName, "cursor()");
  expect_nothing_wrong(tally);
}

class StoppedLossyReader : public SteppedTest {};

TEST_F(StoppedLossyReader, IsLappedAndCountsWhatItLost) {
  Tally tally = stop_lossy_readers<8>({8, 8, 2});
  tally += stop_lossy_readers<1>({10, 10, 6});
  EXPECT_EQ(tally.lapped, tally.boundaries);
  tally.print(LossyBroadcast::kName, "try_read of a lossy reader");
  expect_nothing_wrong(tally);
}

class StoppedLossyPublisher : public SteppedTest {};

TEST_F(StoppedLossyPublisher, ShowsAReaderThatItLapsNothingTorn) {
  Tally all;
  for (const Tally& tally :
       {stop_publishers_over_a_lossy_reader<1>(), stop_publishers_over_a_lossy_reader<8>(),
        stop_publishers_over_a_lossy_reader<8, SeveralToAWord>()}) {
    EXPECT_GT(tally.lapped, 0) << "nothing was overwritten";
    EXPECT_LT(tally.lapped, tally.boundaries) << "nothing was ever left to be read";
    all += tally;
  }
  all.print(LossyBroadcast::kName, "try_push over a lossy reader");
  expect_nothing_wrong(all);
}

/// Elements of a cache line that several share a word, as between threads.
template <class Kind>
class StopBehindASharedWord : public SteppedTest {};
using SharedWordKinds = testing::Types<BroadcastSeveralToAWord, LossyBroadcastSeveralToAWord>;
TYPED_TEST_SUITE(StopBehindASharedWord, SharedWordKinds);

TYPED_TEST(StopBehindASharedWord, OverwritesAndHidesNothing) {
  Tally push;
  for (const Moment& moment : publisher_moments()) {
    push += stop_publishers<TypeParam, 8, Push>(moment);
  }
  const Tally one = stop_readers<TypeParam, 8, ReadOne>({8, 8, 1});
  push.print(TypeParam::kName, Push<int>::kName);
  one.print(TypeParam::kName, "try_read");
  expect_nothing_wrong(push);
  expect_nothing_wrong(one);
}

class StopTestItself : public SteppedTest {};

TEST_F(StopTestItself, NoticesARingThatAcknowledgesBeforeItReads) {
  const Tally sound = stop_readers<BrokenKind<Slip::kNone>, 8, ReadOne>({8, 8, 1});
  sound.print("sound copy", "try_pop");
  expect_nothing_wrong(sound);
  const Tally broken =
      stop_readers<BrokenKind<Slip::kAcknowledgesBeforeItReads>, 8, ReadOne>({8, 8, 1});
  broken.print("broken copy", "try_pop");
  EXPECT_GE(broken.torn, 7) << "one for each word that is read too late";
}

}  // namespace
}  // namespace ringway::test
