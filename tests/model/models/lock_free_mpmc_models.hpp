// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// LockFreeMpmcRing, and the IndexRing that it is made of, under the explorer. Unlike MpmcRing's,
/// its "empty" is part of the history that must be that of a queue.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "models/history.hpp"
#include "models/model.hpp"
#include "models/mpmc_models.hpp"
#include "ringway/ring/index_ring.hpp"
#include "ringway/ring/lock_free_mpmc_ring.hpp"

namespace ringway::model {

/// Threads that follow scripts: + puts the number in the thread's hand, - takes one. A thread whose
/// script begins with + begins with a number of its own. What is written to a cell before its
/// number is put must be seen by whoever takes it.
inline void index_ring_body(Explorer& world, std::size_t slots, Sequence start,
                            std::array<const char*, 3> scripts) {
  using Numbers = IndexRing<ModelMemory>;
  typename Numbers::Ends ends(start, 0);
  std::array<std::uint64_t, 4> entries;  // raw room
  static_assert(sizeof(Numbers::Entry) == sizeof(std::uint64_t));
  auto* first = reinterpret_cast<Numbers::Entry*>(entries.data());
  Numbers::format(first, slots, start, 0);
  History history(world);
  std::array<std::uint64_t, 4> cells{};
  std::array<std::optional<std::size_t>, 3> hands;
  const auto follow = [&](std::size_t thread) {
    Numbers numbers(&ends, first, slots);
    auto& hand = hands[thread];
    for (const char* step = scripts[thread]; *step != 0; ++step) {
      std::uint64_t value = hand ? *hand + 1 : 0;
      if (*step == '+' && hand) {
        ModelMemory::before_write(&cells[*hand], sizeof(cells[0]));
        history.record(true, value, [&](auto& v) {
          numbers.put(static_cast<std::size_t>(v - 1));
          return true;
        });
        hand.reset();
      } else if (*step == '-' && !hand) {
        const bool taken = history.record(false, value, [&](auto& v) {
          std::size_t number = 0;
          if (!numbers.take(number)) return false;
          v = number + 1;
          return true;
        });
        if (taken) {
          hand = static_cast<std::size_t>(value - 1);
          ModelMemory::before_read(&cells[*hand], sizeof(cells[0]));
        }
      }
    }
  };
  std::size_t count = 0;
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    if (*scripts[i] == '+') hands[i] = count++;
  }
  if (*scripts[2] == 0) {
    world.threads([&] { follow(0); }, [&] { follow(1); });
  } else {
    world.threads([&] { follow(0); }, [&] { follow(1); }, [&] { follow(2); });
  }
  history.check_linearizable(slots, false, true);
  history.show_outcome();
  std::array<unsigned, 4> found{};
  for (const auto& hand : hands) {
    if (hand) ++found[*hand];
  }
  Numbers numbers(&ends, first, slots);
  std::size_t number = 0;
  while (numbers.take(number)) ++found[number];
  for (std::size_t i = 0; i < count; ++i) {
    world.check(found[i] == 1, "each number is in one place");
  }
}

/// As MpmcProgram. "Full" is said when every cell is in use or in somebody's hand, so it has its
/// place in the history only where one thread at most can be in the middle of an operation besides
/// the one that says it.
template <class T>
class LockFreeMpmcProgram {
 public:
  using Ring = LockFreeMpmcRing<T, ModelMemory>;

  LockFreeMpmcProgram(Explorer& world, const MpmcShape& shape)
      : world_(world),
        shape_(shape),
        ring_(Ring::create({.capacity = shape.capacity, .start = shape.start}).value()),
        history_(world),
        check_(world) {}

