// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// MpmcRing under the explorer: a few producers and consumers, one or two operations each.

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "models/history.hpp"
#include "models/model.hpp"
#include "ringway/ring/mpmc_ring.hpp"

namespace ringway::model {

/// Elements are numbered 100 * producer + i. Checked: nothing is invented or doubled, each consumer
/// gets each producer's elements in order, nothing is lost, and what succeeded is the history of a
/// queue (what failed too where `with_full` or `with_empty` says so).
class MpmcCheck {
 public:
  explicit MpmcCheck(Explorer& world) : world_(world) {}

  void sent(std::uint64_t number) { sent_[slot(number)] = true; }
  /// `newest` is the receiving thread's newest number of each producer.
  void received(std::uint64_t number, std::array<std::uint64_t, 4>& newest) {
    world_.check(number / 100 >= 1 && number / 100 <= 3 && number % 100 < kEach,
                 "an element was invented");
    world_.check(!received_[slot(number)], "an element was received twice");
    received_[slot(number)] = true;
    world_.check(number >= newest[number / 100], "a producer's elements are out of order");
    newest[number / 100] = number;
  }
  void finish() {
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      world_.check(sent_[i] == received_[i], "sent and received differ: something is lost");
    }
  }

 private:
  static constexpr std::uint64_t kEach = 8;
  [[nodiscard]] static std::size_t slot(std::uint64_t number) {
    return static_cast<std::size_t>(number / 100 * kEach + number % 100);
  }

  Explorer& world_;
  std::array<bool, 4 * kEach> sent_{};
  std::array<bool, 4 * kEach> received_{};
};

struct MpmcShape {
  unsigned producers = 2;
  unsigned consumers = 2;
  unsigned operations = 1;  // of each thread
  std::size_t capacity = 2;
  Sequence start = 0;
  bool with_full = true;
  unsigned prefill = 0;  // elements that are there at the beginning
};

template <class T>
class MpmcProgram {
 public:
  using Ring = MpmcRing<T, ModelMemory>;

  MpmcProgram(Explorer& world, const MpmcShape& shape)
      : world_(world),
        shape_(shape),
        ring_(Ring::create({.capacity = shape.capacity, .start = shape.start}).value()),
        history_(world),
        check_(world) {}

  void produce(unsigned number) {
    auto producer = ring_.producer().value();
    unsigned done = 0;
    for (unsigned i = 0; i < shape_.operations; ++i) {
      std::uint64_t value = 100U * number + done;
      const bool sent =
          history_.record(true, value, [&](auto& v) { return producer.try_push(T(v)); });
      if (sent) {
        check_.sent(value);
        ++done;
      }
    }
  }

  void consume() {
    auto consumer = ring_.consumer().value();
    std::array<std::uint64_t, 4> newest{};
    for (unsigned i = 0; i < shape_.operations; ++i) {
      std::uint64_t value = 0;
      history_.record(false, value, [&](auto& v) {
        auto element = consumer.try_pop();
        if (!element) return false;
        v = element->number();
        return true;
      });
      if (value != 0) check_.received(value, newest);
    }
  }

  void finish() {
    history_.check_linearizable(shape_.capacity, false, false);
    if (shape_.with_full) history_.check_linearizable(shape_.capacity, true, false);
    history_.show_outcome();
    auto consumer = ring_.consumer().value();
    std::array<std::uint64_t, 4> newest{};
    while (auto element = consumer.try_pop()) check_.received(element->number(), newest);
    check_.finish();
  }

  void fill() {
    auto producer = ring_.producer().value();
    for (unsigned i = 0; i < shape_.prefill; ++i) {
      std::uint64_t value = 100U * 3 + i;
      history_.record(true, value, [&](auto& v) { return producer.try_push(T(v)); });
      check_.sent(value);
    }
  }

  void run() {
    fill();
    const auto p1 = [this] { produce(1); };
    const auto p2 = [this] { produce(2); };
    const auto p3 = [this] { produce(3); };
    const auto c = [this] { consume(); };
    const unsigned what = shape_.producers * 10 + shape_.consumers;
    switch (what) {
      case 11: world_.threads(p1, c); break;
      case 21: world_.threads(p1, p2, c); break;
      case 12: world_.threads(p1, c, c); break;
      case 22: world_.threads(p1, p2, c, c); break;
      case 31: world_.threads(p1, p2, p3, c); break;
      default: world_.check(false, "no such shape"); break;
    }
    finish();
  }

 private:
  Explorer& world_;
  MpmcShape shape_;
  Ring ring_;
  History history_;
  MpmcCheck check_;
};

/// Its copy may throw (and never does), so the ring looks for room before it copies.
struct Fragile : Number {
  using Number::Number;
  Fragile(Fragile&&) noexcept = default;
  Fragile(const Fragile& other) noexcept(false) : Number(other) {}  // NOLINT: see above
};

enum class PushBy { kMove, kBatch, kCopy };

