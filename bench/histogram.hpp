// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A log-bucketed histogram of latencies in nanoseconds, after HdrHistogram.
///
/// *What*: constant-time record(), relative error at most 1/256, range 1 ns to 2^40 ns (18
/// minutes); larger values land in the last bucket, and max() still tells them. One thread at a
/// time.
///
/// *Layout*: values below 512 have a bucket each. Above, every doubling is cut into 256 equal
/// buckets, so a bucket's width is at most 1/256 of its values.
///
/// *Source*: G. Tene, http://hdrhistogram.org; the text form is its `.hgrm`, which the plotters on
/// that page read.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace ringway::bench {

class Histogram {
 public:
  Histogram() : counts_(kBuckets, 0) {}

  void record(std::uint64_t value_ns, std::uint64_t times = 1) noexcept {
    counts_[bucket_of(value_ns)] += times;
    total_ += times;
    max_ = std::max(max_, value_ns);
    min_ = std::min(min_, value_ns);
  }

  void add(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    max_ = std::max(max_, other.max_);
    min_ = std::min(min_, other.min_);
  }

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  [[nodiscard]] std::uint64_t min() const noexcept { return total_ == 0 ? 0 : min_; }

  /// The smallest recorded value (rounded up to its bucket's end) that at least `percent` of all
  /// values do not exceed. 0 if nothing was recorded.
  [[nodiscard]] std::uint64_t percentile(double percent) const noexcept {
    if (total_ == 0) return 0;
    const double wanted = std::ceil(percent / 100.0 * static_cast<double>(total_));
    const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, total_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += counts_[i];
      if (seen >= rank) return std::min(highest_in(i), max_);
    }
    return max_;
  }

  /// One point of the percentile curve: a value and how many values do not exceed it.
  struct Point {
    double value_ns;
    double fraction;
    std::uint64_t count;
  };

  /// The curve with `ticks` points for every halving of the distance to 100 %, the maximum last.
  [[nodiscard]] std::vector<Point> curve(int ticks = 5) const {
    std::vector<Point> points;
    if (total_ == 0) return points;
    double next = 0;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      if (counts_[i] == 0) continue;
      seen += counts_[i];
      const double fraction = static_cast<double>(seen) / static_cast<double>(total_);
      if (fraction < next && seen != total_) continue;
      points.push_back({static_cast<double>(std::min(highest_in(i), max_)), fraction, seen});
      const double halvings = std::floor(std::log2(1.0 / std::max(1.0 - fraction, 1e-12)));
      next = fraction + std::exp2(-(halvings + 1)) / ticks;
    }
    return points;
  }

  /// The `.hgrm` text: value, percentile, count so far, 1/(1-percentile).
  [[nodiscard]] std::string hgrm() const {
    std::string text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
    char line[128];
    for (const Point& point : curve()) {
      const bool last = point.count == total_;
      std::snprintf(line, sizeof line, "%12.3f %2.12f %10llu", point.value_ns, point.fraction,
                    static_cast<unsigned long long>(point.count));
      text += line;
      if (!last) {
        std::snprintf(line, sizeof line, " %14.2f", 1.0 / (1.0 - point.fraction));
        text += line;
      }
      text += '\n';
    }
    std::snprintf(line, sizeof line, "#[Max     = %12llu, Total count    = %12llu]\n",
                  static_cast<unsigned long long>(max_), static_cast<unsigned long long>(total_));
    text += line;
    std::snprintf(line, sizeof line, "#[Buckets = %12d, SubBuckets     = %12d]\n", kDoublings + 1,
                  1 << kSubBits);
    return text + line;
  }

 private:
  static constexpr int kSubBits = 8;
  static constexpr std::uint64_t kExact = 1U << (kSubBits + 1);
  static constexpr int kDoublings = 40 - (kSubBits + 1);
  static constexpr std::size_t kBuckets =
      kExact + static_cast<std::size_t>(kDoublings) * (1U << kSubBits);

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < kExact) return value;
    const auto width = static_cast<std::size_t>(std::bit_width(value));
    const std::size_t shift = width - (kSubBits + 1);
    const std::size_t bucket = (shift << kSubBits) + (value >> shift);
    return std::min(bucket, kBuckets - 1);
  }

  [[nodiscard]] static std::uint64_t highest_in(std::size_t bucket) noexcept {
    if (bucket < kExact) return bucket;
    const std::size_t shift = (bucket >> kSubBits) - 1;
    const std::uint64_t top = bucket - (shift << kSubBits);
    return ((top + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
};

}  // namespace ringway::bench
