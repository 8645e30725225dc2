// SPDX-License-Identifier: Apache-2.0
#include "driver/runner.hpp"

#include <gtest/gtest.h>

namespace ringway::bench {
namespace {

Row row(std::size_t threads, std::function<Measurement(Stage&, std::uint64_t)> run) {
  Row made{.suite = "suite", .topology = "row", .threads = threads, .fixed_count = 1};
  made.subjects.push_back({.name = "subject", .kind = Kind::kRingway, .run = std::move(run)});
  return made;
}

Measurement one() {
  Measurement measurement;
  measurement.value = 1;
  return measurement;
}

Results run(
    const Options& options, const Row& only,
    const Runner::Ruler& ruler = [](Stage&) { return Bracket{.round_trip_ns = 100}; }) {
  Stage stage(options.cpus);
  return Runner(options, stage, ruler)
      .run(
          {only}, [](const std::string&, double) {}, [](const Row&, const std::vector<Cell>&) {});
}

Options three_samples() {
  Options options;
  options.samples = 3;
  options.cpus = {0};
  return options;
}

/// The processors move while every sample is taken.
Runner::Ruler always_moving() {
  return [near = false](Stage&) mutable {
    near = !near;
    return Bracket{.round_trip_ns = near ? 55.0 : 320.0};
  };
}

TEST(Runner, RowsOfOneThreadNeedNoBracket) {
  const Results results =
      run(three_samples(), row(1, [](Stage&, std::uint64_t) { return one(); }), always_moving());
  ASSERT_EQ(results.cells.size(), 1u);
  EXPECT_EQ(results.cells[0].samples.size(), 3u);
  EXPECT_TRUE(results.incomplete.empty());
}

TEST(Runner, GivesUpOnARowAndSaysSo) {
  std::size_t runs = 0;
  const auto counted = [&](Stage&, std::uint64_t) {
    ++runs;
    return one();
  };
  const Results results = run(three_samples(), row(2, counted), always_moving());
  EXPECT_TRUE(results.cells.empty());
  EXPECT_EQ(runs, 9u);  // three times as many as wanted
  EXPECT_EQ(results.unclear_samples, 9u);
  ASSERT_EQ(results.incomplete.size(), 1u);
  EXPECT_NE(results.incomplete[0].find("row: 0 of 3 samples with two cores"), std::string::npos)
      << results.incomplete[0];
}

TEST(Runner, TimeIsUpAfterTheFirstRound) {
  Options options = three_samples();
  options.limit_seconds = 1e-6;
  std::size_t runs = 0;
  const auto counted = [&](Stage&, std::uint64_t) {
    ++runs;
    return one();
  };
  const Results results = run(options, row(2, counted), always_moving());
  EXPECT_EQ(runs, 1u);
  EXPECT_EQ(results.incomplete.size(), 1u);
}

TEST(Runner, TakesRowsUpAgainWhenTheProcessorsAreTwoCoresAgain) {
  std::size_t brackets = 0;
  const auto moving = [&](Stage&) {  // two cores for one sample, then one core for some time
    ++brackets;
    const bool two_cores = brackets <= 2 || brackets > 12;
    return Bracket{.round_trip_ns = two_cores ? 225.0 : 40.0, .slowdown = two_cores ? 1.0 : 1.9};
  };
  const Results results =
      run(three_samples(), row(2, [](Stage&, std::uint64_t) { return one(); }), moving);
  ASSERT_EQ(results.cells.size(), 2u);
  EXPECT_EQ(results.cells[0].core_class, CoreClass::kTwoCores);
  EXPECT_EQ(results.cells[0].samples.size(), 3u);
  EXPECT_EQ(results.cells[1].core_class, CoreClass::kOneCore);
  EXPECT_EQ(results.cells[1].samples.size(), 3u);
  EXPECT_TRUE(results.incomplete.empty());
}

TEST(Runner, FiguresOfARowAreOfOneDistance) {
  std::size_t brackets = 0;
  const auto moving = [&](Stage&) {  // far apart for two samples, then near each other
    return Bracket{.round_trip_ns = ++brackets <= 3 ? 320.0 : 50.0 + static_cast<double>(brackets)};
  };
  std::size_t runs = 0;
  const auto numbered = [&](Stage&, std::uint64_t) {
    Measurement measurement;
    measurement.value = static_cast<double>(++runs);
    return measurement;
  };
  const Results results = run(three_samples(), row(2, numbered), moving);
  ASSERT_EQ(results.cells.size(), 1u);
  EXPECT_EQ(results.cells[0].core_class, CoreClass::kTwoCores);
  ASSERT_EQ(results.cells[0].samples.size(), 3u);
  EXPECT_EQ(results.cells[0].samples[0].value, 4);  // the third one saw them move
  for (const Sample& sample : results.cells[0].samples) EXPECT_LT(sample.before_ns, 100);
  EXPECT_EQ(results.unclear_samples, 1u);
  EXPECT_TRUE(results.incomplete.empty());
}

TEST(Runner, RowsMayWantFewerSamples) {
  Row only = row(1, [](Stage&, std::uint64_t) { return one(); });
  only.samples = 1;
  EXPECT_EQ(run(three_samples(), only).cells[0].samples.size(), 1u);
}

TEST(Runner, AWrongResultIsNoNumber) {
  const Results results = run(three_samples(), row(1, [](Stage&, std::uint64_t) {
                                Measurement wrong;
                                wrong.violation = "lost one";
                                return wrong;
                              }));
  EXPECT_TRUE(results.cells.empty());
  ASSERT_EQ(results.violations.size(), 1u);
  EXPECT_NE(results.violations[0].find("lost one"), std::string::npos);
}

}  // namespace
}  // namespace ringway::bench
