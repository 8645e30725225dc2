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
    const Runner::Ruler& ruler = [](Stage&) { return 100.0; }) {
  Stage stage(options.cpus);
  return Runner(options, stage, ruler)
      .run(
          {only}, [](const std::string&, double) {}, [](const Row&, const std::vector<Cell>&) {});
}

/// Every bracket is of neither class.
Options nothing_fits() {
  Options options;
  options.samples = 3;
  options.cpus = {0};
  options.class_limits = {.one_core_below = 0, .two_cores_above = 1e12};
  return options;
}

TEST(Runner, RowsOfOneThreadNeedNoBracket) {
  const Results results = run(nothing_fits(), row(1, [](Stage&, std::uint64_t) { return one(); }));
  ASSERT_EQ(results.cells.size(), 1u);
  EXPECT_EQ(results.cells[0].samples.size(), 3u);
  EXPECT_TRUE(results.incomplete.empty());
}

TEST(Runner, GivesUpOnARowAndSaysSo) {
  std::size_t runs = 0;
  const Results results = run(nothing_fits(), row(2, [&](Stage&, std::uint64_t) {
                                ++runs;
                                return one();
                              }));
  EXPECT_TRUE(results.cells.empty());
  EXPECT_EQ(runs, 9u);  // three times as many as wanted
  EXPECT_EQ(results.unclear_samples, 9u);
  ASSERT_EQ(results.incomplete.size(), 1u);
  EXPECT_NE(results.incomplete[0].find("row: 0 of 3 samples with two cores"), std::string::npos)
      << results.incomplete[0];
}

TEST(Runner, TimeIsUpAfterTheFirstRound) {
  Options options = nothing_fits();
  options.limit_seconds = 1e-6;
  std::size_t runs = 0;
  const Results results = run(options, row(2, [&](Stage&, std::uint64_t) {
                                ++runs;
                                return one();
                              }));
  EXPECT_EQ(runs, 1u);
  EXPECT_EQ(results.incomplete.size(), 1u);
}

TEST(Runner, TakesRowsUpAgainWhenTheProcessorsAreTwoCoresAgain) {
  Options options = nothing_fits();
  options.class_limits = {};
  std::size_t brackets = 0;
  const auto moving = [&](Stage&) {  // two cores for one sample, then one core for some time
    ++brackets;
    return brackets <= 2 || brackets > 12 ? 225.0 : 40.0;
  };
  const Results results = run(options, row(2, [](Stage&, std::uint64_t) { return one(); }), moving);
  ASSERT_EQ(results.cells.size(), 2u);
  EXPECT_EQ(results.cells[0].core_class, CoreClass::kTwoCores);
  EXPECT_EQ(results.cells[0].samples.size(), 3u);
  EXPECT_EQ(results.cells[1].samples.size(), 3u);
  EXPECT_TRUE(results.incomplete.empty());
}

TEST(Runner, RowsMayWantFewerSamples) {
  Row only = row(1, [](Stage&, std::uint64_t) { return one(); });
  only.samples = 1;
  EXPECT_EQ(run(nothing_fits(), only).cells[0].samples.size(), 1u);
}

TEST(Runner, AWrongResultIsNoNumber) {
  const Results results = run(nothing_fits(), row(1, [](Stage&, std::uint64_t) {
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
