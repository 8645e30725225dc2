// SPDX-License-Identifier: Apache-2.0
// The line parser and the decoders of the vessel example.

#include "n2k.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace vessel {
namespace {

const std::string kLine = "2014-08-15T19:00:00.540Z,2,129025,160,255,8,0f,4f,99,23,a3,83,be,0e";

/// kLine with field `index` (0 is the time) replaced.
std::string with_field(std::size_t index, const std::string& replacement) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < index; ++i) begin = kLine.find(',', begin) + 1;
  const std::size_t end = std::min(kLine.find(',', begin), kLine.size());
  return kLine.substr(0, begin) + replacement + kLine.substr(end);
}

LineFault fault_of(const std::string& line) {
  N2kMessage message;
  return parse_line(line, message).fault;
}

std::string reason_of(const std::string& line) {
  N2kMessage message;
  return explain(parse_line(line, message));
}

N2kMessage message_with(std::vector<std::uint8_t> payload) {
  N2kMessage message;
  message.length = static_cast<std::uint8_t>(payload.size());
  std::copy(payload.begin(), payload.end(), message.data.begin());
  return message;
}

TEST(ParseLine, ReadsEveryField) {
  N2kMessage message;
  const LineError error = parse_line(kLine, message);
  EXPECT_FALSE(error) << explain(error);
  EXPECT_EQ(message.time_ms, 1408129200540);  // date -u -d 2014-08-15T19:00:00Z +%s
  EXPECT_EQ(message.priority, 2);
  EXPECT_EQ(message.pgn, 129025U);
  EXPECT_EQ(message.source, 160);
  EXPECT_EQ(message.destination, 255);
  ASSERT_EQ(message.length, 8);
  const std::vector<std::uint8_t> payload(message.data.begin(), message.data.begin() + 8);
  EXPECT_EQ(payload, (std::vector<std::uint8_t>{0x0f, 0x4f, 0x99, 0x23, 0xa3, 0x83, 0xbe, 0x0e}));
}

TEST(ParseLine, TakesBothCasesOfHexAndACarriageReturn) {
  N2kMessage message;
  EXPECT_FALSE(parse_line("2014-08-15T19:00:00.540Z,7,1,0,0,3,aB,Cd,EF\r", message));
  EXPECT_EQ(message.data[0], 0xAB);
  EXPECT_EQ(message.data[1], 0xCD);
  EXPECT_EQ(message.data[2], 0xEF);
}

TEST(ParseLine, TakesTheSmallestAndTheLargestOfEverything) {
  N2kMessage message;
  EXPECT_FALSE(parse_line("1970-01-01T00:00:00.000Z,0,0,0,0,0", message));
  EXPECT_EQ(message.time_ms, 0);
  EXPECT_EQ(message.length, 0);

  std::string longest = "9999-12-31T23:59:59.999Z,7,262143,255,255,223";
  for (int i = 0; i < 223; ++i) longest += ",ff";
  EXPECT_FALSE(parse_line(longest, message));
  EXPECT_EQ(message.time_ms, 253402300799999);
  EXPECT_EQ(message.pgn, 262143U);
  EXPECT_EQ(message.length, 223);
}

TEST(ParseLine, KnowsLeapYears) {
  EXPECT_EQ(fault_of(with_field(0, "2016-02-29T00:00:00.000Z")), LineFault::kNone);
  EXPECT_EQ(fault_of(with_field(0, "2014-02-29T00:00:00.000Z")), LineFault::kBadTime);
  EXPECT_EQ(fault_of(with_field(0, "2000-02-29T00:00:00.000Z")), LineFault::kNone);
  EXPECT_EQ(fault_of(with_field(0, "1900-02-29T00:00:00.000Z")), LineFault::kBadTime);
}

TEST(ParseLine, RefusesABadTime) {
  for (const char* time :
       {"", "yesterday", "2014-08-15T19:00:00.540", "2014-08-15 19:00:00.540Z",
        "2014-08-15T19:00:00Z", "2014-08-15T19:00:00.54Z", "2014-08-15T19:00:00.5400Z",
        "2014-13-15T19:00:00.540Z", "2014-00-15T19:00:00.540Z", "2014-08-32T19:00:00.540Z",
        "2014-08-00T19:00:00.540Z", "2014-04-31T19:00:00.540Z", "2014-08-15T24:00:00.540Z",
        "2014-08-15T19:60:00.540Z", "2014-08-15T19:00:60.540Z", "2o14-08-15T19:00:00.540Z",
        "2014-08-15T19:00:00.5x0Z", "2014-08-15T19:00:00,540Z", "2014-8-15T19:00:00.540Z"}) {
    EXPECT_EQ(fault_of(with_field(0, time)), LineFault::kBadTime) << time;
  }
}

