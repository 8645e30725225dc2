// SPDX-License-Identifier: Apache-2.0
/// \file
/// Rings under real threads: whole elements, exactly once, in each producer's order.
///
/// Each run is bounded by a number of messages and by time, whichever comes first; what is checked
/// does not depend on how far it got. Operations are mixed at random; RINGWAY_SEED repeats a run's
/// choices (not its interleaving).

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/ring/elements.hpp"
#include "tests/ring/ring_kinds.hpp"

namespace ringway::test {
namespace {

using Message = Checked<3>;
using Random = std::mt19937_64;

constexpr std::uint64_t kMostMessages = 100'000;  // of each producer
constexpr auto kMostTime = std::chrono::milliseconds(400);
constexpr std::size_t kStressCapacities[] = {1, 2, 3, 7, 64, 1000};

std::uint64_t seed_of_this_run() {
  static const std::uint64_t seed = [] {
    const char* given = std::getenv("RINGWAY_SEED");
    const std::uint64_t chosen =
        given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    std::printf("[   seed   ] RINGWAY_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return seed;
}

/// A producer's number and its message's number in one.
constexpr std::uint64_t id(std::uint64_t producer, std::uint64_t number) noexcept {
  return producer << 40 | number;
}

/// When a producer has sent enough. Asks for the time only now and then.
class Budget {
 public:
  [[nodiscard]] bool spent(std::uint64_t sent) noexcept {
    if (sent >= kMostMessages) return true;
    if (++asked_ % 64 == 0) late_ = std::chrono::steady_clock::now() - start_ > kMostTime;
    return late_;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::uint64_t asked_ = 0;
  bool late_ = false;
};

/// Sends messages 0, 1, 2 ... of `producer` in every way that a producer offers. \return how many
template <class Producer>
std::uint64_t send_all(Producer& handle, std::uint64_t producer, Random random) {
  std::uint64_t sent = 0;
  Budget budget;
  while (!budget.spent(sent)) {
    std::size_t accepted = 0;
    switch (random() % 6) {
      case 0:
      case 1: accepted = handle.try_push(Message::numbered(id(producer, sent))); break;
      case 2: {
        const Message message = Message::numbered(id(producer, sent));
        accepted = handle.try_push(message);
        break;
      }
      case 3: {
        if (auto claim = handle.try_claim()) {
          *claim = Message::numbered(id(producer, sent));
          claim.commit();
          accepted = 1;
        }
        break;
      }
      case 4: {
        const auto abandoned = handle.try_claim(Message::numbered(~std::uint64_t{0}));
        accepted = static_cast<bool>(abandoned);
        if (accepted != 0) continue;
        break;
      }
      case 5: {
        std::array<Message, 8> messages;
        const std::size_t count = 1 + random() % messages.size();
        for (std::size_t i = 0; i < count; ++i) {
          messages[i] = Message::numbered(id(producer, sent + i));
        }
        accepted = handle.try_push_batch(std::span(messages.data(), count));
        break;
      }
    }
    sent += accepted;
    if (accepted == 0) std::this_thread::yield();
  }
  return sent;
}

/// What one reader has seen. Complains at once, once.
class Witness {
 public:
  explicit Witness(std::size_t producers) : next_(producers, 0) {}

  void see(const Message& message) noexcept {
    const std::uint64_t producer = message.number >> 40;
    if (!message.whole() || producer >= next_.size()) {
      complain("a torn or foreign element", message.number);
      return;
    }
    const std::uint64_t number = message.number & ((std::uint64_t{1} << 40) - 1);
    if (number < next_[producer]) complain("a producer's order was broken", message.number);
    if (number != next_[producer]) gapless_ = false;
    next_[producer] = number + 1;
    seen_.push_back(message.number);
  }

  [[nodiscard]] const std::vector<std::uint64_t>& seen() const noexcept { return seen_; }
  /// True if no number of any producer was skipped.
  [[nodiscard]] bool gapless() const noexcept { return gapless_; }

 private:
  void complain(const char* what, std::uint64_t number) {
    if (!complained_) ADD_FAILURE() << what << ": " << std::hex << number;
    complained_ = true;
  }

  std::vector<std::uint64_t> next_;
  std::vector<std::uint64_t> seen_;
  bool gapless_ = true;
  bool complained_ = false;
};

/// Reads in every way that a reader offers until `finished()` said true and nothing is left.
template <class Reader, class Finished>
void receive_all(Reader& reader, Witness& witness, Random random, Finished&& finished) {
  for (;;) {
    const bool last_look = finished();
    std::size_t count = 0;
    switch (random() % 3) {
      case 0:
        if (const auto message = next(reader)) {
          witness.see(*message);
          count = 1;
        }
        break;
      case 1:
        count =
            reader.drain([&](auto& message) noexcept { witness.see(message); }, 1 + random() % 8);
        break;
      case 2:
        count = reader.drain([&](auto& message) { witness.see(message); }, 1 + random() % 8);
        break;
    }
    if (count == 0) {
      if (last_look) return;
      std::this_thread::yield();
    }
  }
}

/// Every message of every producer was seen by exactly one witness.
void expect_exactly_once(const std::vector<Witness>& witnesses,
                         const std::vector<std::uint64_t>& sent) {
  std::vector<std::vector<bool>> seen;
  for (const std::uint64_t count : sent) seen.emplace_back(count, false);
  std::uint64_t total = 0;
  for (const Witness& witness : witnesses) {
    for (const std::uint64_t message : witness.seen()) {
      const std::uint64_t producer = message >> 40;
      const std::uint64_t number = message & ((std::uint64_t{1} << 40) - 1);
      ASSERT_LT(number, sent[producer]) << "never sent";
      ASSERT_FALSE(seen[producer][number]) << "delivered twice: " << std::hex << message;
      seen[producer][number] = true;
      ++total;
    }
  }
  std::uint64_t expected = 0;
  for (const std::uint64_t count : sent) expected += count;
  EXPECT_EQ(total, expected) << "messages were lost";
}

Sequence random_start(Random& random) {
  // often close to a wrap
  constexpr int kShifts[] = {0, 31, 32, 62, 63};
  return (Sequence{1} << kShifts[random() % 5]) - 1 - random() % 5000;
}

// One producer, one reader, exclusive roles.
class SpscStress : public testing::TestWithParam<std::size_t> {};
TEST_P(SpscStress, DeliversEachMessageOnceInOrder) {
  Random random(seed_of_this_run());
  Ends<SpscKind, Message> ends(GetParam(), random_start(random));
  std::vector<Witness> witnesses(1, Witness(1));
  std::atomic<bool> finished{false};
  std::thread consumer([&, seed = random()] {
    receive_all(ends.reader, witnesses[0], Random(seed), [&] { return finished.load(); });
  });
  const std::uint64_t sent = send_all(ends.producer, 0, Random(random()));
  finished.store(true);
  consumer.join();
  EXPECT_TRUE(witnesses[0].gapless());
  expect_exactly_once(witnesses, {sent});
}
INSTANTIATE_TEST_SUITE_P(Capacities, SpscStress, testing::ValuesIn(kStressCapacities));

/// Several producers and as many consumers, ended by the seal.
template <class Kind>
void compete(std::size_t pairs, std::size_t capacity) {
  Random random(seed_of_this_run());
  using Ring = RingOf<Kind, Message>;
  Ring ring = Ring::create(options_of<Ring>(capacity, random_start(random))).value();
  std::vector<Witness> witnesses(pairs, Witness(pairs));
  std::vector<std::uint64_t> sent(pairs, 0);
  std::atomic<std::size_t> sending{pairs};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < pairs; ++i) {
    threads.emplace_back([&, i, seed = random()] {
      auto producer = ring.producer().value();
      sent[i] = send_all(producer, i, Random(seed));
      if (sending.fetch_sub(1) == 1) producer.seal();
    });
    threads.emplace_back([&, i, seed = random()] {
      auto consumer = ring.consumer().value();
      receive_all(consumer, witnesses[i], Random(seed), [&] { return consumer.drained(); });
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(ring.drained());
  EXPECT_EQ(ring.size_approx(), 0u);
  if (pairs == 1) {
    EXPECT_TRUE(witnesses[0].gapless());
  }
  expect_exactly_once(witnesses, sent);
}

class MpmcStress : public testing::TestWithParam<std::tuple<std::size_t, std::size_t>> {};
TEST_P(MpmcStress, DeliversEachMessageOnceInEachProducersOrder) {
  const auto [pairs, capacity] = GetParam();
  compete<MpmcKind>(pairs, capacity);
}
TEST_P(MpmcStress, LockFreeRingDeliversEachMessageOnceInEachProducersOrder) {
  const auto [pairs, capacity] = GetParam();
  compete<LockFreeMpmcKind>(pairs, capacity);
}
INSTANTIATE_TEST_SUITE_P(Topologies, MpmcStress,
                         testing::Combine(testing::Values(1, 2, 4),
                                          testing::ValuesIn(kStressCapacities)));

// The seal comes from outside, in the middle of it: what was accepted is delivered, nothing else.
template <class Kind>
class CompetingStress : public testing::Test {};
using CompetingKinds = testing::Types<MpmcKind, LockFreeMpmcKind>;
TYPED_TEST_SUITE(CompetingStress, CompetingKinds);
TYPED_TEST(CompetingStress, EveryPushBeforeTheSealIsDeliveredAndNoneComesLater) {
  Random random(seed_of_this_run());
  using Ring = RingOf<TypeParam, Message>;
  for (int round = 0; round < 100; ++round) {
    Ring ring = Ring::create(options_of<Ring>(1 + random() % 10)).value();
    std::vector<Witness> witnesses(2, Witness(2));
    std::vector<std::uint64_t> sent(2, 0);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        auto producer = ring.producer().value();
        while (!producer.sealed()) {
          if (producer.try_push(Message::numbered(id(i, sent[i])))) {
            ++sent[i];
          } else {
            std::this_thread::yield();
          }
        }
        EXPECT_FALSE(producer.try_push(Message::numbered(0)));
      });
      threads.emplace_back([&, i, seed = random()] {
        auto consumer = ring.consumer().value();
        receive_all(consumer, witnesses[i], Random(seed), [&] { return consumer.drained(); });
      });
    }
    for (std::uint64_t i = random() % 50; i > 0; --i) std::this_thread::yield();
    ring.seal();
    for (auto& thread : threads) thread.join();
    expect_exactly_once(witnesses, sent);
    EXPECT_EQ(ring.size_approx(), 0u);
  }
}

// Pops find what was pushed before them: each thread pops as often as it has pushed, and no push is
// under way but under the lock, so by counting there is always something for the thread that pops.
TEST(MpmcStressVisibility, PopAfterAPushOfMineFindsSomethingWhenNoEarlierPushIsUnderWay) {
  constexpr std::size_t kThreads = 3;
  for (const std::size_t capacity : {3u, 4u, 7u}) {
    auto ring = MpmcRing<std::uint64_t>::create({.capacity = capacity}).value();
    std::mutex one_push_at_a_time;
    std::atomic<std::uint64_t> empty{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        auto producer = ring.producer().value();
        auto consumer = ring.consumer().value();
        Budget budget;
        for (std::uint64_t round = 0; !budget.spent(round); ++round) {
          for (bool pushed = false; !pushed;) {
            // full only while another thread is moving out an element of the last lap
            const std::lock_guard lock(one_push_at_a_time);
            pushed = producer.try_push(round);
          }
          if (!consumer.try_pop()) {
            empty.fetch_add(1);
            while (!consumer.try_pop()) std::this_thread::yield();
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(empty.load(), 0u) << "capacity " << capacity;
    EXPECT_EQ(ring.size_approx(), 0u);
  }
}

// The same the other way round: no pop is under way but under the lock.
TEST(MpmcStressVisibility, PushAfterAPopOfMineFindsRoomWhenNoEarlierPopIsUnderWay) {
  constexpr std::size_t kThreads = 3;
  for (const std::size_t capacity : {3u, 4u, 7u}) {
    auto ring = MpmcRing<std::uint64_t>::create({.capacity = capacity}).value();
    {
      auto producer = ring.producer().value();
      for (std::size_t i = 0; i < capacity; ++i) ASSERT_TRUE(producer.try_push(i));
    }
    std::mutex one_pop_at_a_time;
    std::atomic<std::uint64_t> full{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        auto producer = ring.producer().value();
        auto consumer = ring.consumer().value();
        Budget budget;
        for (std::uint64_t round = 0; !budget.spent(round); ++round) {
          for (bool popped = false; !popped;) {
            const std::lock_guard lock(one_pop_at_a_time);
            popped = consumer.try_pop().has_value();
          }
          if (!producer.try_push(round)) {
            full.fetch_add(1);
            while (!producer.try_push(round)) std::this_thread::yield();
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(full.load(), 0u) << "capacity " << capacity;
    EXPECT_EQ(ring.size_approx(), capacity);
  }
}

// In the lock-free ring nothing that is under way hides anything: by counting there is always an
// element for a thread that has pushed one more than it has popped, whoever else is in the middle
// of what.
TEST(LockFreeMpmcStressVisibility, PopAfterAPushOfMineFindsSomething) {
  for (const std::size_t capacity : {3u, 4u, 7u}) {
    auto ring = LockFreeMpmcRing<std::uint64_t>::create({.capacity = capacity}).value();
    std::atomic<std::uint64_t> full{0};
    std::atomic<std::uint64_t> empty{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        auto producer = ring.producer().value();
        auto consumer = ring.consumer().value();
        Budget budget;
        for (std::uint64_t round = 0; !budget.spent(round); ++round) {
          while (!producer.try_push(round)) full.fetch_add(1);
          while (!consumer.try_pop()) empty.fetch_add(1);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(full.load(), 0u) << "capacity " << capacity;
    EXPECT_EQ(empty.load(), 0u) << "capacity " << capacity;
    EXPECT_EQ(ring.size_approx(), 0u);
  }
}

// The same the other way round, in a ring that is full but for what the threads have taken.
TEST(LockFreeMpmcStressVisibility, PushAfterAPopOfMineFindsRoom) {
  for (const std::size_t capacity : {3u, 4u, 7u}) {
    auto ring = LockFreeMpmcRing<std::uint64_t>::create({.capacity = capacity}).value();
    {
      auto producer = ring.producer().value();
      for (std::size_t i = 0; i < capacity; ++i) ASSERT_TRUE(producer.try_push(i));
    }
    std::atomic<std::uint64_t> full{0};
    std::atomic<std::uint64_t> empty{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        auto producer = ring.producer().value();
        auto consumer = ring.consumer().value();
        Budget budget;
        for (std::uint64_t round = 0; !budget.spent(round); ++round) {
          while (!consumer.try_pop()) empty.fetch_add(1);
          while (!producer.try_push(round)) full.fetch_add(1);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(full.load(), 0u) << "capacity " << capacity;
    EXPECT_EQ(empty.load(), 0u) << "capacity " << capacity;
    EXPECT_EQ(ring.size_approx(), capacity);
  }
}

// One thread that does both always finds its own.
TEST(MpmcStressVisibility, ThreadThatIsAloneFindsItsOwnElementAtOnce) {
  for (const std::size_t capacity : kStressCapacities) {
    Ends<MpmcKind, std::uint64_t> ends(capacity);
    for (std::uint64_t i = 0; i < 3 * capacity + 100; ++i) {
      ASSERT_TRUE(ends.producer.try_push(i));
      ASSERT_EQ(ends.reader.try_pop(), i);
    }
  }
}

template <class Kind>
void broadcast_to(std::size_t readers, std::size_t capacity) {
  Random random(seed_of_this_run());
  using Ring = RingOf<Kind, Message>;
  Ring ring = make_broadcast<Ring>(capacity, readers, random_start(random));
  std::vector<Witness> witnesses(readers, Witness(1));
  std::atomic<bool> finished{false};
  std::vector<std::thread> threads;
  std::vector<typename Ring::Cursor> cursors;
  for (std::size_t i = 0; i < readers; ++i) cursors.push_back(ring.cursor().value());
  for (std::size_t i = 0; i < readers; ++i) {
    threads.emplace_back([&, i, seed = random()] {
      receive_all(cursors[i], witnesses[i], Random(seed), [&] { return finished.load(); });
    });
  }
  auto producer = ring.producer().value();
  const std::uint64_t sent = send_all(producer, 0, Random(random()));
  finished.store(true);
  for (auto& thread : threads) thread.join();
  for (const Witness& witness : witnesses) {
    EXPECT_TRUE(witness.gapless());
    EXPECT_EQ(witness.seen().size(), sent);
  }
}

class BroadcastStress : public testing::TestWithParam<std::size_t> {};
TEST_P(BroadcastStress, EveryReaderSeesEachMessageOnceInOrder) {
  broadcast_to<BroadcastKind>(2, GetParam());
}
TEST_P(BroadcastStress, EveryReliableReaderOfALossyRingSeesEachMessageOnceInOrder) {
  broadcast_to<LossyBroadcastKind>(2, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Capacities, BroadcastStress, testing::ValuesIn(kStressCapacities));

/// A producer that nobody holds back against two lossy readers: what they get is whole and in
/// order, and what they do not get is counted.
template <std::size_t Words>
void overwrite_under_readers(std::size_t capacity) {
  using Payload = Checked<Words>;
  using Ring = LossyBroadcastRing<Payload>;
  Random random(seed_of_this_run());
  Ring ring = make_broadcast<Ring>(capacity, 2, random_start(random));
  std::atomic<bool> finished{false};
  std::atomic<int> ready{0};
  std::array<std::uint64_t, 2> accounted{};
  std::array<std::uint64_t, 2> received{};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      auto cursor = ring.lossy_cursor().value();
      ready.fetch_add(1);
      std::uint64_t seen = 0;
      bool complained = false;
      const auto check = [&](const Payload& payload) noexcept {
        const bool right = payload.whole() && payload.number == seen + cursor.lost();
        if (!right && !complained) {
          ADD_FAILURE() << (payload.whole() ? "out of order or miscounted" : "torn") << ": "
                        << payload.number << " after " << seen << " and " << cursor.lost()
                        << " lost";
          complained = true;
        }
        ++seen;
      };
      for (;;) {
        const bool last_look = finished.load();
        if (cursor.drain(check, 16) == 0) {
          // a drain that was lapped again and again may come back empty-handed
          if (last_look && cursor.size_approx() == 0) break;
          std::this_thread::yield();
        }
      }
      received[i] = seen;
      accounted[i] = seen + cursor.lost();
    });
  }
  while (ready.load() != 2) std::this_thread::yield();
  auto producer = ring.producer().value();
  Budget budget;
  std::uint64_t sent = 0;
  for (; !budget.spent(sent / 8); ++sent) {
    // never refused: nobody is reliable
    if (!producer.try_push(Payload::numbered(sent))) {
      ADD_FAILURE() << "lossy readers held the producer back";
      break;
    }
  }
  finished.store(true);
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(accounted[i], sent);
    EXPECT_GT(received[i], 0u);
  }
}

class LossyStress : public testing::TestWithParam<std::size_t> {};
TEST_P(LossyStress, ReadersGetWholeElementsAndCountTheRest) {
  overwrite_under_readers<3>(GetParam());
  overwrite_under_readers<7>(GetParam());
  overwrite_under_readers<15>(GetParam());
  overwrite_under_readers<31>(GetParam());
}
INSTANTIATE_TEST_SUITE_P(Capacities, LossyStress, testing::ValuesIn(kStressCapacities));

// An exclusive role that passes from thread to thread carries the position and the elements along.
template <class Kind>
class RoleStress : public testing::Test {};
using RoleKinds = testing::Types<SpscKind, BroadcastKind, LossyBroadcastKind>;
TYPED_TEST_SUITE(RoleStress, RoleKinds);
TYPED_TEST(RoleStress, ProducersOfSeveralThreadsTakeTurns) {
  using Ring = RingOf<TypeParam, std::uint64_t>;
  Ring ring = Ring::create(options_of<Ring>(10)).value();
  auto reader = TypeParam::reader(ring).value();
  std::uint64_t shared = 0;  // not atomic: the role is what orders the threads
  std::atomic<int> running{3};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 300;) {
        auto producer = ring.producer();
        if (!producer) {
          std::this_thread::yield();
          continue;
        }
        ++turn;
        for (int k = 0; k < 3; ++k) {
          if (producer->try_push(shared)) ++shared;
        }
      }
      running.fetch_sub(1);
    });
  }
  std::uint64_t received = 0;
  const auto check = [&](const auto& e) noexcept { EXPECT_EQ(e, received++); };
  while (running.load() != 0) {
    if (reader.drain(check, 16) == 0) std::this_thread::yield();
  }
  for (auto& thread : threads) thread.join();
  reader.drain(check, kNoLimit);
  EXPECT_EQ(received, shared);
}

TEST(SpscRoleStress, ConsumersOfSeveralThreadsTakeTurns) {
  SpscRing<std::uint64_t> ring = SpscRing<std::uint64_t>::create({.capacity = 7}).value();
  std::uint64_t received = 0;  // not atomic: the role is what orders the threads
  std::atomic<bool> finished{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (bool last_look = false; !last_look;) {
        last_look = finished.load();
        auto consumer = ring.consumer();
        if (!consumer) {
          last_look = false;
          std::this_thread::yield();
          continue;
        }
        consumer->drain([&](std::uint64_t& e) noexcept { EXPECT_EQ(e, received++); }, 3);
        if (last_look) consumer->drain([&](std::uint64_t&) noexcept { ++received; }, kNoLimit);
      }
    });
  }
  auto producer = ring.producer().value();
  for (std::uint64_t i = 0; i < 2000;) {
    if (producer.try_push(i)) {
      ++i;
    } else {
      std::this_thread::yield();
    }
  }
  finished.store(true);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(received, 2000u);
}

}  // namespace
}  // namespace ringway::test
