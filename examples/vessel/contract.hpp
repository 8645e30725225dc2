// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the threads of the vessel agree on: topics, services, and the clock.

#include <chrono>
#include <cstdint>

#include "n2k.hpp"
#include "ringway/ringway.hpp"
#include "vessel_state.hpp"

namespace vessel {

/// The family of all message topics: `n2k.<source>.<pgn>`. One lane, so one order.
inline constexpr ringway::Topic<N2kMessage> kN2k{"n2k.>", {.capacity = 4096}};

/// Who asks; the replier needs to know nothing else.
struct StateRequest {
  std::uint32_t console = 0;
};
inline constexpr ringway::Service<VesselState(StateRequest)> kStateService{
    "navigation.state", {.timeout = std::chrono::milliseconds(500)}};

/// The clock of intended and actual times, in nanoseconds.
[[nodiscard]] inline std::int64_t now_ns() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

}  // namespace vessel
