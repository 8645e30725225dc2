// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// NMEA 2000 messages: a line of a log becomes a message, a message's payload becomes quantities.
///
/// A line is `time,priority,PGN,source,destination,length,payload bytes in hex`, see
/// examples/data/README.md. Quantities come in SI units and radians, positions in degrees; what the
/// sender marks as not available is an empty optional.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace vessel {

/// The largest payload of the fast-packet protocol: 6 bytes in the first frame, 7 in 31 more.
inline constexpr std::size_t kMaxPayload = 223;

/// The largest parameter group number that fits into a CAN identifier (18 bits).
inline constexpr std::uint32_t kMaxPgn = 0x3FFFF;

/// True for the numbers above 18 bits under which Actisense gateways log reports on themselves:
/// operating mode, start, error, system status and negative acknowledgement. They never were on the
/// wire, but recordings are full of them, so a line that carries one is not malformed.
[[nodiscard]] constexpr bool is_gateway_report(std::uint32_t pgn) noexcept {
  return pgn == 0x40011 || (pgn >= 0x400F0 && pgn <= 0x400F4);
}

/// One message as it travels on the bus.
struct N2kMessage {
  std::int64_t time_ms = 0;  ///< when it was recorded: milliseconds since 1970-01-01T00:00:00Z
  std::int64_t due_ns = 0;   ///< when it was meant to be published (steady clock); 0: at full speed
  std::uint32_t pgn = 0;
  std::uint8_t priority = 0;
  std::uint8_t source = 0;
  std::uint8_t destination = 0;
  std::uint8_t length = 0;                       ///< payload bytes in use
  std::array<std::uint8_t, kMaxPayload> data{};  ///< what lies behind `length` means nothing
};
static_assert(std::is_trivially_copyable_v<N2kMessage> && sizeof(N2kMessage) == 248);

/// What can be wrong with a line.
enum class LineFault : std::uint8_t {
  kNone,
  kMissingFields,
  kBadTime,
  kBadPriority,
  kBadPgn,
  kBadSource,
  kBadDestination,
  kBadLength,
  kWrongLength,
  kBadHex,
};

/// The verdict on a line; false means that it is a message. `found` is the offending number: the
/// value (-1 if the field holds no number), the count of fields (kMissingFields) or payload bytes
/// (kWrongLength), or the payload byte, counted from 1 (kBadHex). `wanted` is the length that the
/// line promised.
struct LineError {
  LineFault fault = LineFault::kNone;
  std::int64_t found = 0;
  std::int64_t wanted = 0;

  explicit operator bool() const noexcept { return fault != LineFault::kNone; }
};

/// Reads one line (without its newline; a carriage return at its end is dropped) into `message`,
/// all but `due_ns`. On an error the message's content is unspecified. Never allocates.
[[nodiscard]] LineError parse_line(std::string_view line, N2kMessage& message) noexcept;

/// The verdict as a phrase: "PGN 300000 does not fit into 18 bits (at most 262143)".
[[nodiscard]] std::string explain(const LineError& error);

/// What a parameter group is called; "" where this example does not know it.
[[nodiscard]] std::string_view pgn_name(std::uint32_t pgn) noexcept;

/// The parameter groups that the example decodes.
namespace pgn {
inline constexpr std::uint32_t kHeading = 127250;
inline constexpr std::uint32_t kBatteryStatus = 127508;
inline constexpr std::uint32_t kWaterSpeed = 128259;
inline constexpr std::uint32_t kWaterDepth = 128267;
inline constexpr std::uint32_t kPosition = 129025;
inline constexpr std::uint32_t kCourseAndSpeed = 129026;
inline constexpr std::uint32_t kAisClassAPosition = 129038;
inline constexpr std::uint32_t kWind = 130306;
inline constexpr std::uint32_t kEnvironment = 130311;
}  // namespace pgn

struct Position {
  double latitude;   ///< degrees, north is positive
  double longitude;  ///< degrees, east is positive
  friend bool operator==(const Position&, const Position&) = default;
};

struct CourseAndSpeed {
  std::optional<double> course_rad;
  bool magnetic = false;  ///< the course is from magnetic north, not from true north
  std::optional<double> speed_mps;
};

struct Wind {
  std::optional<double> speed_mps;
  std::optional<double> angle_rad;
  std::uint8_t reference =
      0;  ///< lower 3 bits: 0 true (ground), 1 magnetic, 2 apparent, 3 and 4 true
};

struct BatteryStatus {
  std::uint8_t instance = 0;
  std::optional<double> voltage_v;
  std::optional<double> current_a;
};

struct AisPosition {
  std::uint32_t mmsi;  ///< the ship's number in the Maritime Mobile Service
  std::optional<Position> position;
};

// Each takes a message of its own parameter group (\pre); a field that the payload is too short for
// is not available.
[[nodiscard]] std::optional<double> decode_heading_rad(const N2kMessage& message) noexcept;
[[nodiscard]] std::optional<double> decode_water_speed_mps(const N2kMessage& message) noexcept;
/// Depth below the transducer.
[[nodiscard]] std::optional<double> decode_depth_m(const N2kMessage& message) noexcept;
[[nodiscard]] std::optional<Position> decode_position(const N2kMessage& message) noexcept;
[[nodiscard]] CourseAndSpeed decode_course_and_speed(const N2kMessage& message) noexcept;
[[nodiscard]] Wind decode_wind(const N2kMessage& message) noexcept;
[[nodiscard]] BatteryStatus decode_battery_status(const N2kMessage& message) noexcept;
[[nodiscard]] std::optional<AisPosition> decode_ais_position(const N2kMessage& message) noexcept;
[[nodiscard]] std::optional<double> decode_temperature_k(const N2kMessage& message) noexcept;

}  // namespace vessel
