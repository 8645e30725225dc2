// SPDX-License-Identifier: Apache-2.0
#include "bench/driver/statistics.hpp"

#include <gtest/gtest.h>

namespace ringway::bench {
namespace {

TEST(Statistics, MedianIsTheMiddleValue) {
  EXPECT_EQ(median_of({3, 1, 2}), 2);
  EXPECT_EQ(median_of({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(median_of({5}), 5);
  EXPECT_EQ(median_of({}), 0);
}

TEST(Statistics, OneWildSampleDoesNotMoveTheMedian) {
  EXPECT_EQ(median_of({10, 11, 12, 13, 1e9}), 12);
}

TEST(Statistics, SummaryTellsCountMedianAndRange) {
  const Summary summary = summarize({5, 1, 9, 3, 7});
  EXPECT_EQ(summary.n, 5u);
  EXPECT_EQ(summary.median, 5);
  EXPECT_EQ(summary.min, 1);
  EXPECT_EQ(summary.max, 9);
  EXPECT_EQ(summarize({}).n, 0u);
}

TEST(Statistics, OverlappingRangesAreNoise) {
  const Summary before = summarize({90, 100, 110});
  EXPECT_FALSE(moved_beyond_noise(before, summarize({95, 105, 115})));
  EXPECT_FALSE(moved_beyond_noise(before, summarize({100, 120, 140})));  // reaches back to 100
}

TEST(Statistics, RangesThatExcludeEachOthersMedianHaveMoved) {
  const Summary before = summarize({90, 100, 110});
  EXPECT_TRUE(moved_beyond_noise(before, summarize({115, 120, 125})));
  EXPECT_TRUE(moved_beyond_noise(before, summarize({50, 60, 70})));
}

TEST(Statistics, NothingHasMovedWithoutSamples) {
  EXPECT_FALSE(moved_beyond_noise({}, summarize({1})));
  EXPECT_FALSE(moved_beyond_noise(summarize({1}), {}));
}

}  // namespace
}  // namespace ringway::bench
