// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Counts durations in buckets whose width grows with the value, so that percentiles from
/// nanoseconds to minutes come from one small array.
///
/// Below 64 every value has a bucket of its own; above, each power of two is cut into 32 buckets,
/// so a percentile is at most 1/32 above the true value. The maximum is exact. One thread at a
/// time.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace vessel {

class Histogram {
 public:
  /// Negative durations (a clock that disagrees by a hair) count as 0.
  void record(std::int64_t duration_ns) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration_ns, 0));
    ++buckets_[index_of(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

  /// The smallest bucket bound that at least the fraction `quantile` of all values does not exceed;
  /// 0 without values. \pre 0 < quantile <= 1
  [[nodiscard]] std::uint64_t percentile(double quantile) const noexcept {
    const auto wanted =
        static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t index = 0; index < buckets_.size(); ++index) {
      seen += buckets_[index];
      if (seen >= wanted && seen > 0) return std::min(upper_bound_of(index), max_);
    }
    return max_;
  }

 private:
  static constexpr std::size_t kExact = 64;
  static constexpr std::size_t kPerOctave = kExact / 2;

  static std::size_t index_of(std::uint64_t value) noexcept {
    if (value < kExact) return static_cast<std::size_t>(value);
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 6;
    return shift * kPerOctave + static_cast<std::size_t>(value >> shift);
  }
  static std::uint64_t upper_bound_of(std::size_t index) noexcept {
    if (index < kExact) return index;
    const std::size_t shift = index / kPerOctave - 1;
    return ((index % kPerOctave + kPerOctave + std::uint64_t{1}) << shift) - 1;
  }

  // 64 exact buckets and 32 for each of the 58 powers of two above them.
  std::array<std::uint64_t, kExact + 58 * kPerOctave> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace vessel
