// SPDX-License-Identifier: Apache-2.0
// Topics of bytes have no inline subscribers yet.
// expect: a topic of bytes has no inline subscribers
#include "ringway/bus/bus.hpp"

int main() {
  ringway::Bus bus;
  const ringway::ByteTopic topic{"topic"};
  const auto ignore = [](std::span<const std::byte>) {};
#ifdef RINGWAY_CONTROL
  ringway::Dispatcher dispatcher{bus};
  auto subscription = dispatcher.subscribe(topic, ignore);
#else
  auto subscription = bus.subscribe_inline(topic, ignore);
#endif
}
