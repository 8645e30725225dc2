// SPDX-License-Identifier: Apache-2.0
#include "report/targets.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "report/growth.hpp"

namespace ringway::bench {
namespace {

Cell cell(std::string subject, Kind kind, std::vector<double> values) {
  Cell made;
  made.suite = "rings";
  made.topology = "spsc_single";
  made.payload_bytes = 8;
  made.capacity = 1024;
  made.subject = std::move(subject);
  made.kind = kind;
  for (const double value : values) made.samples.push_back({.value = value});
  return made;
}

std::vector<Verdict> judge_row(const std::vector<Cell>& cells) {
  return judge(all_targets(), cells);
}

TEST(Targets, AreJudgedAgainstTheBestPeerAndTheWorstSample) {
  const auto verdicts =
      judge_row({cell("SpscRing", Kind::kRingway, {100, 300, 310}), cell("slow", Kind::kPeer, {50}),
                 cell("fast", Kind::kPeer, {150})});
  ASSERT_EQ(verdicts.size(), 2u);
  EXPECT_EQ(verdicts[0].row, "spsc_single, 8 B, capacity 1024");
  EXPECT_EQ(verdicts[0].result, "2.00 (300 / 150 fast)");
  EXPECT_EQ(verdicts[0].word, "met");
  EXPECT_EQ(verdicts[0].core_class, "two cores");
  EXPECT_EQ(verdicts[1].result, "0.33 (100 / 300 SpscRing)");
  EXPECT_EQ(verdicts[1].word, "missed");
}

TEST(Targets, TwoCoresCountWhereTheyWereMeasured) {
  std::vector<Cell> cells{cell("SpscRing", Kind::kRingway, {100}),
                          cell("fast", Kind::kPeer, {100})};
  for (const Cell& two_cores : std::vector<Cell>(cells)) {
    Cell one_core = two_cores;
    one_core.core_class = CoreClass::kOneCore;
    one_core.samples[0].value = two_cores.kind == Kind::kRingway ? 1000 : 100;
    cells.push_back(one_core);
  }
  EXPECT_EQ(judge_row(cells)[0].word, "missed");
  cells.erase(cells.begin(), cells.begin() + 2);
  EXPECT_EQ(judge_row(cells)[0].word, "met");
  EXPECT_EQ(judge_row(cells)[0].core_class, "one core");
}

TEST(Targets, OneCoreCountsWhereTwoCoresHaveAFewSamplesOnly) {
  const auto judged_class = [](std::size_t two_cores, std::size_t one_core) {
    std::vector<Cell> cells;
    for (const Kind kind : {Kind::kRingway, Kind::kPeer}) {
      const std::string name = kind == Kind::kPeer ? "fast" : "SpscRing";
      cells.push_back(cell(name, kind, std::vector<double>(two_cores, 100)));
      cells.push_back(cell(name, kind, std::vector<double>(one_core, 100)));
      cells.back().core_class = CoreClass::kOneCore;
    }
    return judge_row(cells)[0].core_class;
  };
  EXPECT_EQ(judged_class(15, 15), "two cores");
  EXPECT_EQ(judged_class(8, 15), "two cores");
  EXPECT_EQ(judged_class(2, 15), "one core");
}

TEST(Targets, WithoutAReferenceThereIsNoVerdict) {
  const auto verdicts = judge_row({cell("SpscRing", Kind::kRingway, {100})});
  ASSERT_EQ(verdicts.size(), 2u);
  EXPECT_EQ(verdicts[0].word, "not measured");
  EXPECT_TRUE(judge_row({}).empty());
}

TEST(Targets, UpperBoundsAndVariants) {
  Cell fast = cell("SpscRing", Kind::kRingway, {1.5});
  fast.topology = "op_cost";
  fast.variant.tag = "spsc";
  fast.better = Better::kLower;
  Cell slow = fast;
  slow.variant.tag = "mpmc";
  slow.subject = "MpmcRing";
  slow.samples[0].value = 12.5;
  const auto verdicts = judge_row({fast, slow});
  ASSERT_EQ(verdicts.size(), 2u);
  EXPECT_EQ(verdicts[0].word, "met");
  EXPECT_EQ(verdicts[1].word, "missed");
}

Curve power(double exponent, double sign) {
  Curve curve{.name = "a curve", .points = {}};
  for (const double x : {1.0, 10.0, 100.0, 1000.0}) {
    curve.points.emplace_back(x, 7 * std::pow(x, sign * exponent));
  }
  return curve;
}

TEST(Growth, ExponentIsThatOfTheCost) {
  EXPECT_NEAR(exponent_of(power(2, 1), Better::kLower)->overall, 2, 1e-9);
  EXPECT_NEAR(exponent_of(power(0.5, -1), Better::kHigher)->overall, 0.5, 1e-9);
  EXPECT_FALSE(exponent_of({.name = "", .points = {{1, 1}, {2, 2}}}, Better::kLower));
}

TEST(Growth, SaysWhetherItIsWorseThanLinear) {
  const GrowthChart costs{
      .topology = "", .what = "topics", .unit = "ns", .better = Better::kLower, .curves = {}};
  const auto says = [&](double exponent, const char* words) {
    return growth_sentence(costs, power(exponent, 1)).find(words) != std::string::npos;
  };
  EXPECT_TRUE(says(0, "not at all"));
  EXPECT_TRUE(says(0.5, "less than linearly"));
  EXPECT_TRUE(says(1, ", linearly"));
  EXPECT_TRUE(says(1.3, "worse than linearly"));
  Curve knee{.name = "", .points = {{1, 1}, {10, 1}, {100, 1}, {200, 8}, {1000, 8}}};
  EXPECT_NE(growth_sentence(costs, knee).find("worse than that in a part"), std::string::npos);
  EXPECT_NE(growth_sentence(costs, knee).find("from 100 to 200"), std::string::npos);
}

TEST(Growth, RowsOfOneTopologyAreOneCurvePerSubject) {
  std::vector<Cell> cells;
  for (const double at : {1.0, 10.0}) {
    for (const char* subject : {"ours", "theirs"}) {
      Cell point = cell(subject, Kind::kPeer, {at * 3});
      point.topology = "growth_topics";
      point.variant.tag = std::to_string(static_cast<int>(at));
      point.growth = {.what = "topics", .at = at};
      cells.push_back(point);
    }
  }
  cells.push_back(cell("other", Kind::kPeer, {1}));
  const auto charts = growth_charts(group_rows(cells));
  ASSERT_EQ(charts.size(), 1u);
  ASSERT_EQ(charts[0].curves.size(), 2u);
  EXPECT_EQ(charts[0].curves[1].name, "theirs");
  EXPECT_EQ(charts[0].curves[1].points[1], (std::pair<double, double>{10, 30}));
}

}  // namespace
}  // namespace ringway::bench
