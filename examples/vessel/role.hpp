// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The vessel's parts as processes of their own: what the process of one does.

#include <sys/types.h>

#include <chrono>
#include <string>

#include "roles.hpp"
#include "run.hpp"

namespace vessel {

/// Exit status of a process that waited in vain for one of its peers.
inline constexpr int kPeerMissing = 3;

struct RolePlan {
  Role role = Role::kFeed;
  std::string bus;  ///< its name
  RunPlan run;
  std::chrono::milliseconds wait{30'000};  ///< for peers
  /// The process that started this one and handed it a logbook (logbook.hpp); 0: started by hand.
  pid_t crew_of = 0;
};

/// The process of one role, from attaching to the bus to leaving it; blocking until the feed is
/// done, or SIGINT or SIGTERM comes. \return the program's exit status; the reason is told
[[nodiscard]] int run_role(const RolePlan& plan);

}  // namespace vessel
