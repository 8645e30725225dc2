// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// One producer, several readers that each see every message: million messages per second until the
/// last reader has the last one; and the cost of publishing alone.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "driver/clock.hpp"
#include "driver/row.hpp"
#include "driver/statistics.hpp"
#include "workload/message.hpp"
#include "workload/throughput.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {

template <class Adapter, class T, class Waiting, std::size_t kBatch>
class BroadcastRun {
 public:
  BroadcastRun(std::size_t readers, std::size_t capacity, std::uint64_t count)
      : readers_(readers),
        count_(std::max<std::uint64_t>(count, 1)),
        warm_up_(std::min<std::uint64_t>(2 * capacity, count_)),
        queue_(capacity, readers),
        start_(readers + 1),
        checkers_(readers),
        end_ns_(readers) {}

  [[nodiscard]] Measurement run(Stage& stage) {
    stage.run(readers_ + 1,
              [this](std::size_t worker) { worker == 0 ? publish() : read(worker - 1); });
    return evaluate();
  }

 private:
  [[gnu::flatten]] void publish() {
    typename Adapter::Producer producer(queue_);
    start_.arrive_and_wait();
    push_range<T, Waiting, kBatch>(producer, 0, 0, warm_up_);
    start_.arrive_and_wait();
    begin_ns_ = now_ns();
    push_range<T, Waiting, kBatch>(producer, 0, warm_up_, warm_up_ + count_);
    start_.arrive_and_wait();
  }

  [[gnu::flatten]] void read(std::size_t id) {
    typename Adapter::Consumer consumer(queue_, id);
    WholeStreamChecker checker;
    const auto never = [](std::uint64_t) { return false; };
    start_.arrive_and_wait();
    pop_until<T, Waiting, kBatch>(consumer, checker, warm_up_, never);
    start_.arrive_and_wait();
    pop_until<T, Waiting, kBatch>(consumer, checker, warm_up_ + count_, never);
    end_ns_[id] = now_ns();
    checkers_[id] = checker;
    start_.arrive_and_wait();
  }

  [[nodiscard]] Measurement evaluate() const {
    Measurement measurement;
    for (const WholeStreamChecker& checker : checkers_) {
      if (!checker.violation().empty()) measurement.violation = checker.violation();
      if (checker.sum() != expected_sum(1, warm_up_ + count_)) {
        measurement.violation = "the checksum of what a reader saw is wrong";
      }
    }
    const std::int64_t ns = *std::max_element(end_ns_.begin(), end_ns_.end()) - begin_ns_;
    measurement.seconds = static_cast<double>(ns) * 1e-9;
    measurement.value = static_cast<double>(count_) * 1e3 / static_cast<double>(ns);
    return measurement;
  }

  const std::size_t readers_;
  const std::uint64_t count_;
  const std::uint64_t warm_up_;
  Adapter queue_;
  StartLine start_;
  std::vector<WholeStreamChecker> checkers_;
  std::int64_t begin_ns_ = 0;
  std::vector<std::int64_t> end_ns_;
};

template <class Adapter, class T, class Waiting, std::size_t kBatch = 1>
[[nodiscard]] Subject broadcast_subject(std::size_t readers, std::size_t capacity) {
  return {.name = Adapter::kInfo.name,
          .kind = Adapter::kInfo.kind,
          .run = [=](Stage& stage, std::uint64_t count) {
            using Run = BroadcastRun<Adapter, T, Waiting, kBatch>;
            return std::make_unique<Run>(readers, capacity, count)->run(stage);
          }};
}

/// Nanoseconds per publication while nobody holds the producer back: bursts of half the capacity
/// are timed, then all readers catch up untimed, all on one processor. \return the median over
/// bursts.
template <class Adapter, class T>
[[nodiscard, gnu::flatten]] Measurement measure_publishing(std::size_t readers,
                                                           std::size_t capacity,
                                                           std::uint64_t count) {
  Adapter queue(capacity, readers);
  std::vector<typename Adapter::Consumer> consumers;
  consumers.reserve(readers);
  for (std::size_t i = 0; i < readers; ++i) consumers.emplace_back(queue, i);
  typename Adapter::Producer producer(queue);
  std::vector<WholeStreamChecker> checkers(readers);
  const std::uint64_t burst = std::max<std::uint64_t>(capacity / 2, 1);
  std::vector<double> burst_ns;
  Measurement measurement;
  for (std::uint64_t i = 0; i < count || i == 0; i += burst) {
    const std::uint64_t begin = ticks();
    push_range<T, NeverWaits, 1>(producer, 0, i, i + burst);
    const double ns = static_cast<double>(ticks() - begin) / ticks_per_ns();
    burst_ns.push_back(ns / static_cast<double>(burst));
    measurement.seconds += ns * 1e-9;
    for (std::size_t reader = 0; reader < readers; ++reader) {
      while (consumers[reader].try_pop([&](const T& message) { checkers[reader].take(message); })) {
      }
    }
  }
  for (const WholeStreamChecker& checker : checkers) {
    if (checker.count() != burst_ns.size() * burst) measurement.violation = "a reader missed some";
    if (!checker.violation().empty()) measurement.violation = checker.violation();
  }
  measurement.value = median_of(burst_ns);
  return measurement;
}

}  // namespace ringway::bench
