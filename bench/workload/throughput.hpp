// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Million messages per second through one queue, from the first push to the last pop.
///
/// Every sample makes a queue of its own (the layout's luck is part of the spread), sends two laps
/// to warm up, meets at a start line and is timed from there. Producers are workers 0 .. P-1,
/// consumers the rest, so that with two processors the first producer and the first consumer are
/// apart.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "driver/clock.hpp"
#include "driver/row.hpp"
#include "workload/adapter.hpp"
#include "workload/message.hpp"

namespace ringway::bench {

struct Shape {
  std::size_t producers = 1;
  std::size_t consumers = 1;
  std::size_t capacity = 1024;
};

/// One figure of progress per consumer, each on a line of its own, so that several consumers know
/// when together they have everything. Looked at only by consumers that found nothing.
class SharedProgress {
 public:
  explicit SharedProgress(std::size_t consumers) : taken_(consumers) {}

  /// Tells this consumer's count. \return whether all counts come to `total`.
  [[nodiscard]] bool complete(std::size_t consumer, std::uint64_t count, std::uint64_t total) {
    taken_[consumer].count.store(count, std::memory_order_relaxed);
    std::uint64_t sum = 0;
    for (const Taken& taken : taken_) sum += taken.count.load(std::memory_order_relaxed);
    return sum >= total;
  }

 private:
  struct alignas(128) Taken {
    std::atomic<std::uint64_t> count{0};
  };
  std::vector<Taken> taken_;
};

/// Pushes the tags [begin, end) of one producer, `kBatch` at a time.
template <class T, class Waiting, std::size_t kBatch, class Producer>
void push_range(Producer& producer, std::size_t id, std::uint64_t begin, std::uint64_t end) {
  if constexpr (kBatch == 1) {
    for (std::uint64_t i = begin; i < end; ++i) {
      const T message = make_message<T>(make_tag(id, i));
      if (producer.try_push(message)) [[likely]]
        continue;
      Waiting waiting;
      do {
        waiting.step();
      } while (!producer.try_push(message));
    }
  } else {
    std::array<T, kBatch> items;
    for (std::uint64_t i = begin; i < end;) {
      const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(kBatch, end - i));
      for (std::size_t k = 0; k < size; ++k) items[k] = make_message<T>(make_tag(id, i + k));
      std::span<const T> rest{items.data(), size};
      Waiting waiting;
      while (true) {
        rest = rest.subspan(producer.try_push_batch(rest));
        if (rest.empty()) break;
        waiting.step();
      }
      i += size;
    }
  }
}

/// Takes until `finished(count so far)` says so; asked only when nothing was there, except for
/// consumers whose pop waits, which stop at `quota`. Works on a copy of the checker, which the
/// compiler can keep in registers for every subject alike: in memory it cost some subjects, by the
/// luck of code generation, several times what their queue costs.
template <class T, class Waiting, std::size_t kBatch, class Consumer, class Checker, class Finished>
void pop_until(Consumer& consumer, Checker& whole, std::uint64_t quota, Finished&& finished) {
  Checker checker = whole;
  const auto handler = [&checker](const T& message) noexcept { checker.take(message); };
  Waiting waiting;
  while (checker.count() < quota) {
    bool took;
    if constexpr (kBatch == 1) {
      took = consumer.try_pop(handler);
    } else {
      took = consumer.try_pop_batch(handler, kBatch) != 0;
    }
    if (took) [[likely]] {
      waiting = Waiting{};
      continue;
    }
    if (finished(checker.count())) break;
    waiting.step();
  }
  whole = checker;
}

template <class Adapter, class T, class Waiting, class Checker, std::size_t kBatch>
class ThroughputRun {
 public:
  ThroughputRun(const Shape& shape, std::uint64_t count)
      : shape_(shape),
        per_producer_(std::max<std::uint64_t>(count / shape.producers / shape.consumers, 1) *
                      shape.consumers),
        warm_up_(std::min<std::uint64_t>(2 * shape.capacity / shape.producers + 1, per_producer_) /
                 shape.consumers * shape.consumers),
        queue_(shape.capacity),
        start_(shape.producers + shape.consumers),
        warm_(shape.consumers),
        timed_(shape.consumers),
        checkers_(shape.consumers),
        begin_ns_(shape.producers + shape.consumers),
        end_ns_(shape.consumers) {}

