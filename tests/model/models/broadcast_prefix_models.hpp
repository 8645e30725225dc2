// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// BroadcastPrefix under the explorer: readers that know only the beginning of the elements, in
/// rings of both kinds.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "models/broadcast_models.hpp"
#include "models/model.hpp"
#include "ringway/ring/broadcast_prefix.hpp"

namespace ringway::model {

/// What the ring carries; its readers know Pair, and where the number behind it lies.
struct LongerPair {
  explicit LongerPair(std::uint64_t number) noexcept
      : pair(number), appended(number), topic(static_cast<std::uint32_t>(number)) {}
  Pair pair;
  std::uint64_t appended;
  std::uint32_t topic;
};

using Prefix = BroadcastPrefix<Pair, ModelMemory>;

/// A ring in memory of the model's own, and a view of it that knows of Pair alone.
template <template <class, class> class RingType>
struct LongerRing {
  using Ring = RingType<LongerPair, ModelMemory>;
  static constexpr bool kLossy = requires(Ring & ring) { ring.lossy_cursor(); };
  static constexpr Prefix::Element kElement{sizeof(LongerPair), alignof(LongerPair),
                                            offsetof(LongerPair, topic)};
  struct alignas(Prefix::kMostAlign) Room {
    std::byte bytes[2048];
  };

  LongerRing(std::size_t capacity, std::size_t cursors, Sequence start)
      : ring(Ring::format(room->bytes,
                          {.capacity = capacity, .max_cursors = cursors, .start = start})
                 .value()),
        prefix(Prefix::join(room->bytes, kElement, kLossy).value()) {}

  std::unique_ptr<Room> room = std::make_unique_for_overwrite<Room>();
  Ring ring;
  Prefix prefix;
};

/// A cursor of BroadcastPrefix that reads as those of the rings do, and checks what it reads.
template <class Cursor>
struct OlderReader {
  [[nodiscard]] std::optional<Pair> try_read() {
    std::optional<Pair> read;
    cursor.drain(
        [&](const Pair& pair, std::uint32_t topic) {
          world.check(pair.whole() && topic == static_cast<std::uint32_t>(pair.number()),
                      "no torn copy");
          read.emplace(pair);
          return true;
        },
        1);
    return read;
  }

  Explorer& world;
  Cursor cursor;
};

/// One producer, an older reader, and one of today beside it if there are two.
template <template <class, class> class Ring>
void older_reader_body(Explorer& world, std::size_t capacity, unsigned readers, unsigned operations,
                       Sequence start) {
  LongerRing<Ring> longer(capacity, readers, start);
  auto producer = longer.ring.producer().value();
  OlderReader<Prefix::Cursor> older{
      world, longer.prefix.adopt_cursor(longer.prefix.reserve_cursor(Start::kNext).value())};
  unsigned sent = 0;
  std::uint64_t next = 0;
  std::uint64_t today_next = 0;
  const auto push = [&] { sent = push_some(world, producer, 0, operations); };
  const auto read = [&] { read_some(world, older, next, operations); };
  if (readers == 1) {
    world.threads(push, read);
  } else {
    auto today = longer.ring.cursor().value();
    world.threads(push, read, [&] {
      for (unsigned i = 0; i < operations; ++i) {
        world.operation();
        if (const auto element = today.try_read()) {
          world.check(element->pair.number() == today_next++, "a reliable reader misses nothing");
        }
      }
    });
  }
  world.check(next <= sent && today_next <= sent, "no invention");
  world.outcome(std::to_string(sent) + std::to_string(next) + std::to_string(today_next));
  read_some(world, older, next, sent);
  world.check(next == sent, "nothing is lost");
}

/// As join_body: an older reader joins while the producer publishes.
template <template <class, class> class Ring>
void older_join_body(Explorer& world, std::size_t capacity, unsigned before, unsigned during,
                     Start begin, Sequence start) {
  LongerRing<Ring> longer(capacity, 1, start);
  auto producer = longer.ring.producer().value();
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
        const auto gate = longer.prefix.reserve_cursor(begin).value();
        OlderReader<Prefix::Cursor> older{world, longer.prefix.adopt_cursor(gate)};
        joined.store(1, std::memory_order_release);
        first = seen = older.cursor.sequence() - start;
        read_some(world, older, seen, 2);
      });
  world.check(first <= promised, "what is published after the joining is seen");
  world.check(first <= sent && seen <= sent, "no invention");
  world.check(first + capacity >= before, "not older than the capacity");
  world.outcome(std::to_string(sent) + std::to_string(first) + std::to_string(seen));
}

