// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// One run: a bus with a feed, three listeners and a console, from the first line to a stopped bus.

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "feed.hpp"
#include "histogram.hpp"
#include "vessel_state.hpp"
#include "watch.hpp"

namespace vessel {

struct RunPlan {
  FeedPlan feed;
  double depth_alarm_m = 11;
  double battery_alarm_v = 12.5;
  std::int64_t request_interval_ns = 2'000'000;
};

struct RunResult {
  std::uint64_t published = 0;
  std::map<std::uint32_t, std::uint64_t> published_per_pgn;
  std::uint64_t malformed = 0;
  std::uint64_t passes = 0;
  double seconds = 0;  ///< from the first line to the recorder's last message

  std::uint64_t delivered = 0;  ///< to the recorder, as `lost`
  std::uint64_t lost = 0;
  std::map<std::uint32_t, std::uint64_t> delivered_per_pgn;
  Histogram latency;

  VesselState state;
  AlarmCount depth_alarm;
  AlarmCount battery_alarm;
  std::uint64_t requests_answered = 0;
  std::uint64_t requests_failed = 0;
  Histogram round_trip;

  std::string failure;  ///< what went wrong; "" if nothing did
};

/// Called on the caller's thread every 100 ms with the number of messages published so far.
using Progress = std::function<void(std::uint64_t published)>;

/// Replays the plan; blocking.
[[nodiscard]] RunResult run(const RunPlan& plan, const Progress& progress);

}  // namespace vessel
