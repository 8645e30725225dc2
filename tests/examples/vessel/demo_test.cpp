// SPDX-License-Identifier: Apache-2.0
// Runs the vessel example as its users do, and checks what it says and how it ends.

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "demo.hpp"
#include "json_reader.hpp"

namespace vessel {
namespace {

const std::string kGood = "2014-08-15T19:00:00.540Z,2,129025,160,255,8,0f,4f,99,23,a3,83,be,0e";

TEST_F(Demo, OnePassShowsTheKnownFigures) {
  const std::string json_file = path("one.json");
  const Outcome outcome = run({"--passes", "1", "--json", json_file});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "");

  const Json json = Json::parse(read_all(json_file));
  EXPECT_EQ(json["published"].number, 21595);
  EXPECT_EQ(json["delivered"].number, 21595);
  EXPECT_EQ(json["lost"].number, 0);
  EXPECT_EQ(json["malformed"].number, 0);
  EXPECT_EQ(json["pgns"].number, 34);
  EXPECT_EQ(json["depth_min_m"].number, 10.61);
  EXPECT_EQ(json["depth_max_m"].number, 71.04);
  EXPECT_EQ(json["first_position"]["latitude"].number, 59.7249807);
  EXPECT_EQ(json["first_position"]["longitude"].number, 24.7366563);
  EXPECT_EQ(json["last_position"]["latitude"].number, 59.7073471);
  EXPECT_EQ(json["last_position"]["longitude"].number, 24.7273516);
  EXPECT_EQ(json["alarms"].number,
            3);  // depth falls below 11 m twice, the battery below 12.5 V once
  EXPECT_GT(json["messages_per_second"].number, 0);
  for (const char* key : {"latency_ns", "request_ns"}) {
    EXPECT_GT(json[key]["p50"].number, 0) << key;
    EXPECT_GE(json[key]["p99"].number, json[key]["p50"].number) << key;
    EXPECT_GE(json[key]["p999"].number, json[key]["p99"].number) << key;
    EXPECT_GE(json[key]["max"].number, json[key]["p999"].number) << key;
  }

  for (const char* part :
       {"21,595 published, 21,595 delivered, 0 lost", "34 groups", "10.61 to 71.04 m",
        "59.7249807 N 24.7366563 E", "59.7073471 N 24.7273516 E", "messages per second",
        "publish to handler", "request round trip", "depth alarms    2 below 11 m",
        "battery alarms  1 below 12.5 V"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << " is missing in\n"
                                                         << outcome.out;
  }
}

TEST_F(Demo, EveryParameterGroupIsCountedAsTheFileHasIt) {
  std::map<std::uint32_t, double> expected;
  for (const std::string& line : lines_of(read_all(VESSEL_DATA))) {
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 3; ++i) std::getline(fields, field, ',');
    ++expected[static_cast<std::uint32_t>(std::stoul(field))];
  }
  ASSERT_EQ(expected.size(), 34U);
  const Json json = json_of({"--passes", "3"});
  ASSERT_EQ(json["per_pgn"].elements.size(), 34U);
  for (const Json& row : json["per_pgn"].elements) {
    const auto pgn = static_cast<std::uint32_t>(row["pgn"].number);
    EXPECT_EQ(row["published"].number, 3 * expected[pgn]) << pgn;
    EXPECT_EQ(row["delivered"].number, 3 * expected[pgn]) << pgn;
  }
  EXPECT_EQ(json["published"].number, 3 * 21595);
  EXPECT_EQ(json["delivered"].number, 3 * 21595);
  EXPECT_EQ(json["alarms"].number, 9);
}

TEST_F(Demo, ThresholdsAreOptions) {
  EXPECT_EQ(
      json_of({"--passes", "1", "--depth-alarm", "5", "--battery-alarm", "5"})["alarms"].number, 0);
  // Everything is below these: one alarm each, when the first value arrives.
  EXPECT_EQ(
      json_of({"--passes", "1", "--depth-alarm", "100", "--battery-alarm", "100"})["alarms"].number,
      2);
}

TEST_F(Demo, AMalformedLineIsReportedAndCountedAndTheRunGoesOn) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"2014-08-15T25:00:00.540Z,2,129025,160,255,1,0f", "bad time"},
      {"2014-08-15T19:00:00.540Z,2,129025,160,255,2,0f", "wrong length: 2 promised"},
      {"2014-08-15T19:00:00.540Z,2,129025,160,255,1,0g", "bad hex: payload byte 1"},
      {"2014-08-15T19:00:00.540Z,2,129025", "missing fields: 3"},
      {"2014-08-15T19:00:00.540Z,2,262144,160,255,1,0f", "PGN 262144 does not fit into 18 bits"},
      {"2014-08-15T19:00:00.540Z,8,129025,160,255,1,0f", "priority 8 is over 7"},
      {"2014-08-15T19:00:00.540Z,2,129025,256,255,1,0f", "source address 256 is over 255"},
      {"2014-08-15T19:00:00.540Z,2,129025,160,256,1,0f", "destination address 256 is over 255"},
      {"", "missing fields: 0"},
  };
  std::string text = kGood + "\n";
  for (const auto& [line, reason] : bad) text += line + "\n" + kGood + "\n";
  const std::string file = file_with(text);

  const Outcome outcome = run({"--file", file, "--passes", "2", "--json", path("out.json")});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  // Each is told once, though there are two passes and a paced one.
  const std::vector<std::string> reports = lines_of(outcome.err);
  ASSERT_EQ(reports.size(), bad.size()) << outcome.err;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const std::string expected = file + ":" + std::to_string(2 * i + 2) + ": " + bad[i].second;
    EXPECT_EQ(reports[i].substr(0, expected.size()), expected);
  }
  const Json json = Json::parse(read_all(path("out.json")));
  EXPECT_EQ(json["published"].number, static_cast<double>(2 * (bad.size() + 1)));
  EXPECT_EQ(json["delivered"].number, json["published"].number);
  EXPECT_EQ(json["malformed"].number, static_cast<double>(2 * bad.size()));
  EXPECT_EQ(json["pgns"].number, 1);
}

