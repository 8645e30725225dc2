// SPDX-License-Identifier: Apache-2.0
/// \file
/// Publish and subscribe: a feed publishes trades of two markets, one handler sees all of them,
/// another those of one market. Each dispatcher is a thread that runs its handlers.

#include <cstdint>
#include <cstdio>

#include "ringway/ringway.hpp"

using std::chrono_literals::operator""s;

// [contract]
struct Trade {
  std::uint64_t id;
  double price;
  std::uint32_t quantity;
};
inline constexpr ringway::Topic<Trade> kTrades{"md.trades.*", {.capacity = 4096}};
// [/contract]

int main() {
  double turnover = 0;
  std::uint32_t counted = 0;

  // [publish_subscribe]
  ringway::Bus bus;
  ringway::Dispatcher book{bus, {.name = "book"}};
  auto all = book.subscribe(kTrades, [&](const Trade& trade) {  // live when subscribe returns
    turnover += trade.price * trade.quantity;
  });
  ringway::Dispatcher monitor{bus, {.name = "monitor"}};
  auto some = monitor.subscribe(kTrades.named("md.trades.HEL"), [&](const Trade&) { ++counted; });

  auto helsinki = bus.publisher(kTrades.named("md.trades.HEL"));
  auto oslo = bus.publisher(kTrades.named("md.trades.OSL"));
  for (std::uint64_t id = 0; id < 10'000; ++id) {
    auto& market = id % 4 == 0 ? helsinki : oslo;
    market.publish({.id = id, .price = 100.25, .quantity = 4});  // waits while the lane is full
  }
  bus.stop({.drain = 10s});  // what was published is handled, then the dispatchers end
  // [/publish_subscribe]

  std::printf("turnover %.2f, %u trades in Helsinki\n", turnover, counted);
  return turnover == 4'010'000 && counted == 2500 ? 0 : 1;
}
