// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a bus costs as it grows: idle lanes, patterns, publishers, requests under way. Every
/// message and every answer is checked.

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/clock.hpp"
#include "driver/row.hpp"
#include "ringway/bus/bus.hpp"
#include "workload/bus_throughput.hpp"
#include "workload/message.hpp"

namespace ringway::bench {

/// The names of many topics, which must outlive them.
[[nodiscard]] inline std::vector<std::string> growth_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("growth.t" + std::to_string(i) + ".x");
  return names;
}

/// A thread's wait for `reader` to have seen `count` messages, without giving the processor away.
inline void spin_for(const BusReader& reader, std::uint64_t count) {
  while (reader.told() < count) cpu_relax();
}

/// Nanoseconds from publishing until the handler has seen the message, one at a time, with `topics`
/// topics on one dispatcher that spins. `spread`: every message goes to the next topic; otherwise
/// all go to the first, and the others are idle. `publish(i, message)` publishes on topic i.
template <class T, class Publish>
void exchange_one_by_one(BusReader& reader, std::size_t topics, bool spread, std::uint64_t count,
                         Measurement& measurement, const Publish& publish) {
  const std::uint64_t warm_up = 500;
  std::int64_t begin_ns = 0;
  for (std::uint64_t i = 0; i < warm_up + count; ++i) {
    if (i == warm_up) begin_ns = now_ns();
    reader.want(i + 1);
    publish(spread ? i % topics : 0, make_message<T>(make_tag(0, i)));
    spin_for(reader, i + 1);
  }
  const auto ns = static_cast<double>(now_ns() - begin_ns);
  measurement.seconds = ns * 1e-9;
  measurement.value = ns / static_cast<double>(count);
  measurement.violation = reader.checker().violation();
  if (reader.checker().sum() != expected_sum(1, warm_up + count)) {
    measurement.violation = "the checksum of what the subscriber saw is wrong";
  }
}

/// One subscription to all of them, and a publisher for each topic.
template <class T>
[[nodiscard]] Measurement measure_topics(Stage& stage, std::size_t topics, bool spread,
                                         std::uint64_t count) {
  static constexpr Topic<T> kTopics{"growth.>", {.capacity = 8, .max_readers = 2}};
  const auto names = growth_names(topics);
  BusReader reader;
  Measurement measurement;
  Bus bus;
  Dispatcher dispatcher{bus, {.name = "reader", .cpu = stage.cpu(1), .idle = Idle::kSpin}};
  const auto subscription =
      dispatcher.subscribe(kTopics, [&reader](const T& message) { reader.take(message); });
  stage.run(1, [&](std::size_t) {
    std::vector<Publisher<T>> publishers;
    publishers.reserve(topics);
    for (const std::string& name : names) {
      publishers.push_back(bus.publisher(kTopics.named(name)));
    }
    exchange_one_by_one<T>(reader, topics, spread, count, measurement,
                           [&](std::size_t topic, const T& message) {
                             static_cast<void>(publishers[topic].publish(message));
                           });
  });
  return measurement;
}

/// The same through one family publisher.
template <class T>
[[nodiscard]] Measurement measure_family(Stage& stage, std::size_t topics, std::uint64_t count) {
  static constexpr Topic<T> kFamily{"growth.>", {.capacity = 1024}};
  const auto names = growth_names(topics);
  BusReader reader;
  Measurement measurement;
  Bus bus;
  Dispatcher dispatcher{bus, {.name = "reader", .cpu = stage.cpu(1), .idle = Idle::kSpin}};
  const auto subscription =
      dispatcher.subscribe(kFamily, [&reader](const T& message) { reader.take(message); });
  stage.run(1, [&](std::size_t) {
    auto publisher = bus.family_publisher(kFamily);
    std::vector<TopicNumber> numbers;
    numbers.reserve(topics);
    for (const std::string& name : names) numbers.push_back(publisher.topic(name));
    exchange_one_by_one<T>(reader, topics, true, count, measurement,
                           [&](std::size_t topic, const T& message) {
                             static_cast<void>(publisher.publish(numbers[topic], message));
                           });
  });
  return measurement;
}

