// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Nanoseconds for a message to one thread and an answer back, over two queues, one at a time.
///
/// The figure of a sample is the median over chunks of 100 rounds, timed as a whole; single round
/// trips, which cost a clock reading each, are timed in a part of their own and give the
/// percentiles.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "driver/clock.hpp"
#include "driver/row.hpp"
#include "driver/statistics.hpp"
#include "workload/adapter.hpp"
#include "workload/message.hpp"

namespace ringway::bench {

template <class Adapter, class T, class Waiting>
class RoundTripRun {
  static constexpr std::uint64_t kChunk = 100;

 public:
  RoundTripRun(std::size_t capacity, std::uint64_t count)
      : chunks_(std::max<std::uint64_t>(count / kChunk, 4)),
        singles_(std::max<std::uint64_t>(count / 4, 100)),
        there_(capacity),
        back_(capacity) {}

  [[nodiscard]] Measurement run(Stage& stage) {
    stage.run(2, [this](std::size_t worker) { worker == 0 ? ask() : answer(); });
    Measurement measurement;
    measurement.value = median_of(chunk_ns_);
    measurement.seconds = static_cast<double>(chunks_ * kChunk) * measurement.value * 1e-9;
    measurement.latencies = std::move(latencies_);
    measurement.violation = there_checker_.violation() + back_checker_.violation();
    return measurement;
  }

 private:
  [[gnu::flatten]] void ask() {
    typename Adapter::Producer producer(there_);
    typename Adapter::Consumer consumer(back_);
    const double rate = ticks_per_ns();
    start_.arrive_and_wait();
    std::uint64_t i = 0;
    for (; i < kChunk; ++i) round(producer, consumer, i);  // warm up
    for (std::uint64_t chunk = 0; chunk < chunks_; ++chunk) {
      const std::uint64_t begin = ticks();
      for (const std::uint64_t end = i + kChunk; i < end; ++i) round(producer, consumer, i);
      chunk_ns_.push_back(static_cast<double>(ticks() - begin) / rate / kChunk);
    }
    std::uint64_t begin = ticks();
    for (const std::uint64_t end = i + singles_; i < end; ++i) {
      round(producer, consumer, i);
      const std::uint64_t now = ticks();
      latencies_.record(static_cast<std::uint64_t>(static_cast<double>(now - begin) / rate));
      begin = now;
    }
    start_.arrive_and_wait();
  }

  [[gnu::flatten]] void answer() {
    typename Adapter::Producer producer(back_);
    typename Adapter::Consumer consumer(there_);
    WholeStreamChecker checker;
    start_.arrive_and_wait();
    const std::uint64_t rounds = kChunk + chunks_ * kChunk + singles_;
    for (std::uint64_t i = 0; i < rounds; ++i) {
      take(consumer, checker);
      send(producer, i);
    }
    there_checker_ = checker;
    start_.arrive_and_wait();
  }

  void round(typename Adapter::Producer& producer, typename Adapter::Consumer& consumer,
             std::uint64_t i) {
    send(producer, i);
    take(consumer, back_checker_);
  }

  static void send(typename Adapter::Producer& producer, std::uint64_t i) {
    const T message = make_message<T>(make_tag(0, i));
    Waiting waiting;
    while (!producer.try_push(message)) waiting.step();
  }

  static void take(typename Adapter::Consumer& consumer, WholeStreamChecker& checker) {
    Waiting waiting;
    while (!consumer.try_pop([&](const T& message) noexcept { checker.take(message); })) {
      waiting.step();
    }
  }

  const std::uint64_t chunks_;
  const std::uint64_t singles_;
  Adapter there_;
  Adapter back_;
  StartLine start_{2};
  std::vector<double> chunk_ns_;
  Histogram latencies_;
  WholeStreamChecker there_checker_;
  WholeStreamChecker back_checker_;
};

template <class Adapter, class T, class Waiting>
[[nodiscard]] Subject round_trip_subject(std::size_t capacity, std::string suffix = "") {
  return {.name = Adapter::kInfo.name + std::move(suffix),
          .kind = Adapter::kInfo.kind,
          .run = [capacity](Stage& stage, std::uint64_t count) {
            return std::make_unique<RoundTripRun<Adapter, T, Waiting>>(capacity, count)->run(stage);
          }};
}

}  // namespace ringway::bench
