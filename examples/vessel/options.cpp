// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace vessel {

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  Options& options = line.options;
  options.file = VESSEL_DEFAULT_FILE;

  CLI::App app{
      "Replays a recording of a vessel's NMEA 2000 network over a Ringway bus: one feed, three\n"
      "dispatchers (navigation, alarms, recorder) and a console that asks for the vessel's state.",
      "vessel"};
  app.add_option("--file", options.file, "the recording")->capture_default_str();
  app.add_option("--passes", options.passes,
                 "how often to replay it (default: for some 3 million messages at full speed, "
                 "once at real pace)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  const std::map<std::string, PaceOption> paces{{"max", PaceOption::kMax},
                                                {"real", PaceOption::kReal}};
  app.add_option("--pace", options.pace,
                 "max: at full speed, then one evenly paced pass for the latencies; "
                 "real: at the pace of the recording")
      ->transform(CLI::CheckedTransformer(paces))
      ->default_str("max");
  app.add_flag("--strict", options.strict,
               "end with status 2 after the first pass if a line is malformed");
  app.add_option("--json", options.json_file, "write the results to this file, too");
  app.add_option("--depth-alarm", options.depth_alarm_m, "alarm below this depth, metres")
      ->capture_default_str();
  app.add_option("--battery-alarm", options.battery_alarm_v, "alarm below this voltage, volts")
      ->capture_default_str();
  app.add_option("--interval-us", options.interval_us,
                 "time between two messages of the evenly paced pass, microseconds")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    line.exit_status = app.exit(error) == 0 ? 0 : 2;
  }
  return line;
}

}  // namespace vessel