/// Nanoseconds for one subscription by a pattern, in the making of `patterns` of them on a bus with
/// one publisher, whom exactly one of them concerns.
template <class T>
[[nodiscard]] Measurement measure_binding(Stage& stage, std::size_t patterns) {
  static constexpr Topic<T> kTopic{"growth.t0.x", {.capacity = 64}};
  constexpr std::uint64_t kMessages = 100;
  BusReader reader;
  std::atomic<std::uint64_t> strays{0};
  Measurement measurement;
  Bus bus;
  auto publisher = bus.publisher(kTopic);
  Dispatcher dispatcher{bus, {.name = "reader", .cpu = stage.cpu(1)}};
  stage.run(1, [&](std::size_t) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < patterns; ++i)
      names.push_back("growth.t" + std::to_string(i) + ".*");
    std::vector<Subscription> subscriptions;
    subscriptions.reserve(patterns);
    const std::int64_t begin_ns = now_ns();
    for (std::size_t i = 0; i < patterns; ++i) {
      subscriptions.push_back(
          dispatcher.subscribe(kTopic.matching(names[i]), [&, i](const T& message) {
            i == 0 ? reader.take(message) : static_cast<void>(++strays);
          }));
    }
    const auto ns = static_cast<double>(now_ns() - begin_ns);
    measurement.seconds = ns * 1e-9;
    measurement.value = ns / static_cast<double>(patterns);
    reader.want(kMessages);
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      static_cast<void>(publisher.publish(make_message<T>(make_tag(0, i))));
    }
    reader.await_count(kMessages);
  });
  measurement.violation = reader.checker().violation();
  if (strays != 0) measurement.violation = "a handler saw what its pattern does not cover";
  return measurement;
}

/// Nanoseconds for each message of a stream, with `patterns` subscriptions by pattern of which one
/// covers the topic.
template <class T>
[[nodiscard]] Measurement measure_patterns(Stage& stage, std::size_t patterns,
                                           std::uint64_t count) {
  static constexpr Topic<T> kTopic{"growth.t0.x", {.capacity = 1024}};
  BusReader reader;
  std::atomic<std::uint64_t> strays{0};
  Measurement measurement;
  Bus bus;
  Dispatcher dispatcher{bus, {.name = "reader", .cpu = stage.cpu(1), .idle = Idle::kSpin}};
  std::vector<Subscription> subscriptions;
  for (std::size_t i = 0; i < patterns; ++i) {
    const std::string name = "growth.t" + std::to_string(i) + ".*";
    subscriptions.push_back(dispatcher.subscribe(kTopic.matching(name), [&, i](const T& message) {
      i == 0 ? reader.take(message) : static_cast<void>(++strays);
    }));
  }
  stage.run(1, [&](std::size_t) {
    auto publisher = bus.publisher(kTopic);
    const std::uint64_t warm_up = std::max<std::uint64_t>(count / 10, 1);
    std::int64_t begin_ns = 0;
    const auto publish = [&](std::uint64_t begin, std::uint64_t end) {
      reader.want(end);
      begin_ns = now_ns();
      for (std::uint64_t i = begin; i < end; ++i) {
        static_cast<void>(publisher.publish(make_message<T>(make_tag(0, i))));
      }
      reader.await_count(end);
    };
    publish(0, warm_up);
    publish(warm_up, warm_up + count);
    const auto ns = static_cast<double>(std::max(reader.end_ns() - begin_ns, std::int64_t{1}));
    measurement.seconds = ns * 1e-9;
    measurement.value = ns / static_cast<double>(count);
    if (reader.checker().sum() != expected_sum(1, warm_up + count)) {
      measurement.violation = "the checksum of what the subscriber saw is wrong";
    }
  });
  if (!reader.checker().violation().empty()) measurement.violation = reader.checker().violation();
  if (strays != 0) measurement.violation = "a handler saw what its pattern does not cover";
  return measurement;
}

