// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ByteRing and BroadcastByteRing under the explorer: frames of several sizes, paddings included.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "models/model.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/byte_ring.hpp"

namespace ringway::model {

/// Message `number` has 8 bytes, or every fourth none. In a block of 40 bytes (capacity 24, largest
/// message 8) message 2 is the first that has a padding before it; other laps need none.
[[nodiscard]] constexpr std::size_t size_of_frame(std::uint64_t number) noexcept {
  return number % 4 == 3 ? 0 : 8;
}
inline constexpr std::size_t kFrameCapacity = 24;
inline constexpr std::size_t kFrameMost = 8;

/// Sends message `number`, in place. \return false if there was no room
template <class Producer>
[[nodiscard]] bool send_frame(Producer& producer, std::uint64_t number) {
  auto claim = producer.try_claim(size_of_frame(number));
  if (!claim) return false;
  if (!claim.bytes().empty()) std::memcpy(claim.bytes().data(), &number, sizeof number);
  claim.commit();
  return true;
}

/// Checks that `bytes` is message `number`.
inline void check_frame(Explorer& world, std::uint64_t number, std::span<const std::byte> bytes) {
  world.check(bytes.size() == size_of_frame(number), "the next message, of its size");
  std::uint64_t there = number;
  if (!bytes.empty()) std::memcpy(&there, bytes.data(), sizeof there);
  world.check(there == number, "the next message, whole");
}

/// `tries` times at most one message, which must be `next`.
template <class Reader>
void read_frames(Explorer& world, Reader& reader, std::uint64_t& next, unsigned tries) {
  for (unsigned i = 0; i < tries; ++i) {
    world.operation();
    reader.drain([&](std::span<const std::byte> bytes) { check_frame(world, next++, bytes); }, 1);
    world.check(!reader.corrupt(), "nothing but frames");
  }
}

template <class Producer>
void send_frames(Explorer& world, Producer& producer, std::uint64_t& next, unsigned tries) {
  for (unsigned i = 0; i < tries; ++i) {
    world.operation();
    if (send_frame(producer, next)) ++next;
  }
}

/// `operations` tries on each side, after `before` messages that were sent and read.
inline void byte_body(Explorer& world, unsigned before, unsigned operations, Sequence start) {
  auto ring = BasicByteRing<ModelMemory>::create(
                  {.capacity = kFrameCapacity, .max_frame = kFrameMost, .start = start})
                  .value();
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  {
    auto producer = ring.producer().value();
    auto consumer = ring.consumer().value();
    for (unsigned i = 0; i < before; ++i) {
      send_frames(world, producer, sent, 1);
      read_frames(world, consumer, received, 1);
    }
    world.threads([&] { send_frames(world, producer, sent, operations); },
                  [&] { read_frames(world, consumer, received, operations); });
    world.outcome(std::to_string(sent) + "/" + std::to_string(received));
    read_frames(world, consumer, received, static_cast<unsigned>(sent - received));
    world.check(received == sent, "nothing is lost");
    world.check(!consumer.has_news(), "nothing is invented");
    world.check(sent < 3 || producer.sequence() - start >= 16 + 16 + 8 + 16, "there is a padding");
  }
}

/// Claims that are dropped, or committed shorter than they were; copies; drains of several.
inline void byte_claims_body(Explorer& world, Sequence start) {
  auto ring =
      BasicByteRing<ModelMemory>::create({.capacity = 40, .max_frame = 16, .start = start}).value();
  std::uint64_t received = 0;
  unsigned sent = 0;
  {
    auto producer = ring.producer().value();
    auto consumer = ring.consumer().value();
    const auto see = [&](std::span<const std::byte> bytes) noexcept {
      world.check(bytes.size() == 8 * received, "in order, each of its size");
      ++received;
    };
    world.threads(
        [&] {
          if (auto claim = producer.try_claim(16)) {
            claim.commit(0);
            ++sent;
          }
          world.operation();
          { auto dropped = producer.try_claim(16); }
          const std::array<std::byte, 16> bytes{};
          sent += producer.try_push(std::span(bytes).first(8)) ? 1 : 0;
          world.operation();
          { auto dropped = producer.try_claim(8); }
          sent += producer.try_push(bytes) ? 1 : 0;
        },
        [&] {
          consumer.drain(see, 1);
          world.operation();
          if (consumer.has_news()) {
            world.check(consumer.next_size() == 8 * received, "the size of the next one");
          }
          consumer.drain(see, 9);
        });
    world.outcome(std::to_string(sent) + "/" + std::to_string(received));
    consumer.drain(see, 9);
    world.check(received == sent && sent == 3, "nothing is lost");
  }
}

/// Of that, the least: a claim that is dropped, one that is committed shorter, and two looks.
inline void byte_small_claims_body(Explorer& world, Sequence start) {
  auto ring =
      BasicByteRing<ModelMemory>::create({.capacity = 40, .max_frame = 16, .start = start}).value();
  unsigned received = 0;
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  const auto see = [&](std::span<const std::byte> bytes) noexcept {
    world.check(bytes.size() == 8, "of its size");
    ++received;
  };
  world.threads(
      [&] {
        { auto dropped = producer.try_claim(16); }
        auto claim = producer.try_claim(16);
        world.check(static_cast<bool>(claim), "there is room");
        claim.commit(8);
      },
      [&] {
        if (consumer.has_news()) world.check(consumer.next_size() == 8, "the size of the next one");
        consumer.drain(see, 2);
      });
  world.outcome(std::to_string(received));
  consumer.drain(see, 2);
  world.check(received == 1, "nothing is lost");
}

/// Both roles pass from thread to thread; what the last holder did happens before.
inline void byte_hand_over_body(Explorer& world, Sequence start) {
  auto ring = BasicByteRing<ModelMemory>::create(
                  {.capacity = kFrameCapacity, .max_frame = kFrameMost, .start = start})
                  .value();
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  unsigned holders = 0;
  const auto work = [&] {
    if (auto producer = ring.producer()) {
      ++holders;
      if (send_frame(*producer, sent)) ++sent;
      auto dropped = producer->try_claim(8);  // the next holder writes there too
    }
    world.operation();
    if (auto consumer = ring.consumer()) read_frames(world, *consumer, received, 1);
  };
  world.threads(work, work);
  world.outcome(std::to_string(holders) + std::to_string(sent) + std::to_string(received));
}

using ByteBroadcast = BasicBroadcastByteRing<ModelMemory>;

/// One producer, two reliable readers, `operations` tries each.
inline void byte_broadcast_body(Explorer& world, unsigned before, unsigned operations,
                                Sequence start) {
  auto ring =
      ByteBroadcast::create(
          {.capacity = kFrameCapacity, .max_frame = kFrameMost, .max_cursors = 2, .start = start})
          .value();
  {
    auto producer = ring.producer().value();
    std::uint64_t sent = 0;
    send_frames(world, producer, sent, before);
    auto one = ring.cursor().value();
    auto two = ring.cursor().value();
    std::uint64_t next_one = sent;
    std::uint64_t next_two = sent;
    world.threads([&] { send_frames(world, producer, sent, operations); },
                  [&] { read_frames(world, one, next_one, operations); },
                  [&] { read_frames(world, two, next_two, operations); });
    world.outcome(std::to_string(sent) + std::to_string(next_one) + std::to_string(next_two));
    read_frames(world, one, next_one, operations);
    read_frames(world, two, next_two, operations);
    world.check(next_one == sent && next_two == sent, "nothing is lost");
  }
}

/// A reader joins while the producer publishes: it sees a gapless piece of the stream that begins
/// no later than the first message published after the joining.
inline void byte_join_body(Explorer& world, unsigned before, unsigned during, Sequence start,
                           unsigned tries = 2) {
  auto ring =
      ByteBroadcast::create(
          {.capacity = kFrameCapacity, .max_frame = kFrameMost, .max_cursors = 1, .start = start})
          .value();
  {
    auto producer = ring.producer().value();
    std::uint64_t sent = 0;
    std::array<Sequence, 16> begins{};  // position of each message
    const auto send = [&] {
      begins[sent] = producer.sequence();
      if (send_frame(producer, sent)) ++sent;
    };
    for (unsigned i = 0; i < before; ++i) send();
    ModelMemory::Atomic<std::uint32_t> joined{0};
    std::uint64_t promised = ~std::uint64_t{0};  // what is published from here on must be seen
    std::uint64_t seen = 0;
    Sequence first = 0;
    world.threads(
        [&] {
          for (unsigned i = 0; i < during; ++i) {
            world.operation();
            const bool after = joined.load(std::memory_order_acquire) != 0;
            const std::uint64_t number = sent;
            send();
            if (after && sent != number && promised == ~std::uint64_t{0}) promised = number;
          }
        },
        [&] {
          auto cursor = ring.cursor().value();
          joined.store(1, std::memory_order_release);
          first = cursor.sequence();
          bool any = false;
          for (unsigned i = 0; i < tries; ++i) {
            world.operation();
            cursor.drain(
                [&](std::span<const std::byte> bytes) {
                  std::uint64_t number = any ? seen : 0;
                  if (!any) {  // where it begins tells the message
                    while (number < 15 && begins[number] != first) ++number;
                    any = true;
                  }
                  check_frame(world, number, bytes);
                  seen = number + 1;
                },
                1);
            world.check(!cursor.corrupt(), "nothing but frames");
          }
        });
    // A message that was refused may have been noted where a later one began.
    begins[sent] = producer.sequence();
    std::uint64_t began = 0;
    while (began < sent && begins[began] != first) ++began;
    world.check(begins[began] == first, "a reader begins where a message does");
    world.check(began <= promised, "what is published after the joining is seen");
    world.check(seen <= sent, "no invention");
    world.outcome(std::to_string(sent) + std::to_string(began) + std::to_string(seen));
  }
}

/// A reader reads and leaves, another one takes its gate, the producer goes on.
inline void byte_leave_body(Explorer& world, unsigned pushes, Sequence start) {
  auto ring = ByteBroadcast::create(
                  {.capacity = 16, .max_frame = kFrameMost, .max_cursors = 1, .start = start})
                  .value();
  {
    auto producer = ring.producer().value();
    std::optional cursor{ring.cursor().value()};
    std::uint64_t sent = 0;
    std::uint64_t next = 0;
    bool second = false;
    world.threads([&] { send_frames(world, producer, sent, pushes); },
                  [&] {
                    read_frames(world, *cursor, next, 1);
                    cursor.reset();
                  },
                  [&] {
                    if (auto other = ring.cursor()) {
                      second = true;
                      other->drain([](std::span<const std::byte>) {}, 1);
                      world.check(!other->corrupt(), "nothing but frames");
                    }
                  });
    world.outcome(std::to_string(sent) + std::to_string(next) + std::to_string(second));
    world.check(send_frame(producer, sent), "nobody holds the producer back");
  }
}

/// A reader that found nothing asks to be signalled, looks again and sleeps; the producer wakes
/// whom take_signals() names.
inline void byte_signal_body(Explorer& world, unsigned messages, Sequence start) {
  auto ring = ByteBroadcast::create({.capacity = 16 * std::size_t{messages},
                                     .max_frame = kFrameMost,
                                     .max_cursors = 1,
                                     .start = start})
                  .value();
  auto producer = ring.producer().value();
  auto cursor = ring.cursor().value();
  ModelMemory::Atomic<std::uint32_t> bell{0};
  unsigned sleeps = 0;
  world.threads(
      [&] {
        for (unsigned i = 0; i < messages; ++i) {
          world.operation();
          world.check(send_frame(producer, i), "there is room");
          if ((producer.take_signals() >> cursor.gate() & 1U) == 0) continue;
          bell.fetch_add(1, std::memory_order_release);
          ModelMemory::futex_wake(bell, 1);
        }
      },
      [&] {
        for (std::uint64_t got = 0; got < messages;) {
          world.operation();
          const std::uint32_t rung = bell.load(std::memory_order_acquire);
          if (cursor.has_news()) {
            cursor.drain([&](std::span<const std::byte> bytes) { check_frame(world, got, bytes); },
                         1);
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

inline Models byte_ring_models() {
  Models models;
  constexpr Sequence kWrap = ~Sequence{0} - 31;  // two frames before 2^64
  const auto add = [&](const std::string& name, const Options& options, Explorer::Body body,
                       bool tiny, bool quick) {
    models.push_back({name, options, std::move(body), tiny, quick});
  };
  for (const Sequence start : {Sequence{0}, kWrap}) {
    const std::string from = start == 0 ? " from 0" : " from 2^64-32";
    for (const unsigned before : {0U, 2U}) {  // two messages: the next one needs a padding
      const std::string where = (before == 0 ? "" : ", at a padding") + from;
      add(
          "bytes 1P1C x 8" + where, {},
          [=](Explorer& world) { byte_body(world, before, 8, start); }, false, false);
      add(
          "bytes 1P1C x 2" + where, {},
          [=](Explorer& world) { byte_body(world, before, 2, start); }, true, true);
      add(
          "bytes, broadcast 1P2C x 4" + where, {},
          [=](Explorer& world) { byte_broadcast_body(world, before, 4, start); }, false, false);
      add(
          "bytes, broadcast 1P2C x 1" + where, {},
          [=](Explorer& world) { byte_broadcast_body(world, before, 1, start); }, true, true);
    }
    add(
        "bytes, claims and drain" + from, {},
        [=](Explorer& world) { byte_claims_body(world, start); }, false, true);
    add(
        "bytes, roles handed over" + from, {},
        [=](Explorer& world) { byte_hand_over_body(world, start); }, false, true);
    for (const bool refused : {false, true}) {
      Options options;
      options.heavy_refused = refused;
      const std::string how = from + (refused ? ", heavy fence refused" : "");
      add(
          "bytes, join while publishing 3" + how, options,
          [=](Explorer& world) { byte_join_body(world, 2, 3, start); }, false, true);
      add(
          "bytes, leave and join while publishing 2" + how, options,
          [=](Explorer& world) { byte_leave_body(world, 2, start); }, false, true);
      add(
          "bytes, signal or sleep, 2 messages" + how, options,
          [=](Explorer& world) { byte_signal_body(world, 2, start); }, false, true);
    }
  }
  return models;
}

}  // namespace ringway::model
