// SPDX-License-Identifier: Apache-2.0
#include "n2k.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace vessel {
namespace {

/// Value of each hex digit; other characters have bits above 15.
constexpr std::array<std::uint8_t, 256> kHexDigit = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(0xFF);
  for (std::uint8_t digit = 0; digit < 10; ++digit) table[std::size_t{'0'} + digit] = digit;
  for (std::uint8_t digit = 0; digit < 6; ++digit) {
    table[std::size_t{'a'} + digit] = static_cast<std::uint8_t>(10 + digit);
    table[std::size_t{'A'} + digit] = static_cast<std::uint8_t>(10 + digit);
  }
  return table;
}();

std::uint8_t hex_digit(char character) noexcept {
  return kHexDigit[static_cast<unsigned char>(character)];
}

/// Walks over a line from left to right.
struct Scanner {
  const char* at;
  const char* end;

  std::size_t left() const noexcept { return static_cast<std::size_t>(end - at); }

  /// The decimal digits up to the next comma or the end, -1 if there are none or something else is
  /// among them. Leaves `at` on the comma. Values over 10^12 are not told apart.
  std::int64_t number() noexcept {
    std::int64_t value = 0;
    const char* first = at;
    for (; at != end && *at != ','; ++at) {
      const unsigned digit = static_cast<unsigned char>(*at) - unsigned{'0'};
      if (digit > 9) return -1;
      value = std::min<std::int64_t>(value * 10 + digit, 1'000'000'000'000);
    }
    return at == first ? -1 : value;
  }

  /// Steps over a comma; false if there is none.
  bool comma() noexcept {
    if (at == end || *at != ',') return false;
    ++at;
    return true;
  }
};

/// `digits` decimal digits at `text`; a value of 10000 and more if one of them is none.
unsigned fixed_number(const char* text, int digits) noexcept {
  unsigned value = 0;
  for (int i = 0; i < digits; ++i) {
    const unsigned digit = static_cast<unsigned char>(text[i]) - unsigned{'0'};
    if (digit > 9) return 10000;
    value = value * 10 + digit;
  }
  return value;
}

/// Reads "2014-08-15T19:00:00.042Z", exactly this shape, and the comma behind it.
bool parse_time(Scanner& scanner, std::int64_t& time_ms) noexcept {
  constexpr std::size_t kLength = 24;
  if (scanner.left() < kLength) return false;
  const char* text = scanner.at;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != '.' || text[23] != 'Z') {
    return false;
  }
  const unsigned year = fixed_number(text, 4);
  const unsigned month = fixed_number(text + 5, 2);
  const unsigned day = fixed_number(text + 8, 2);
  const unsigned hour = fixed_number(text + 11, 2);
  const unsigned minute = fixed_number(text + 14, 2);
  const unsigned second = fixed_number(text + 17, 2);
  const unsigned millisecond = fixed_number(text + 20, 3);
  if (year > 9999 || month > 12 || day > 31 || hour > 23 || minute > 59 || second > 59 ||
      millisecond > 999) {
    return false;
  }
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(year)},
                                         std::chrono::month{month}, std::chrono::day{day}};
  if (!date.ok()) return false;
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  const std::int64_t seconds = days * 86400 + std::int64_t{hour} * 3600 + minute * 60 + second;
  time_ms = seconds * 1000 + millisecond;
  scanner.at += kLength;
  return scanner.comma();
}

/// How many fields a text has: one more than commas, none in an empty text.
std::int64_t count_fields(std::string_view text) noexcept {
  return text.empty() ? 0 : 1 + std::count(text.begin(), text.end(), ',');
}

/// Reads the payload, `length` times a comma and two hex digits, up to the end of the line.
LineError parse_payload(Scanner scanner, std::size_t length, N2kMessage& message) noexcept {
  if (scanner.left() == 3 * length) {
    unsigned wrong = 0;
    for (std::size_t i = 0; i < length; ++i, scanner.at += 3) {
      const unsigned high = hex_digit(scanner.at[1]);
      const unsigned low = hex_digit(scanner.at[2]);
      wrong |= static_cast<unsigned>(scanner.at[0] != ',') | ((high | low) & 0xF0U);
      message.data[i] = static_cast<std::uint8_t>((high << 4U) | (low & 0xFU));
    }
    if (wrong == 0) return {};
    scanner.at -= 3 * length;
  }

  // The slow path finds out what is wrong. Behind the length comes a comma or the end of the line.
  const auto wanted = static_cast<std::int64_t>(length);
  const bool empty = scanner.left() <= 1;
  std::string_view rest{scanner.at, scanner.left()};
  if (!rest.empty()) rest.remove_prefix(1);
  const std::int64_t found = empty ? 0 : count_fields(rest);
  if (found != wanted) return {LineFault::kWrongLength, found, wanted};
  for (std::int64_t number = 1;; ++number) {
    const std::string_view byte = rest.substr(0, rest.find(','));
    if (byte.size() != 2 || ((hex_digit(byte[0]) | hex_digit(byte[1])) & 0xF0U) != 0 ||
        number == wanted) {
      return {LineFault::kBadHex, number, wanted};
    }
    rest.remove_prefix(byte.size() + 1);
  }
}

