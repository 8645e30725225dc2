// SPDX-License-Identifier: Apache-2.0
// The vessel example's histogram, its alarms, and how it prints its results.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "histogram.hpp"
#include "json_reader.hpp"
#include "options.hpp"
#include "report.hpp"
#include "watch.hpp"

namespace vessel {
namespace {

TEST(Histogram, IsExactForSmallValues) {
  Histogram histogram;
  for (std::int64_t value = 1; value <= 60; ++value) histogram.record(value);
  EXPECT_EQ(histogram.count(), 60U);
  EXPECT_EQ(histogram.percentile(0.5), 30U);
  EXPECT_EQ(histogram.percentile(1.0), 60U);
  EXPECT_EQ(histogram.max(), 60U);
}

TEST(Histogram, StaysWithinOneThirtySecondOfTheSortedTruth) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<std::int64_t> values;
  Histogram histogram;
  for (int i = 0; i < 100'000; ++i) {
    const auto value = static_cast<std::int64_t>(random() >> (1 + random() % 62));
    values.push_back(value);
    histogram.record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(values.size()))) - 1;
    const auto truth = static_cast<double>(values[rank]);
    const auto answer = static_cast<double>(histogram.percentile(quantile));
    EXPECT_GE(answer, truth) << "quantile " << quantile << ", seed " << seed;
    EXPECT_LE(answer, truth * (1 + 1.0 / 32)) << "quantile " << quantile << ", seed " << seed;
  }
  EXPECT_EQ(histogram.max(), static_cast<std::uint64_t>(values.back()));
}

