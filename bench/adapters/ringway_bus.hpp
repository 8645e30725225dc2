// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ringway::Bus for the driver: one publisher; one subscriber on a spinning dispatcher, or several
/// on two dispatchers that park.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "adapters/bus_adapter.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway::bench {

template <class T, class Reader>
class RingwayBus {
  static constexpr Topic<T> kTopic{"bench.messages", {.capacity = 1024}};

 public:
  static constexpr AdapterInfo kInfo{.name = "Bus", .kind = Kind::kRingway};

  RingwayBus(Stage& stage, std::span<Reader> readers) {
    const bool alone = readers.size() == 1;
    for (std::size_t i = 0; i < std::min<std::size_t>(readers.size(), 2); ++i) {
      dispatchers_.emplace_back(bus_, DispatcherOptions{.name = "reader",
                                                        .cpu = stage.cpu(i + 1),
                                                        .idle = alone ? Idle::kSpin : Idle::kPark});
    }
    for (std::size_t i = 0; i < readers.size(); ++i) {
      subscriptions_.push_back(dispatchers_[i % dispatchers_.size()].subscribe(
          kTopic, [reader = &readers[i]](const T& message) { reader->take(message); }));
    }
    publisher_.emplace(bus_.publisher(kTopic));
  }

  void publish(const T& message) { static_cast<void>(publisher_->publish(message)); }

 private:
  Bus bus_;
  std::vector<Dispatcher<>> dispatchers_;
  std::vector<Subscription> subscriptions_;
  std::optional<Publisher<T>> publisher_;
};

/// Requests: the asking thread and the dispatcher both spin, or both park.
template <Idle kIdle>
class RingwayRequests {
  static constexpr Service<Question(Question)> kService{"bench.increment"};

 public:
  static constexpr AdapterInfo kInfo{.name = "Bus request", .kind = Kind::kRingway};

  explicit RingwayRequests(Stage& stage)
      : dispatcher_(bus_, {.name = "replier", .cpu = stage.cpu(1), .idle = kIdle}),
        replier_(
            dispatcher_.reply(kService, [](const Question& question) { return question + 1; })) {}

  void open() { requester_.emplace(bus_.requester(kService, {.idle = kIdle})); }
  void close() { requester_.reset(); }
  std::uint64_t request(std::uint64_t question) {
    return requester_->request(question).value_or(0);
  }
  [[nodiscard]] std::uint64_t sleeps() const { return dispatcher_.parks(); }

 private:
  Bus bus_;
  Dispatcher<> dispatcher_;
  Replier replier_;
  std::optional<Requester<Question(Question)>> requester_;
};

}  // namespace ringway::bench
