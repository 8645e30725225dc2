// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <cinttypes>
#include <cmath>
#include <numbers>

#include "text.hpp"

namespace vessel {
namespace {

std::string json_number(const std::optional<double>& number, int decimals) {
  std::string text;
  if (!number) return "null";
  append(text, "%.*f", decimals, *number);
  return text;
}

std::string json_position(const std::optional<Position>& position) {
  std::string text;
  if (!position) return "null";
  append(text, R"({"latitude": %.7f, "longitude": %.7f})", position->latitude, position->longitude);
  return text;
}

std::string json_percentiles(const std::optional<Percentiles>& percentiles) {
  std::string text;
  if (!percentiles) return R"({"p50": null, "p99": null, "p999": null, "max": null})";
  append(text,
         R"({"p50": %)" PRIu64 R"(, "p99": %)" PRIu64 R"(, "p999": %)" PRIu64 R"(, "max": %)" PRIu64
         "}",
         percentiles->p50_ns, percentiles->p99_ns, percentiles->p999_ns, percentiles->max_ns);
  return text;
}

/// "19:03:12" of a time since the epoch.
std::string time_of_day(std::int64_t time_ms) {
  const std::int64_t second = ((time_ms / 1000) % 86400 + 86400) % 86400;
  std::string text;
  append(text, "%02d:%02d:%02d", static_cast<int>(second / 3600),
         static_cast<int>(second / 60 % 60), static_cast<int>(second % 60));
  return text;
}

/// A quantity with its unit, or a dash.
std::string quantity(const std::optional<double>& value, double factor, int decimals,
                     const char* unit) {
  std::string text;
  if (!value) return "-";
  append(text, "%.*f %s", decimals, *value * factor, unit);
  return text;
}

constexpr double kDegreesPerRadian = 180 / std::numbers::pi;
constexpr double kKnotsPerMps = 3600.0 / 1852;

void append_pgn_rows(std::string& text, const Report& report) {
  append(text, "  %6s  %-30s %14s %14s\n", "PGN", "", "published", "delivered");
  for (const auto& [pgn, count] : report.per_pgn) {
    const std::string_view name = pgn_name(pgn);
    append(text, "  %6" PRIu32 "  %-30.*s %14s %14s\n", pgn, static_cast<int>(name.size()),
           name.data(), with_separators(count.published).c_str(),
           with_separators(count.delivered).c_str());
  }
  const std::string groups = counted(report.per_pgn.size(), "group", "groups");
  append(text, "  %6s  %-30s %14s %14s\n\n", "all", groups.c_str(),
         with_separators(report.published).c_str(), with_separators(report.delivered).c_str());
}

void append_state(std::string& text, const VesselState& state) {
  append(text, "  %-15s %s\n", "first position",
         state.first_position ? readable_position(*state.first_position).c_str() : "-");
  append(text, "  %-15s %s\n", "last position",
         state.position ? readable_position(*state.position).c_str() : "-");
  if (state.depth_min_m && state.depth_max_m) {
    append(text, "  %-15s %.2f to %.2f m\n", "depth", *state.depth_min_m, *state.depth_max_m);
  } else {
    append(text, "  %-15s -\n", "depth");
  }
  append(text, "  %-15s course %s, %s over ground, %s through water\n", "at the end",
         quantity(state.over_ground.course_rad, kDegreesPerRadian, 1, "deg").c_str(),
         quantity(state.over_ground.speed_mps, kKnotsPerMps, 1, "kn").c_str(),
         quantity(state.water_speed_mps, kKnotsPerMps, 1, "kn").c_str());
  append(text, "  %-15s heading %s, wind %s from %s\n", "",
         quantity(state.heading_rad, kDegreesPerRadian, 1, "deg").c_str(),
         quantity(state.wind.speed_mps, 1, 1, "m/s").c_str(),
         quantity(state.wind.angle_rad, kDegreesPerRadian, 0, "deg").c_str());
  constexpr double kFreezingK = 273.15;
  const auto celsius =
      state.temperature_k ? std::optional(*state.temperature_k - kFreezingK) : std::nullopt;
  append(text, "  %-15s %s heard, temperature sensor says %s\n", "",
         counted(state.ships_heard, "ship", "ships").c_str(), quantity(celsius, 1, 1, "C").c_str());
}

void append_alarm(std::string& text, const char* what, const AlarmCount& count, double limit,
                  const char* unit) {
  append(text, "  %-15s %s below %g %s", what, with_separators(count.raised).c_str(), limit, unit);
  if (count.raised > 0) {
    append(text, ", first at %s, lowest %.2f %s", time_of_day(count.first_time_ms).c_str(),
           count.lowest, unit);
  }
  text += '\n';
}

void append_percentiles(std::string& text, const char* what,
                        const std::optional<Percentiles>& percentiles) {
  if (!percentiles) {
    append(text, "  %-25s %12s\n", what, "not measured");
    return;
  }
  append(text, "  %-25s %12s %12s %12s %12s\n", what,
         readable_duration(percentiles->p50_ns).c_str(),
         readable_duration(percentiles->p99_ns).c_str(),
         readable_duration(percentiles->p999_ns).c_str(),
         readable_duration(percentiles->max_ns).c_str());
}

}  // namespace

std::optional<Percentiles> percentiles_of(const Histogram& histogram) {
  if (histogram.count() == 0) return std::nullopt;
  return Percentiles{.p50_ns = histogram.percentile(0.5),
                     .p99_ns = histogram.percentile(0.99),
                     .p999_ns = histogram.percentile(0.999),
                     .max_ns = histogram.max()};
}

double messages_per_second(const Report& report) noexcept {
  return report.seconds > 0 ? static_cast<double>(report.published) / report.seconds : 0;
}

std::string to_json(const Report& report) {
  std::string text = "{\n";
  append(text, R"(  "published": %)" PRIu64 ",\n", report.published);
  append(text, R"(  "delivered": %)" PRIu64 ",\n", report.delivered);
  append(text, R"(  "lost": %)" PRIu64 ",\n", report.lost);
  append(text, R"(  "malformed": %)" PRIu64 ",\n", report.malformed);
  append(text,
         R"(  "pgns": %zu,)"
         "\n",
         report.per_pgn.size());
  text += "  \"per_pgn\": [";
  const char* separator = "\n";
  for (const auto& [pgn, count] : report.per_pgn) {
    append(text,
           R"(%s    {"pgn": %)" PRIu32 R"(, "published": %)" PRIu64 R"(, "delivered": %)" PRIu64
           "}",
           separator, pgn, count.published, count.delivered);
    separator = ",\n";
  }
  text += report.per_pgn.empty() ? "],\n" : "\n  ],\n";
  text += "  \"depth_min_m\": " + json_number(report.state.depth_min_m, 2) + ",\n";
  text += "  \"depth_max_m\": " + json_number(report.state.depth_max_m, 2) + ",\n";
  text += "  \"first_position\": " + json_position(report.state.first_position) + ",\n";
  text += "  \"last_position\": " + json_position(report.state.position) + ",\n";
  append(text, R"(  "alarms": %)" PRIu64 ",\n",
         report.depth_alarm.raised + report.battery_alarm.raised);
  append(text,
         R"(  "messages_per_second": %.0f,)"
         "\n",
         messages_per_second(report));
  text += "  \"latency_ns\": " + json_percentiles(report.latency) + ",\n";
  text += "  \"request_ns\": " + json_percentiles(report.request);
  if (report.crew) text += ",\n  \"processes\": " + to_json(*report.crew);
  text += "\n}\n";
  return text;
}

std::string to_table(const Report& report) {
  std::string text = "\n";
  append_pgn_rows(text, report);

  append(text, "  %-15s %s published, %s delivered, %s lost\n", "messages",
         with_separators(report.published).c_str(), with_separators(report.delivered).c_str(),
         with_separators(report.lost).c_str());
  append(text, "  %-15s %s in %s\n", "malformed lines", with_separators(report.malformed).c_str(),
         counted(report.passes, "pass", "passes").c_str());
  append_state(text, report.state);
  append_alarm(text, "depth alarms", report.depth_alarm, report.depth_alarm_m, "m");
  append_alarm(text, "battery alarms", report.battery_alarm, report.battery_alarm_v, "V");
  append(text, "  %-15s %s answered, %s failed\n\n", "state requests",
         with_separators(report.requests_answered).c_str(),
         with_separators(report.requests_failed).c_str());

  append(text, "  %s messages per second%s, parsed and published to 3 %s\n",
         with_separators(static_cast<std::uint64_t>(std::llround(messages_per_second(report))))
             .c_str(),
         report.pace == PaceOption::kReal   ? " (as recorded)"
         : report.pace == PaceOption::kEven ? " (as asked for)"
                                            : "",
         report.crew ? "processes" : "dispatchers");
  if (report.crew) text += '\n' + to_table(*report.crew);
  if (!report.latency && !report.request) return text;
  if (report.pace == PaceOption::kReal) {
    text += "\n  At the pace of the recording, counted from the intended time:\n";
  } else {
    append(
        text, "\n  At an even %s messages per second, counted from the intended time:\n",
        with_separators(static_cast<std::uint64_t>(std::llround(report.paced_per_second))).c_str());
  }
  append(text, "  %-25s %12s %12s %12s %12s\n", "", "p50", "p99", "p99.9", "max");
  append_percentiles(text, "publish to handler", report.latency);
  append_percentiles(text, "request round trip", report.request);
  return text;
}

std::string with_separators(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t end = text.size(); end > 3;) {
    end -= 3;
    text.insert(end, 1, ',');
  }
  return text;
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return with_separators(count) + ' ' + (count == 1 ? one : many);
}

std::string readable_duration(std::uint64_t duration_ns) {
  std::string text;
  if (duration_ns < 1000) {
    append(text, "%" PRIu64 " ns", duration_ns);
    return text;
  }
  double value = static_cast<double>(duration_ns) / 1e3;
  const char* unit = "us";
  if (value >= 1e6) {
    value /= 1e6;
    unit = "s";
  } else if (value >= 1e3) {
    value /= 1e3;
    unit = "ms";
  }
  append(text, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value, unit);
  return text;
}

std::string readable_position(const Position& position) {
  std::string text;
  append(text, "%.7f %c %.7f %c", std::fabs(position.latitude), position.latitude < 0 ? 'S' : 'N',
         std::fabs(position.longitude), position.longitude < 0 ? 'W' : 'E');
  return text;
}

}  // namespace vessel