TEST(Histogram, TakesTheExtremes) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(0.5), 0U);
  histogram.record(-5);
  EXPECT_EQ(histogram.percentile(1.0), 0U);
  histogram.record(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(histogram.percentile(1.0),
            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
}

TEST(Watch, RaisesOncePerFallBelowTheLimit) {
  Watch watch(11);
  EXPECT_FALSE(watch.observe(1, 12, 1000));
  EXPECT_FALSE(watch.observe(1, 11, 2000));  // at the limit is fine
  EXPECT_TRUE(watch.observe(1, 10.9, 3000));
  EXPECT_FALSE(watch.observe(1, 10.2, 4000));
  EXPECT_FALSE(watch.observe(1, 11, 5000));
  EXPECT_TRUE(watch.observe(1, 10.8, 6000));
  EXPECT_EQ(watch.count().raised, 2U);
  EXPECT_EQ(watch.count().first_time_ms, 3000);
  EXPECT_EQ(watch.count().lowest, 10.2);
}

TEST(Watch, RaisesAtOnceWhenTheFirstValueIsTooLow) {
  Watch watch(12.5);
  EXPECT_TRUE(watch.observe(1, 12.4, 1));
}

TEST(Watch, TellsSensorsApart) {
  Watch watch(12.5);
  EXPECT_TRUE(watch.observe(1, 12, 1));
  EXPECT_FALSE(watch.observe(2, 13, 2));
  EXPECT_FALSE(watch.observe(1, 12, 3));
  EXPECT_TRUE(watch.observe(2, 12, 4));
  EXPECT_EQ(watch.count().raised, 2U);
}

Report sample_report() {
  Report report;
  report.passes = 1;
  report.published = 1234567;
  report.delivered = 1234560;
  report.lost = 7;
  report.malformed = 3;
  report.per_pgn[128267] = {.published = 1234000, .delivered = 1233999};
  report.per_pgn[129025] = {.published = 567, .delivered = 561};
  report.state.depth_min_m = 10.61;
  report.state.depth_max_m = 71.04;
  report.state.first_position = Position{59.7249807, 24.7366563};
  report.state.position = Position{-59.7073471, -24.7273516};
  report.depth_alarm = {.raised = 2, .first_time_ms = 1408129385000, .lowest = 10.61};
  report.depth_alarm_m = 11;
  report.battery_alarm.raised = 1;
  report.battery_alarm_v = 12.5;
  report.seconds = 0.5;
  report.paced_per_second = 20000;
  report.latency = Percentiles{.p50_ns = 430, .p99_ns = 1500, .p999_ns = 25000, .max_ns = 7654321};
  return report;
}

TEST(Json, HasEveryKeyAndItsValue) {
  const Json json = Json::parse(to_json(sample_report()));
  EXPECT_EQ(json["published"].number, 1234567);
  EXPECT_EQ(json["delivered"].number, 1234560);
  EXPECT_EQ(json["lost"].number, 7);
  EXPECT_EQ(json["malformed"].number, 3);
  EXPECT_EQ(json["pgns"].number, 2);
  ASSERT_EQ(json["per_pgn"].elements.size(), 2U);
  EXPECT_EQ(json["per_pgn"].elements[1]["pgn"].number, 129025);
  EXPECT_EQ(json["per_pgn"].elements[1]["published"].number, 567);
  EXPECT_EQ(json["per_pgn"].elements[1]["delivered"].number, 561);
  EXPECT_EQ(json["depth_min_m"].number, 10.61);
  EXPECT_EQ(json["depth_max_m"].number, 71.04);
  EXPECT_EQ(json["first_position"]["latitude"].number, 59.7249807);
  EXPECT_EQ(json["first_position"]["longitude"].number, 24.7366563);
  EXPECT_EQ(json["last_position"]["latitude"].number, -59.7073471);
  EXPECT_EQ(json["last_position"]["longitude"].number, -24.7273516);
  EXPECT_EQ(json["alarms"].number, 3);
  EXPECT_EQ(json["messages_per_second"].number, 2469134);
  EXPECT_EQ(json["latency_ns"]["p50"].number, 430);
  EXPECT_EQ(json["latency_ns"]["p99"].number, 1500);
  EXPECT_EQ(json["latency_ns"]["p999"].number, 25000);
  EXPECT_EQ(json["latency_ns"]["max"].number, 7654321);
  EXPECT_EQ(json["request_ns"]["p50"].kind, Json::Kind::kNull);
}

TEST(Json, OfAnEmptyReportIsValid) {
  const Json json = Json::parse(to_json(Report{}));
  EXPECT_EQ(json["published"].number, 0);
  EXPECT_TRUE(json["per_pgn"].elements.empty());
  EXPECT_EQ(json["depth_min_m"].kind, Json::Kind::kNull);
  EXPECT_EQ(json["first_position"].kind, Json::Kind::kNull);
}

TEST(Table, ShowsTheFiguresAndFitsIntoEightyColumns) {
  Report report = sample_report();
  report.published = 999'999'999'999;
  report.per_pgn[128267].published = 999'999'999'999;
  report.passes = 1'000'000;
  const std::string table = to_table(report);
  for (const char* part :
       {"999,999,999,999", "1,234,560", "7 lost", "129025  position", "10.61 to 71.04 m",
        "59.7249807 N 24.7366563 E", "59.7073471 S 24.7273516 W", "2 groups", "1,000,000 passes",
        "2 below 11 m, first at 19:03:05", "430 ns", "7.65 ms", "not measured"}) {
    EXPECT_NE(table.find(part), std::string::npos) << part << " is missing in\n" << table;
  }
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(Table, FormatsNumbersForPeople) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1000), "1,000");
  EXPECT_EQ(with_separators(21595), "21,595");
  EXPECT_EQ(with_separators(std::numeric_limits<std::uint64_t>::max()),
            "18,446,744,073,709,551,615");
  EXPECT_EQ(counted(1, "pass", "passes"), "1 pass");
  EXPECT_EQ(counted(1200, "pass", "passes"), "1,200 passes");
  EXPECT_EQ(readable_duration(999), "999 ns");
  EXPECT_EQ(readable_duration(1000), "1.00 us");
  EXPECT_EQ(readable_duration(12'345), "12.3 us");
  EXPECT_EQ(readable_duration(123'456), "123 us");
  EXPECT_EQ(readable_duration(1'240'000), "1.24 ms");
  EXPECT_EQ(readable_duration(2'500'000'000), "2.50 s");
}

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "vessel");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLine, HasUsefulDefaults) {
  const CommandLine line = parse({});
  EXPECT_FALSE(line.exit_status);
  EXPECT_EQ(line.options.file, VESSEL_DATA);
  EXPECT_FALSE(line.options.passes);
  EXPECT_EQ(line.options.pace, PaceOption::kMax);
  EXPECT_FALSE(line.options.strict);
  EXPECT_EQ(line.options.depth_alarm_m, 11);
  EXPECT_EQ(line.options.battery_alarm_v, 12.5);
}

TEST(CommandLine, TakesTheOptionsOfProcesses) {
  CommandLine line = parse({"--processes"});
  EXPECT_TRUE(line.options.processes);
  EXPECT_EQ(line.options.victim, Role::kNavigation);
  EXPECT_TRUE(line.options.order.empty());
  line =
      parse({"--processes", "--kill", "none", "--order", "console,feed,alarm,navigation,recorder"});
  EXPECT_FALSE(line.exit_status);
  EXPECT_FALSE(line.options.victim);
  EXPECT_EQ(line.options.order, (std::vector{Role::kConsole, Role::kFeed, Role::kAlarm,
                                             Role::kNavigation, Role::kRecorder}));
  line = parse({"--role", "alarm", "--bus", "demo", "--wait", "5"});
  EXPECT_EQ(line.options.role, Role::kAlarm);
  EXPECT_EQ(line.options.bus, "demo");
  EXPECT_EQ(line.options.wait_s, 5U);
}

TEST(CommandLine, RefusesOptionsThatDoNotGoTogether) {
  EXPECT_EQ(parse({"--kill", "feed"}).exit_status, 2);
  EXPECT_EQ(parse({"--processes", "--kill", "cook"}).exit_status, 2);
  EXPECT_EQ(parse({"--processes", "--order", "feed,console"}).exit_status, 2);
  EXPECT_EQ(parse({"--processes", "--order", "feed,feed,alarm,navigation,recorder"}).exit_status,
            2);
  EXPECT_EQ(parse({"--processes", "--role", "feed"}).exit_status, 2);
  EXPECT_EQ(parse({"--bus", "demo"}).exit_status, 2);
}

TEST(CommandLine, TakesEveryOption) {
  const CommandLine line =
      parse({"--file", "a.data", "--passes", "3", "--pace", "real", "--strict", "--json", "b.json",
             "--depth-alarm", "20", "--battery-alarm", "24.5", "--interval-us", "100"});
  EXPECT_FALSE(line.exit_status);
  EXPECT_EQ(line.options.file, "a.data");
  EXPECT_EQ(line.options.passes, 3U);
  EXPECT_EQ(line.options.pace, PaceOption::kReal);
  EXPECT_TRUE(line.options.strict);
  EXPECT_EQ(line.options.json_file, "b.json");
  EXPECT_EQ(line.options.depth_alarm_m, 20);
  EXPECT_EQ(line.options.battery_alarm_v, 24.5);
  EXPECT_EQ(line.options.interval_us, 100U);
}

TEST(CommandLine, AMistakeIsStatusTwoAndHelpIsStatusZero) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  EXPECT_EQ(parse({"--passes", "0"}).exit_status, 2);
  EXPECT_EQ(parse({"--passes", "many"}).exit_status, 2);
  EXPECT_EQ(parse({"--pace", "leisurely"}).exit_status, 2);
  EXPECT_EQ(parse({"--no-such-option"}).exit_status, 2);
  EXPECT_EQ(parse({"--help"}).exit_status, 0);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("--pace"), std::string::npos);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("--strict"), std::string::npos);
}

}  // namespace
}  // namespace vessel
