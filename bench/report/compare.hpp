// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Compares a run with an earlier one: what moved beyond noise.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "driver/results.hpp"

namespace ringway::bench {

/// A cell of an earlier run.
struct Earlier {
  Summary summary{};
  std::optional<double> round_trip_ns{};  ///< how far apart the processors were, if the file says
};

/// What an earlier run's file says of each cell, by the cell's name.
using Baseline = std::map<std::string, Earlier>;

/// The name of a cell in a Baseline: suite, row, subject and class.
[[nodiscard]] std::string cell_name(const Cell& cell);

/// Reads the text of a results.json, or of a raw.json, which says how far apart the processors were
/// too; nothing, and a sentence in `error`, if it is neither.
[[nodiscard]] std::optional<Baseline> parse_baseline(const std::string& text, std::string& error);

/// Reads the file; nothing, and a sentence in `error`, if that fails.
[[nodiscard]] std::optional<Baseline> read_baseline(const std::string& path, std::string& error);

/// A table of the cells that both runs have and that moved, the largest move first, and a line with
/// the totals. Cells that were measured at another distance are counted and not compared.
[[nodiscard]] std::string compare(const Baseline& before, const std::vector<Cell>& cells);

}  // namespace ringway::bench
