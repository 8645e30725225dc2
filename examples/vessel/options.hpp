// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The command line of the demonstration.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "roles.hpp"

namespace vessel {

/// Full speed and then evenly, or at the pace of the recording, or evenly alone.
enum class PaceOption : std::uint8_t { kMax, kReal, kEven };

struct Options {
  std::string file;
  std::optional<std::uint64_t> passes;  ///< empty: enough for a few million messages
  PaceOption pace = PaceOption::kMax;
  bool strict = false;
  std::string json_file;  ///< empty: no JSON
  double depth_alarm_m = 11;
  double battery_alarm_v = 12.5;
  std::uint32_t interval_us = 100;  ///< between messages of the paced pass

  bool processes = false;                          ///< not threads
  std::optional<Role> victim = Role::kNavigation;  ///< killed in the middle
  std::vector<Role> order;                         ///< of starting; empty: any

  std::optional<Role> role;  ///< be the process of this one
  std::string bus = "vessel";
  std::uint32_t wait_s = 30;  ///< for other roles

  // Of a process that --processes starts.
  pid_t crew_of = 0;       ///< who started it
  std::uint64_t skip = 0;  ///< messages that an earlier feed has published
  bool quiet = false;      ///< malformed lines have been told already
};

/// What the command line says: options, or the status to leave the program with at once (0 after
/// --help, 2 after a mistake; the text is printed already).
struct CommandLine {
  Options options;
  std::optional<int> exit_status;
};
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace vessel
