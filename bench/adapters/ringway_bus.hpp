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

template <class T, class Reader, unsigned kSlip>
class RingwayBusOf {
  static constexpr Topic<T> kTopic{"bench.messages", {.capacity = 1024}};

 public:
  static constexpr AdapterInfo kInfo{.name = kSlip == 1 ? "Bus" : "Bus, slip",
                                     .kind = Kind::kRingway};

  RingwayBusOf(Stage& stage, std::span<Reader> readers) {
    const bool alone = readers.size() == 1;
    for (std::size_t i = 0; i < std::min<std::size_t>(readers.size(), 2); ++i) {
      dispatchers_.emplace_back(bus_, DispatcherOptions{.name = "reader",
                                                        .cpu = stage.cpu(i + 1),
                                                        .idle = alone ? Idle::kSpin : Idle::kPark,
                                                        .slip = kSlip});
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

template <class T, class Reader>
using RingwayBus = RingwayBusOf<T, Reader, 1>;
/// Its dispatchers stay behind a stream.
template <class T, class Reader>
using RingwayBusThatSlips = RingwayBusOf<T, Reader, 256>;

}  // namespace ringway::bench
