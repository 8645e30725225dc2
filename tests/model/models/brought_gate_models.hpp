// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Readers of a broadcast ring that bring their gates along, under the explorer.

#include <cstdint>
#include <optional>
#include <string>

#include "models/broadcast_models.hpp"

namespace ringway::model {

/// A word that a reader brings along, as far ahead as the writer may find it before it is set.
struct BroughtWord {
  explicit BroughtWord(Sequence start) noexcept {
    own.position.store(start + 100, std::memory_order_relaxed);
  }
  template <class Ring>
  [[nodiscard]] auto cursor(Ring& ring) {
    const auto gate = ring.reserve_cursor();
    return gate ? std::optional{ring.adopt_cursor(*gate, own,
                                                  reinterpret_cast<std::uintptr_t>(&own.position))}
                : std::nullopt;
  }
  OwnGate<ModelMemory> own;
};

/// A reader that brings its gate along joins, reads and leaves while the producer publishes;
/// another one does the same after it, in the same gate of the ring's.
template <class T>
void brought_body(Explorer& world, std::size_t capacity, unsigned during, unsigned readers,
                  Sequence start) {
  BroughtWord first_word(start);
  BroughtWord second_word(start);
  auto ring = BroadcastRing<T, ModelMemory>::create(
                  {.capacity = capacity, .max_cursors = 1, .start = start})
                  .value();
  {
    auto producer = ring.producer(GateFinder<ModelMemory>::by_address()).value();
    unsigned sent = push_some(world, producer, 0, 1);
    std::uint64_t seen = 0;
    std::uint64_t last = 0;
    world.threads([&] { sent += push_some(world, producer, 1, during); },
                  [&] {
                    {
                      auto cursor = first_word.cursor(ring);
                      seen = cursor->sequence() - start;
                      read_some(world, *cursor, seen, 2);
                    }
                    if (readers == 1) return;
                    auto cursor = second_word.cursor(ring);
                    last = cursor->sequence() - start;
                    world.check(last >= seen, "the ring's head does not go back");
                    read_some(world, *cursor, last, 1);
                  });
    world.check(seen <= sent && last <= sent, "no invention");
    world.outcome(std::to_string(sent) + std::to_string(seen) + std::to_string(last));
    world.check(producer.try_emplace(std::uint64_t{sent}), "nobody holds the producer back");
  }
}

/// Of that, the least: a reader that brings its gate along joins while one element is published.
inline void brought_come_body(Explorer& world, Sequence start) {
  using Ring = BroadcastRing<Element<56>, ModelMemory>;
  BroughtWord word(start);
  auto ring = Ring::create({.capacity = 1, .max_cursors = 1, .start = start}).value();
  {
    auto producer = ring.producer(GateFinder<ModelMemory>::by_address()).value();
    std::optional<typename Ring::Cursor> cursor;
    unsigned sent = 0;
    std::uint64_t first = 0;
    world.threads([&] { sent = push_some(world, producer, 0, 1); },
                  [&] {
                    cursor.emplace(*word.cursor(ring));
                    first = cursor->sequence() - start;
                  });
    world.check(sent == 1 && first <= sent, "no invention");
    world.outcome(std::to_string(first));
    read_some(world, *cursor, first, 1);
    world.check(first == sent, "what was published after the joining is there");
  }
}

inline Models brought_gate_models() {
  Models models;
  for (const Sequence start : {Sequence{0}, ~Sequence{1}}) {
    for (const bool refused : {false, true}) {
      Options options;
      options.heavy_refused = refused;
      const std::string how = std::string(start == 0 ? " from 0" : " from 2^64-2") +
                              (refused ? ", heavy fence refused" : "");
      models.push_back(
          model_of("broadcast, gate brought along while publishing 2" + how, options, Size::kQuick,
                   [=](Explorer& world) { brought_body<Element<56>>(world, 1, 2, 1, start); }));
      models.push_back(model_of(
          "broadcast, two gates brought along while publishing 2" + how, options, Size::kLarge,
          [=](Explorer& world) { brought_body<Element<56>>(world, 1, 2, 2, start); }));
    }
  }
  return models;
}

}  // namespace ringway::model