TEST(ParseLine, RefusesNumbersOutOfRange) {
  EXPECT_EQ(fault_of(with_field(1, "8")), LineFault::kBadPriority);
  EXPECT_EQ(fault_of(with_field(2, "262144")), LineFault::kBadPgn);
  EXPECT_EQ(fault_of(with_field(2, "4295096321")), LineFault::kBadPgn);  // 129025 + 2^32
  EXPECT_EQ(fault_of(with_field(3, "256")), LineFault::kBadSource);
  EXPECT_EQ(fault_of(with_field(4, "256")), LineFault::kBadDestination);
  EXPECT_EQ(fault_of(with_field(5, "224")), LineFault::kBadLength);
  EXPECT_EQ(fault_of(with_field(2, std::string(60, '9'))), LineFault::kBadPgn);
}

TEST(ParseLine, RefusesWhatIsNoNumber) {
  const LineFault faults[] = {LineFault::kBadPriority, LineFault::kBadPgn, LineFault::kBadSource,
                              LineFault::kBadDestination, LineFault::kBadLength};
  for (std::size_t i = 0; i < std::size(faults); ++i) {
    for (const char* text : {"", "x", "-1", "+1", " 1", "1 ", "0x1", "1.0"}) {
      EXPECT_EQ(fault_of(with_field(i + 1, text)), faults[i]) << text << " in field " << i + 1;
    }
  }
}

TEST(ParseLine, TellsGatewayReportsFromNumbersThatDoNotFit) {
  // The recording has 262386, a report of the logging gateway on itself.
  EXPECT_EQ(fault_of(with_field(2, "262386")), LineFault::kNone);
  EXPECT_EQ(fault_of(with_field(2, "262161")), LineFault::kNone);
  EXPECT_EQ(fault_of(with_field(2, "262383")), LineFault::kBadPgn);
  EXPECT_EQ(fault_of(with_field(2, "262389")), LineFault::kBadPgn);
  EXPECT_EQ(fault_of(with_field(2, "262145")), LineFault::kBadPgn);
}

TEST(ParseLine, RefusesAPayloadOfAnotherLength) {
  EXPECT_EQ(fault_of(with_field(5, "7")), LineFault::kWrongLength);
  EXPECT_EQ(fault_of(with_field(5, "9")), LineFault::kWrongLength);
  EXPECT_EQ(fault_of(with_field(5, "0")), LineFault::kWrongLength);
  EXPECT_EQ(fault_of(kLine + ","), LineFault::kWrongLength);
  EXPECT_EQ(fault_of("2014-08-15T19:00:00.540Z,2,129025,160,255,8"), LineFault::kWrongLength);
  EXPECT_EQ(fault_of("2014-08-15T19:00:00.540Z,2,129025,160,255,1,"), LineFault::kWrongLength);
}

TEST(ParseLine, RefusesBadHex) {
  for (const char* byte : {"0", "", "000", "0g", "g0", " 0", "0x", "\xff\xff"}) {
    for (std::size_t field = 6; field < 14; ++field) {
      EXPECT_EQ(fault_of(with_field(field, byte)), LineFault::kBadHex) << byte << " in " << field;
    }
  }
  // As long as a good payload, but with the commas elsewhere.
  EXPECT_EQ(fault_of("2014-08-15T19:00:00.540Z,2,129025,160,255,2,000,1"), LineFault::kBadHex);
  EXPECT_EQ(fault_of("2014-08-15T19:00:00.540Z,2,129025,160,255,2,00;01"), LineFault::kWrongLength);
}

TEST(ParseLine, CountsTheFieldsThatAreThere) {
  EXPECT_EQ(fault_of(""), LineFault::kMissingFields);
  EXPECT_EQ(fault_of("\r"), LineFault::kMissingFields);
  std::string line = kLine;
  line.resize(line.find(",8,"));
  for (int fields = 5; fields > 0; --fields) {
    EXPECT_EQ(fault_of(line), LineFault::kMissingFields) << line;
    EXPECT_EQ(reason_of(line).rfind("missing fields: " + std::to_string(fields), 0), 0U) << line;
    line.resize(fields > 1 ? line.rfind(',') : 0);
  }
}

