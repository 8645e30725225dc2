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

/// What an earlier results.json says of each cell, by the cell's name.
using Baseline = std::map<std::string, Summary>;

/// The name of a cell in a Baseline: suite, row, subject and class.
[[nodiscard]] std::string cell_name(const Cell& cell);

/// Reads the text of a results.json; nothing, and a sentence in `error`, if it is none.
[[nodiscard]] std::optional<Baseline> parse_baseline(const std::string& text, std::string& error);

/// Reads the file; nothing, and a sentence in `error`, if that fails.
[[nodiscard]] std::optional<Baseline> read_baseline(const std::string& path, std::string& error);

/// A table of the cells that both runs have and that moved, the largest move first, and a line with
/// the totals.
[[nodiscard]] std::string compare(const Baseline& before, const std::vector<Cell>& cells);

}  // namespace ringway::bench
