// SPDX-License-Identifier: Apache-2.0
#include "bench/histogram.hpp"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

namespace ringway::bench {
namespace {

TEST(Histogram, KnowsNothingWhenEmpty) {
  const Histogram histogram;
  EXPECT_EQ(histogram.total(), 0u);
  EXPECT_EQ(histogram.percentile(50), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_TRUE(histogram.curve().empty());
}

TEST(Histogram, KeepsSmallValuesExactly) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.percentile(50), 50u);
  EXPECT_EQ(histogram.percentile(99), 99u);
  EXPECT_EQ(histogram.percentile(100), 100u);
  EXPECT_EQ(histogram.percentile(0), 1u);
}

TEST(Histogram, IsOffByLessThanOnePartIn256) {
  for (std::uint64_t value = 1; value < (std::uint64_t{1} << 39); value = value * 5 / 4 + 1) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(~std::uint64_t{0} >> 1);  // so that the maximum does not clip the answer
    const std::uint64_t told = histogram.percentile(50);
    ASSERT_GE(told, value);
    ASSERT_LE(told - value, value / 256) << "for " << value;
  }
}

TEST(Histogram, NeverTellsMoreThanTheMaximum) {
  Histogram histogram;
  histogram.record(1'000'003);
  EXPECT_EQ(histogram.percentile(50), 1'000'003u);
  EXPECT_EQ(histogram.max(), 1'000'003u);
}

TEST(Histogram, TellsTheMaximumBeyondItsRange) {
  Histogram histogram;
  histogram.record(~std::uint64_t{0});
  EXPECT_EQ(histogram.max(), ~std::uint64_t{0});
  EXPECT_EQ(histogram.total(), 1u);
  EXPECT_GE(histogram.percentile(100), std::uint64_t{1} << 39);
}

TEST(Histogram, AddsUpToTheSameAsRecordingTogether) {
  std::mt19937_64 random(7);
  Histogram one;
  Histogram two;
  Histogram together;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = random() >> (random() % 40 + 24);
    (i % 2 == 0 ? one : two).record(value);
    together.record(value);
  }
  one.add(two);
  EXPECT_EQ(one.total(), together.total());
  EXPECT_EQ(one.max(), together.max());
  EXPECT_EQ(one.min(), together.min());
  for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    EXPECT_EQ(one.percentile(percent), together.percentile(percent));
  }
}

TEST(Histogram, CurveRisesToAllValues) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100'000; ++value) histogram.record(value);
  const auto curve = histogram.curve();
  ASSERT_GT(curve.size(), 10u);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_GT(curve[i].value_ns, curve[i - 1].value_ns);
    EXPECT_GT(curve[i].fraction, curve[i - 1].fraction);
  }
  EXPECT_EQ(curve.back().count, 100'000u);
  EXPECT_DOUBLE_EQ(curve.back().fraction, 1.0);
  EXPECT_EQ(curve.back().value_ns, 100'000.0);
}

TEST(Histogram, WritesHgrmThatReadsBack) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 1000; ++value) histogram.record(value, value);
  std::istringstream text(histogram.hgrm());
  std::string line;
  std::getline(text, line);
  EXPECT_NE(line.find("Value"), std::string::npos);
  EXPECT_NE(line.find("1/(1-Percentile)"), std::string::npos);
  double last_value = 0;
  double last_fraction = 0;
  std::uint64_t last_count = 0;
  std::string comment;
  while (std::getline(text, line)) {
    if (line.empty()) continue;
    if (line[0] == '#') {
      comment += line;
      continue;
    }
    std::istringstream fields(line);
    double value = 0;
    double fraction = 0;
    std::uint64_t count = 0;
    ASSERT_TRUE(fields >> value >> fraction >> count) << line;
    EXPECT_GT(value, last_value);
    EXPECT_GT(fraction, last_fraction);
    EXPECT_GT(count, last_count);
    last_value = value;
    last_fraction = fraction;
    last_count = count;
  }
  EXPECT_EQ(last_value, 1000);
  EXPECT_EQ(last_fraction, 1);
  EXPECT_EQ(last_count, histogram.total());
  EXPECT_NE(comment.find("Total count"), std::string::npos);
}

}  // namespace
}  // namespace ringway::bench