TEST(ParseLine, NeverReadsBehindTheLine) {
  // Every prefix in a heap block of exactly its size: the address sanitizer sees a step too far.
  for (std::size_t size = 0; size <= kLine.size(); ++size) {
    const std::vector<char> prefix(kLine.begin(), kLine.begin() + static_cast<long>(size));
    N2kMessage message;
    const bool wrong{parse_line({prefix.data(), prefix.size()}, message)};
    EXPECT_EQ(wrong, size != kLine.size()) << size;
  }
}

TEST(ParseLine, SurvivesEveryOneByteChange) {
  for (std::size_t at = 0; at < kLine.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string line = kLine;
      line[at] = static_cast<char>(byte);
      N2kMessage message;
      if (parse_line(line, message)) continue;
      EXPECT_LE(message.pgn, kMaxPgn);
      EXPECT_LE(message.priority, 7);
      EXPECT_EQ(message.length, 8);
    }
  }
}

TEST(Explain, SaysWhatWasFound) {
  EXPECT_EQ(reason_of(with_field(1, "9")), "priority 9 is over 7");
  EXPECT_EQ(reason_of(with_field(2, "300000")),
            "PGN 300000 does not fit into 18 bits (at most 262143)");
  EXPECT_EQ(reason_of(with_field(3, "256")), "source address 256 is over 255");
  EXPECT_EQ(reason_of(with_field(4, "999")), "destination address 999 is over 255");
  EXPECT_EQ(reason_of(with_field(1, "x")), "priority is not a number");
  EXPECT_EQ(reason_of(with_field(5, "9")), "wrong length: 9 promised, but the payload has 8 bytes");
  EXPECT_EQ(reason_of(with_field(8, "zz")), "bad hex: payload byte 3 is not two hex digits");
}

TEST(Recording, IsReadWithoutAnError) {
  std::ifstream file(VESSEL_DATA);
  ASSERT_TRUE(file) << VESSEL_DATA;
  std::string line;
  std::size_t lines = 0;
  std::set<std::uint32_t> pgns;
  std::set<int> sources;
  N2kMessage message;
  while (std::getline(file, line)) {
    ++lines;
    const LineError error = parse_line(line, message);
    ASSERT_FALSE(error) << "line " << lines << ": " << explain(error);
    pgns.insert(message.pgn);
    sources.insert(message.source);
    EXPECT_EQ(pgn_name(message.pgn).empty(), message.pgn == 130762) << message.pgn;
  }
  EXPECT_EQ(lines, 21595U);
  EXPECT_EQ(pgns.size(), 34U);
  EXPECT_EQ(sources.size(), 5U);
}

TEST(Decode, Position) {
  N2kMessage message;
  ASSERT_FALSE(parse_line(kLine, message));
  const auto position = decode_position(message);
  ASSERT_TRUE(position);
  EXPECT_DOUBLE_EQ(position->latitude, 59.7249807);
  EXPECT_DOUBLE_EQ(position->longitude, 24.7366563);
}

TEST(Decode, PositionSouthAndWest) {
  const auto position =
      decode_position(message_with({0x00, 0xfc, 0xdb, 0xfa, 0x80, 0x69, 0x67, 0xff}));
  ASSERT_TRUE(position);
  EXPECT_DOUBLE_EQ(position->latitude, -8.6246400);
  EXPECT_DOUBLE_EQ(position->longitude, -1.0000000);
}

TEST(Decode, PositionThatIsNotAvailableOrOffTheGlobe) {
  EXPECT_FALSE(decode_position(message_with({0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4})));
  EXPECT_FALSE(decode_position(message_with({1, 2, 3, 4, 0xff, 0xff, 0xff, 0x7f})));
  EXPECT_FALSE(decode_position(message_with({0x80, 0x8d, 0x3d, 0x36, 0, 0, 0, 0})));  // 91 degrees
  EXPECT_FALSE(decode_position(message_with({1, 2, 3, 4, 5, 6, 7})));
}

