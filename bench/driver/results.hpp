// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What came out: cells (one subject of one row in one class), the ratios between them, and their
/// JSON forms.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "driver/placement.hpp"
#include "driver/row.hpp"
#include "driver/statistics.hpp"
#include "histogram.hpp"

namespace ringway::bench {

struct Sample {
  double value = 0;
  double before_ns = 0;  ///< the ping-pong round trip before
  double after_ns = 0;   ///< and after
};

struct Cell {
  std::string suite;
  std::string topology;
  Variant variant{};
  std::size_t payload_bytes = 0;
  std::size_t capacity = 0;
  std::string subject;
  Kind kind = Kind::kPeer;
  CoreClass core_class = CoreClass::kTwoCores;
  std::string unit;
  Better better = Better::kHigher;
  std::size_t threads = 2;
  Growth growth{};
  std::vector<Sample> samples{};
  std::optional<Histogram> latencies{};
  std::map<std::string, std::vector<double>> extras{};
  // filled in by set_ratios()
  std::optional<double> ratio_to_best_peer{};
  std::optional<double> ratio_to_limit{};

  [[nodiscard]] Summary summary() const;
  /// The subject with its row's variant: what results.json calls it.
  [[nodiscard]] std::string full_subject() const {
    return variant.text.empty() ? subject : subject + " (" + variant.text + ")";
  }
  [[nodiscard]] std::optional<double> p99() const;
};

struct Results {
  std::vector<Cell> cells;
  std::size_t unclear_samples = 0;  ///< thrown away: the processors moved meanwhile
  std::vector<std::string> violations;
  std::vector<std::string> incomplete;  ///< rows that have fewer samples than asked for, and why
  std::vector<std::string> missing;     ///< peers that were not built
  double seconds = 0;
};

/// Whether both are measured in the same row and class.
[[nodiscard]] bool same_row(const Cell& a, const Cell& b);

/// For every Ringway cell: its median divided by that of the best peer, and by that of the limit,
/// of the same row and class.
void set_ratios(std::vector<Cell>& cells);

/// The contract that other tools read: one object for each cell.
[[nodiscard]] std::string results_json(const std::vector<Cell>& cells);

/// Everything: the machine, every sample with its brackets, percentiles, what was thrown away.
[[nodiscard]] std::string raw_json(const Results& results,
                                   const std::vector<std::pair<std::string, std::string>>& machine);

}  // namespace ringway::bench
