// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// One run between processes: a process for each part of the vessel, started in any order, one of
/// them killed in the middle and started again.
///
/// Whoever starts them takes no part in it: it watches, counts by their logbooks, and looks who is
/// attached to the bus. A process that somebody else kills (kill -9) is started again, too.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crew_report.hpp"
#include "role.hpp"
#include "run.hpp"

namespace vessel {

struct CrewPlan {
  std::vector<Role> order;     ///< in which they are started
  std::optional<Role> victim;  ///< killed when half of all messages are published
  std::uint64_t messages = 0;  ///< that the recording holds, all passes together
};

struct CrewResult {
  RunResult run;
  CrewReport crew;
  bool interrupted = false;  ///< by SIGINT or SIGTERM; the processes have ended in order
};

/// Told what happens, in a phrase, and how many seconds after the beginning.
using Event = std::function<void(double seconds, const std::string& what)>;

/// Replays the plan; blocking. Afterwards no process and nothing in /dev/shm is left of it.
[[nodiscard]] CrewResult run_in_processes(const RunPlan& plan, const CrewPlan& crew,
                                          const Progress& progress, const Event& event);

}  // namespace vessel
