// SPDX-License-Identifier: Apache-2.0
/// \file
/// `ringway`: looks at buses between processes from outside, cleans up after the dead, and looks at
/// the machine. docs/man/ringway.1, docs/guides/command-line.md.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "commands.hpp"
#include "output.hpp"

namespace tool {
namespace {

constexpr char kAbout[] =
    "Looks at buses between processes from outside, cleans up after the dead, and\n"
    "looks at the machine. SEGMENT is the name given to open_shared(), or a path.";
constexpr char kEnd[] =
    "\nExit status: 0 done; 1 failed; 2 a mistake on the command line; 3 there is no\n"
    "such segment; 4 a segment is corrupt, foreign or may not be opened; 5 doctor\n"
    "--strict found something. See man ringway.";

int run(int argc, char** argv) {
  CLI::App app{kAbout, "ringway"};
  app.footer(kEnd);
  app.require_subcommand(1);
  app.set_version_flag("--version", "ringway " RINGWAY_VERSION);
  app.get_formatter()->column_width(26);

  std::string folder = "/dev/shm";
  const auto add_folder = [&folder](CLI::App* command) {
    command->add_option("--folder", folder, "where segments live")->capture_default_str();
  };
  bool json = false;
  const auto add_json = [&json](CLI::App* command, const char* what) {
    command->add_flag("--json", json, what);
  };

  LsOptions ls_options;
  auto* const ls_command =
      app.add_subcommand("ls", "List segments; of named ones, all that is in them");
  ls_command->add_option("SEGMENT", ls_options.segments, "only these, with their details");
  ls_command->add_flag("-l,--long", ls_options.details, "details of all segments");
  ls_command->add_flag("-w,--wide", ls_options.wide, "shorten no names to fit 80 columns");
  add_json(ls_command, "one JSON object");
  add_folder(ls_command);

  TopOptions top_options;
  auto* const top_command =
      app.add_subcommand("top", "Show what moves: rates, depths, losses, who is slowest");
  top_command->add_option("SEGMENT", top_options.segment)->required();
  top_command->add_option("-i,--interval", top_options.interval_s, "seconds between two looks")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  top_command->add_option("-n,--count", top_options.count, "end after so many tables (0: never)")
      ->capture_default_str();
  add_json(top_command, "one JSON object a line");
  add_folder(top_command);

  TapOptions tap_options;
  auto* const tap_command =
      app.add_subcommand("tap", "Show messages as they pass; disturbs nobody");
  tap_command->add_option("SEGMENT", tap_options.segment)->required();
  tap_command->add_option("PATTERN", tap_options.pattern, "a topic, or a pattern like 'md.>'")
      ->required();
  tap_command->add_flag("--oldest", tap_options.from_oldest,
                        "begin with the oldest messages that are still there");
  tap_command->add_flag("--hex", tap_options.hex, "hex, even where members are known");
  tap_command->add_option("--bytes", tap_options.bytes, "bytes of a message in hex (0: all)")
      ->capture_default_str();
  tap_command->add_option("-n,--count", tap_options.count, "end after so many messages (0: never)")
      ->capture_default_str();
  tap_command->add_option("--for", tap_options.for_s, "end after so many seconds (0: never)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_json(tap_command, "one JSON object a line");
  add_folder(tap_command);

  GcOptions gc_options;
  auto* const gc_command =
      app.add_subcommand("gc", "Clean up after the dead; the living are left alone");
  gc_command->add_option("SEGMENT", gc_options.segments, "only these (default: all of yours)");
  gc_command->add_flag("-n,--dry-run", gc_options.dry_run, "say what would be done, do nothing");
  gc_command->add_flag("--broken", gc_options.broken,
                       "also remove unreadable ones that nobody has attached");
  add_json(gc_command, "one JSON object");
  add_folder(gc_command);

  DoctorOptions doctor_options;
  auto* const doctor_command =
      app.add_subcommand("doctor", "Say what on this machine costs latency, and what to do");
  doctor_command->add_flag("--strict", doctor_options.strict,
                           "exit with status 5 if something costs latency");
  doctor_command->add_option("--root", doctor_options.root, "look for /proc and /sys below this");
  add_json(doctor_command, "one JSON object");
  add_folder(doctor_command);

  BenchOptions bench_options;
  auto* const bench_command =
      app.add_subcommand("bench", "A quick look at how fast this machine is");
  bench_command->add_option("--cpus", bench_options.processors, "the two processors, as in 0,1")
      ->delimiter(',')
      ->expected(2);
  bench_command->add_option("--ms", bench_options.row_ms, "milliseconds per row")
      ->check(CLI::Range(1.0, 60000.0))
      ->capture_default_str();
  add_json(bench_command, "one JSON object");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kMistake;
  }

  ls_options.folder = top_options.folder = tap_options.folder = gc_options.folder =
      doctor_options.folder = folder;
  ls_options.json = top_options.json = tap_options.json = gc_options.json = doctor_options.json =
      bench_options.json = json;
  if (ls_command->parsed()) return ls(ls_options);
  if (top_command->parsed()) return top(top_options);
  if (tap_command->parsed()) return tap(tap_options);
  if (gc_command->parsed()) return gc(gc_options);
  if (doctor_command->parsed()) return doctor(doctor_options);
  return bench(bench_options);
}

}  // namespace
}  // namespace tool

int main(int argc, char** argv) {
  try {
    return tool::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ringway: %s\n", error.what());
    return tool::kFailed;
  }
}
