// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

namespace vessel {
namespace {

using RoleNames = std::map<std::string, Role>;

RoleNames role_names() {
  RoleNames names;
  for (const Role role : kRoles) names.emplace(name_of(role), role);
  return names;
}

void add_replay_options(CLI::App& app, Options& options) {
  app.add_option("--file", options.file, "the recording")->capture_default_str();
  app.add_option("--passes", options.passes,
                 "how often to replay it (default: for some 3 million messages at full speed, "
                 "once at another pace)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  const std::map<std::string, PaceOption> paces{
      {"max", PaceOption::kMax}, {"real", PaceOption::kReal}, {"even", PaceOption::kEven}};
  app.add_option("--pace", options.pace,
                 "max: at full speed, then one evenly paced pass for the latencies; "
                 "real: at the pace of the recording; even: evenly paced alone")
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
}

/// What the text of --kill and --order means is found out by finish().
struct ProcessTexts {
  std::string victim{name_of(Role::kNavigation)};
};

void add_process_options(CLI::App& app, Options& options, ProcessTexts& texts) {
  auto* processes =
      app.add_flag("--processes", options.processes,
                   "a process for each part, on a bus in shared memory; in the paced pass one of "
                   "them is killed and started again");
  std::vector<std::string> victims{"none"};
  for (const Role role : kRoles) victims.emplace_back(name_of(role));
  app.add_option("--kill", texts.victim, "which one, or none")
      ->check(CLI::IsMember(victims))
      ->needs(processes)
      ->capture_default_str();
  app.add_option("--order", options.order, "the order to start all five in (default: any)")
      ->transform(CLI::CheckedTransformer(role_names()))
      ->delimiter(',')
      ->expected(static_cast<int>(kRoles.size()))
      ->needs(processes);
  auto* role = app.add_option("--role", options.role,
                              "be one of the processes, on its own: feed, navigation, alarm, "
                              "recorder or console")
                   ->transform(CLI::CheckedTransformer(role_names()))
                   ->excludes(processes);
  app.add_option("--bus", options.bus, "the name of its bus")->needs(role)->capture_default_str();
  app.add_option("--wait", options.wait_s,
                 "how long it waits for processes that it needs, seconds; 0: it begins without")
      ->needs(role)
      ->check(CLI::Range(0U, 1'000'000U))
      ->capture_default_str();
  // for processes that --processes starts
  app.add_option("--crew-of", options.crew_of)->needs(role)->group("");
  app.add_option("--skip", options.skip)->needs(role)->group("");
  app.add_flag("--quiet", options.quiet)->needs(role)->group("");
}

void finish(Options& options, const ProcessTexts& texts) {
  const auto names = role_names();
  const auto found = names.find(texts.victim);
  options.victim = found == names.end() ? std::nullopt : std::optional(found->second);
  for (const Role role : kRoles) {
    if (!options.order.empty() && std::count(options.order.begin(), options.order.end(), role) != 1)
      throw CLI::ValidationError("--order", "each role once");
  }
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  Options& options = line.options;
  options.file = VESSEL_DEFAULT_FILE;
  ProcessTexts texts;

  CLI::App app{
      "Replays a recording of a vessel's NMEA 2000 network over a Ringway bus: one feed, three\n"
      "listeners (navigation, alarm, recorder) and a console that asks for the vessel's state.",
      "vessel"};
  add_replay_options(app, options);
  add_process_options(app, options, texts);
  try {
    app.parse(argc, argv);
    finish(options, texts);
  } catch (const CLI::ParseError& error) {
    line.exit_status = app.exit(error) == 0 ? 0 : 2;
  }
  return line;
}

}  // namespace vessel
