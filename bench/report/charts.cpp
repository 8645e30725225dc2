// SPDX-License-Identifier: Apache-2.0
#include "report/charts.hpp"

#include <algorithm>
#include <cmath>

#include "report/growth.hpp"

namespace ringway::bench {
namespace {

constexpr double kWidth = 400;
constexpr double kMargin = 8;

/// The next of 1, 2, 5, 10, 20, 50, ... that is not below `value`.
double round_up_nicely(double value) {
  const double decade = std::pow(10.0, std::floor(std::log10(std::max(value, 1e-9))));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (step * decade >= value) return step * decade;
  }
  return 10 * decade;
}

/// From values to places along one side of a chart.
class Scale {
 public:
  Scale(const Axis& axis, double low, double high, double from, double to)
      : axis_(axis), low_(low), high_(high), from_(from), to_(to) {
    if (axis_.logarithmic) {
      low_ = std::pow(10.0, std::floor(std::log10(std::max(low, 1e-3))));
      high_ = std::pow(10.0, std::ceil(std::log10(std::max(high, low_ * 1.01))));
    } else {
      low_ = 0;
      high_ = round_up_nicely(high);
    }
  }

  [[nodiscard]] double place(double value) const {
    const double part = axis_.logarithmic
                            ? std::log(std::max(value, low_) / low_) / std::log(high_ / low_)
                            : (value - low_) / (high_ - low_);
    return from_ + std::clamp(part, 0.0, 1.0) * (to_ - from_);
  }
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> ticks;
    if (axis_.logarithmic) {
      for (double tick = low_; tick <= high_ * 1.001; tick *= 10) ticks.push_back(tick);
    } else {
      for (int i = 0; i <= 4; ++i) ticks.push_back(low_ + (high_ - low_) * i / 4);
    }
    return ticks;
  }
  [[nodiscard]] std::string name(double tick) const {
    if (axis_.tick_name != nullptr) return axis_.tick_name(tick);
    if (tick >= 1e6) return figure(tick / 1e6).append(" M");
    char text[32];
    std::snprintf(text, sizeof text, "%g", tick);
    return text;
  }

 private:
  Axis axis_;
  double low_;
  double high_;
  double from_;
  double to_;
};

std::string percentile_name(double one_in) {
  const double percent = 100 * (1 - 1 / one_in);
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %%", one_in < 1000 ? 0 : one_in < 10000 ? 1 : 2, percent);
  if (one_in >= 1e5) std::snprintf(text, sizeof text, "%.3f %%", percent);
  return text;
}

}  // namespace

Svg bar_chart(const Group& group) {
  constexpr double kBarHeight = 11;
  constexpr double kStep = 36;
  const Cell& first = *group.front();
  double largest = 0;
  for (const Cell* cell : group) largest = std::max(largest, cell->summary().max);
  const double top = 44;
  Svg svg(kWidth, top + kStep * static_cast<double>(group.size()) + kMargin,
          title_of(first) + ": " + unit_of(first));
  svg.text("strong", kMargin, 18, title_of(first));
  svg.text("muted small", kMargin, 33,
           unit_of(first) + "; whisker: minimum to maximum" +
               (first.threads > 2 ? "; oversubscribed" : ""));
  const double scale = (kWidth - 2 * kMargin) / std::max(largest, 1e-9);
  double y = top;
  for (const Cell* cell : group) {
    const Summary summary = cell->summary();
    const std::string range = figure(summary.min) + " to " + figure(summary.max);
    svg.text(cell->kind == Kind::kRingway ? "strong" : "", kMargin, y + 13, cell->subject);
    svg.text("strong", kWidth - kMargin, y + 13, figure(summary.median), "end");
    const double bar_y = y + 18;
    svg.box(name_of(cell->kind), kMargin, bar_y, std::max(1.0, summary.median * scale), kBarHeight,
            cell->subject + ": median " + figure(summary.median) + ", " + range + ", n " +
                std::to_string(summary.n));
    const double middle = bar_y + kBarHeight / 2;
    svg.line("whisker", kMargin + summary.min * scale, middle, kMargin + summary.max * scale,
             middle);
    for (const double end : {summary.min, summary.max}) {
      svg.line("whisker", kMargin + end * scale, middle - 4, kMargin + end * scale, middle + 4);
    }
    y += kStep;
  }
  return svg;
}

