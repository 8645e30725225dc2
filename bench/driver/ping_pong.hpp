// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The raw cache-line ping-pong: the limit of every round trip, and the ruler that tells whether
/// the two processors are two cores or two threads of one core right now.

#include <cstdint>
#include <string>

#include "driver/row.hpp"
#include "driver/stage.hpp"

namespace ringway::bench {

/// Where the host had put the two processors while a sample ran.
enum class CoreClass : unsigned char { kTwoCores, kOneCore, kUnclear };

[[nodiscard]] constexpr const char* name_of(CoreClass core_class) noexcept {
  switch (core_class) {
    case CoreClass::kTwoCores: return "two cores";
    case CoreClass::kOneCore: return "one core";
    case CoreClass::kUnclear: return "unclear";
  }
  return "unclear";
}

/// The round trips, in nanoseconds, that separate the classes. On the EPYC machines of the
/// published runs a ring whose lines had to travel lost two thirds of its throughput from 64 ns on.
struct ClassLimits {
  double one_core_below = 62;
  double two_cores_above = 66;

  [[nodiscard]] CoreClass classify(double round_trip_ns) const noexcept {
    if (round_trip_ns > two_cores_above) return CoreClass::kTwoCores;
    if (round_trip_ns < one_core_below) return CoreClass::kOneCore;
    return CoreClass::kUnclear;
  }
  /// The class of a sample between two brackets: unclear unless both agree.
  [[nodiscard]] CoreClass classify(double before_ns, double after_ns) const noexcept {
    const CoreClass before = classify(before_ns);
    return before == classify(after_ns) ? before : CoreClass::kUnclear;
  }
};

/// What two workers write in turn: one line, as fast as they can; or a line each, as two queues
/// must, with a pause between looks, which is faster there.
enum class PingPong : unsigned char { kOneLine, kLineEachWay };

/// \return the median over chunks of the round trip in ns; with `latencies`, every single round
/// trip too (which costs a clock reading each).
[[nodiscard]] double ping_pong_ns(Stage& stage, std::uint64_t rounds,
                                  Histogram* latencies = nullptr,
                                  PingPong kind = PingPong::kOneLine);

/// The ruler: about 0.3 ms.
[[nodiscard]] double bracket_ns(Stage& stage);

/// The limits as subjects of round-trip rows.
[[nodiscard]] Subject ping_pong_subject(PingPong kind = PingPong::kOneLine);

}  // namespace ringway::bench
