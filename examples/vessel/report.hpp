// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a run found out, as a table for people and as JSON for programs.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "crew_report.hpp"
#include "histogram.hpp"
#include "options.hpp"
#include "vessel_state.hpp"
#include "watch.hpp"

namespace vessel {

struct PgnCount {
  std::uint64_t published = 0;
  std::uint64_t delivered = 0;  ///< to the recorder
};

struct Percentiles {
  std::uint64_t p50_ns;
  std::uint64_t p99_ns;
  std::uint64_t p999_ns;
  std::uint64_t max_ns;
};

/// Empty if nothing was measured.
[[nodiscard]] std::optional<Percentiles> percentiles_of(const Histogram& histogram);

struct Report {
  std::string file;
  std::uint64_t passes = 0;
  PaceOption pace = PaceOption::kMax;

  // Of the passes at full speed (or at real or even pace).
  std::uint64_t published = 0;
  std::uint64_t delivered = 0;  ///< to the recorder
  std::uint64_t lost = 0;       ///< by the recorder
  std::uint64_t malformed = 0;  ///< lines, in all passes together
  std::map<std::uint32_t, PgnCount> per_pgn;
  VesselState state;
  AlarmCount depth_alarm;
  AlarmCount battery_alarm;
  double depth_alarm_m = 0;
  double battery_alarm_v = 0;
  double seconds = 0;  ///< from the first line parsed to the last message delivered
  std::uint64_t requests_answered = 0;
  std::uint64_t requests_failed = 0;

  // Of the paced pass (or at real or even pace).
  double paced_per_second = 0;
  std::uint64_t paced_published = 0;
  std::optional<Percentiles> latency;
  std::optional<Percentiles> request;
  std::optional<CrewReport> crew;  ///< between processes
};

[[nodiscard]] double messages_per_second(const Report& report) noexcept;
[[nodiscard]] std::string to_json(const Report& report);
[[nodiscard]] std::string to_table(const Report& report);

/// "1,234,567".
[[nodiscard]] std::string with_separators(std::uint64_t number);
/// "1 pass", "1,200 passes".
[[nodiscard]] std::string counted(std::uint64_t count, const char* one, const char* many);
/// "430 ns", "12.3 us", "1.24 ms", "2.50 s".
[[nodiscard]] std::string readable_duration(std::uint64_t duration_ns);
/// "59.7249807 N 24.7366563 E".
[[nodiscard]] std::string readable_position(const Position& position);

}  // namespace vessel