/// Of that, the least: an older reader joins while one element is published.
inline void older_come_body(Explorer& world, Sequence start) {
  LongerRing<BroadcastRing> longer(1, 1, start);
  auto producer = longer.ring.producer().value();
  std::optional<OlderReader<Prefix::Cursor>> older;
  unsigned sent = 0;
  std::uint64_t first = 0;
  world.threads([&] { sent = push_some(world, producer, 0, 1); },
                [&] {
                  const auto gate = longer.prefix.reserve_cursor(Start::kNext).value();
                  older.emplace(world, longer.prefix.adopt_cursor(gate));
                  first = older->cursor.sequence() - start;
                });
  world.check(sent == 1 && first <= sent, "no invention");
  world.outcome(std::to_string(first));
  read_some(world, *older, first, 1);
  world.check(first == sent, "what was published after the joining is there");
}

/// As lossy_body: the producer is about to enter the lap that overwrites what the older reader, for
/// which it does not wait, reads.
inline void older_lossy_body(Explorer& world, std::size_t capacity, unsigned writes, unsigned reads,
                             Sequence start) {
  LongerRing<LossyBroadcastRing> longer(capacity, 1, start);
  auto producer = longer.ring.producer().value();
  OlderReader<Prefix::LossyCursor> older{
      world,
      longer.prefix.adopt_lossy_cursor(longer.prefix.reserve_lossy_cursor(Start::kNext).value())};
  const auto slots = static_cast<unsigned>(capacity) + 1;  // one element in a line, one line more
  unsigned sent = push_some(world, producer, 0, slots);
  std::uint64_t count = 0;
  world.threads([&] { sent += push_some(world, producer, slots, writes); },
                [&] {
                  std::uint64_t next = 0;
                  for (unsigned i = 0; i < reads; ++i) {
                    world.operation();
                    const auto element = older.try_read();
                    if (!element) continue;
                    world.check(element->number() >= next, "in order");
                    ++count;
                    next = element->number() + 1;
                    world.check(older.cursor.lost() + count == next, "what was lost is counted");
                    world.check(older.cursor.sequence() - start == next,
                                "the position is the element's");
                  }
                });
  world.check(sent == slots + writes, "lossy readers never hold the producer back");
  world.outcome(std::to_string(count) + "+" + std::to_string(older.cursor.lost()));
}

inline Models broadcast_prefix_models() {
  Models models;
  constexpr Sequence kWrap = ~Sequence{1};  // 2^64 - 2
  for (const Sequence start : {Sequence{0}, kWrap}) {
    const std::string from = start == 0 ? " from 0" : " from 2^64-2";
    const auto add = [&](const std::string& name, const Options& options, Size size,
                         Explorer::Body body, bool tiny = false) {
      const std::string how = options.heavy_refused ? ", heavy fence refused" : "";
      models.push_back(
          model_of("older reader, " + name + from + how, options, size, std::move(body), tiny));
    };
    for (const std::size_t capacity : {1U, 2U}) {
      const std::string of = ", capacity " + std::to_string(capacity);
      add(
          "1P1C x 1" + of, {}, Size::kQuick,
          [=](Explorer& world) { older_reader_body<BroadcastRing>(world, capacity, 1, 1, start); },
          start == 0);
      add("1P1C x 3" + of, {}, Size::kQuick,
          [=](Explorer& world) { older_reader_body<BroadcastRing>(world, capacity, 1, 3, start); });
      add("and one of today, 1P2C x 2" + of, {}, Size::kMiddle,
          [=](Explorer& world) { older_reader_body<BroadcastRing>(world, capacity, 2, 2, start); });
      add("lossy ring, 1P1C x 2" + of, {}, Size::kQuick, [=](Explorer& world) {
        older_reader_body<LossyBroadcastRing>(world, capacity, 1, 2, start);
      });
      add("lossy 1W x 2, 1 reader x 2, lapping" + of, {}, Size::kQuick,
          [=](Explorer& world) { older_lossy_body(world, capacity, 2, 2, start); });
    }
    add("lossy 1W x 3, 1 reader x 2, lapping, capacity 1", {}, Size::kLarge,
        [=](Explorer& world) { older_lossy_body(world, 1, 3, 2, start); });
    for (const bool refused : {false, true}) {
      Options options;
      options.heavy_refused = refused;
      add("joins while publishing 3, capacity 1", options, Size::kMiddle, [=](Explorer& world) {
        older_join_body<BroadcastRing>(world, 1, 1, 3, Start::kNext, start);
      });
      add("joins at the oldest while publishing 2, capacity 2", options, Size::kMiddle,
          [=](Explorer& world) {
            older_join_body<BroadcastRing>(world, 2, 3, 2, Start::kOldest, start);
          });
      add("lossy ring, joins while publishing 2, capacity 1", options, Size::kMiddle,
          [=](Explorer& world) {
            older_join_body<LossyBroadcastRing>(world, 1, 1, 2, Start::kNext, start);
          });
    }
  }
  return models;
}

}  // namespace ringway::model