  [[nodiscard]] Measurement run(Stage& stage) {
    stage.run(shape_.producers + shape_.consumers, [this](std::size_t worker) {
      if (worker < shape_.producers) {
        produce(worker);
      } else {
        consume(worker, worker - shape_.producers);
      }
    });
    return evaluate();
  }

 private:
  [[gnu::flatten]] void produce(std::size_t id) {
    typename Adapter::Producer producer(queue_);
    start_.arrive_and_wait();
    push_range<T, Waiting, kBatch>(producer, id, 0, warm_up_);
    start_.arrive_and_wait();
    begin_ns_[id] = now_ns();
    push_range<T, Waiting, kBatch>(producer, id, warm_up_, warm_up_ + per_producer_);
    start_.arrive_and_wait();  // keeps the producer, and with it its tokens, until all was taken
  }

  [[gnu::flatten]] void consume(std::size_t worker, std::size_t id) {
    typename Adapter::Consumer consumer(queue_);
    Checker checker;
    start_.arrive_and_wait();
    take(consumer, checker, id, warm_, warm_up_);
    start_.arrive_and_wait();
    begin_ns_[worker] = now_ns();
    take(consumer, checker, id, timed_, warm_up_ + per_producer_);
    end_ns_[id] = now_ns();
    checkers_[id] = checker;
    start_.arrive_and_wait();
  }

  void take(typename Adapter::Consumer& consumer, Checker& checker, std::size_t id,
            SharedProgress& progress, std::uint64_t per_producer) {
    const std::uint64_t total = per_producer * shape_.producers;
    if constexpr (Adapter::kInfo.pop_waits) {
      pop_until<T, Waiting, kBatch>(consumer, checker, total / shape_.consumers,
                                    [](std::uint64_t) { return false; });
    } else if (shape_.consumers == 1) {
      pop_until<T, Waiting, kBatch>(consumer, checker, total, [](std::uint64_t) { return false; });
    } else {
      pop_until<T, Waiting, kBatch>(consumer, checker, ~std::uint64_t{0}, [&](std::uint64_t count) {
        return progress.complete(id, count, total);
      });
    }
  }

  [[nodiscard]] Measurement evaluate() const {
    Measurement measurement;
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    for (const Checker& checker : checkers_) {
      count += checker.count();
      sum += checker.sum();
      if (Adapter::kInfo.keeps_order && measurement.violation.empty()) {
        measurement.violation = checker.violation();
      }
    }
    const std::uint64_t each = warm_up_ + per_producer_;
    if (count != each * shape_.producers) {
      measurement.violation = std::to_string(count) + " messages arrived instead of " +
                              std::to_string(each * shape_.producers);
    } else if (sum != expected_sum(shape_.producers, each)) {
      measurement.violation = "the checksum of what arrived is wrong";
    }
    const std::int64_t ns = *std::max_element(end_ns_.begin(), end_ns_.end()) -
                            *std::min_element(begin_ns_.begin(), begin_ns_.end());
    measurement.seconds = static_cast<double>(ns) * 1e-9;
    measurement.value =
        static_cast<double>(per_producer_ * shape_.producers) * 1e3 / static_cast<double>(ns);
    return measurement;
  }

  const Shape shape_;
  const std::uint64_t per_producer_;
  const std::uint64_t warm_up_;
  Adapter queue_;
  StartLine start_;
  SharedProgress warm_;
  SharedProgress timed_;
  std::vector<Checker> checkers_;
  std::vector<std::int64_t> begin_ns_;
  std::vector<std::int64_t> end_ns_;
};

/// The subject that measures `Adapter` in this shape.
template <class Adapter, class T, class Waiting, std::size_t kBatch = 1>
[[nodiscard]] Subject throughput_subject(const Shape& shape, std::string suffix = "") {
  return {.name = Adapter::kInfo.name + std::move(suffix),
          .kind = Adapter::kInfo.kind,
          .run = [shape](Stage& stage, std::uint64_t count) {
            if (shape.producers == 1 && shape.consumers == 1) {
              using Run = ThroughputRun<Adapter, T, Waiting, WholeStreamChecker, kBatch>;
              return std::make_unique<Run>(shape, count)->run(stage);
            }
            using Run = ThroughputRun<Adapter, T, Waiting, SharedStreamChecker, kBatch>;
            return std::make_unique<Run>(shape, count)->run(stage);
          }};
}

}  // namespace ringway::bench