LineError parse_fields(std::string_view line, N2kMessage& message) noexcept {
  Scanner scanner{line.data(), line.data() + line.size()};
  if (!parse_time(scanner, message.time_ms)) return {LineFault::kBadTime};

  const std::int64_t priority = scanner.number();
  if (priority < 0 || priority > 7 || !scanner.comma()) return {LineFault::kBadPriority, priority};
  message.priority = static_cast<std::uint8_t>(priority);

  const std::int64_t pgn = scanner.number();
  const bool plausible =
      pgn >= 0 && (pgn <= kMaxPgn || (pgn <= std::numeric_limits<std::uint32_t>::max() &&
                                      is_gateway_report(static_cast<std::uint32_t>(pgn))));
  if (!plausible || !scanner.comma()) return {LineFault::kBadPgn, pgn};
  message.pgn = static_cast<std::uint32_t>(pgn);

  const std::int64_t source = scanner.number();
  if (source < 0 || source > 255 || !scanner.comma()) return {LineFault::kBadSource, source};
  message.source = static_cast<std::uint8_t>(source);

  const std::int64_t destination = scanner.number();
  if (destination < 0 || destination > 255 || !scanner.comma()) {
    return {LineFault::kBadDestination, destination};
  }
  message.destination = static_cast<std::uint8_t>(destination);

  const std::int64_t length = scanner.number();
  if (length < 0 || length > static_cast<std::int64_t>(kMaxPayload)) {
    return {LineFault::kBadLength, length};
  }
  message.length = static_cast<std::uint8_t>(length);
  return parse_payload(scanner, static_cast<std::size_t>(length), message);
}

std::string out_of_range(const char* what, std::int64_t found, const char* limit) {
  if (found < 0) return std::string(what) + " is not a number";
  return std::string(what) + ' ' + std::to_string(found) + ' ' + limit;
}

/// A little-endian unsigned integer of `size` bytes; empty if the payload ends before it.
std::optional<std::uint64_t> raw(const N2kMessage& message, std::size_t offset,
                                 std::size_t size) noexcept {
  if (offset + size > message.length) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::uint64_t{message.data[offset + i]} << (8 * i);
  }
  return value;
}

/// An integer field of type `Integer`; empty if it says "not available".
template <class Integer>
std::optional<Integer> field(const N2kMessage& message, std::size_t offset) noexcept {
  using Unsigned = std::make_unsigned_t<Integer>;
  const auto bits = raw(message, offset, sizeof(Integer));
  if (!bits || *bits == std::numeric_limits<Unsigned>::max()) return std::nullopt;
  const auto value = static_cast<Integer>(static_cast<Unsigned>(*bits));
  if (std::is_signed_v<Integer> && value == std::numeric_limits<Integer>::max()) {
    return std::nullopt;
  }
  return value;
}

/// The field divided by `parts_per_unit`. Dividing by a whole number gives the double nearest to
/// the decimal fraction, which multiplying by 0.01 would not.
template <class Integer>
std::optional<double> quantity(const N2kMessage& message, std::size_t offset,
                               double parts_per_unit) noexcept {
  const auto value = field<Integer>(message, offset);
  if (!value) return std::nullopt;
  return static_cast<double>(*value) / parts_per_unit;
}

std::optional<Position> position_at(const N2kMessage& message, std::size_t latitude_offset,
                                    std::size_t longitude_offset) noexcept {
  const auto latitude = quantity<std::int32_t>(message, latitude_offset, 1e7);
  const auto longitude = quantity<std::int32_t>(message, longitude_offset, 1e7);
  if (!latitude || !longitude) return std::nullopt;
  if (*latitude < -90 || *latitude > 90 || *longitude < -180 || *longitude > 180) {
    return std::nullopt;  // AIS sends 91 and 181 degrees for "not available"
  }
  return Position{*latitude, *longitude};
}

}  // namespace

LineError parse_line(std::string_view line, N2kMessage& message) noexcept {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const LineError error = parse_fields(line, message);
  if (!error) return error;
  // A line that lacks fields fails at whatever comes first; say the thing that explains it.
  const std::int64_t fields = count_fields(line);
  return fields < 6 ? LineError{LineFault::kMissingFields, fields} : error;
}