TEST(Decode, Depth) {
  EXPECT_EQ(decode_depth_m(message_with({0x00, 0xc0, 0x1b, 0x00, 0x00, 0xff, 0xff, 0xff})), 71.04);
  EXPECT_FALSE(decode_depth_m(message_with({0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff})));
  EXPECT_FALSE(decode_depth_m(message_with({0, 1, 2, 3})));
}

TEST(Decode, HeadingAndWaterSpeed) {
  EXPECT_EQ(decode_heading_rad(message_with({0xff, 0xbe, 0x87, 0xff, 0x7f, 0x86, 0x05, 0xfc})),
            3.475);
  EXPECT_FALSE(decode_heading_rad(message_with({0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0xfc})));
  EXPECT_EQ(decode_water_speed_mps(message_with({0x00, 0x4e, 0x01, 0xff, 0xff, 0, 0xff, 0xff})),
            3.34);
  EXPECT_FALSE(decode_water_speed_mps(message_with({0xff, 0xff, 0xff, 0x59, 0x01, 0xff, 0, 0})));
}

TEST(Decode, CourseAndSpeed) {
  const auto both =
      decode_course_and_speed(message_with({0xff, 0xfc, 0xf8, 0x85, 0x5b, 0x01, 0xff, 0xff}));
  EXPECT_EQ(both.course_rad, 3.4296);
  EXPECT_EQ(both.speed_mps, 3.47);
  EXPECT_FALSE(both.magnetic);
  const auto speed_only =
      decode_course_and_speed(message_with({0xff, 0xfd, 0xff, 0xff, 0x5b, 0x01, 0xff, 0xff}));
  EXPECT_FALSE(speed_only.course_rad);
  EXPECT_EQ(speed_only.speed_mps, 3.47);
  EXPECT_TRUE(speed_only.magnetic);
}

TEST(Decode, Wind) {
  const Wind wind = decode_wind(message_with({0x00, 0xd6, 0x02, 0xa5, 0x1c, 0xf2, 0xff, 0xff}));
  EXPECT_EQ(wind.speed_mps, 7.26);
  EXPECT_EQ(wind.angle_rad, 0.7333);
  EXPECT_EQ(wind.reference & 7, 2);
  const Wind none = decode_wind(message_with({0x00, 0xff, 0xff, 0xff, 0xff, 0xf2}));
  EXPECT_FALSE(none.speed_mps);
  EXPECT_FALSE(none.angle_rad);
}

TEST(Decode, BatteryStatus) {
  const auto discharging =
      decode_battery_status(message_with({0x01, 0x15, 0x05, 0xf6, 0xff, 0x1e, 0x75, 0x06}));
  EXPECT_EQ(discharging.instance, 1);
  EXPECT_EQ(discharging.voltage_v, 13.01);
  EXPECT_EQ(discharging.current_a, -1.0);
  const auto silent =
      decode_battery_status(message_with({0x02, 0xff, 0x7f, 0xff, 0xff, 0x1e, 0x75, 0x06}));
  EXPECT_EQ(silent.instance, 2);
  EXPECT_FALSE(silent.voltage_v);
  EXPECT_FALSE(silent.current_a);
}

TEST(Decode, AisPosition) {
  N2kMessage message;
  ASSERT_FALSE(parse_line(
      "2014-08-15T19:00:00.443Z,4,129038,43,255,27,01,10,dc,6d,0f,d0,9f,63,0e,e2,26,9d,23,ed,a6,"
      "ad,83,02,0c,80,08,88,ae,0a,00,00,fe",
      message));
  const auto ais = decode_ais_position(message);
  ASSERT_TRUE(ais);
  EXPECT_EQ(ais->mmsi, 258858000U);
  ASSERT_TRUE(ais->position);
  EXPECT_NEAR(ais->position->latitude, 59.75, 0.1);
  EXPECT_NEAR(ais->position->longitude, 24.14, 0.1);
  EXPECT_FALSE(decode_ais_position(message_with({1, 0xff, 0xff, 0xff, 0xff})));
}

TEST(Decode, Temperature) {
  EXPECT_EQ(decode_temperature_k(message_with({0x00, 0xc0, 0x53, 0x7a, 0xff, 0x7f, 0xff, 0xff})),
            313.15);
  EXPECT_FALSE(decode_temperature_k(message_with({0x00, 0xc0, 0xff, 0xff})));
}

}  // namespace
}  // namespace vessel
