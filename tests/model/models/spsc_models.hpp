// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// SpscRing under the explorer: one thread sends, one receives.

#include <cstdint>
#include <string>

#include "models/history.hpp"
#include "models/model.hpp"
#include "ringway/ring/spsc_ring.hpp"

namespace ringway::model {

/// `operations` tries on each side. Checked: the received are the sent, in order, and the history
/// is that of a queue; what is left at the end is the rest. "Full" and "empty" are each true at one
/// moment, but not both in one order: the sides look at each other as in store buffering, without a
/// fence.
template <class T>
void spsc_body(Explorer& world, std::size_t capacity, Sequence start, unsigned operations) {
  auto ring = SpscRing<T, ModelMemory>::create({.capacity = capacity, .start = start}).value();
  History history(world);
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  {
    auto producer = ring.producer().value();
    auto consumer = ring.consumer().value();
    world.threads(
        [&] {
          for (unsigned i = 0; i < operations; ++i) {
            std::uint64_t value = sent + 1;
            if (history.record(true, value, [&](auto& v) { return producer.try_push(T(v)); })) {
              ++sent;
            }
          }
        },
        [&] {
          for (unsigned i = 0; i < operations; ++i) {
            std::uint64_t value = 0;
            history.record(false, value, [&](auto& v) {
              auto element = consumer.try_pop();
              if (!element) return false;
              v = element->number();
              world.check(v == ++received, "received in the order of sending");
              return true;
            });
          }
        });
    history.check_linearizable(capacity, true, false);
    history.check_linearizable(capacity, false, true);
    history.show_outcome();
    while (auto element = consumer.try_pop()) {
      world.check(element->number() == ++received, "the rest is in order");
    }
    world.check(received == sent, "nothing is lost");
  }
}

/// Batches, in-place claims that are dropped or committed, and drain().
/// \param once one of each: small enough for a search without reduction
template <class T>
void spsc_batch_body(Explorer& world, std::size_t capacity, Sequence start, bool once = false) {
  auto ring = SpscRing<T, ModelMemory>::create({.capacity = capacity, .start = start}).value();
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  {
    auto producer = ring.producer().value();
    auto consumer = ring.consumer().value();
    const auto take = [&](T& element) noexcept {
      world.check(element.number() == ++received, "received in the order of sending");
    };
    world.threads(
        [&] {
          T pair[] = {T(1), T(2)};
          sent += producer.try_push_batch(std::span<T>(pair));
          world.operation();
          { const auto dropped = producer.try_claim(99U); }
          if (auto claim = producer.try_claim(sent + 1)) {
            claim.commit();
            ++sent;
          }
          if (once) return;
          world.operation();
          T next[] = {T(sent + 1), T(sent + 2)};
          sent += producer.try_push_batch(std::span<T>(next));
        },
        [&] {
          consumer.drain(take, 1);
          world.operation();
          consumer.drain(take, 9);
          if (once) return;
          world.operation();
          consumer.drain(take, 9);
        });
    world.outcome(std::to_string(sent) + "/" + std::to_string(received));
    consumer.drain(take, 99);
    world.check(received == sent, "nothing is lost");
  }
}

/// Both roles pass from thread to thread; what the last holder did happens before.
inline void spsc_hand_over_body(Explorer& world, std::size_t capacity, Sequence start) {
  using T = Element<56>;
  auto ring = SpscRing<T, ModelMemory>::create({.capacity = capacity, .start = start}).value();
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  unsigned holders = 0;
  const auto work = [&] {
    if (auto producer = ring.producer()) {
      ++holders;
      if (producer->try_push(T(sent + 1))) ++sent;
      const auto dropped = producer->try_claim(99U);  // the next holder writes there too
    }
    world.operation();
    if (auto consumer = ring.consumer()) {
      if (const auto element = consumer->try_pop()) {
        world.check(element->number() == ++received, "in order");
      }
    }
  };
  world.threads(work, work);
  world.outcome(std::to_string(holders) + std::to_string(sent) + std::to_string(received));
}

/// A full ring, large enough that the producer looks a second time where it is nearly full: what it
/// finds then is as good as what it found first.
inline void spsc_nearly_full_body(Explorer& world, Sequence start) {
  using T = Element<56>;
  constexpr std::size_t kCapacity = 16;
  auto ring = SpscRing<T, ModelMemory>::create({.capacity = kCapacity, .start = start}).value();
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  {
    auto producer = ring.producer().value();
    auto consumer = ring.consumer().value();
    while (producer.try_push(T(sent + 1))) ++sent;
    world.check(sent == kCapacity, "full");
    world.threads(
        [&] {
          for (int i = 0; i < 2; ++i) {
            world.operation();
            if (producer.try_push(T(sent + 1))) ++sent;
          }
        },
        [&] {
          for (int i = 0; i < 2; ++i) {
            world.operation();
            const auto element = consumer.try_pop();
            world.check(element && element->number() == ++received, "in order");
          }
        });
    world.outcome(std::to_string(sent));
    while (const auto element = consumer.try_pop()) {
      world.check(element->number() == ++received, "the rest is in order");
    }
    world.check(received == sent, "nothing is lost");
  }
}

/// A full ring whose consumer takes enough to tell of it; the producer goes by that, or by what it
/// asks for: either way it writes only where nobody reads any more. In batches, so that whole lines
/// are written and read at once too.
inline void spsc_told_body(Explorer& world, Sequence start) {
  using T = Element<56>;
  constexpr std::size_t kCapacity = 8;  // the consumer tells after 4, of which it has taken 2
  auto ring = SpscRing<T, ModelMemory>::create({.capacity = kCapacity, .start = start}).value();
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  {
    auto producer = ring.producer().value();
    auto consumer = ring.consumer().value();
    const auto take = [&](T& element) noexcept {
      world.check(element.number() == ++received, "received in the order of sending");
    };
    while (producer.try_push(T(sent + 1))) ++sent;
    consumer.drain(take, 2);
    while (producer.try_push(T(sent + 1))) ++sent;
    world.check(sent == kCapacity + 2, "full");
    world.threads(
        [&] {
          if (producer.try_push(T(sent + 1))) ++sent;
          T next[] = {T(sent + 1)};
          sent += producer.try_push_batch(std::span<T>(next));
        },
        [&] { consumer.drain(take, 3); });
    world.outcome(std::to_string(sent));
    consumer.drain(take, 99);
    world.check(received == sent, "nothing is lost");
  }
}

inline Models spsc_models() {
  Models models;
  constexpr Sequence kWrap = ~Sequence{1};  // 2^64 - 2
  for (const Sequence start : {Sequence{0}, kWrap}) {
    const std::string from = start == 0 ? " from 0" : " from 2^64-2";
    for (const std::size_t capacity : {1U, 2U}) {
      const std::string of = " capacity " + std::to_string(capacity) + from;
      models.push_back({"SPSC 5 x 5, shared line," + of, {}, [=](Explorer& world) {
                          spsc_body<Number>(world, capacity, start, 5);
                        }});
      models.push_back({"SPSC 5 x 5, a line each," + of, {}, [=](Explorer& world) {
                          spsc_body<Element<56>>(world, capacity, start, 5);
                        }});
      models.push_back({"SPSC 2 x 2, a line each," + of,
                        {},
                        [=](Explorer& world) { spsc_body<Element<56>>(world, capacity, start, 2); },
                        true,
                        true});
      models.push_back({"SPSC roles handed over," + of,
                        {},
                        [=](Explorer& world) { spsc_hand_over_body(world, capacity, start); },
                        start == 0,
                        true});
      models.push_back(
          {"SPSC batches, claims, drain," + of,
           {},
           [=](Explorer& world) { spsc_batch_body<Element<56>>(world, capacity, start); },
           false,
           true});
    }
    Options pausing;
    pausing.relax_waits = false;
    models.push_back({"SPSC 2 x 2, nearly full, capacity 16" + from, pausing,
                      [=](Explorer& world) { spsc_nearly_full_body(world, start); }, true, true});
    models.push_back({"SPSC told of room, capacity 8" + from, pausing,
                      [=](Explorer& world) { spsc_told_body(world, start); }, true, true});
  }
  return models;
}

}  // namespace ringway::model