  void run() {
    {
      auto producer = ring_.producer().value();
      for (unsigned i = 0; i < shape_.prefill; ++i) push(producer, 300U + i);
    }
    const auto p1 = [this] { produce(1); };
    const auto p2 = [this] { produce(2); };
    const auto c = [this] { consume(); };
    switch (shape_.producers * 10 + shape_.consumers) {
      case 11: world_.threads(p1, c); break;
      case 21: world_.threads(p1, p2, c); break;
      case 12: world_.threads(p1, c, c); break;
      case 22: world_.threads(p1, p2, c, c); break;
      default: world_.check(false, "no such shape"); break;
    }
    history_.check_linearizable(shape_.capacity, shape_.with_full, true);
    history_.show_outcome();
    auto consumer = ring_.consumer().value();
    std::array<std::uint64_t, 4> newest{};
    while (auto element = consumer.try_pop()) check_.received(element->number(), newest);
    check_.finish();
    auto producer = ring_.producer().value();
    for (std::size_t i = 0; i < shape_.capacity; ++i) {
      world_.check(producer.try_push(T(std::uint64_t{1})), "the whole capacity is there again");
    }
    world_.check(!producer.try_push(T(std::uint64_t{1})), "and no more");
  }

 private:
  bool push(typename Ring::Producer& producer, std::uint64_t value) {
    const bool sent =
        history_.record(true, value, [&](auto& v) { return producer.try_push(T(v)); });
    if (sent) check_.sent(value);
    return sent;
  }
  void produce(unsigned number) {
    auto producer = ring_.producer().value();
    unsigned done = 0;
    for (unsigned i = 0; i < shape_.operations; ++i) {
      if (push(producer, 100U * number + done)) ++done;
    }
  }
  void consume() {
    auto consumer = ring_.consumer().value();
    std::array<std::uint64_t, 4> newest{};
    for (unsigned i = 0; i < shape_.operations; ++i) {
      std::uint64_t value = 0;
      const bool taken = history_.record(false, value, [&](auto& v) {
        auto element = consumer.try_pop();
        if (element) v = element->number();
        return element.has_value();
      });
      if (taken) check_.received(value, newest);
    }
  }

  Explorer& world_;
  MpmcShape shape_;
  Ring ring_;
  History history_;
  MpmcCheck check_;
};

/// A dropped claim and a pair against the seal and a drain: what was accepted is received before
/// drained() says true, after that nothing comes, and a claim that was dropped is not waited for.
inline void lock_free_seal_body(Explorer& world, std::size_t capacity, Sequence start) {
  using T = Element<16>;
  auto ring = LockFreeMpmcRing<T, ModelMemory>::create({.capacity = capacity, .start = start});
  MpmcCheck check(world);
  unsigned sent = 0;
  unsigned received = 0;
  bool drained = false;
  ModelMemory::Atomic<int> before{0};  // what the sealer did before the seal
  world.threads(
      [&] {
        auto producer = ring->producer().value();
        { const auto dropped = producer.try_claim(std::uint64_t{107}); }
        world.operation();
        if (producer.try_push(T(100))) {
          check.sent(100);
          ++sent;
        }
      },
      [&] {
        before.store(1, std::memory_order_relaxed);
        ring->seal();
        world.operation();
        auto producer = ring->producer().value();
        world.check(producer.sealed(), "the sealer sees its seal");
        world.check(!producer.try_push(T(107)), "no push after the seal");
      },
      [&] {
        auto consumer = ring->consumer().value();
        std::array<std::uint64_t, 4> newest{};
        drained = consumer.drained();
        if (drained) world.check(before.load(std::memory_order_relaxed) == 1, "drained: seen");
        world.operation();
        const auto take = [&](T& element) noexcept {
          world.check(!drained, "nothing comes after drained()");
          check.received(element.number(), newest);
          ++received;
        };
        consumer.drain(take, 2);
        if (consumer.sealed()) {
          world.check(before.load(std::memory_order_relaxed) == 1, "sealed: seen");
        }
      });
  world.outcome(std::to_string(sent) + std::to_string(received) + std::to_string(drained));
  if (drained) world.check(sent == received, "drained() says that everything was taken");
  auto consumer = ring->consumer().value();
  std::array<std::uint64_t, 4> newest{};
  while (const auto element = consumer.try_pop()) check.received(element->number(), newest);
  check.finish();
  world.check(ring->drained(), "drained at the end");
}