/// Million messages per second of `publishers` threads, each with a publisher of its own on one
/// topic, to one subscription.
template <class T>
[[nodiscard]] Measurement measure_publishers(Stage& stage, std::size_t publishers,
                                             std::uint64_t count) {
  static constexpr Topic<T> kTopic{"growth.messages", {.capacity = 1024}};
  const std::uint64_t each = std::max<std::uint64_t>(count / publishers, 1);
  struct Sink {
    SharedStreamChecker checker;
    std::atomic<std::uint64_t> seen{0};
  } sink;
  Bus bus;
  Dispatcher dispatcher{bus, {.name = "reader", .cpu = stage.cpu(1)}};
  const auto subscription = dispatcher.subscribe(kTopic, [&sink](const T& message) {
    sink.checker.take(message);
    sink.seen.store(sink.checker.count(), std::memory_order_release);
  });
  StartLine start(publishers);
  std::atomic<std::int64_t> begin_ns{0};
  std::int64_t end_ns = 0;
  stage.run(publishers, [&](std::size_t worker) {
    auto publisher = bus.publisher(kTopic);
    start.arrive_and_wait();
    if (worker == 0) begin_ns = now_ns();
    for (std::uint64_t i = 0; i < each; ++i) {
      static_cast<void>(publisher.publish(make_message<T>(make_tag(worker, i))));
    }
    if (worker != 0) return;
    while (sink.seen.load(std::memory_order_acquire) < each * publishers) sched_yield();
    end_ns = now_ns();
  });
  Measurement measurement;
  measurement.seconds = static_cast<double>(end_ns - begin_ns) * 1e-9;
  measurement.value = static_cast<double>(each * publishers) * 1e-6 / measurement.seconds;
  measurement.violation = sink.checker.violation();
  if (sink.checker.sum() != expected_sum(publishers, each)) {
    measurement.violation = "the checksum of what the subscriber saw is wrong";
  }
  return measurement;
}

/// Nanoseconds for a request with its answer, with `outstanding` of them under way all the time.
[[nodiscard]] inline Measurement measure_outstanding(Stage& stage, std::size_t outstanding,
                                                     std::uint64_t count) {
  const Service<Question(Question)> service{
      "growth.increment", {.timeout = std::chrono::seconds(30), .max_pending = outstanding}};
  Measurement measurement;
  Bus bus;
  Dispatcher dispatcher{bus, {.name = "replier", .cpu = stage.cpu(1), .idle = Idle::kSpin}};
  const auto replier =
      dispatcher.reply(service, [](const Question& question) { return question + 1; });
  std::uint64_t wrong = 0;
  stage.run(1, [&](std::size_t) {
    auto requester = bus.requester(service, {.idle = Idle::kSpin});
    std::deque<PendingReply<Question, Question, HeapHome>> under_way;
    std::uint64_t asked = 0;
    const auto take_oldest = [&] {
      const auto answer = under_way.front().get();
      wrong |= answer ? *answer ^ (asked - under_way.size() + 1) : ~std::uint64_t{0};
      under_way.pop_front();
    };
    const auto ask = [&] { under_way.push_back(requester.request_async(asked++)); };
    for (std::size_t i = 0; i < outstanding; ++i) ask();
    const std::int64_t begin_ns = now_ns();
    for (std::uint64_t i = 0; i < count; ++i) {
      take_oldest();
      ask();
    }
    const auto ns = static_cast<double>(now_ns() - begin_ns);
    while (!under_way.empty()) take_oldest();
    measurement.seconds = ns * 1e-9;
    measurement.value = ns / static_cast<double>(count);
  });
  if (wrong != 0) measurement.violation = "an answer was wrong or missing";
  return measurement;
}

}  // namespace ringway::bench
