// SPDX-License-Identifier: Apache-2.0
/// \file
/// Replays a recording of a vessel's NMEA 2000 network over a bus, between threads or between
/// processes, and shows what became of it.
///
/// Exit status: 0 all went well; 1 the bus or the output failed; 2 a mistake on the command line, a
/// recording that is missing or holds no message, or, with --strict, a malformed line; 3 a process
/// (--role) waited in vain for another; 130 interrupted (--processes).

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "crew.hpp"
#include "options.hpp"
#include "report.hpp"
#include "role.hpp"
#include "run.hpp"

namespace vessel {
namespace {

constexpr int kFailed = 1;
constexpr int kBadInput = 2;
constexpr int kInterrupted = 130;

/// Messages that the passes at full speed publish unless --passes says otherwise.
constexpr std::uint64_t kDefaultMessages = 3'000'000;

/// The whole file; empty, with a message on standard error, if there is nothing to read.
std::optional<std::string> read_file(const std::string& name) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string text;
  errno = 0;
  const std::unique_ptr<std::FILE, Close> file(std::fopen(name.c_str(), "rb"));
  if (file) {
    std::array<char, 65536> block;
    while (const std::size_t size = std::fread(block.data(), 1, block.size(), file.get())) {
      text.append(block.data(), size);
    }
  }
  if (!file || std::ferror(file.get()) != 0) {
    std::fprintf(stderr, "vessel: cannot read %s: %s\n", name.c_str(),
                 std::generic_category().message(errno).c_str());
    return std::nullopt;
  }
  if (text.empty()) {
    std::fprintf(stderr, "vessel: %s is empty; it should hold one message a line\n", name.c_str());
    return std::nullopt;
  }
  return text;
}

std::uint64_t count_lines(const std::string& text) {
  const auto newlines = std::count(text.begin(), text.end(), '\n');
  return static_cast<std::uint64_t>(newlines) + (text.back() == '\n' ? 0 : 1);
}

/// A bar on standard error, if a person is watching.
class ProgressBar {
 public:
  ProgressBar(const char* title, std::uint64_t total)
      : title_(title), total_(total), shown_(isatty(STDOUT_FILENO) && isatty(STDERR_FILENO)) {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void clear() const {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  void show(std::uint64_t done) const {
    if (!shown_ || total_ == 0) return;
    constexpr std::uint64_t kWidth = 40;
    const std::uint64_t filled = std::min(done * kWidth / total_, kWidth);
    const std::string bar(static_cast<std::size_t>(filled), '#');
    std::fprintf(stderr, "\r  %-12s [%-40s] %3d %%\033[K", title_, bar.c_str(),
                 static_cast<int>(std::min<std::uint64_t>(done * 100 / total_, 100)));
  }

 private:
  const char* title_;
  std::uint64_t total_;
  bool shown_;
};

std::uint64_t count_messages(const std::string& text) {
  std::uint64_t count = 0;
  N2kMessage message;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    count += parse_line(std::string_view(text).substr(begin, end - begin), message) ? 0 : 1;
    begin = end + 1;
  }
  return count;
}

Pacing pacing_of(PaceOption pace) noexcept {
  switch (pace) {
    case PaceOption::kMax: return Pacing::kFullSpeed;
    case PaceOption::kReal: return Pacing::kRecorded;
    case PaceOption::kEven: return Pacing::kEven;
  }
  return Pacing::kFullSpeed;
}

RunPlan plan_of(const Options& options, const std::string& text) {
  RunPlan plan;
  plan.feed = {.text = text, .file = options.file, .strict = options.strict};
  plan.feed.pacing = pacing_of(options.pace);
  plan.feed.interval_ns = std::int64_t{options.interval_us} * 1000;
  const std::uint64_t lines = text.empty() ? 1 : count_lines(text);
  plan.feed.passes = options.passes.value_or(
      options.pace == PaceOption::kMax ? std::max<std::uint64_t>(kDefaultMessages / lines, 1) : 1);
  plan.feed.report_malformed = !options.quiet;
  plan.feed.skip = options.skip;
  plan.depth_alarm_m = options.depth_alarm_m;
  plan.battery_alarm_v = options.battery_alarm_v;
  return plan;
}

/// The parts of the vessel, as threads or as processes, for one run.
class Ship {
 public:
  Ship(const Options& options, const std::string& text)
      : options_(options), lines_(count_lines(text)), messages_(count_messages(text)) {}

  /// With `disturbed`, one of the processes is killed.
  CrewResult run(const RunPlan& plan, bool disturbed) {
    const char* title = plan.feed.pacing == Pacing::kFullSpeed  ? "full speed"
                        : plan.feed.pacing == Pacing::kRecorded ? "real pace"
                                                                : "even pace";
    const ProgressBar bar(title, plan.feed.passes * lines_);
    const auto progress = [&bar](std::uint64_t published) { bar.show(published); };
    CrewResult result;
    if (!options_.processes) {
      result.run = vessel::run(plan, progress);
      return result;
    }
    CrewPlan crew{.order = options_.order,
                  .victim = disturbed ? options_.victim : std::nullopt,
                  .messages = plan.feed.passes * messages_};
    if (crew.order.empty()) {
      crew.order.assign(kRoles.begin(), kRoles.end());
      std::shuffle(crew.order.begin(), crew.order.end(), random_);
    }
    std::printf("\n  At %s, in five processes:\n", title);
    return run_in_processes(plan, crew, progress, [&bar](double seconds, const std::string& what) {
      bar.clear();
      std::printf("  %7.2f s  %s\n", seconds, what.c_str());
      std::fflush(stdout);
    });
  }