inline Models lock_free_mpmc_models() {
  constexpr Sequence kWrap = ~Sequence{1};  // 2^64 - 2
  const Options complete;
  Models models;
  struct Script {
    std::size_t slots;
    std::array<const char*, 3> steps;
    bool tiny, quick;
    unsigned preemptions = 0;  // 0: explored completely
  };
  const Script scripts[] = {
      {1, {"+-", "-+", ""}, true, true},               // one number to and fro
      {1, {"+-+", "-+-", ""}, false, true},            // for some laps
      {2, {"+", "+-", ""}, true, true},                // who has put finds something
      {2, {"+-", "+-", ""}, false, true},              // a taker knows of a put by the other's take
      {2, {"+", "+", "-"}, false, true},               // two want one place
      {2, {"+", "-", "-"}, false, true},               // two want one number
      {2, {"+-", "+", "-+"}, false, false},            // all of it
      {2, {"+-+-+-", "+-", ""}, false, true, 1},       // overtaken while looking
      {4, {"+-+-+-+-+-+", "+-", ""}, false, true, 1},  // a tail that is a lap old
  };
  for (const Sequence start : {Sequence{0}, kWrap}) {
    const std::string from = start == 0 ? " from 0" : " from 2^64-2";
    for (const Script& script : scripts) {
      if (script.preemptions != 0 && start != 0) continue;
      std::string name = "index ring of " + std::to_string(script.slots) + ",";
      for (const char* steps : script.steps) {
        if (*steps != 0) name += ' ';
        for (const char* step = steps; *step != 0; ++step) name += *step == '+' ? 'P' : 'T';
      }
      Options options = complete;
      if (script.preemptions != 0) {
        options.search = Search::kBounded;
        options.preemptions = script.preemptions;
        options.stale_reads = 4;
      }
      models.push_back(
          {name + from, options,
           [=](Explorer& world) { index_ring_body(world, script.slots, start, script.steps); },
           script.tiny && start == 0, script.quick, false});
    }
  }
  const auto add = [&](const MpmcShape& shape, const Options& options, bool quick,
                       bool large = false, bool tiny = false) {
    models.push_back(
        {"lock-free MPMC " + std::to_string(shape.producers) + "P" +
             std::to_string(shape.consumers) + "C x " + std::to_string(shape.operations) +
             ", capacity " + std::to_string(shape.capacity) +
             (shape.start == 0 ? " from 0" : " from 2^64-2") +
             (shape.prefill == 0 ? "" : ", " + std::to_string(shape.prefill) + " full"),
         options,
         [shape](Explorer& world) {
           LockFreeMpmcProgram<Element<16>> program(world, shape);
           program.run();
         },
         tiny, quick, large});
  };
  // MpmcRing's sizes, but for the search of the largest, which is bounded.
  Options bounded = without_repetition();
  bounded.search = Search::kBounded;
  for (const Sequence start : {Sequence{0}, kWrap}) {
    for (const std::size_t capacity : {1U, 2U}) {
      add({1, 1, 1, capacity, start, true}, complete, true, false, start == 0);
      add({1, 1, 2, capacity, start, true}, complete, true);
      add({2, 1, 1, capacity, start, false}, complete, false);
      add({1, 2, 1, capacity, start, false}, complete, false);
      add({1, 2, 1, capacity, start, false, 1}, complete, false);
      add({2, 2, 1, capacity, start, false}, without_repetition(), false);
      add({2, 1, 2, capacity, start, false}, without_repetition(), false);
      add({1, 2, 2, capacity, start, false}, without_repetition(), false);
      bounded.preemptions = capacity == 1 ? 3 : 2;
      add({2, 2, 2, capacity, start, false}, bounded, false, true);
      models.push_back({"lock-free MPMC claim, push, seal, drain, capacity " +
                            std::to_string(capacity) + (start == 0 ? " from 0" : " from 2^64-2"),
                        complete,
                        [=](Explorer& world) { lock_free_seal_body(world, capacity, start); },
                        false, capacity == 1, false});
    }
  }
  return models;
}

}  // namespace ringway::model
