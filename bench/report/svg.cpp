// SPDX-License-Identifier: Apache-2.0
#include "report/svg.hpp"

#include <cstdio>

namespace ringway::bench {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

/// ` name="value"`
std::string attribute(std::string_view name, double value) {
  return std::string(" ").append(name).append("=\"").append(number(value)).append("\"");
}

std::string attribute(std::string_view name, std::string_view value) {
  return std::string(" ").append(name).append("=\"").append(escaped(value)).append("\"");
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

std::string chart_style() {
  return R"(
.chart text{font:13px system-ui,sans-serif;fill:#1c2733}
.chart .muted{fill:#5b6875}
.chart .small{font-size:11px}
.chart .strong{font-weight:600}
.chart .ground{fill:#ffffff}
.chart .grid{stroke:#dfe5ea;stroke-width:1}
.chart .whisker{stroke:#1c2733;stroke-width:1.5}
.chart .ringway{fill:#0b7285}
.chart .peer{fill:#9fb0bf}
.chart .limit{fill:#f08c00;fill-opacity:.75}
.chart .baseline{fill:#d3dae0}
.chart .curve{fill:none;stroke-width:2}
.chart .c0{stroke:#0b7285}.chart .c1{stroke:#e8590c}.chart .c2{stroke:#5f3dc4}
.chart .c3{stroke:#2b8a3e}.chart .c4{stroke:#c2255c}.chart .c5{stroke:#8d6708}
.chart .c6{stroke:#1864ab}.chart .c7{stroke:#5b6875}
.chart .d0{fill:#0b7285}.chart .d1{fill:#e8590c}.chart .d2{fill:#5f3dc4}
.chart .d3{fill:#2b8a3e}.chart .d4{fill:#c2255c}.chart .d5{fill:#8d6708}
.chart .d6{fill:#1864ab}.chart .d7{fill:#5b6875}
@media (prefers-color-scheme:dark){
.chart text{fill:#e3e9ee}
.chart .muted{fill:#9aa7b2}
.chart .ground{fill:#151b21}
.chart .grid{stroke:#2c363f}
.chart .whisker{stroke:#e3e9ee}
.chart .ringway{fill:#22b8cf}
.chart .peer{fill:#5f7080}
.chart .baseline{fill:#3d4852}
.chart .c0{stroke:#22b8cf}.chart .c1{stroke:#ff922b}.chart .c2{stroke:#b197fc}
.chart .c3{stroke:#69db7c}.chart .c4{stroke:#f783ac}.chart .c5{stroke:#ffd43b}
.chart .c6{stroke:#74c0fc}.chart .c7{stroke:#9aa7b2}
.chart .d0{fill:#22b8cf}.chart .d1{fill:#ff922b}.chart .d2{fill:#b197fc}
.chart .d3{fill:#69db7c}.chart .d4{fill:#f783ac}.chart .d5{fill:#ffd43b}
.chart .d6{fill:#74c0fc}.chart .d7{fill:#9aa7b2}
}
)";
}

void Svg::box(std::string_view style, double x, double y, double width, double height,
              std::string_view tip) {
  shape("rect" + attribute("class", style) + attribute("x", x) + attribute("y", y) +
            attribute("width", width) + attribute("height", height),
        "rect", tip);
}

void Svg::line(std::string_view style, double x1, double y1, double x2, double y2) {
  shape("line" + attribute("class", style) + attribute("x1", x1) + attribute("y1", y1) +
            attribute("x2", x2) + attribute("y2", y2),
        "line", {});
}

void Svg::text(std::string_view style, double x, double y, std::string_view text,
               std::string_view anchor) {
  body_ += "<text" + attribute("class", style) + attribute("x", x) + attribute("y", y) +
           attribute("text-anchor", anchor) + ">" + escaped(text) + "</text>\n";
}

void Svg::path(std::string_view style, const std::vector<std::pair<double, double>>& points,
               std::string_view tip) {
  std::string steps;
  for (const auto& [x, y] : points) {
    steps.append(steps.empty() ? "M" : "L").append(number(x)).append(" ").append(number(y));
  }
  shape("path" + attribute("class", style) + attribute("d", steps), "path", tip);
}

void Svg::dot(std::string_view style, double x, double y, std::string_view tip) {
  shape("circle" + attribute("class", style) + attribute("cx", x) + attribute("cy", y) +
            attribute("r", 4),
        "circle", tip);
}

std::string Svg::inline_form() const {
  return opening() + ">\n" + body_ + "</svg>\n";
}

std::string Svg::file_form() const {
  return opening() + attribute("width", width_) + attribute("height", height_) + ">\n<style>" +
         chart_style() + "</style>\n<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n" +
         body_ + "</svg>\n";
}

std::string Svg::opening() const {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\"" +
         attribute("aria-label", label_) +
         attribute("viewBox", "0 0 " + number(width_) + " " + number(height_));
}

void Svg::shape(const std::string& shape, std::string_view name, std::string_view tip) {
  body_ += "<" + shape;
  if (tip.empty()) {
    body_ += "/>\n";
  } else {
    body_.append("><title>").append(escaped(tip)).append("</title></").append(name).append(">\n");
  }
}

}  // namespace ringway::bench
