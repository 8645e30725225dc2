// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// BroadcastRing and LossyBroadcastRing under the explorer: one producer, readers that stay, come
/// and go.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "models/model.hpp"
#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"

namespace ringway::model {

/// What a model's producer does: `count` elements numbered from the first.
template <class Producer>
unsigned push_some(Explorer& world, Producer& producer, std::uint64_t first, unsigned count) {
  unsigned sent = 0;
  for (unsigned i = 0; i < count; ++i) {
    world.operation();
    if (producer.try_emplace(first + sent)) ++sent;
  }
  return sent;
}

/// `tries` reads; checks that the numbers follow each other from `next` on.
template <class Cursor>
void read_some(Explorer& world, Cursor& cursor, std::uint64_t& next, unsigned tries) {
  for (unsigned i = 0; i < tries; ++i) {
    world.operation();
    if (const auto element = cursor.try_read()) {
      world.check(element->number() == next, "a reliable reader misses nothing");
      ++next;
    }
  }
}

/// One producer, two reliable readers, `operations` tries each.
template <class T>
void broadcast_body(Explorer& world, std::size_t capacity, Sequence start, unsigned operations) {
  auto ring = BroadcastRing<T, ModelMemory>::create(
                  {.capacity = capacity, .max_cursors = 2, .start = start})
                  .value();
  {
    auto producer = ring.producer().value();
    auto one = ring.cursor().value();
    auto two = ring.cursor().value();
    std::uint64_t next_one = 1;
    std::uint64_t next_two = 1;
    unsigned sent = 0;
    world.threads([&] { sent = push_some(world, producer, 1, operations); },
                  [&] { read_some(world, one, next_one, operations); },
                  [&] { read_some(world, two, next_two, operations); });
    world.check(sent <= operations && next_one - 1 <= sent && next_two - 1 <= sent, "no invention");
    world.outcome(std::to_string(sent) + std::to_string(next_one) + std::to_string(next_two));
    read_some(world, one, next_one, sent);
    read_some(world, two, next_two, sent);
    world.check(next_one == sent + 1 && next_two == sent + 1, "nothing is lost");
  }
}

/// A number that fills a line, so that a batch goes line by line. Trivially copyable: readers hand
/// its line back by one of its bytes.
struct LineNumber : Number {
  using Number::Number;
  char rest[48]{};
};

/// One producer, one reliable reader, `operations` tries each, in lines that the reader hands back.
template <class T>
void broadcast_one_body(Explorer& world, std::size_t capacity, Sequence start,
                        unsigned operations) {
  auto ring = BroadcastRing<T, ModelMemory>::create(
                  {.capacity = capacity, .max_cursors = 1, .start = start})
                  .value();
  {
    auto producer = ring.producer().value();
    auto cursor = ring.cursor().value();
    std::uint64_t next = 1;
    unsigned sent = 0;
    world.threads([&] { sent = push_some(world, producer, 1, operations); },
                  [&] { read_some(world, cursor, next, operations); });
    world.check(sent <= operations && next - 1 <= sent, "no invention");
    world.outcome(std::to_string(sent) + std::to_string(next));
    read_some(world, cursor, next, sent);
    world.check(next == sent + 1, "nothing is lost");
  }
}

/// A reader joins while the producer publishes: it sees a gapless piece of the stream that begins
/// no later than the first element published after the joining.
template <template <class, class> class Ring, class T>
void join_body(Explorer& world, std::size_t capacity, unsigned before, unsigned during,
               Sequence start) {
  auto ring = Ring<T, ModelMemory>::create({.capacity = capacity, .max_cursors = 1, .start = start})
                  .value();
  {
    auto producer = ring.producer().value();
    unsigned sent = push_some(world, producer, 0, before);
    ModelMemory::Atomic<std::uint32_t> joined{0};
    std::uint64_t promised = ~std::uint64_t{0};  // what is published from here on must be seen
    std::uint64_t first = 0;
    std::uint64_t seen = 0;
    world.threads(
        [&] {
          for (unsigned i = 0; i < during; ++i) {
            world.operation();
            const bool after = joined.load(std::memory_order_acquire) != 0;
            if (!producer.try_emplace(std::uint64_t{sent})) continue;
            if (after && promised == ~std::uint64_t{0}) promised = sent;
            ++sent;
          }
        },
        [&] {
          auto cursor = ring.cursor().value();
          joined.store(1, std::memory_order_release);
          first = cursor.sequence() - start;
          seen = first;
          read_some(world, cursor, seen, 2);
        });
    world.check(first <= promised, "what is published after the joining is seen");
    world.check(first <= sent && seen <= sent, "no invention");
    world.outcome(std::to_string(sent) + std::to_string(first) + std::to_string(seen));
  }
}

/// The least of joining and leaving, for the search without reduction: a reader joins, or leaves,
/// while one element is published.
inline void come_or_go_body(Explorer& world, bool comes, Sequence start) {
  using T = Element<56>;
  auto ring =
      BroadcastRing<T, ModelMemory>::create({.capacity = 1, .max_cursors = 1, .start = start})
          .value();
  {
    auto producer = ring.producer().value();
    std::optional<typename BroadcastRing<T, ModelMemory>::Cursor> cursor;
    if (!comes) cursor.emplace(ring.cursor().value());
    unsigned sent = comes ? 0 : push_some(world, producer, 0, 1);
    std::uint64_t first = 0;
    world.threads([&] { sent += push_some(world, producer, sent, 1); },
                  [&] {
                    if (comes) {
                      cursor.emplace(ring.cursor().value());
                      first = cursor->sequence() - start;
                    } else {
                      cursor.reset();
                    }
                  });
    world.check(sent >= 1 && first <= sent, "no invention");
    world.outcome(std::to_string(sent) + std::to_string(first));
    if (comes) read_some(world, *cursor, first, 1);
    world.check(!comes || first == sent, "what was published after the joining is there");
  }
}

/// A reader reads and leaves, another one takes its gate, the producer goes on.
template <class T>
void leave_body(Explorer& world, std::size_t capacity, unsigned pushes, Sequence start) {
  auto ring = BroadcastRing<T, ModelMemory>::create(
                  {.capacity = capacity, .max_cursors = 1, .start = start})
                  .value();
  {
    auto producer = ring.producer().value();
    std::optional cursor{ring.cursor().value()};
    unsigned sent = 0;
    std::uint64_t next = 0;
    bool second = false;
    world.threads([&] { sent = push_some(world, producer, 0, pushes); },
                  [&] {
                    read_some(world, *cursor, next, 1);
                    cursor.reset();
                  },
                  [&] {
                    if (auto other = ring.cursor()) {
                      second = true;
                      std::uint64_t from = other->sequence() - start;
                      read_some(world, *other, from, 1);
                    }
                  });
    world.outcome(std::to_string(sent) + std::to_string(next) + std::to_string(second));
    world.check(producer.try_emplace(std::uint64_t{sent}), "nobody holds the producer back");
  }
}

/// A reader joins at elements that are there already while the producer publishes: it sees a
/// gapless piece of the stream, from at most the capacity before the joining on.
template <template <class, class> class Ring, class T>
void join_behind_body(Explorer& world, std::size_t capacity, unsigned before, unsigned during,
                      Start begin, bool retain, Sequence start, unsigned tries = 2) {
  auto ring = Ring<T, ModelMemory>::create(
                  {.capacity = capacity, .max_cursors = 1, .start = start, .retain = retain})
                  .value();
  {
    auto producer = ring.producer().value();
    unsigned sent = push_some(world, producer, 0, before);
    std::uint64_t first = 0;
    std::uint64_t seen = 0;
    world.threads(
        [&] {
          for (unsigned i = 0; i < during; ++i) {
            world.operation();
            if (producer.try_emplace(std::uint64_t{sent})) ++sent;
          }
        },
        [&] {
          auto cursor = ring.cursor(begin).value();
          first = seen = cursor.sequence() - start;
          read_some(world, cursor, seen, tries);
        });
    world.check(first <= sent && seen <= sent, "no invention");
    world.check(first + capacity >= before, "not older than the capacity");
    if (retain) {
      const auto wanted = begin == Start::kOldest && capacity < before ? capacity : 1U;
      world.check(first + wanted <= sent && seen > first, "what is retained is there");
    }
    world.outcome(std::to_string(sent) + std::to_string(first) + std::to_string(seen));
  }
}

/// Batches of whole lines to a reader that drains, which joins meanwhile if it is asked to, at what
/// is there: it sees a gapless piece of the stream.
inline void broadcast_batch_body(Explorer& world, bool joins, unsigned batches, Sequence start) {
  using Ring = BroadcastRing<LineNumber, ModelMemory>;
  constexpr std::size_t kCapacity = 2;
  auto ring =
      Ring::create({.capacity = kCapacity, .max_cursors = 1, .start = start, .retain = joins})
          .value();
  {
    auto producer = ring.producer().value();
    std::optional<typename Ring::Cursor> cursor;
    if (!joins) cursor.emplace(ring.cursor().value());
    std::uint64_t sent = 0;
    const auto send_two = [&] {
      const LineNumber two[] = {LineNumber(sent), LineNumber(sent + 1)};
      sent += producer.try_push_batch(std::span(two));
    };
    send_two();
    const auto there = sent;
    std::uint64_t first = 0;
    std::uint64_t next = 0;
    const auto take = [&](const LineNumber& element) noexcept {
      world.check(element.value == next, "a reliable reader misses nothing");
      ++next;
    };
    world.threads(
        [&] {
          for (unsigned i = 0; i < batches; ++i) {
            world.operation();
            send_two();
          }
        },
        [&] {
          if (joins) {
            cursor.emplace(ring.cursor(Start::kOldest).value());
            first = next = cursor->sequence() - start;
          }
          world.operation();
          cursor->drain(take, 2);
          world.operation();
          cursor->drain(take, 2);
        });
    world.check(first <= sent && next <= sent && first + kCapacity >= there, "no invention");
    world.outcome(std::to_string(sent) + std::to_string(first) + std::to_string(next));
    cursor->drain(take, 9);
    world.check(next == sent, "nothing is lost");
  }
}

/// Two words that belong together: a torn copy does not add up.
struct Pair {
  explicit Pair(std::uint64_t number) noexcept : value(number), mirror(~number) {}
  [[nodiscard]] std::uint64_t number() const noexcept { return value; }
  [[nodiscard]] bool whole() const noexcept { return mirror == ~value; }
  std::uint64_t value;
  std::uint64_t mirror;
};

/// The producer is about to enter the lap that overwrites what the lossy readers read: element i is
/// number i; what is read is whole, later than what was read before, and with lost() adds up.
inline void lossy_body(Explorer& world, std::size_t capacity, unsigned readers, unsigned writes,
                       unsigned reads, Sequence start) {
  using Ring = LossyBroadcastRing<Pair, ModelMemory>;
  auto ring = Ring::create({.capacity = capacity, .max_cursors = 2, .start = start}).value();
  {
    auto producer = ring.producer().value();
    auto one = ring.lossy_cursor().value();
    auto two = ring.lossy_cursor().value();
    constexpr unsigned kSlots = 6;
    unsigned sent = push_some(world, producer, 0, kSlots);
    std::uint64_t read_one = 0;
    std::uint64_t read_two = 0;
    const auto read = [&](Ring::LossyCursor& cursor, std::uint64_t& count) {
      std::uint64_t next = 0;
      for (unsigned i = 0; i < reads; ++i) {
        world.operation();
        const auto element = cursor.try_read();
        if (!element) continue;
        world.check(element->whole(), "no torn copy");
        world.check(element->number() >= next, "in order");
        ++count;
        next = element->number() + 1;
        world.check(cursor.lost() + count == next, "what was lost is counted");
        world.check(cursor.sequence() - start == next, "the position is the element's");
      }
    };
    const auto write = [&] { sent += push_some(world, producer, kSlots, writes); };
    if (readers == 1) {
      world.threads(write, [&] { read(one, read_one); });
    } else {
      world.threads(
          write, [&] { read(one, read_one); }, [&] { read(two, read_two); });
    }
    world.check(sent == kSlots + writes, "lossy readers never hold the producer back");
    world.outcome(std::to_string(read_one) + "+" + std::to_string(one.lost()) + "/" +
                  std::to_string(read_two) + "+" + std::to_string(two.lost()));
  }
}

/// A lossy and a reliable reader in one ring.
inline void mixed_body(Explorer& world, Sequence start, unsigned writes = 3) {
  using Ring = LossyBroadcastRing<Pair, ModelMemory>;
  auto ring = Ring::create({.capacity = 1, .max_cursors = 2, .start = start}).value();
  {
    auto producer = ring.producer().value();
    auto reliable = ring.cursor().value();
    auto lossy = ring.lossy_cursor().value();
    unsigned sent = 0;
    std::uint64_t next = 0;
    world.threads([&] { sent = push_some(world, producer, 0, writes); },
                  [&] { read_some(world, reliable, next, (writes + 1) / 2); },
                  [&] {
                    if (const auto element = lossy.try_read()) {
                      world.check(element->whole(), "no torn copy");
                      world.check(element->number() == lossy.lost(), "what was lost is counted");
                    }
                  });
    world.outcome(std::to_string(sent) + std::to_string(next) + std::to_string(lossy.lost()));
  }
}

/// A reader that found nothing asks to be signalled, looks again and sleeps; the producer wakes
/// whom take_signals() names. Nobody sleeps while there is something to read.
template <template <class, class> class Ring, class T>
void signal_body(Explorer& world, unsigned messages, Sequence start) {
  auto ring = Ring<T, ModelMemory>::create({.capacity = messages, .max_cursors = 1, .start = start})
                  .value();
  auto producer = ring.producer().value();
  auto cursor = ring.cursor().value();
  ModelMemory::Atomic<std::uint32_t> bell{0};
  unsigned sleeps = 0;
  world.threads(
      [&] {
        for (unsigned i = 0; i < messages; ++i) {
          world.operation();
          world.check(producer.try_emplace(std::uint64_t{i}), "there is room");
          if ((producer.take_signals() >> cursor.gate() & 1U) == 0) continue;
          bell.fetch_add(1, std::memory_order_release);
          ModelMemory::futex_wake(bell, 1);
        }
      },
      [&] {
        for (unsigned got = 0; got < messages;) {
          world.operation();
          const std::uint32_t rung = bell.load(std::memory_order_acquire);
          if (const auto element = cursor.try_read()) {
            world.check(element->number() == got, "in order");
            ++got;
            continue;
          }
          const bool fenced = cursor.ask_for_signal();
          world.check(fenced, "the fence is granted, or not needed");
          if (cursor.has_news()) {
            cursor.withdraw();
          } else {
            sleeps += ModelMemory::futex_wait(bell, rung, -1) ? 1 : 0;
          }
        }
      });
  world.outcome(std::to_string(sleeps));
}

inline Models broadcast_models() {
  Models models;
  constexpr Sequence kWrap = ~Sequence{1};  // 2^64 - 2
  const auto add = [&](const std::string& name, const Options& options, Explorer::Body body,
                       bool tiny, bool quick) {
    models.push_back({name, options, std::move(body), tiny, quick});
  };
  for (const Sequence start : {Sequence{0}, kWrap}) {
    const std::string from = start == 0 ? " from 0" : " from 2^64-2";
    for (const std::size_t capacity : {1U, 2U}) {
      const std::string of = " capacity " + std::to_string(capacity) + from;
      add(
          "broadcast 1P2C x 3," + of, {},
          [=](Explorer& world) { broadcast_body<Element<56>>(world, capacity, start, 3); }, false,
          false);
      add(
          "broadcast 1P2C x 1," + of, {},
          [=](Explorer& world) { broadcast_body<Element<56>>(world, capacity, start, 1); }, true,
          true);
      add(
          "broadcast 1P2C x 2, lines handed back by a byte," + of, {},
          [=](Explorer& world) { broadcast_body<LineNumber>(world, capacity, start, 2); }, false,
          true);
      for (const unsigned operations : {2U, 4U}) {
        add(
            "broadcast 1P1C x " + std::to_string(operations) + ", lines handed back by a byte," +
                of,
            {},
            [=](Explorer& world) {
              broadcast_one_body<LineNumber>(world, capacity, start, operations);
            },
            operations == 2, true);
      }
    }
    add(
        "broadcast, join while publishing 1, capacity 1" + from, {},
        [=](Explorer& world) { come_or_go_body(world, true, start); }, start == 0, true);
    add(
        "broadcast, leave while publishing 1, capacity 1" + from, {},
        [=](Explorer& world) { come_or_go_body(world, false, start); }, start == 0, true);
    for (const unsigned batches : {1U, 2U}) {
      add(
          "broadcast, batch of 2 lines x " + std::to_string(batches) + ", drained" + from, {},
          [=](Explorer& world) { broadcast_batch_body(world, false, batches, start); },
          batches == 1 && start == 0, true);
    }
    for (const bool refused : {false, true}) {
      Options options;
      options.heavy_refused = refused;
      const std::string how = from + (refused ? ", heavy fence refused" : "");
      add(
          "broadcast, signal or sleep, 1 message" + how, options,
          [=](Explorer& world) { signal_body<BroadcastRing, Element<56>>(world, 1, start); },
          start == 0, true);
      add(
          "broadcast, signal or sleep, 2 messages" + how, options,
          [=](Explorer& world) { signal_body<BroadcastRing, Element<56>>(world, 2, start); }, false,
          true);
      add(
          "lossy ring, reliable reader, signal or sleep, 2 messages" + how, options,
          [=](Explorer& world) { signal_body<LossyBroadcastRing, Pair>(world, 2, start); }, false,
          true);
      add(
          "broadcast, join while publishing 3, capacity 1" + how, options,
          [=](Explorer& world) { join_body<BroadcastRing, Element<56>>(world, 1, 1, 3, start); },
          false, true);
      add(
          "broadcast, join while publishing 3, capacity 2" + how, options,
          [=](Explorer& world) { join_body<BroadcastRing, Element<56>>(world, 2, 2, 3, start); },
          false, false);
      add(
          "broadcast, join at the last value while publishing 2, capacity 1" + how, options,
          [=](Explorer& world) {
            join_behind_body<BroadcastRing, Element<56>>(world, 1, 1, 2, Start::kLastValue, true,
                                                         start);
          },
          false, true);
      add(
          "broadcast, join at the oldest while publishing 2, capacity 2" + how, options,
          [=](Explorer& world) {
            join_behind_body<BroadcastRing, Element<56>>(world, 2, 3, 2, Start::kOldest, false,
                                                         start);
          },
          false, false);
      add(
          "broadcast, join at the oldest while a batch of 2 lines is published" + how, options,
          [=](Explorer& world) { broadcast_batch_body(world, true, 1, start); }, false, true);
      for (const std::size_t capacity : {1U, 2U}) {
        add(
            "broadcast, leave and join while publishing 2, capacity " + std::to_string(capacity) +
                how,
            options, [=](Explorer& world) { leave_body<Element<56>>(world, capacity, 2, start); },
            false, capacity == 1);
      }
    }
    add(
        "lossy 1W x 1, 1 reader x 1, lapping" + from, {},
        [=](Explorer& world) { lossy_body(world, 1, 1, 1, 1, start); }, start == 0, true);
    for (const std::size_t capacity : {1U, 2U, 3U}) {
      const std::string of = ", capacity " + std::to_string(capacity) + from;
      add(
          "lossy 1W x 2, 1 reader x 2, lapping" + of, {},
          [=](Explorer& world) { lossy_body(world, capacity, 1, 2, 2, start); }, false, true);
      models.push_back({"lossy 1W x 2, 2 readers x 1, lapping" + of,
                        {},
                        [=](Explorer& world) { lossy_body(world, capacity, 2, 2, 1, start); },
                        false,
                        false,
                        capacity != 1 || start != 0});
    }
    add(
        "lossy and reliable reader, 1W x 3" + from, {},
        [=](Explorer& world) { mixed_body(world, start); }, false, true);
  }
  return models;
}

}  // namespace ringway::model
