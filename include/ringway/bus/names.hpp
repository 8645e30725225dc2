// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Names and patterns: dotted tokens, where a pattern's `*` stands for one token and a final `>`
/// for one or more.
///
/// "md.trades.XNAS" is a name; "md.*.XNAS", "md.trades.>" and ">" are patterns. Names are at most
/// kLongestName bytes; tokens are letters, digits, '_', '-', ':' and '/'. All of this runs when
/// things are bound, never when a message is published.

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ringway {

inline constexpr std::size_t kLongestName = 119;

namespace names {

/// The first token of `rest`, which is left with what follows the dot.
constexpr std::string_view next_token(std::string_view& rest) noexcept {
  const auto dot = rest.find('.');
  const auto token = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  return token;
}

[[nodiscard]] constexpr bool is_pattern(std::string_view name) noexcept {
  return name.find('*') != std::string_view::npos || name.find('>') != std::string_view::npos;
}

/// True if `pattern` (which may be an exact name) covers `name`.
[[nodiscard]] constexpr bool matches(std::string_view pattern, std::string_view name) noexcept {
  while (!pattern.empty()) {
    const auto want = next_token(pattern);
    if (want == ">") return !name.empty();
    if (name.empty()) return false;
    const auto have = next_token(name);
    if (want != "*" && want != have) return false;
  }
  return name.empty();
}

/// True if some name is covered by both patterns.
[[nodiscard]] constexpr bool overlap(std::string_view a, std::string_view b) noexcept {
  while (!a.empty() && !b.empty()) {
    const auto left = next_token(a);
    const auto right = next_token(b);
    if (left == ">" || right == ">") return true;
    if (left != "*" && right != "*" && left != right) return false;
  }
  return a.empty() && b.empty();
}

/// Says what is wrong with a name or pattern, in words.
inline absl::Status check(std::string_view name, bool wildcards_allowed) {
  const auto bad = [name](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::string_view(name.data(), name.size()),
                     "\" is no valid name: ", absl::string_view(why.data(), why.size())));
  };
  if (name.empty()) return bad("it is empty");
  if (name.size() > kLongestName) return bad(absl::StrCat("longer than ", kLongestName, " bytes"));
  if (name.back() == '.') return bad("it ends with a dot");
  auto rest = name;
  while (!rest.empty()) {
    const auto token = next_token(rest);
    if (token.empty()) return bad("two dots in a row, or one at the beginning");
    if (token == "*" || token == ">") {
      if (!wildcards_allowed) {
        return bad(
            "wildcards name no single topic; use matching() to subscribe, family_publisher() to "
            "publish");
      }
      if (token == ">" && !rest.empty())
        return bad("'>' stands for all that follows; it must come last");
      continue;
    }
    for (const char c : token) {
      const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ':' || c == '/';
      if (!fine)
        return bad(
            "use letters, digits, '_', '-', ':' and '/' between dots; wildcards stand alone");
    }
  }
  return absl::OkStatus();
}

}  // namespace names
}  // namespace ringway
