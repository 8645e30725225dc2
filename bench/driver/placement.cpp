// SPDX-License-Identifier: Apache-2.0
#include "driver/placement.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

#include "driver/clock.hpp"
#include "driver/ping_pong.hpp"
#include "driver/statistics.hpp"
#include "ringway/base/cpu_relax.hpp"

namespace ringway::bench {
namespace {

/// Some microseconds of multiplications that do not wait for each other: one thread alone keeps a
/// core's multiplier busy, of which it has but one. Additions would not do: the other thread's
/// waiting alone takes them half of their speed. \return how long it took, in ticks.
double compute() {
  std::uint64_t a = 3, b = 5, c = 7, d = 9, e = 11, f = 13;
  const std::uint64_t begin = ticks();
  for (int i = 0; i < 1500; ++i) {
    a *= a, b *= b, c *= c, d *= d, e *= e, f *= f;
    asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));  // all are done
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

/// How many times as far apart the one is as the other: 1 or more.
double times_as_far(double a_ns, double b_ns) {
  return std::max(a_ns, b_ns) / std::min(a_ns, b_ns);
}

}  // namespace

bool alike(const Bracket& a, const Bracket& b) noexcept {
  if (a.core_class() != b.core_class()) return false;
  return a.core_class() == CoreClass::kOneCore ||
         times_as_far(a.round_trip_ns, b.round_trip_ns) < Places::kAlike;
}

Bracket bracket(Stage& stage) {
  return {.round_trip_ns = ping_pong_ns(stage, 1200), .slowdown = slowdown(stage)};
}

std::size_t Places::of(const Bracket& bracket) {
  constexpr std::size_t kLately = 64;
  const CoreClass core_class = bracket.core_class();
  std::size_t nearest = places_.size();
  double least = core_class == CoreClass::kOneCore ? std::numeric_limits<double>::max() : kAlike;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].core_class != core_class) continue;
    const double times = times_as_far(places_[i].round_trip_ns, bracket.round_trip_ns);
    if (times >= least) continue;
    least = times;
    nearest = i;
  }
  if (nearest == places_.size()) {
    places_.push_back(
        {.core_class = core_class, .round_trip_ns = bracket.round_trip_ns, .seen = 0});
  }
  Place& place = places_[nearest];
  place.seen = std::min(place.seen + 1, kLately);
  place.round_trip_ns +=
      (bracket.round_trip_ns - place.round_trip_ns) / static_cast<double>(place.seen);
  return nearest;
}

}  // namespace ringway::bench