 private:
  const Options& options_;
  std::uint64_t lines_;
  std::uint64_t messages_;
  std::mt19937 random_{std::random_device{}()};
};

Report report_on(const Options& options, const RunResult& result) {
  Report report;
  report.file = options.file;
  report.passes = result.passes;
  report.pace = options.pace;
  report.published = result.published;
  report.delivered = result.delivered;
  report.lost = result.lost;
  report.malformed = result.malformed;
  for (const auto& [pgn, count] : result.published_per_pgn) report.per_pgn[pgn].published = count;
  for (const auto& [pgn, count] : result.delivered_per_pgn) report.per_pgn[pgn].delivered = count;
  report.state = result.state;
  report.depth_alarm = result.depth_alarm;
  report.battery_alarm = result.battery_alarm;
  report.depth_alarm_m = options.depth_alarm_m;
  report.battery_alarm_v = options.battery_alarm_v;
  report.seconds = result.seconds;
  report.requests_answered = result.requests_answered;
  report.requests_failed = result.requests_failed;
  return report;
}

/// Takes the times of a run at some pace into the report, and what became of its processes.
void add_paced(Report& report, const Options& options, const CrewResult& paced) {
  report.latency = percentiles_of(paced.run.latency);
  report.request = percentiles_of(paced.run.round_trip);
  if (options.pace != PaceOption::kReal) report.paced_per_second = 1e6 / options.interval_us;
  if (options.processes) report.crew = paced.crew;
}

bool write_file(const std::string& name, const std::string& text) {
  std::ofstream file(name, std::ios::binary);
  file << text << std::flush;
  if (!file) std::fprintf(stderr, "vessel: cannot write %s\n", name.c_str());
  return static_cast<bool>(file);
}

int replay(const Options& options, const std::string& text) {
  RunPlan plan = plan_of(options, text);
  std::printf("Replaying %s: %s, %s\n", options.file.c_str(),
              counted(count_lines(text), "line", "lines").c_str(),
              counted(plan.feed.passes, "pass", "passes").c_str());
  std::fflush(stdout);
  Ship ship(options, text);
  const bool at_full_speed = options.pace == PaceOption::kMax;
  const CrewResult first = ship.run(plan, !at_full_speed);
  Report report = report_on(options, first.run);
  if (options.processes) report.crew = first.crew;
  std::string failure = first.run.failure;
  bool interrupted = first.interrupted;
  const bool refused = options.strict && first.run.malformed > 0;

  if (!at_full_speed) {
    add_paced(report, options, first);
  } else if (!refused && !interrupted && failure.empty() && first.run.published > 0) {
    plan.feed.passes = 1;
    plan.feed.pacing = Pacing::kEven;
    plan.feed.report_malformed = false;
    const CrewResult paced = ship.run(plan, true);
    add_paced(report, options, paced);
    failure = paced.run.failure;
    interrupted = paced.interrupted;
  }
  if (interrupted) {
    std::fprintf(stderr, "vessel: interrupted; all processes have ended%s\n",
                 failure.empty() ? "" : (", but " + failure).c_str());
    return kInterrupted;
  }

  std::fputs(to_table(report).c_str(), stdout);
  std::fflush(stdout);
  const bool written = options.json_file.empty() || write_file(options.json_file, to_json(report));
  if (!failure.empty()) std::fprintf(stderr, "vessel: %s\n", failure.c_str());
  if (first.run.published == 0 && failure.empty()) {
    std::fprintf(stderr, "vessel: %s holds no message\n", options.file.c_str());
    return kBadInput;
  }
  if (!failure.empty() || !written) return kFailed;
  if (refused) {
    std::fprintf(stderr, "vessel: malformed lines, and --strict was given\n");
    return kBadInput;
  }
  return EXIT_SUCCESS;
}

/// One of the processes.
int be_one(const Options& options, const std::string& text) {
  return run_role({.role = *options.role,
                   .bus = options.bus,
                   .run = plan_of(options, text),
                   .wait = std::chrono::seconds(options.wait_s),
                   .crew_of = options.crew_of});
}

}  // namespace
}  // namespace vessel

int main(int argc, char** argv) {
  const vessel::CommandLine line = vessel::parse_command_line(argc, argv);
  if (line.exit_status) return *line.exit_status;
  const bool reads = !line.options.role || line.options.role == vessel::Role::kFeed;
  const auto text = reads ? vessel::read_file(line.options.file) : std::string();
  if (!text) return vessel::kBadInput;
  return line.options.role ? vessel::be_one(line.options, *text)
                           : vessel::replay(line.options, *text);
}
