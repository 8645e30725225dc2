// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the vessel knows about herself. It travels as a reply, so it is trivially copyable.

#include <cstdint>
#include <optional>
#include <type_traits>

#include "n2k.hpp"

namespace vessel {

/// Each quantity is the latest one that was available; empty if there was none yet.
struct VesselState {
  std::int64_t time_ms = 0;   ///< recording time of the latest message taken in
  std::uint64_t updates = 0;  ///< messages taken in
  std::optional<Position> first_position;
  std::optional<Position> position;
  CourseAndSpeed over_ground;
  std::optional<double> heading_rad;
  std::optional<double> water_speed_mps;
  std::optional<double> depth_m;
  std::optional<double> depth_min_m;
  std::optional<double> depth_max_m;
  Wind wind;
  std::optional<double> temperature_k;
  std::uint32_t ships_heard = 0;  ///< different AIS class A senders
};
static_assert(std::is_trivially_copyable_v<VesselState>);

}  // namespace vessel
