// SPDX-License-Identifier: Apache-2.0
#include "driver/results.hpp"

#include <gtest/gtest.h>

#include "driver/json_reader.hpp"
#include "report/compare.hpp"

namespace ringway::bench {
namespace {

Cell cell(std::string subject, Kind kind, std::vector<double> values) {
  Cell made{.suite = "rings",
            .topology = "spsc_single",
            .payload_bytes = 8,
            .capacity = 1024,
            .subject = std::move(subject),
            .kind = kind,
            .unit = "million/s"};
  for (const double value : values) made.samples.push_back({.value = value});
  return made;
}

std::vector<Cell> row() {
  return {cell("ours", Kind::kRingway, {150, 200, 250}), cell("slow peer", Kind::kPeer, {50}),
          cell("fast peer", Kind::kPeer, {100}), cell("mutex", Kind::kBaseline, {1000}),
          cell("limit", Kind::kLimit, {400})};
}

TEST(Results, RatiosAreOursDividedByTheBestReference) {
  std::vector<Cell> cells = row();
  set_ratios(cells);
  EXPECT_DOUBLE_EQ(cells[0].ratio_to_best_peer.value(), 2.0);
  EXPECT_DOUBLE_EQ(cells[0].ratio_to_limit.value(), 0.5);
  for (std::size_t i = 1; i < cells.size(); ++i) {
    EXPECT_FALSE(cells[i].ratio_to_best_peer) << cells[i].subject;
    EXPECT_FALSE(cells[i].ratio_to_limit) << cells[i].subject;
  }
}

TEST(Results, WhereLowerIsBetterTheBestPeerIsTheLowestAndTheRatioIsNotInverted) {
  std::vector<Cell> cells = row();
  for (Cell& each : cells) each.better = Better::kLower;
  set_ratios(cells);
  EXPECT_DOUBLE_EQ(cells[0].ratio_to_best_peer.value(), 4.0);
}

TEST(Results, ClassesPayloadsAndRowsAreNeverCompared) {
  for (const auto& change : std::initializer_list<void (*)(Cell&)>{
           [](Cell& c) { c.core_class = CoreClass::kOneCore; },
           [](Cell& c) { c.payload_bytes = 64; }, [](Cell& c) { c.capacity = 1; },
           [](Cell& c) { c.topology = "other"; }}) {
    std::vector<Cell> cells = row();
    for (std::size_t i = 1; i < cells.size(); ++i) change(cells[i]);
    set_ratios(cells);
    EXPECT_FALSE(cells[0].ratio_to_best_peer);
    EXPECT_FALSE(cells[0].ratio_to_limit);
  }
}

TEST(Results, ContractHasExactlyTheAgreedMembers) {
  std::vector<Cell> cells = row();
  set_ratios(cells);
  std::string error;
  const auto json = Json::parse(results_json(cells), error);
  ASSERT_TRUE(json) << error;
  ASSERT_EQ(json->array().size(), cells.size());
  const Json& ours = json->array()[0];
  EXPECT_EQ(ours["suite"].text(), "rings");
  EXPECT_EQ(ours["topology"].text(), "spsc_single");
  EXPECT_EQ(ours["payload_bytes"].number(), 8);
  EXPECT_EQ(ours["capacity"].number(), 1024);
  EXPECT_EQ(ours["subject"].text(), "ours");
  EXPECT_EQ(ours["subject_kind"].text(), "ringway");
  EXPECT_EQ(ours["class"].text(), "two cores");
  EXPECT_EQ(ours["unit"].text(), "million/s");
  EXPECT_EQ(ours["better"].text(), "higher");
  EXPECT_EQ(ours["n"].number(), 3);
  EXPECT_EQ(ours["median"].number(), 200);
  EXPECT_EQ(ours["min"].number(), 150);
  EXPECT_EQ(ours["max"].number(), 250);
  EXPECT_TRUE(ours["p99"].is_null());
  EXPECT_EQ(ours["ratio_to_best_peer"].number(), 2);
  EXPECT_EQ(ours["ratio_to_limit"].number(), 0.5);
  EXPECT_TRUE(json->array()[1]["ratio_to_limit"].is_null());
}

TEST(Results, P99IsThatOfTheLatencies) {
  std::vector<Cell> cells{cell("ours", Kind::kRingway, {1})};
  cells[0].latencies.emplace();
  for (std::uint64_t value = 1; value <= 100; ++value) cells[0].latencies->record(value);
  std::string error;
  const auto json = Json::parse(results_json(cells), error);
  ASSERT_TRUE(json) << error;
  EXPECT_EQ(json->array()[0]["p99"].number(), 99);
}

TEST(Places, OneCoreIsToldByTheUnitsThatItsThreadsShare) {
  EXPECT_EQ((Bracket{.round_trip_ns = 50, .slowdown = 1.05}.core_class()), CoreClass::kTwoCores);
  EXPECT_EQ((Bracket{.round_trip_ns = 50, .slowdown = 1.9}.core_class()), CoreClass::kOneCore);
  EXPECT_EQ((Bracket{.round_trip_ns = 300, .slowdown = 1.1}.core_class()), CoreClass::kTwoCores);
}

TEST(Places, TwoCoresHaveAPlaceForEachDistance) {
  Places places;
  const std::size_t near = places.of({.round_trip_ns = 55});
  const std::size_t far = places.of({.round_trip_ns = 320});
  const std::size_t shared = places.of({.round_trip_ns = 52, .slowdown = 1.9});
  EXPECT_EQ(places.size(), 3u);
  EXPECT_EQ(places.of({.round_trip_ns = 70}), near);
  EXPECT_EQ(places.of({.round_trip_ns = 48}), near);
  EXPECT_EQ(places.of({.round_trip_ns = 290}), far);
  EXPECT_EQ(places.of({.round_trip_ns = 20, .slowdown = 1.36}), shared);
  EXPECT_EQ(places.size(), 3u);
  EXPECT_EQ(places[near].core_class, CoreClass::kTwoCores);
  EXPECT_EQ(places[shared].core_class, CoreClass::kOneCore);
}

TEST(Places, LooksOfOnePlaceMayStillShowThatTheProcessorsMoved) {
  EXPECT_TRUE(alike({.round_trip_ns = 50}, {.round_trip_ns = 70}));
  EXPECT_FALSE(alike({.round_trip_ns = 60}, {.round_trip_ns = 96}));
  EXPECT_FALSE(alike({.round_trip_ns = 50}, {.round_trip_ns = 50, .slowdown = 1.9}));
  EXPECT_TRUE(alike({.round_trip_ns = 20, .slowdown = 1.5}, {.round_trip_ns = 60, .slowdown = 2}));
  Places places;
  const std::size_t near = places.of({.round_trip_ns = 55});
  const std::size_t further = places.of({.round_trip_ns = 82});
  EXPECT_NE(near, further);
  EXPECT_EQ(places.of({.round_trip_ns = 75}), further) << "the nearest of those that are alike";
}

TEST(Compare, TellsWhatMovedAndNothingElse) {
  std::string error;
  const auto before = parse_baseline(results_json(row()), error);
  ASSERT_TRUE(before) << error;
  std::vector<Cell> now = row();
  EXPECT_NE(compare(*before, now).find("0 of 5 moved"), std::string::npos);
  now[1] = cell("slow peer", Kind::kPeer, {80});
  const std::string text = compare(*before, now);
  EXPECT_NE(text.find("1 of 5 moved"), std::string::npos);
  EXPECT_NE(text.find("slow peer"), std::string::npos);
  EXPECT_NE(text.find("+60.0 %  better"), std::string::npos);
  EXPECT_EQ(text.find("fast peer"), std::string::npos);
}

TEST(Compare, WhatWasMeasuredAtAnotherDistanceIsNotCompared) {
  const auto at = [](double round_trip, double value) {
    std::vector<Cell> cells = {cell("ours", Kind::kRingway, {value, value, value})};
    for (Sample& sample : cells[0].samples) sample.before_ns = sample.after_ns = round_trip;
    return cells;
  };
  std::string error;
  Results earlier;
  earlier.cells = at(52, 200);
  const auto before = parse_baseline(raw_json(earlier, {}), error);
  ASSERT_TRUE(before) << error;
  const std::string near = compare(*before, at(58, 100));
  EXPECT_NE(near.find("1 of 1 moved"), std::string::npos) << near;
  EXPECT_NE(near.find("-50.0 %  worse"), std::string::npos) << near;
  const std::string far = compare(*before, at(310, 100));
  EXPECT_NE(far.find("0 of 0 moved"), std::string::npos) << far;
  EXPECT_NE(far.find("not compared: 1,"), std::string::npos) << far;
  // results.json says nothing of distances
  const auto unknown = parse_baseline(results_json(at(52, 200)), error);
  ASSERT_TRUE(unknown) << error;
  EXPECT_NE(compare(*unknown, at(310, 100)).find("1 of 1 moved"), std::string::npos);
}

TEST(Compare, RefusesAFileThatHoldsNoResults) {
  std::string error;
  EXPECT_FALSE(parse_baseline("{}", error));
  EXPECT_FALSE(error.empty());
  error.clear();
  EXPECT_FALSE(read_baseline("/nonexistent/results.json", error));
  EXPECT_NE(error.find("/nonexistent/results.json"), std::string::npos);
}

}  // namespace
}  // namespace ringway::bench