/// Is "full" ever said of a state that never was? One thread follows a script of pops (-) and
/// pushes
/// (+) that never fills the ring, another one pushes, once or as a batch of one.
inline void mpmc_never_full_body(Explorer& world, const char* script, PushBy by, Sequence start) {
  using T = Fragile;
  auto ring = MpmcRing<T, ModelMemory>::create({.capacity = 3, .start = start}).value();
  History history(world);
  std::uint64_t next = 1;
  const auto push = [&](auto& producer, std::uint64_t value) {
    return history.record(true, value, [&](auto& v) {
      T element(v);
      if (by == PushBy::kMove) return producer.try_push(std::move(element));
      if (by == PushBy::kCopy) return producer.try_push(std::as_const(element));
      return producer.try_push_batch(std::span<T>(&element, 1)) == 1;
    });
  };
  {
    auto producer = ring.producer().value();
    for (; next <= 2; ++next) world.check(push(producer, next), "room at the beginning");
  }
  world.threads(
      [&] {
        auto producer = ring.producer().value();
        auto consumer = ring.consumer().value();
        for (const char* step = script; *step != 0; ++step) {
          if (*step == '+') {
            push(producer, next++);
            continue;
          }
          std::uint64_t value = 0;
          history.record(false, value, [&](auto& v) {
            const auto element = consumer.try_pop();
            if (element) v = element->number();
            return element.has_value();
          });
        }
      },
      [&] {
        auto producer = ring.producer().value();
        push(producer, 10);
      });
  history.check_linearizable(3, true, false);
  std::string left;
  auto consumer = ring.consumer().value();
  while (const auto element = consumer.try_pop()) left += std::to_string(element->number()) + " ";
  world.outcome(left);
}

/// One producer drops a claim (a hole) and pushes a pair at once; one pushes, if there is one; one
/// drains in runs.
inline void mpmc_hole_body(Explorer& world, std::size_t capacity, Sequence start,
                           bool second_producer = true) {
  using T = Element<16>;
  auto ring = MpmcRing<T, ModelMemory>::create({.capacity = capacity, .start = start}).value();
  MpmcCheck check(world);
  std::size_t pairs = 0;
  bool single = false;
  const auto first = [&] {
    auto producer = ring.producer().value();
    { const auto dropped = producer.try_claim(std::uint64_t{107}); }
    world.operation();
    T pair[] = {T(100), T(101)};
    pairs = producer.try_push_batch(std::span<T>(pair));
  };
  const auto second = [&] {
    auto producer = ring.producer().value();
    if (auto claim = producer.try_claim(std::uint64_t{200})) {
      claim.commit();
      single = true;
    }
  };
  const auto drain = [&] {
    auto consumer = ring.consumer().value();
    std::array<std::uint64_t, 4> newest{};
    const auto take = [&](T& element) noexcept { check.received(element.number(), newest); };
    consumer.drain(take, 2);
  };
  if (second_producer) {
    world.threads(first, second, drain);
  } else {
    world.threads(first, drain);
  }
  for (std::size_t i = 0; i < pairs; ++i) check.sent(100 + i);
  if (single) check.sent(200);
  auto consumer = ring.consumer().value();
  std::array<std::uint64_t, 4> newest{};
  consumer.drain([&](T& element) noexcept { check.received(element.number(), newest); }, 9);
  check.finish();
  world.outcome(std::to_string(pairs) + std::to_string(single));
}

/// Sealing against sending and receiving: what a push accepted is received before drained() says
/// true, and after that nothing comes.
inline void mpmc_seal_body(Explorer& world, std::size_t capacity, Sequence start) {
  using T = Number;
  auto ring = MpmcRing<T, ModelMemory>::create({.capacity = capacity, .start = start}).value();
  MpmcCheck check(world);
  unsigned sent = 0;
  unsigned received = 0;
  bool drained = false;
  ModelMemory::Atomic<int> before{0};  // what the sealer did before the seal
  world.threads(
      [&] {
        auto producer = ring.producer().value();
        for (unsigned i = 0; i < 2; ++i) {
          world.operation();
          if (!producer.try_push(T(100 + sent))) continue;
          check.sent(100 + sent);
          ++sent;
        }
      },
      [&] {
        before.store(1, std::memory_order_relaxed);
        ring.seal();
        world.operation();
        auto producer = ring.producer().value();
        world.check(producer.sealed(), "the sealer sees its seal");
        world.check(!producer.try_push(T(107)), "no push after the seal");
      },
      [&] {
        auto consumer = ring.consumer().value();
        std::array<std::uint64_t, 4> newest{};
        for (unsigned i = 0; i < 2; ++i) {
          world.operation();
          drained = drained || consumer.drained();
          if (drained) world.check(before.load(std::memory_order_relaxed) == 1, "drained: seen");
          const auto element = consumer.try_pop();
          if (!element) continue;
          world.check(!drained, "nothing comes after drained()");
          check.received(element->number(), newest);
          ++received;
        }
        if (consumer.sealed()) {
          world.check(before.load(std::memory_order_relaxed) == 1, "sealed: seen");
        }
      });
  world.outcome(std::to_string(sent) + std::to_string(received) + std::to_string(drained));
  if (drained) world.check(sent == received, "drained() says that everything was taken");
  auto consumer = ring.consumer().value();
  std::array<std::uint64_t, 4> newest{};
  while (const auto element = consumer.try_pop()) check.received(element->number(), newest);
  check.finish();
  world.check(ring.drained(), "drained at the end");
}

