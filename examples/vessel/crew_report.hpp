// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a run between processes found out, and what the death of one of them looked like.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "roles.hpp"
#include "tally.hpp"

namespace vessel {

/// What one role did, in all its lives together.
struct RoleCount {
  std::uint64_t lives = 0;      ///< processes that had the role
  std::uint64_t published = 0;  ///< messages for it; of the feed: by it
  std::uint64_t delivered = 0;  ///< of these, handled
  std::uint64_t meanwhile = 0;  ///< of these, while the victim was away

  [[nodiscard]] std::uint64_t missed() const noexcept {
    return published > delivered ? published - delivered : 0;
  }
};

/// What the victim's death looked like to the others. Durations, counted from the kill; 0: it did
/// not come to that.
struct Disruption {
  Role victim = Role::kNavigation;
  std::uint64_t published_before = 0;  ///< messages
  std::int64_t cleaned_up_ns = 0;      ///< nothing of it is left on the bus
  std::int64_t told_ns = 0;            ///< a question was answered with an error
  std::int64_t restarted_ns = 0;
  std::int64_t ready_ns = 0;
  std::int64_t answered_ns = 0;  ///< a question was answered again
};

struct CrewReport {
  std::vector<Role> order;
  std::array<RoleCount, kRoles.size()> counts;  ///< by Role
  std::optional<Disruption> disruption;
  std::uint64_t answered = 0;
  std::array<std::uint64_t, kRequestErrors> failed{};  ///< questions, by RequestError
  std::uint64_t cleaned_up = 0;                        ///< dead participants, by the survivors
  bool left_behind = false;                            ///< a segment in /dev/shm
};

[[nodiscard]] std::string to_json(const CrewReport& report);
[[nodiscard]] std::string to_table(const CrewReport& report);

}  // namespace vessel
