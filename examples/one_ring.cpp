// SPDX-License-Identifier: Apache-2.0
/// \file
/// One ring alone: a thread measures, another adds up. The only header is the ring's, the standard
/// library the only thing it needs.

#include "ringway/ring/spsc_ring.hpp"

#include <cstdint>
#include <cstdio>
#include <thread>

struct Sample {
  std::uint32_t number;
  double value;
};

int main() {
  constexpr std::uint32_t kSamples = 1'000'000;

  // [one_ring]
  auto ring = ringway::SpscRing<Sample>::create({.capacity = 1000}).value();
  auto producer = ring.producer().value();  // the only one; the ring outlives its handles
  auto consumer = ring.consumer().value();

  std::thread sensor([&producer] {
    for (std::uint32_t i = 0; i < kSamples; ++i) {
      while (!producer.try_push({.number = i, .value = 0.5})) std::this_thread::yield();  // full
    }
  });

  double sum = 0;
  std::uint32_t received = 0;
  while (received < kSamples) {
    const std::size_t taken = consumer.drain([&sum](const Sample& sample) { sum += sample.value; },
                                             64);  // at most so many, in place
    if (taken == 0) std::this_thread::yield();
    received += static_cast<std::uint32_t>(taken);
  }
  // [/one_ring]

  sensor.join();
  std::printf("%u samples, sum %.1f, capacity %zu\n", received, sum, ring.capacity());
  return sum == kSamples / 2 && !consumer.try_pop() ? 0 : 1;
}
