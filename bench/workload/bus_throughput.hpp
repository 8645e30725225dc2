// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Million messages published per second through a bus, until the last subscriber has handled the
/// last one; and request round trips.

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/bus_adapter.hpp"
#include "driver/clock.hpp"
#include "driver/row.hpp"
#include "workload/message.hpp"

namespace ringway::bench {

/// One subscriber: checks every message, and tells when it has seen as many as wanted.
class BusReader {
 public:
  void await_count(std::uint64_t count) noexcept {
    while (told() < count) sched_yield();
  }
  /// The last count that was wanted and seen.
  [[nodiscard]] std::uint64_t told() const noexcept {
    return told_.load(std::memory_order_acquire);
  }
  /// \pre nothing is on its way
  void want(std::uint64_t count) noexcept { wanted_ = count; }

  template <class T>
  void take(const T& message) noexcept {
    checker_.take(message);
    if (checker_.count() == wanted_) {
      end_ns_ = now_ns();
      told_.store(wanted_, std::memory_order_release);
    }
  }
  /// \pre await_count() has returned for the last message
  [[nodiscard]] std::int64_t end_ns() const noexcept { return end_ns_; }
  [[nodiscard]] const WholeStreamChecker& checker() const noexcept { return checker_; }

 private:
  WholeStreamChecker checker_;
  std::uint64_t wanted_ = 0;
  std::int64_t end_ns_ = 0;
  alignas(128) std::atomic<std::uint64_t> told_{0};
};

template <template <class, class> class Bus, class T>
[[nodiscard]] Measurement measure_bus(Stage& stage, std::size_t subscribers, std::uint64_t count) {
  const std::uint64_t warm_up = std::max<std::uint64_t>(count / 10, 1);
  std::vector<BusReader> readers(subscribers);
  for (BusReader& reader : readers) reader.want(warm_up);
  Measurement measurement;
  Bus<T, BusReader> bus(stage, std::span<BusReader>(readers));
  std::int64_t begin_ns = 0;
  stage.run(1, [&](std::size_t) {
    const auto publish = [&](std::uint64_t begin, std::uint64_t end) {
      for (std::uint64_t i = begin; i < end; ++i) bus.publish(make_message<T>(make_tag(0, i)));
      for (BusReader& reader : readers) reader.await_count(end);
    };
    publish(0, warm_up);
    for (BusReader& reader : readers) reader.want(warm_up + count);
    begin_ns = now_ns();
    publish(warm_up, warm_up + count);
  });
  std::int64_t end_ns = begin_ns + 1;
  for (const BusReader& reader : readers) {
    end_ns = std::max(end_ns, reader.end_ns());
    if (!reader.checker().violation().empty()) measurement.violation = reader.checker().violation();
    if (reader.checker().sum() != expected_sum(1, warm_up + count)) {
      measurement.violation = "the checksum of what a subscriber saw is wrong";
    }
  }
  measurement.seconds = static_cast<double>(end_ns - begin_ns) * 1e-9;
  measurement.value = static_cast<double>(count) * 1e-6 / measurement.seconds;
  return measurement;
}

template <template <class, class> class Bus, class T>
[[nodiscard]] Subject bus_subject(std::size_t subscribers) {
  using Adapter = Bus<T, BusReader>;
  return {.name = Adapter::kInfo.name,
          .kind = Adapter::kInfo.kind,
          .run = [subscribers](Stage& stage, std::uint64_t count) {
            return measure_bus<Bus, T>(stage, subscribers, count);
          }};
}

/// Round trips one after the other, each timed. `pause_ns`: sleep before each, so that the other
/// side sleeps too. \return the median
template <class Service>
[[nodiscard]] Measurement measure_requests(Stage& stage, std::uint64_t count, long pause_ns) {
  Measurement measurement;
  Histogram latencies;
  std::uint64_t wrong = 0;
  double total_ns = 0;
  Service service(stage);
  stage.run(1, [&](std::size_t) {
    service.open();
    const std::uint64_t warm_up = pause_ns == 0 ? std::max<std::uint64_t>(count / 10, 1) : 3;
    for (std::uint64_t i = 0; i < warm_up + count; ++i) {
      if (pause_ns != 0) {
        const timespec pause{.tv_sec = 0, .tv_nsec = pause_ns};
        nanosleep(&pause, nullptr);
      }
      const std::uint64_t begin = ticks();
      const std::uint64_t answer = service.request(i);
      const double ns = static_cast<double>(ticks() - begin) / ticks_per_ns();
      wrong |= answer ^ (i + 1);
      if (i < warm_up) continue;
      latencies.record(static_cast<std::uint64_t>(ns));
      total_ns += ns;
    }
    if constexpr (requires { service.sleeps(); }) {
      measurement.extras["sleeps per request"] =
          static_cast<double>(service.sleeps()) / static_cast<double>(warm_up + count);
    }
    service.close();
  });
  if (wrong != 0) measurement.violation = "an answer was wrong or missing";
  measurement.value = static_cast<double>(latencies.percentile(50));
  measurement.seconds = total_ns * 1e-9;
  measurement.latencies = std::move(latencies);
  return measurement;
}

template <class Service>
[[nodiscard]] Subject request_subject(long pause_ns) {
  return {.name = Service::kInfo.name,
          .kind = Service::kInfo.kind,
          .run = [pause_ns](Stage& stage, std::uint64_t count) {
            return measure_requests<Service>(stage, count, pause_ns);
          }};
}

}  // namespace ringway::bench
