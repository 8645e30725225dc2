// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Inline subscriptions of ringway::Bus.

#include <vector>

#include "adapters/inline_loop.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway::bench {

template <class T>
class RingwayInline {
  static constexpr Topic<T> kTopic{"bench.inline", {.capacity = 1024}};

 public:
  static constexpr const char* kName = "Bus, inline subscriptions";
  static constexpr Kind kKind = Kind::kRingway;

  RingwayInline(std::size_t subscribers, std::uint64_t& sum) : publisher_(bus_.publisher(kTopic)) {
    for (std::size_t i = 0; i < subscribers; ++i) {
      subscriptions_.push_back(bus_.subscribe_inline(kTopic, adding_to<T>(sum)));
    }
  }
  void publish(const T& message) { static_cast<void>(publisher_.publish(message)); }

 private:
  Bus bus_;
  Publisher<T> publisher_;
  std::vector<InlineSubscription> subscriptions_;
};

}  // namespace ringway::bench