TEST_F(Demo, StrictEndsWithStatusTwoAfterOnePass) {
  const std::string file = file_with(kGood + "\nnonsense\n" + kGood + "\n");
  const Json json = json_of({"--file", file, "--passes", "5", "--strict"}, 2);
  EXPECT_EQ(json["published"].number, 2);
  EXPECT_EQ(json["malformed"].number, 1);
  EXPECT_NE(read_all(path("run.err")).find(file + ":2: missing fields"), std::string::npos);
  EXPECT_NE(read_all(path("run.err")).find("--strict"), std::string::npos);
}

TEST_F(Demo, StrictHasNothingAgainstAGoodFile) {
  EXPECT_EQ(json_of({"--passes", "1", "--strict"})["published"].number, 21595);
}

TEST_F(Demo, TakesCarriageReturnsAndALastLineWithoutNewline) {
  const std::string file = file_with(kGood + "\r\n" + kGood + "\r\n" + kGood);
  const Json json = json_of({"--file", file, "--passes", "1", "--strict"});
  EXPECT_EQ(json["published"].number, 3);
}

TEST_F(Demo, AFileThatIsMissingOrEmptyOrAFolderIsStatusTwo) {
  const Outcome missing = run({"--file", path("nowhere.data")});
  EXPECT_EQ(missing.status, 2);
  EXPECT_NE(missing.err.find(path("nowhere.data") + ": No such file"), std::string::npos)
      << missing.err;
  const Outcome empty = run({"--file", file_with("")});
  EXPECT_EQ(empty.status, 2);
  EXPECT_NE(empty.err.find("is empty"), std::string::npos) << empty.err;
  const Outcome folder = run({"--file", path("")});
  EXPECT_EQ(folder.status, 2);
  EXPECT_NE(folder.err.find("cannot read"), std::string::npos) << folder.err;
}

TEST_F(Demo, AFileWithoutAnyMessageIsStatusTwo) {
  const Outcome outcome = run({"--file", file_with("a\nb\nc\n"), "--passes", "1"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("holds no message"), std::string::npos) << outcome.err;
}

TEST_F(Demo, JsonThatCannotBeWrittenIsStatusOne) {
  const Outcome outcome =
      run({"--file", file_with(kGood), "--passes", "1", "--json", path("no/such/folder/out.json")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("cannot write"), std::string::npos) << outcome.err;
}

TEST_F(Demo, RealPaceTakesAsLongAsTheRecording) {
  const std::string file = file_with(
      "2014-08-15T19:00:00.000Z,2,129025,160,255,8,0f,4f,99,23,a3,83,be,0e\n"
      "2014-08-15T19:00:00.200Z,2,129025,160,255,8,0f,4f,99,23,a3,83,be,0e\n"
      "2014-08-15T19:00:00.100Z,2,129025,160,255,8,0f,4f,99,23,a3,83,be,0e\n"
      "2014-08-15T19:00:00.400Z,2,129025,160,255,8,0f,4f,99,23,a3,83,be,0e\n");
  const auto started = std::chrono::steady_clock::now();
  const Json json = json_of({"--file", file, "--pace", "real"});
  EXPECT_GE(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(400));
  EXPECT_EQ(json["published"].number, 4);
  EXPECT_GT(json["latency_ns"]["max"].number, 0);
  EXPECT_LE(json["messages_per_second"].number, 10);
}

TEST_F(Demo, DrawsABarOnATerminalOnly) {
  EXPECT_EQ(run({"--passes", "1"}).err, "");

  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child < 0) GTEST_SKIP() << "no pseudo-terminals on this machine";
  if (child == 0) become_vessel({"--passes", "1"});
  std::string shown;
  char block[4096];
  for (;;) {  // a terminal whose other side is gone reads as an error
    const ssize_t size = read(terminal, block, sizeof block);
    if (size <= 0) break;
    shown.append(block, static_cast<std::size_t>(size));
  }
  close(terminal);
  EXPECT_EQ(status_of(child), 0);
  EXPECT_NE(shown.find("[##"), std::string::npos) << shown;
  EXPECT_NE(shown.find("21,595 published"), std::string::npos) << shown;
}

}  // namespace
}  // namespace vessel
