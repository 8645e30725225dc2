// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// How figures and names look in tables and charts, and which cells belong together.

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "driver/results.hpp"

namespace ringway::bench {

/// About three significant digits, whatever the size.
[[nodiscard]] inline std::string figure(double value) {
  char text[32];
  const char* form = value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f";
  std::snprintf(text, sizeof text, form, value);
  return text;
}

[[nodiscard]] inline std::string ratio_text(const std::optional<double>& ratio) {
  if (!ratio) return "";
  char text[32];
  std::snprintf(text, sizeof text, *ratio < 0.095 ? "%.3f" : "%.2f", *ratio);
  return text;
}

[[nodiscard]] inline std::string title_of(const Cell& cell) {
  std::string text = cell.topology;
  if (!cell.variant.tag.empty()) text.append("_").append(cell.variant.tag);
  if (cell.payload_bytes != 0)
    text.append(", ").append(std::to_string(cell.payload_bytes)).append(" B");
  if (cell.capacity != 0) text.append(", capacity ").append(std::to_string(cell.capacity));
  return text;
}

/// "million/s, higher is better"
[[nodiscard]] inline std::string unit_of(const Cell& cell) {
  return cell.unit + ", " + name_of(cell.better) + " is better";
}

/// A file name for what belongs to this cell's row and class.
[[nodiscard]] inline std::string file_stem(const Cell& cell) {
  std::string stem = cell.topology;
  if (!cell.variant.tag.empty()) stem.append("_").append(cell.variant.tag);
  stem.append("-").append(std::to_string(cell.payload_bytes));
  stem.append("-").append(std::to_string(cell.capacity));
  if (cell.core_class == CoreClass::kOneCore) stem += "-one-core";
  return stem;
}

/// The name with everything that a file name should not hold replaced.
[[nodiscard]] inline std::string file_safe(std::string name) {
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain) c = '-';
  }
  return name;
}

/// The cells of one row and class, in the order in which they were measured.
using Group = std::vector<const Cell*>;

[[nodiscard]] inline std::vector<Group> group_rows(const std::vector<Cell>& cells) {
  std::vector<Group> groups;
  for (const Cell& cell : cells) {
    if (groups.empty() || !same_row(*groups.back().front(), cell)) groups.emplace_back();
    groups.back().push_back(&cell);
  }
  return groups;
}

/// How far apart the processors were: the median round trip of a line, in ns; nothing for rows of
/// one thread, which no bracket surrounds.
[[nodiscard]] inline std::optional<double> round_trip_of(const Group& group) {
  std::vector<double> round_trips;
  for (const Cell* cell : group) {
    for (const Sample& sample : cell->samples) {
      if (sample.before_ns > 0) round_trips.push_back(sample.before_ns);
    }
  }
  if (round_trips.empty()) return std::nullopt;
  return median_of(round_trips);
}

/// ", 55 ns apart"
[[nodiscard]] inline std::string apart_text(const Group& group) {
  const auto round_trip = round_trip_of(group);
  if (!round_trip) return "";
  char text[32];
  std::snprintf(text, sizeof text, ", %.0f ns apart", *round_trip);
  return text;
}

/// "two cores, 55 ns apart"
[[nodiscard]] inline std::string place_of(const Group& group) {
  return name_of(group.front()->core_class) + apart_text(group);
}

/// Whether two cores were near each other in some rows and far apart in others.
[[nodiscard]] inline bool at_several_distances(const std::vector<Group>& groups) {
  double least = 0;
  double most = 0;
  for (const Group& group : groups) {
    const auto round_trip = round_trip_of(group);
    if (!round_trip || group.front()->core_class != CoreClass::kTwoCores) continue;
    least = least == 0 ? *round_trip : std::min(least, *round_trip);
    most = std::max(most, *round_trip);
  }
  return most >= Places::kAlike * least && least > 0;
}

/// True if so many samples of one class of a row count more than so many of the other.
[[nodiscard]] constexpr bool has_far_more_samples(std::size_t own, std::size_t others) noexcept {
  return own > 2 * others;
}

/// Those of one class.
[[nodiscard]] inline std::vector<Group> of_class(const std::vector<Group>& groups,
                                                 CoreClass core_class) {
  std::vector<Group> own;
  std::copy_if(groups.begin(), groups.end(), std::back_inserter(own),
               [&](const Group& group) { return group.front()->core_class == core_class; });
  return own;
}

}  // namespace ringway::bench
