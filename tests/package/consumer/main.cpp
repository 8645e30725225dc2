// SPDX-License-Identifier: Apache-2.0
// What a user's first program may look like; returns 0 if every layer that was asked for works.
#include <cstdio>

#include "ringway/channel/channel.hpp"
#include "ringway/ring/spsc_ring.hpp"
#ifdef CONSUMER_WITH_BUS
#include <atomic>

#include "ringway/ringway.hpp"
#endif

namespace {

bool ring_works() {
  auto ring = ringway::SpscRing<int>::create({.capacity = 2}).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  return producer.try_push(7) && consumer.try_pop() == 7;
}

bool channel_works() {
  auto [sender, receiver] = ringway::channel<int>({.capacity = 2});
  (void)sender.try_send(7);
  return receiver.try_receive() == 7;
}

#ifdef CONSUMER_WITH_BUS
struct Trade {
  double price;
};
inline constexpr ringway::Topic<Trade> kTrades{"md.trades", {.capacity = 16}};

bool bus_works() {
  ringway::Bus bus;
  std::atomic<double> price{0};
  auto subscription =
      bus.subscribe_inline(kTrades, [&](const Trade& trade) { price = trade.price; });
  auto publisher = bus.publisher(kTrades);
  (void)publisher.publish(Trade{.price = 101.25});
  return price == 101.25;
}
#else
bool bus_works() {
  return true;
}
#endif

}  // namespace

int main() {
  const bool works = ring_works() && channel_works() && bus_works();
  std::puts(works ? "Ringway works" : "Ringway does not work");
  return works ? 0 : 1;
}
