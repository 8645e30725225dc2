// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The charts of the report. All are 400 wide, so that they are readable on a phone.

#include <string>
#include <vector>

#include "report/format.hpp"
#include "report/svg.hpp"

namespace ringway::bench {

/// One bar for each subject of a row: the median, with a whisker from minimum to maximum.
[[nodiscard]] Svg bar_chart(const Group& group);

/// A curve through points, logarithmic on both axes where asked for.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;
};
struct Axis {
  std::string label;
  bool logarithmic = false;
  /// What to write at a position; empty: the figure itself.
  std::string (*tick_name)(double) = nullptr;
};
[[nodiscard]] Svg curve_chart(const std::string& title, const Axis& x, const Axis& y,
                              const std::vector<Curve>& curves);

/// Latency against percentile, on HdrHistogram's axis (1 / (1 - percentile), logarithmic).
[[nodiscard]] Svg percentile_chart(const Group& group);

/// A chart, and what its file is called.
struct NamedChart {
  std::string stem;
  Svg chart;
};

/// What compares several rows: open-loop latency (p50, p99) against the offered load, wake-up
/// latency against the processor time that waiting took, and growth. Of one class at a time.
[[nodiscard]] std::vector<NamedChart> overview_charts(const std::vector<Group>& groups);

/// Whether the group is a point of curves alone, and has no chart of its own.
[[nodiscard]] bool is_point(const Group& group);

/// Whether any cell of the group has single latencies.
[[nodiscard]] bool has_latencies(const Group& group);

}  // namespace ringway::bench
