// SPDX-License-Identifier: Apache-2.0
/// \file
/// An observer that a publisher waits for: it may only read the bus's files, and gets every message
/// all the same, because the topic admits it. A feed publishes as fast as it can; the observer
/// takes its time.

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>

#include "ringway/shm/observer.hpp"

using std::chrono_literals::operator""ms;

// [contract]
struct Trade {
  std::uint64_t id;
  double price;
};
inline constexpr ringway::Topic<Trade> kTrades{
    "md.trades", {.capacity = 64, .observer_lag_limit = std::chrono::seconds(10)}};
// [/contract]

int main() {
  constexpr std::uint64_t kMany = 1000;
  const std::string name = "example-reliable-" + std::to_string(::getpid());
  auto bus = ringway::open_shared(name).value();  // of the feed; in real life another process

  auto observer = ringway::observe_shared(name).value();
  std::uint64_t next = 0;
  std::uint64_t in_order = 0;
  // [reliable]
  auto trades = observer.subscribe(
      kTrades, [&](const Trade& trade) { in_order += trade.id == next++ ? 1 : 0; },
      {.reliable = true});
  // [/reliable]

  std::thread feed([&bus] {
    auto publisher = bus.publisher(kTrades);
    for (std::uint64_t id = 0; id < kMany; ++id) publisher.publish({.id = id, .price = 100.0});
  });
  while (next < kMany) {
    static_cast<void>(observer.poll(10).value());
    std::this_thread::sleep_for(1ms);
  }
  feed.join();

  std::printf("%lu of %lu trades, none missed\n", static_cast<unsigned long>(in_order),
              static_cast<unsigned long>(kMany));
  return in_order == kMany && trades.lost() == 0 ? 0 : 1;
}
