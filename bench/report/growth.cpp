// SPDX-License-Identifier: Apache-2.0
#include "report/growth.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace ringway::bench {
namespace {

/// Finds the element that `fits`, or adds `made`.
template <class Element, class Fits>
Element& find_or_add(std::vector<Element>& all, Element made, const Fits& fits) {
  const auto found = std::find_if(all.begin(), all.end(), fits);
  if (found != all.end()) return *found;
  all.push_back(std::move(made));
  return all.back();
}

double cost_of(double figure, Better better) {
  return better == Better::kLower ? figure : 1 / figure;
}

/// The tolerance of what is called flat or linear: figures of small rows carry that much noise.
constexpr double kFlat = 0.15;
constexpr double kLinear = 1.1;
constexpr double kSteep = 1.5;

std::string word_for(const Exponent& exponent) {
  if (exponent.overall > kLinear) return "worse than linearly";
  if (exponent.steepest > kSteep) return "linearly at most over all, but worse than that in a part";
  if (exponent.overall > 1 - kFlat) return "linearly";
  if (exponent.overall > kFlat) return "less than linearly";
  return "not at all";
}

}  // namespace

std::vector<GrowthChart> growth_charts(const std::vector<Group>& groups) {
  std::vector<GrowthChart> charts;
  for (const Group& group : groups) {
    const Cell& first = *group.front();
    if (first.growth.what.empty()) continue;
    GrowthChart& chart =
        find_or_add(charts,
                    GrowthChart{.topology = first.topology,
                                .what = first.growth.what,
                                .unit = first.unit,
                                .better = first.better,
                                .curves = {}},
                    [&](const GrowthChart& c) { return c.topology == first.topology; });
    for (const Cell* cell : group) {
      Curve& curve = find_or_add(chart.curves, Curve{.name = cell->subject, .points = {}},
                                 [&](const Curve& c) { return c.name == cell->subject; });
      curve.points.emplace_back(cell->growth.at, cell->summary().median);
    }
  }
  return charts;
}

std::optional<Exponent> exponent_of(const Curve& curve, Better better) {
  if (curve.points.size() < 3) return std::nullopt;
  Exponent exponent{.steepest = -1e9};
  double mean_x = 0;
  double mean_y = 0;
  std::vector<std::pair<double, double>> logs;
  for (const auto& [x, y] : curve.points) {
    logs.emplace_back(std::log(x), std::log(cost_of(std::max(y, 1e-12), better)));
    mean_x += logs.back().first / static_cast<double>(curve.points.size());
    mean_y += logs.back().second / static_cast<double>(curve.points.size());
  }
  double across = 0;
  double along = 0;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    along += (logs[i].first - mean_x) * (logs[i].second - mean_y);
    across += (logs[i].first - mean_x) * (logs[i].first - mean_x);
    if (i == 0) continue;
    const double step = (logs[i].second - logs[i - 1].second) / (logs[i].first - logs[i - 1].first);
    if (step <= exponent.steepest) continue;
    exponent.steepest = step;
    exponent.from = curve.points[i - 1].first;
    exponent.to = curve.points[i].first;
  }
  exponent.overall = along / across;
  return exponent;
}

std::string growth_sentence(const GrowthChart& chart, const Curve& curve) {
  const auto exponent = exponent_of(curve, chart.better);
  if (!exponent) return curve.name + ": too few points";
  char text[160];
  std::snprintf(text, sizeof text, ": as (%s)^%.2f, %s (steepest %.2f, from %.0f to %.0f)",
                chart.what.c_str(), exponent->overall, word_for(*exponent).c_str(),
                exponent->steepest, exponent->from, exponent->to);
  return curve.name + text;
}

Svg draw(const GrowthChart& chart) {
  return curve_chart(
      chart.topology, {.label = chart.what, .logarithmic = true},
      {.label = chart.unit + ", " + name_of(chart.better) + " is better", .logarithmic = true},
      chart.curves);
}

}  // namespace ringway::bench