std::string explain(const LineError& error) {
  switch (error.fault) {
    case LineFault::kNone: return "no error";
    case LineFault::kMissingFields:
      return "missing fields: " + std::to_string(error.found) +
             " of at least 6 (time, priority, PGN, source, destination, length, payload bytes)";
    case LineFault::kBadTime:
      return "bad time: not of the form YYYY-MM-DDTHH:MM:SS.mmmZ, or no date";
    case LineFault::kBadPriority: return out_of_range("priority", error.found, "is over 7");
    case LineFault::kBadPgn:
      return out_of_range("PGN", error.found, "does not fit into 18 bits (at most 262143)");
    case LineFault::kBadSource: return out_of_range("source address", error.found, "is over 255");
    case LineFault::kBadDestination:
      return out_of_range("destination address", error.found, "is over 255");
    case LineFault::kBadLength:
      return out_of_range("length", error.found, "is over 223, the most that a message can carry");
    case LineFault::kWrongLength:
      return "wrong length: " + std::to_string(error.wanted) + " promised, but the payload has " +
             std::to_string(error.found) + (error.found == 1 ? " byte" : " bytes");
    case LineFault::kBadHex:
      return "bad hex: payload byte " + std::to_string(error.found) + " is not two hex digits";
  }
  return "unknown error";
}

std::string_view pgn_name(std::uint32_t pgn) noexcept {
  struct Name {
    std::uint32_t pgn;
    std::string_view name;
  };
  static constexpr std::array kNames{
      Name{65306, "proprietary, single frame"},
      Name{65311, "proprietary, single frame"},
      Name{65362, "proprietary, single frame"},
      Name{65370, "proprietary, single frame"},
      Name{126992, "system time"},
      Name{pgn::kHeading, "heading"},
      Name{127506, "battery details"},
      Name{pgn::kBatteryStatus, "battery status"},
      Name{127513, "battery configuration"},
      Name{pgn::kWaterSpeed, "speed through water"},
      Name{pgn::kWaterDepth, "water depth"},
      Name{128275, "distance log"},
      Name{pgn::kPosition, "position"},
      Name{pgn::kCourseAndSpeed, "course, speed over ground"},
      Name{129029, "satellite position"},
      Name{129033, "local time offset"},
      Name{pgn::kAisClassAPosition, "AIS class A position"},
      Name{129039, "AIS class B position"},
      Name{129041, "AIS aid to navigation"},
      Name{129044, "datum"},
      Name{129283, "cross-track error"},
      Name{129291, "set and drift"},
      Name{129540, "satellites in view"},
      Name{129793, "AIS time and date"},
      Name{129794, "AIS class A voyage"},
      Name{129809, "AIS class B part A"},
      Name{129810, "AIS class B part B"},
      Name{pgn::kWind, "wind"},
      Name{pgn::kEnvironment, "environment"},
      Name{130577, "direction data"},
      Name{130846, "proprietary, fast packet"},
      Name{130919, "proprietary, fast packet"},
      Name{262161, "gateway: operating mode"},
      Name{262386, "gateway: system status"},
  };
  static_assert(
      std::is_sorted(kNames.begin(), kNames.end(),
                     [](const Name& left, const Name& right) { return left.pgn < right.pgn; }));
  const auto* found = std::lower_bound(kNames.begin(), kNames.end(), pgn,
                                       [](const Name& name, auto key) { return name.pgn < key; });
  return found != kNames.end() && found->pgn == pgn ? found->name : std::string_view{};
}

std::optional<double> decode_heading_rad(const N2kMessage& message) noexcept {
  return quantity<std::uint16_t>(message, 1, 1e4);
}

std::optional<double> decode_water_speed_mps(const N2kMessage& message) noexcept {
  return quantity<std::uint16_t>(message, 1, 100);
}

std::optional<double> decode_depth_m(const N2kMessage& message) noexcept {
  return quantity<std::uint32_t>(message, 1, 100);
}

std::optional<Position> decode_position(const N2kMessage& message) noexcept {
  return position_at(message, 0, 4);
}

CourseAndSpeed decode_course_and_speed(const N2kMessage& message) noexcept {
  return {.course_rad = quantity<std::uint16_t>(message, 2, 1e4),
          .magnetic = message.length > 1 && (message.data[1] & 3U) == 1,
          .speed_mps = quantity<std::uint16_t>(message, 4, 100)};
}

Wind decode_wind(const N2kMessage& message) noexcept {
  return {.speed_mps = quantity<std::uint16_t>(message, 1, 100),
          .angle_rad = quantity<std::uint16_t>(message, 3, 1e4),
          .reference = message.length > 5 ? message.data[5] : std::uint8_t{0xFF}};
}

BatteryStatus decode_battery_status(const N2kMessage& message) noexcept {
  return {.instance = message.length > 0 ? message.data[0] : std::uint8_t{0xFF},
          .voltage_v = quantity<std::int16_t>(message, 1, 100),
          .current_a = quantity<std::int16_t>(message, 3, 10)};
}

std::optional<AisPosition> decode_ais_position(const N2kMessage& message) noexcept {
  const auto mmsi = field<std::uint32_t>(message, 1);
  if (!mmsi) return std::nullopt;
  return AisPosition{.mmsi = *mmsi, .position = position_at(message, 9, 5)};
}

std::optional<double> decode_temperature_k(const N2kMessage& message) noexcept {
  return quantity<std::uint16_t>(message, 2, 100);
}

}  // namespace vessel
