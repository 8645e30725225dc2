// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the threads, or the processes, of the vessel agree on: topics, services, and the clock.

#include <array>
#include <chrono>
#include <cstdint>

#include "n2k.hpp"
#include "ringway/ringway.hpp"
#include "ringway/shm/type_identity.hpp"
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

/// Between processes: asked before a process begins that needs others. Each role that others wait
/// for serves a name of its own, `crew.<role>`, as soon as it does its work.
struct RollCall {
  std::uint32_t asked_by = 0;  ///< a process
};
struct Present {
  std::uint32_t process = 0;
};
inline constexpr ringway::Service<Present(RollCall)> kCrew{
    "crew", {.timeout = std::chrono::milliseconds(500)}};

/// The clock of intended and actual times, in nanoseconds.
[[nodiscard]] inline std::int64_t now_ns() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

}  // namespace vessel

/// Between processes each side tells what a message looks like. The compiler can not list the
/// members of std::optional, so this type says that it is bytes.
template <>
struct ringway::DescribeType<vessel::VesselState> {
  static constexpr std::array<ringway::TypeMember, 1> kMembers{
      {{.size = sizeof(vessel::VesselState), .kind = ringway::TypeKind::kOpaque}}};
};
