// SPDX-License-Identifier: Apache-2.0
#include "ringway/bus/bus.hpp"

inline constexpr ringway::Topic<long> kTopic{"topic"};

void through(long value) {
  ringway::Bus bus;
  ringway::Dispatcher dispatcher{bus};
  auto subscription = dispatcher.subscribe(kTopic, [](const long&) {});
  bus.publisher(kTopic).publish(value);
}
