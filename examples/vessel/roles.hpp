// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The parts of the vessel that can be processes of their own, and who needs whom.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vessel {

enum class Role : std::uint8_t { kFeed, kNavigation, kAlarm, kRecorder, kConsole };

inline constexpr std::array kRoles{Role::kFeed, Role::kNavigation, Role::kAlarm, Role::kRecorder,
                                   Role::kConsole};

[[nodiscard]] constexpr std::string_view name_of(Role role) noexcept {
  constexpr std::array<std::string_view, kRoles.size()> kNames{"feed", "navigation", "alarm",
                                                               "recorder", "console"};
  return kNames[static_cast<std::size_t>(role)];
}

/// Whom a role can not do without: it waits for them before it begins.
[[nodiscard]] inline std::span<const Role> peers_of(Role role) noexcept {
  static constexpr std::array kListeners{Role::kNavigation, Role::kAlarm, Role::kRecorder};
  static constexpr std::array kAnswering{Role::kNavigation};
  if (role == Role::kFeed) return kListeners;
  if (role == Role::kConsole) return kAnswering;
  return {};
}

}  // namespace vessel
