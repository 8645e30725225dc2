// SPDX-License-Identifier: Apache-2.0
#include "driver/placement.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "driver/clock.hpp"
#include "driver/ping_pong.hpp"
#include "driver/statistics.hpp"
#include "ringway/base/cpu_relax.hpp"

namespace ringway::bench {
namespace {

/// Some microseconds of additions that do not wait for each other: one thread alone keeps all of a
/// core's adders busy. \return how long it took, in ticks.
double compute() {
  std::uint64_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0;
  const std::uint64_t begin = ticks();
  for (int i = 0; i < 3000; ++i) {
    ++a, ++b, ++c, ++d, ++e, ++f;
    // Each addition is done, in a register, and none is put together with the next.
    asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
    ++a, ++b, ++c, ++d, ++e, ++f;
    asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  }
  return static_cast<double>(ticks() - begin);
}

/// How many times as long worker 0 computes while worker 1 does too.
double slowdown(Stage& stage) {
  constexpr int kTurns = 9;
  std::vector<double> alone;
  std::vector<double> together;
  StartLine start(2);
  std::atomic<bool> alone_done{false};
  std::atomic<bool> together_done{false};
  stage.run(2, [&](std::size_t worker) {
    start.arrive_and_wait();
    if (worker == 1) {
      while (!alone_done.load(std::memory_order_acquire)) cpu_relax();
      while (!together_done.load(std::memory_order_acquire)) static_cast<void>(compute());
      return;
    }
    for (int i = 0; i < kTurns; ++i) alone.push_back(compute());
    alone_done.store(true, std::memory_order_release);
    static_cast<void>(compute());  // the other one begins
    for (int i = 0; i < kTurns; ++i) together.push_back(compute());
    together_done.store(true, std::memory_order_release);
  });
  return median_of(together) / median_of(alone);
}

}  // namespace

Bracket bracket(Stage& stage) {
  return {.round_trip_ns = ping_pong_ns(stage, 1200), .slowdown = slowdown(stage)};
}

std::size_t Places::of(const Bracket& bracket) {
  constexpr std::size_t kLately = 64;
  const CoreClass core_class = bracket.core_class();
  auto place = std::find_if(places_.begin(), places_.end(), [&](const Place& known) {
    if (known.core_class != core_class) return false;
    const auto [less, more] = std::minmax(known.round_trip_ns, bracket.round_trip_ns);
    return core_class == CoreClass::kOneCore || more < kAlike * less;
  });
  if (place == places_.end()) {
    place = places_.insert(
        place, {.core_class = core_class, .round_trip_ns = bracket.round_trip_ns, .seen = 0});
  }
  place->seen = std::min(place->seen + 1, kLately);
  place->round_trip_ns +=
      (bracket.round_trip_ns - place->round_trip_ns) / static_cast<double>(place->seen);
  return static_cast<std::size_t>(place - places_.begin());
}

}  // namespace ringway::bench
