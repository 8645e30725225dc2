// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A drawing: shapes with class names, coloured by one style sheet for light and dark.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringway::bench {

/// Text with what XML and HTML give a meaning to replaced.
[[nodiscard]] std::string escaped(std::string_view text);

/// The rules for shapes in charts, for the page and for single files.
[[nodiscard]] std::string chart_style();

class Svg {
 public:
  Svg(double width, double height, std::string_view label)
      : width_(width), height_(height), label_(label) {}

  /// A box; `tip` is shown where a pointer rests on it.
  void box(std::string_view style, double x, double y, double width, double height,
           std::string_view tip = {});
  void line(std::string_view style, double x1, double y1, double x2, double y2);
  /// `anchor`: start, middle or end.
  void text(std::string_view style, double x, double y, std::string_view text,
            std::string_view anchor = "start");
  void path(std::string_view style, const std::vector<std::pair<double, double>>& points,
            std::string_view tip = {});
  void dot(std::string_view style, double x, double y, std::string_view tip = {});

  /// For a page that has the style sheet.
  [[nodiscard]] std::string inline_form() const;
  /// For a file of its own.
  [[nodiscard]] std::string file_form() const;

 private:
  [[nodiscard]] std::string opening() const;
  void shape(const std::string& shape, std::string_view name, std::string_view tip);

  double width_;
  double height_;
  std::string label_;
  std::string body_;
};

}  // namespace ringway::bench
