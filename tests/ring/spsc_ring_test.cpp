// SPDX-License-Identifier: Apache-2.0
/// \file
/// The spsc ring by itself: the conformance suite, and what is its own.

#include "ringway/ring/spsc_ring.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>

#include "tests/ring/element_conformance.hpp"
#include "tests/ring/processor_kinds.hpp"
#include "tests/ring/ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(Spsc, RingConformance, SpscKind);
INSTANTIATE_TYPED_TEST_SUITE_P(Spsc, ElementConformance, SpscKind);

template <std::size_t kWords>
struct Numbered {
  std::array<std::uint64_t, kWords> words;
};

/// One by one and in batches, both ways at random lengths, round a ring that is full and empty in
/// turn. \return how many arrived in their places
template <class T, class Memory>
std::uint64_t stream(std::size_t capacity, std::uint64_t count) {
  auto ring = SpscRing<T, Memory>::create({.capacity = capacity, .start = ~Sequence{200}}).value();
  std::uint64_t right = 0;
  std::thread sender([&, producer = ring.producer().value()]() mutable {
    std::array<T, 40> batch;
    for (std::uint64_t next = 0; next < count;) {
      const auto most = next % 3 == 0 ? 1 : std::uint64_t{1} + next % 40;
      const auto size = static_cast<std::size_t>(most < count - next ? most : count - next);
      for (std::size_t i = 0; i < size; ++i) batch[i].words.fill(next + i);
      std::span<const T> rest(batch.data(), size);
      while (!rest.empty()) {
        const auto sent = producer.try_push_batch(rest);
        if (sent == 0) std::this_thread::yield();
        rest = rest.subspan(sent);
      }
      next += size;
    }
  });
  auto consumer = ring.consumer().value();
  std::uint64_t taken = 0;
  const auto check = [&](const T& element) noexcept {
    bool whole = true;
    for (const auto word : element.words) whole = whole && word == taken;
    right += whole ? 1 : 0;
    ++taken;
  };
  while (taken < count) {
    const auto before = taken;
    if (taken % 5 == 0) {
      if (const auto element = consumer.try_pop()) check(*element);
    } else {
      consumer.drain(check, 1 + taken % 50);
    }
    if (taken == before) std::this_thread::yield();
  }
  sender.join();
  return right;
}

template <class Memory>
void stream_all_sizes() {
  for (const std::size_t capacity : {7U, 8U, 9U, 64U, 1000U}) {
    EXPECT_EQ((stream<Numbered<1>, Memory>(capacity, 5'000)), 5'000U) << capacity;
    EXPECT_EQ((stream<Numbered<8>, Memory>(capacity, 5'000)), 5'000U) << capacity;
    EXPECT_EQ((stream<Numbered<80>, Memory>(capacity, 2'000)), 2'000U) << capacity;
  }
}

TEST(SpscStream, ArrivesWholeWhereLinesAreAskedForAhead) {
  stream_all_sizes<AskedAhead>();
}
TEST(SpscStream, ArrivesWholeWhereTheProcessorStreamsAlone) {
  stream_all_sizes<StreamsAlone>();
}

// The consumer tells of many elements at once, and yet each one that it takes makes room.
TEST(SpscStream, EachElementThatIsTakenMakesRoomAtOnce) {
  auto ring = SpscRing<int>::create({.capacity = 64}).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(producer.try_push(i));
  for (int i = 64; i < 1000; ++i) {
    ASSERT_FALSE(producer.try_push(i));
    ASSERT_EQ(consumer.try_pop(), i - 64);
    ASSERT_TRUE(producer.try_push(i));
  }
}

}  // namespace ringway::test
