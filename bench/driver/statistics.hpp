// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Order statistics of a handful of samples. No averages: a mean hides exactly what readers ask
/// for.

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ringway::bench {

struct Summary {
  std::size_t n = 0;
  double median = 0;
  double min = 0;
  double max = 0;
};

/// The middle value; with an even number the mean of the two middle ones. 0 for none.
[[nodiscard]] inline double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

[[nodiscard]] inline Summary summarize(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return {.n = values.size(), .median = median_of(values), .min = *min, .max = *max};
}

/// Whether two runs differ by more than their own spread: each median lies outside the other's
/// range.
[[nodiscard]] inline bool moved_beyond_noise(const Summary& before, const Summary& after) {
  if (before.n == 0 || after.n == 0) return false;
  const auto outside = [](double value, const Summary& range) {
    return value < range.min || value > range.max;
  };
  return outside(after.median, before) && outside(before.median, after);
}

}  // namespace ringway::bench
