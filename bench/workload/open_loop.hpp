// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Open-loop latency: every message has an intended time on a fixed schedule, and its latency
/// counts from there to its arrival, so that a sender that was held up is not flattered (no
/// coordinated omission).

#include <cstdint>
#include <memory>
#include <string>

#include "driver/clock.hpp"
#include "driver/row.hpp"
#include "workload/adapter.hpp"
#include "workload/message.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {

/// 64 bytes: which message it is, and when it should have been sent.
struct TimedMessage {
  std::uint64_t position;
  std::uint64_t intended;
  std::uint64_t padding[6];
};

template <class Adapter>
[[nodiscard]] Measurement measure_open_loop(Stage& stage, std::size_t capacity,
                                            double million_per_second, std::uint64_t count) {
  const auto queue = std::make_unique<Adapter>(capacity);
  const double ticks_apart = ticks_per_ns() * 1e3 / million_per_second;
  Histogram latencies;
  StartLine start(2);
  Measurement measurement;
  stage.run(2, [&](std::size_t worker) {
    if (worker == 0) {
      typename Adapter::Producer producer(*queue);
      start.arrive_and_wait();
      const std::uint64_t begin = ticks() + static_cast<std::uint64_t>(20'000 * ticks_per_ns());
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto intended =
            begin + static_cast<std::uint64_t>(static_cast<double>(i) * ticks_apart);
        while (ticks() < intended) {
        }
        const TimedMessage message{.position = i, .intended = intended, .padding = {}};
        Spin waiting;
        while (!producer.try_push(message)) waiting.step();
      }
      start.arrive_and_wait();
      return;
    }
    typename Adapter::Consumer consumer(*queue);
    const double rate = ticks_per_ns();
    std::uint64_t next = 0;
    std::uint64_t wrong = 0;
    const auto handler = [&](const TimedMessage& message) noexcept {
      const std::uint64_t now = ticks();
      const std::uint64_t late = now > message.intended ? now - message.intended : 0;
      latencies.record(static_cast<std::uint64_t>(static_cast<double>(late) / rate));
      wrong |= message.position ^ next;
      ++next;
    };
    start.arrive_and_wait();
    const std::int64_t begin_ns = now_ns();
    while (next < count) static_cast<void>(consumer.try_pop(handler));
    measurement.seconds = static_cast<double>(now_ns() - begin_ns) * 1e-9;
    if (wrong != 0) measurement.violation = "a message arrived out of order";
    start.arrive_and_wait();
  });
  measurement.extras["offered million/s"] = million_per_second;
  measurement.value = static_cast<double>(latencies.percentile(50));
  measurement.latencies = std::move(latencies);
  return measurement;
}

template <class Adapter>
[[nodiscard]] Subject open_loop_subject(std::size_t capacity, double million_per_second) {
  return {.name = Adapter::kInfo.name,
          .kind = Adapter::kInfo.kind,
          .run = [=](Stage& stage, std::uint64_t count) {
            return measure_open_loop<Adapter>(stage, capacity, million_per_second, count);
          }};
}

}  // namespace ringway::bench
