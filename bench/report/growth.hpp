// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Growth: rows that differ in one number as one curve, and how fast the cost of one message (or
/// subscription, or request) grows with it.

#include <optional>
#include <string>
#include <vector>

#include "report/charts.hpp"
#include "report/format.hpp"

namespace ringway::bench {

/// One growth_* topology in one class.
struct GrowthChart {
  std::string topology;
  std::string what;  ///< that grows: "topics"
  std::string unit;
  Better better = Better::kHigher;
  std::vector<Curve> curves;  ///< median against number, a curve for each subject
};

/// Those among the groups, which are of one class.
[[nodiscard]] std::vector<GrowthChart> growth_charts(const std::vector<Group>& groups);

/// The exponent e in cost ~ number^e. A rate's cost is its inverse.
struct Exponent {
  double overall = 0;   ///< by least squares over all points, both logarithmic
  double steepest = 0;  ///< between two neighbouring points
  double from = 0;      ///< where that is
  double to = 0;
};
/// Nothing for fewer than three points.
[[nodiscard]] std::optional<Exponent> exponent_of(const Curve& curve, Better better);

/// "SpscRing: as bytes^0.86, less than linearly (steepest 1.02, from 4096 to 16384)"
[[nodiscard]] std::string growth_sentence(const GrowthChart& chart, const Curve& curve);

[[nodiscard]] Svg draw(const GrowthChart& chart);

}  // namespace ringway::bench
