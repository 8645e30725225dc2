// SPDX-License-Identifier: Apache-2.0
/// \file
/// Rings of bytes under real threads: whole messages, exactly once, in order.
///
/// Each run is bounded by a number of messages and by time, whichever comes first; what is checked
/// does not depend on how far it got. RINGWAY_SEED repeats a run's choices (not its interleaving).

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "tests/ring/byte_messages.hpp"

namespace ringway::test {
namespace {

constexpr std::uint64_t kMostMessages = 60'000;
constexpr auto kMostTime = std::chrono::milliseconds(300);

struct Shape {
  std::size_t capacity;
  std::size_t max_frame;
  Sequence start;
};
constexpr Shape kShapes[] = {{16, 8, 0},
                             {64, 24, (Sequence{1} << 35) - 640},
                             {512, 200, ~Sequence{0} - 4095},
                             {65'536, 9000, (Sequence{1} << 32) - 65'536}};

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

/// Sends messages until it has sent enough. \return how many
template <class Producer>
std::uint64_t send_all(Producer& producer, std::size_t max_frame, std::mt19937_64 random) {
  const auto end = std::chrono::steady_clock::now() + kMostTime;
  std::vector<std::byte> copy(max_frame);
  std::uint64_t sent = 0;
  while (sent < kMostMessages) {
    bool accepted = false;
    if (random() % 8 == 0) {
      auto abandoned = producer.try_claim(random() % (max_frame + 1));
      if (abandoned) std::memset(abandoned.bytes().data(), 0xFF, abandoned.bytes().size());
    }
    if (random() % 4 == 0) {
      const auto message = std::span(copy).first(size_of_message(sent, max_frame));
      write_message(sent, message);
      accepted = producer.try_push(message);
    } else {
      accepted = send_message(producer, sent, max_frame);
    }
    if (accepted) {
      ++sent;
    } else {
      std::this_thread::yield();
    }
    if (random() % 64 == 0 && std::chrono::steady_clock::now() > end) break;
  }
  return sent;
}

/// Reads in every way that a reader offers until `finished()` said true and nothing is left.
/// \return the number after the last message; 0 if one was wrong
template <class Reader, class Finished>
std::uint64_t receive_all(Reader& reader, std::uint64_t next, std::size_t max_frame,
                          std::mt19937_64 random, Finished&& finished) {
  bool right = true;
  std::vector<std::byte> copy(max_frame);
  const auto see = [&](std::span<const std::byte> bytes) {
    right = right && is_message(next, size_of_message(next, max_frame), bytes);
    ++next;
  };
  for (;;) {
    const bool last_look = finished();
    std::size_t count = 0;
    if (random() % 3 == 0) {
      if (const auto size = reader.try_read(copy)) {
        see(std::span(copy).first(*size));
        count = 1;
      }
    } else {
      count = reader.drain(see, 1 + random() % 7);
    }
    if (count == 0 && last_look) break;
    if (count == 0) std::this_thread::yield();
  }
  return right && !reader.corrupt() ? next : 0;
}

TEST(ByteRingStress, DeliversEachMessageWholeOnceInOrder) {
  std::mt19937_64 random(seed_of_this_run());
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(testing::Message() << shape.capacity << " bytes, start " << shape.start);
    ByteEnds<ByteKind> ends(
        {.capacity = shape.capacity, .max_frame = shape.max_frame, .start = shape.start});
    std::atomic<bool> done{false};
    std::uint64_t received = 0;
    std::thread consumer([&, own = std::mt19937_64(random())] {
      received = receive_all(ends.reader, 0, shape.max_frame, own, [&] { return done.load(); });
    });
    const std::uint64_t sent = send_all(ends.producer, shape.max_frame, std::mt19937_64(random()));
    done.store(true);
    consumer.join();
    EXPECT_EQ(received, sent);
    EXPECT_GT(sent, 0u);
  }
}

TEST(BroadcastByteRingStress, EveryReaderSeesEachMessageWholeOnceInOrder) {
  std::mt19937_64 random(seed_of_this_run());
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(testing::Message() << shape.capacity << " bytes, start " << shape.start);
    auto ring =
        BroadcastByteRing::create(
            {.capacity = shape.capacity, .max_frame = shape.max_frame, .start = shape.start})
            .value();
    auto producer = ring.producer().value();
    std::vector<BroadcastByteRing::Cursor> cursors;
    for (int i = 0; i < 2; ++i) cursors.push_back(ring.cursor().value());
    std::atomic<bool> done{false};
    std::vector<std::uint64_t> received(cursors.size());
    std::vector<std::thread> readers;
    for (std::size_t i = 0; i < cursors.size(); ++i) {
      readers.emplace_back([&, i, own = std::mt19937_64(random())] {
        received[i] = receive_all(cursors[i], 0, shape.max_frame, own, [&] { return done.load(); });
      });
    }
    const std::uint64_t sent = send_all(producer, shape.max_frame, std::mt19937_64(random()));
    done.store(true);
    for (std::thread& reader : readers) reader.join();
    for (const std::uint64_t count : received) EXPECT_EQ(count, sent);
    EXPECT_GT(sent, 0u);
  }
}

TEST(BroadcastByteRingStress, CursorThatJoinsARunningProducerIsLiveAndMissesNothing) {
  // Message n holds its number, so that a joiner can tell where it began.
  auto ring =
      BroadcastByteRing::create({.capacity = 512, .max_frame = 64, .start = ~Sequence{0} - 4095})
          .value();
  auto producer = ring.producer().value();
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> published{0};
  std::atomic<int> wrong{0};
  std::thread joiner([&] {
    std::vector<std::uint64_t> numbers;
    while (!done.load()) {
      auto cursor = ring.cursor().value();
      const std::uint64_t before = published.load();  // promised: whatever is published later
      numbers.clear();
      while (numbers.size() < 20 && !done.load()) {
        const auto count = cursor.drain(
            [&](std::span<const std::byte> bytes) {
              std::uint64_t number = 0;
              std::memcpy(&number, bytes.data(), 8);
              numbers.push_back(number);
              if (!is_message(number, bytes.size() - 8, bytes.subspan(8))) wrong = 1;
            },
            7);
        if (count == 0) std::this_thread::yield();
      }
      // published is stored behind the publication: one more may have been on its way.
      if (!numbers.empty() && numbers.front() > before + 1) wrong = 2;
      for (std::size_t i = 1; i < numbers.size(); ++i) {
        if (numbers[i] != numbers[0] + i) wrong = 3;
      }
      if (cursor.corrupt()) wrong = 4;
    }
  });
  const auto end = std::chrono::steady_clock::now() + kMostTime;
  for (std::uint64_t number = 0; number < 400'000;) {
    auto claim = producer.try_claim(8 + size_of_message(number, 56));
    if (claim) {
      std::memcpy(claim.bytes().data(), &number, 8);
      write_message(number, claim.bytes().subspan(8));
      claim.commit();
      published.store(++number);
    } else {
      std::this_thread::yield();
    }
    if (number % 64 == 0 && std::chrono::steady_clock::now() > end) break;
  }
  done.store(true);
  joiner.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace ringway::test
