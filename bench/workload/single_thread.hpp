// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What needs one thread only: the cost of a push and its pop without contention, and the memory
/// that a slot takes.

#include <malloc.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "driver/clock.hpp"
#include "driver/row.hpp"
#include "driver/statistics.hpp"
#include "workload/message.hpp"

namespace ringway::bench {

/// Nanoseconds for one push and one pop. \return the median over chunks of 1000 pairs.
template <class Adapter, class T>
[[nodiscard, gnu::flatten]] Measurement measure_pairs(std::size_t capacity, std::uint64_t count) {
  constexpr std::uint64_t kChunk = 1000;
  const auto queue = std::make_unique<Adapter>(capacity);
  typename Adapter::Producer producer(*queue);
  typename Adapter::Consumer consumer(*queue);
  WholeStreamChecker checker;
  std::vector<double> chunk_ns;
  Measurement measurement;
  for (std::uint64_t i = 0; i < count || i == 0;) {
    const std::uint64_t begin = ticks();
    for (const std::uint64_t end = i + kChunk; i < end; ++i) {
      static_cast<void>(producer.try_push(make_message<T>(make_tag(0, i))));
      static_cast<void>(
          consumer.try_pop([&](const T& message) noexcept { checker.take(message); }));
    }
    const double ns = static_cast<double>(ticks() - begin) / ticks_per_ns();
    chunk_ns.push_back(ns / kChunk);
    measurement.seconds += ns * 1e-9;
  }
  measurement.value = median_of(chunk_ns);
  measurement.violation = checker.violation();
  if (checker.count() != chunk_ns.size() * kChunk) measurement.violation = "messages were lost";
  return measurement;
}

/// Bytes taken from the allocator by now.
[[nodiscard]] inline std::size_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Bytes for each slot of a queue that is full: what it took from the allocator, divided by how
/// much it holds then.
template <class Adapter, class T>
[[nodiscard]] Measurement measure_bytes_per_slot(std::size_t capacity) {
  const std::size_t before = allocated_bytes();
  const auto queue = std::make_unique<Adapter>(capacity);
  std::size_t held = 0;
  {
    typename Adapter::Producer producer(*queue);
    while (held < capacity && producer.try_push(make_message<T>(make_tag(0, held)))) ++held;
  }
  Measurement measurement;
  if (held == 0) {
    measurement.violation = "nothing could be pushed";
    return measurement;
  }
  measurement.value = static_cast<double>(allocated_bytes() - before) / static_cast<double>(held);
  return measurement;
}

/// A subject that runs `measure(count)` alone on the first processor.
template <class Adapter, class Measure>
[[nodiscard]] Subject alone_subject(Measure measure) {
  return {.name = Adapter::kInfo.name,
          .kind = Adapter::kInfo.kind,
          .run = [measure](Stage& stage, std::uint64_t count) {
            Measurement measurement;
            stage.run(1, [&](std::size_t) { measurement = measure(count); });
            return measurement;
          }};
}

}  // namespace ringway::bench
