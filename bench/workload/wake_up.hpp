// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What waiting costs: from sending to the return of a receive that has waited for a millisecond,
/// and the processor time that the waiting took.

#include <time.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "driver/clock.hpp"
#include "driver/row.hpp"
#include "workload/message.hpp"

namespace ringway::bench {

/// Processor time of the calling thread.
[[nodiscard]] inline double thread_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// The figure is the median latency; "idle CPU %" is what the receiver used of its waiting time,
/// and "sleeps per message", where the subject tells it, how often it really slept.
template <class Adapter, class T>
[[nodiscard]] Measurement measure_wake_up(Stage& stage, std::uint64_t count) {
  Adapter queue(1024);
  Histogram latencies;
  WholeStreamChecker checker;
  std::atomic<std::uint64_t> sent_at{0};
  StartLine start(2);
  Measurement measurement;
  stage.run(2, [&](std::size_t worker) {
    if (worker == 0) {
      typename Adapter::Producer producer(queue);
      start.arrive_and_wait();
      for (std::uint64_t i = 0; i < count; ++i) {
        const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
        nanosleep(&pause, nullptr);
        sent_at.store(ticks(), std::memory_order_relaxed);
        while (!producer.try_push(make_message<T>(make_tag(0, i)))) {
        }
      }
      start.arrive_and_wait();
      return;
    }
    typename Adapter::Consumer consumer(queue);
    start.arrive_and_wait();
    const std::int64_t begin_ns = now_ns();
    const double cpu_begin_ns = thread_cpu_ns();
    for (std::uint64_t i = 0; i < count; ++i) {
      while (!consumer.try_pop([&](const T& message) { checker.take(message); })) {
      }
      const auto late = ticks() - sent_at.load(std::memory_order_relaxed);
      latencies.record(static_cast<std::uint64_t>(static_cast<double>(late) / ticks_per_ns()));
    }
    const double waited_ns = static_cast<double>(now_ns() - begin_ns);
    measurement.extras["idle CPU %"] = 100 * (thread_cpu_ns() - cpu_begin_ns) / waited_ns;
    if constexpr (requires { consumer.sleeps(); }) {
      measurement.extras["sleeps per message"] =
          static_cast<double>(consumer.sleeps()) / static_cast<double>(count);
    }
    measurement.seconds = waited_ns * 1e-9;
    start.arrive_and_wait();
  });
  measurement.value = static_cast<double>(latencies.percentile(50));
  measurement.latencies = std::move(latencies);
  measurement.violation = checker.violation();
  return measurement;
}

template <class Adapter, class T>
[[nodiscard]] Subject wake_up_subject() {
  return {
      .name = Adapter::kInfo.name, .kind = Adapter::kInfo.kind, .run = measure_wake_up<Adapter, T>};
}

}  // namespace ringway::bench
