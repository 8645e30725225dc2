// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The command line of the demonstration.

#include <cstdint>
#include <optional>
#include <string>

namespace vessel {

/// Full speed, or at the pace of the recording.
enum class PaceOption : std::uint8_t { kMax, kReal };

struct Options {
  std::string file;
  std::optional<std::uint64_t> passes;  ///< empty: enough for a few million messages
  PaceOption pace = PaceOption::kMax;
  bool strict = false;
  std::string json_file;  ///< empty: no JSON
  double depth_alarm_m = 11;
  double battery_alarm_v = 12.5;
  std::uint32_t interval_us = 100;  ///< between messages of the paced pass
};

/// What the command line says: options, or the status to leave the program with at once (0 after
/// --help, 2 after a mistake; the text is printed already).
struct CommandLine {
  Options options;
  std::optional<int> exit_status;
};
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace vessel