Svg curve_chart(const std::string& title, const Axis& x, const Axis& y,
                const std::vector<Curve>& curves) {
  constexpr double kLeft = 52, kTop = 34, kBottom = 250, kLegendStep = 18;
  double low_x = 1e300, high_x = 0, low_y = 1e300, high_y = 0;
  for (const Curve& curve : curves) {
    for (const auto& [px, py] : curve.points) {
      low_x = std::min(low_x, px);
      high_x = std::max(high_x, px);
      low_y = std::min(low_y, py);
      high_y = std::max(high_y, py);
    }
  }
  const Scale across(x, low_x, high_x, kLeft, kWidth - kMargin - 12);
  const Scale up(y, low_y, high_y, kBottom, kTop + 14);
  Svg svg(kWidth, kBottom + 48 + kLegendStep * static_cast<double>(curves.size()), title);
  svg.text("strong", kMargin, 18, title);
  svg.text("muted small", kMargin, 34, y.label);
  for (const double tick : up.ticks()) {
    svg.line("grid", kLeft, up.place(tick), kWidth - kMargin, up.place(tick));
    svg.text("muted small", kLeft - 5, up.place(tick) + 4, up.name(tick), "end");
  }
  for (const double tick : across.ticks()) {
    svg.line("grid", across.place(tick), kTop + 14, across.place(tick), kBottom);
    svg.text("muted small", across.place(tick), kBottom + 15, across.name(tick), "middle");
  }
  svg.text("muted small", kWidth - kMargin, kBottom + 30, x.label, "end");
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const std::string colour = std::to_string(i % 8);
    std::vector<std::pair<double, double>> points;
    for (const auto& [px, py] : curves[i].points)
      points.emplace_back(across.place(px), up.place(py));
    if (points.size() > 1) svg.path("curve c" + colour, points, curves[i].name);
    if (points.size() <= 12) {
      for (std::size_t k = 0; k < points.size(); ++k) {
        svg.dot("d" + colour, points[k].first, points[k].second,
                curves[i].name + ": " + figure(curves[i].points[k].second));
      }
    }
    const double legend_y = kBottom + 48 + kLegendStep * static_cast<double>(i);
    svg.box("d" + colour, kMargin, legend_y - 9, 14, 8);
    svg.text("small", kMargin + 20, legend_y, curves[i].name);
  }
  return svg;
}

bool has_latencies(const Group& group) {
  return std::any_of(group.begin(), group.end(), [](const Cell* cell) {
    return cell->latencies && cell->latencies->total() != 0;
  });
}

Svg percentile_chart(const Group& group) {
  std::vector<Curve> curves;
  for (const Cell* cell : group) {
    if (!cell->latencies || cell->latencies->total() == 0) continue;
    Curve curve{.name = cell->subject, .points = {}};
    const double most = static_cast<double>(cell->latencies->total());
    for (const Histogram::Point& point : cell->latencies->curve()) {
      const double beyond = std::max(1 - point.fraction, 1 / most);
      curve.points.emplace_back(1 / beyond, std::max(point.value_ns, 1.0));
    }
    curves.push_back(std::move(curve));
  }
  return curve_chart(title_of(*group.front()) + ": percentiles",
                     {.label = "percentile", .logarithmic = true, .tick_name = percentile_name},
                     {.label = "latency in ns", .logarithmic = true}, curves);
}

namespace {

/// p50 and p99 of open-loop latencies against the offered load.
std::vector<NamedChart> load_charts(const std::vector<Group>& groups) {
  std::vector<Curve> medians;
  std::vector<Curve> tails;
  for (const Group& group : groups) {
    for (const Cell* cell : group) {
      const auto load = cell->extras.find("offered million/s");
      if (load == cell->extras.end() || !cell->latencies) continue;
      const auto add = [&](std::vector<Curve>& curves, double percent) {
        auto curve = std::find_if(curves.begin(), curves.end(),
                                  [&](const Curve& c) { return c.name == cell->subject; });
        if (curve == curves.end()) {
          curves.push_back({.name = cell->subject, .points = {}});
          curve = std::prev(curves.end());
        }
        curve->points.emplace_back(
            median_of(load->second),
            std::max(1.0, static_cast<double>(cell->latencies->percentile(percent))));
      };
      add(medians, 50);
      add(tails, 99);
    }
  }
  if (medians.empty()) return {};
  const Axis load{.label = "offered load, million/s", .logarithmic = true};
  const Axis latency{.label = "latency in ns", .logarithmic = true};
  return {{"latency-against-load-p50",
           curve_chart("Latency against offered load, p50", load, latency, medians)},
          {"latency-against-load-p99",
           curve_chart("Latency against offered load, p99", load, latency, tails)}};
}

/// Wake-up latency against what the waiting cost; a point for each strategy.
std::vector<NamedChart> waiting_charts(const std::vector<Group>& groups) {
  std::vector<NamedChart> charts;
  for (const bool processes : {false, true}) {
    std::vector<Curve> points;
    for (const Group& group : groups) {
      for (const Cell* cell : group) {
        const auto cpu = cell->extras.find("idle CPU %");
        if (cpu == cell->extras.end() || (cell->suite == "processes") != processes) continue;
        points.push_back(
            {.name = cell->subject, .points = {{median_of(cpu->second), cell->summary().median}}});
      }
    }
    if (points.empty()) continue;
    charts.push_back(
        {processes ? "ipc-wake-against-cpu" : "wake-up-against-cpu",
         curve_chart(processes ? "Waking another process against idle CPU"
                               : "Wake-up latency against idle CPU",
                     {.label = "CPU used while waiting, %"},
                     {.label = "wake-up latency in ns, median", .logarithmic = true}, points)});
  }
  return charts;
}

}  // namespace

std::vector<NamedChart> overview_charts(const std::vector<Group>& groups) {
  std::vector<NamedChart> charts = load_charts(groups);
  for (NamedChart& chart : waiting_charts(groups)) charts.push_back(std::move(chart));
  for (const GrowthChart& chart : growth_charts(groups)) {
    charts.push_back({chart.topology, draw(chart)});
  }
  return charts;
}

bool is_point(const Group& group) {
  return !group.front()->growth.what.empty();
}

}  // namespace ringway::bench
