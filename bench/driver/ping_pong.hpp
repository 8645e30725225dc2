// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The raw cache-line ping-pong: the limit of every round trip.

#include <cstdint>

#include "driver/row.hpp"
#include "driver/stage.hpp"

namespace ringway::bench {

/// What two workers write in turn: one line, as fast as they can; or a line each, as two queues
/// must, with a pause between looks, which is faster there.
enum class PingPong : unsigned char { kOneLine, kLineEachWay };

/// \return the median over chunks of the round trip in ns; with `latencies`, every single round
/// trip too (which costs a clock reading each).
[[nodiscard]] double ping_pong_ns(Stage& stage, std::uint64_t rounds,
                                  Histogram* latencies = nullptr,
                                  PingPong kind = PingPong::kOneLine);

/// The limits as subjects of round-trip rows.
[[nodiscard]] Subject ping_pong_subject(PingPong kind = PingPong::kOneLine);

}  // namespace ringway::bench