/// Of that, the least: one element and the seal by one thread, two looks by the other.
template <template <class, class> class Ring>
void small_seal_body(Explorer& world, Sequence start) {
  using T = Number;
  auto ring = Ring<T, ModelMemory>::create({.capacity = 1, .start = start}).value();
  MpmcCheck check(world);
  ModelMemory::Atomic<int> before{0};  // what the sealer did before the seal
  unsigned received = 0;
  bool drained = false;
  world.threads(
      [&] {
        auto producer = ring.producer().value();
        world.check(producer.try_push(T(100)), "there is room");
        check.sent(100);
        before.store(1, std::memory_order_relaxed);
        ring.seal();
      },
      [&] {
        auto consumer = ring.consumer().value();
        std::array<std::uint64_t, 4> newest{};
        drained = consumer.drained();
        if (drained) world.check(before.load(std::memory_order_relaxed) == 1, "drained: seen");
        if (const auto element = consumer.try_pop()) {
          check.received(element->number(), newest);
          ++received;
        }
        world.check(!drained || received == 0, "nothing comes after drained()");
      });
  world.outcome(std::to_string(received) + std::to_string(drained));
  auto consumer = ring.consumer().value();
  std::array<std::uint64_t, 4> newest{};
  while (const auto element = consumer.try_pop()) check.received(element->number(), newest);
  check.finish();
  world.check(ring.drained(), "drained at the end");
}

inline Models mpmc_models() {
  Models models;
  const auto add = [&](const MpmcShape& shape, const Options& options, bool tiny, bool quick,
                       bool large = false) {
    models.push_back(
        {"MPMC " + std::to_string(shape.producers) + "P" + std::to_string(shape.consumers) +
             "C x " + std::to_string(shape.operations) + ", capacity " +
             std::to_string(shape.capacity) + (shape.start == 0 ? " from 0" : " from 2^64-2") +
             (shape.prefill == 0 ? "" : ", " + std::to_string(shape.prefill) + " full"),
         options,
         [shape](Explorer& world) {
           MpmcProgram<Element<16>> program(world, shape);
           program.run();
         },
         tiny, quick, large});
  };
  constexpr Sequence kWrap = ~Sequence{1};  // 2^64 - 2
  const Options complete;
  for (const Sequence start : {Sequence{0}, kWrap}) {
    for (const std::size_t capacity : {1U, 2U}) {
      add({1, 1, 2, capacity, start}, complete, true, true);
      add({2, 1, 1, capacity, start}, complete, false, true);
      add({1, 2, 1, capacity, start}, complete, true, true);
      add({2, 2, 1, capacity, start}, complete, false, false);
    }
  }
  for (const std::size_t capacity : {1U, 2U}) {
    add({2, 1, 2, capacity, 0}, without_repetition(), false, false);
    add({1, 2, 2, capacity, 0}, without_repetition(), false, false);
    for (const Sequence start : {Sequence{0}, kWrap}) {
      add({2, 2, 2, capacity, start}, without_repetition(), false, false, true);
    }
  }
  add({2, 1, 1, 3, kWrap}, complete, false, true);
  add({2, 1, 1, 3, kWrap, true, 2}, complete, false, true);
  add({2, 1, 1, 3, kWrap, true, 3}, complete, false, true);
  add({2, 1, 1, 2, kWrap, true, 2}, complete, false, true);
  add({1, 2, 1, 3, kWrap, true, 3}, complete, false, true);
  for (const char* script : {"--++", "-+-+"}) {
    for (const PushBy by : {PushBy::kMove, PushBy::kBatch, PushBy::kCopy}) {
      models.push_back(
          {std::string("MPMC never full, ") +
               (script[1] == '-' ? "pop pop push push" : "pop push pop push") + " against a " +
               (by == PushBy::kMove    ? "push"
                : by == PushBy::kBatch ? "batch"
                                       : "copy"),
           complete, [=](Explorer& world) { mpmc_never_full_body(world, script, by, kWrap); },
           false, true});
    }
  }
  for (const Sequence start : {Sequence{0}, kWrap}) {
    const std::string from = start == 0 ? " from 0" : " from 2^64-2";
    for (const std::size_t capacity : {1U, 2U}) {
      const std::string of = " capacity " + std::to_string(capacity) + from;
      models.push_back({"MPMC holes, batch, drain 2P1C," + of, complete,
                        [=](Explorer& world) { mpmc_hole_body(world, capacity, start); }, false,
                        start == 0});
      models.push_back({"MPMC seal against push and pop," + of, complete,
                        [=](Explorer& world) { mpmc_seal_body(world, capacity, start); }, false,
                        start == 0});
    }
  }
  return models;
}

}  // namespace ringway::model
