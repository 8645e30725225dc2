// SPDX-License-Identifier: Apache-2.0
#include "report/compare.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "driver/json_reader.hpp"
#include "driver/placement.hpp"
#include "driver/statistics.hpp"
#include "report/format.hpp"

namespace ringway::bench {
namespace {

std::string join_name(const std::string& suite, const std::string& topology, double payload,
                      double capacity, const std::string& subject, const std::string& core_class) {
  std::ostringstream name;
  name << suite << '/' << topology << '/' << payload << '/' << capacity << '/' << subject << '/'
       << core_class;
  return name.str();
}

std::string name_of_entry(const Json& entry) {
  return join_name(entry["suite"].text(), entry["topology"].text(), entry["payload_bytes"].number(),
                   entry["capacity"].number(), entry["subject"].text(), entry["class"].text());
}

/// A cell of results.json: its summary.
Earlier from_result(const Json& entry) {
  return {.summary = {.n = static_cast<std::size_t>(entry["n"].number()),
                      .median = entry["median"].number(),
                      .min = entry["min"].number(),
                      .max = entry["max"].number()}};
}

/// A cell of raw.json: every sample.
Earlier from_samples(const Json& entry) {
  std::vector<double> values;
  std::vector<double> round_trips;
  for (const Json& sample : entry["samples"].array()) {
    values.push_back(sample["value"].number());
    const double round_trip = sample["ping_pong_before_ns"].number();
    if (round_trip > 0) round_trips.push_back(round_trip);
  }
  Earlier earlier;
  if (!values.empty()) earlier.summary = summarize(values);
  if (!round_trips.empty()) earlier.round_trip_ns = median_of(round_trips);
  return earlier;
}

bool at_another_distance(const Earlier& before, const Cell& now) {
  const auto round_trip = round_trip_of({&now});
  return before.round_trip_ns && round_trip && now.core_class == CoreClass::kTwoCores &&
         !alike({.round_trip_ns = *before.round_trip_ns}, {.round_trip_ns = *round_trip});
}

struct Move {
  const Cell* cell;
  Summary before;
  Summary after;
  double ratio;  ///< after divided by before
};

std::string line_of(const Move& move) {
  const bool higher = move.cell->better == Better::kHigher;
  const bool improved = (move.ratio > 1) == higher;
  char line[256];
  std::snprintf(line, sizeof line, "%-34s %-40s %9s %9s %+7.1f %%  %s\n",
                title_of(*move.cell).c_str(), move.cell->subject.c_str(),
                figure(move.before.median).c_str(), figure(move.after.median).c_str(),
                100 * (move.ratio - 1), improved ? "better" : "worse");
  return line;
}

}  // namespace

std::string cell_name(const Cell& cell) {
  return join_name(cell.suite, cell.topology, static_cast<double>(cell.payload_bytes),
                   static_cast<double>(cell.capacity), cell.full_subject(),
                   name_of(cell.core_class));
}

std::optional<Baseline> parse_baseline(const std::string& text, std::string& error) {
  const auto json = Json::parse(text, error);
  if (!json) return std::nullopt;
  Baseline baseline;
  if (json->is_array()) {
    for (const Json& entry : json->array()) baseline[name_of_entry(entry)] = from_result(entry);
  } else if ((*json)["cells"].is_array()) {
    for (const Json& entry : (*json)["cells"].array()) {
      baseline[name_of_entry(entry)] = from_samples(entry);
    }
  } else {
    error = "it is neither a results.json nor a raw.json of this suite";
    return std::nullopt;
  }
  return baseline;
}

std::optional<Baseline> read_baseline(const std::string& path, std::string& error) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    error = path + " cannot be read";
    return std::nullopt;
  }
  std::ostringstream text;
  text << file.rdbuf();
  auto baseline = parse_baseline(text.str(), error);
  if (!baseline) error = path + ": " + error;
  return baseline;
}

std::string compare(const Baseline& before, const std::vector<Cell>& cells) {
  std::vector<Move> moves;
  std::size_t common = 0;
  std::size_t elsewhere = 0;
  for (const Cell& cell : cells) {
    const auto found = before.find(cell_name(cell));
    if (found == before.end()) continue;
    const Summary& old = found->second.summary;
    const Summary now = cell.summary();
    if (old.median <= 0 || now.median <= 0) continue;
    if (at_another_distance(found->second, cell)) {
      ++elsewhere;
      continue;
    }
    ++common;
    if (!moved_beyond_noise(old, now)) continue;
    moves.push_back({.cell = &cell, .before = old, .after = now, .ratio = now.median / old.median});
  }
  std::sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) {
    return std::abs(std::log(a.ratio)) > std::abs(std::log(b.ratio));
  });
  std::string text = "compared with the earlier run: " + std::to_string(moves.size()) + " of " +
                     std::to_string(common) + " moved beyond noise\n";
  if (elsewhere != 0) {
    text += "not compared: " + std::to_string(elsewhere) +
            ", whose processors are nearer or further apart now than they were then\n";
  }
  for (const Move& move : moves) text += line_of(move);
  return text;
}

}  // namespace ringway::bench
