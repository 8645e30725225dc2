// SPDX-License-Identifier: Apache-2.0
/// \file
/// An observer: reads a bus between processes without taking part in it. A feed publishes trades
/// and never learns that somebody looks; the observer needs no more than permission to read, and is
/// told what it missed.

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "ringway/shm/observer.hpp"

using std::chrono_literals::operator""s;

// [contract]
struct Trade {
  std::uint64_t id;
  double price;
};
inline constexpr ringway::Topic<Trade> kTrades{"md.trades", {.capacity = 64}};
// [/contract]

int main() {
  const std::string name = "example-observer-" + std::to_string(::getpid());
  auto bus = ringway::open_shared(name).value();  // of the feed; in real life another process
  auto feed = bus.publisher(kTrades);

  std::uint64_t seen = 0;
  std::uint64_t missed = 0;
  // [observer]
  auto observer = ringway::observe_shared(name).value();
  auto trades = observer.subscribe(
      kTrades.matching("md.>"), [&](const Trade& trade, const ringway::MessageInfo& info) {
        ++seen;
        missed += info.gap;  // overwritten before this one was read
        if (trade.id % 100 == 0) std::printf("trade %lu\n", static_cast<unsigned long>(trade.id));
      });
  // [/observer]

  for (std::uint64_t id = 0; id < 1000; ++id) {
    feed.publish({.id = id, .price = 100.0});
    if (id == 40) static_cast<void>(observer.poll().value());  // then it is busy elsewhere
  }
  while (seen + missed != 1000) {
    if (observer.poll_for(10s).value() == 0) break;
  }

  std::printf("%s missed\n", missed != 0 ? "some were" : "none was");
  return seen + missed == 1000 && missed == trades.lost() && missed != 0 ? 0 : 1;
}
