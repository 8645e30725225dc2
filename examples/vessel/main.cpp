// SPDX-License-Identifier: Apache-2.0
/// \file
/// Replays a recording of a vessel's NMEA 2000 network over a bus and shows what became of it.
///
/// Exit status: 0 all went well; 1 the bus or the output failed; 2 a mistake on the command line, a
/// recording that is missing or holds no message, or, with --strict, a malformed line.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "options.hpp"
#include "report.hpp"
#include "run.hpp"

namespace vessel {
namespace {

constexpr int kFailed = 1;
constexpr int kBadInput = 2;

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
  ~ProgressBar() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

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

RunResult run_with_bar(const char* title, const RunPlan& plan, std::uint64_t lines) {
  const ProgressBar bar(title, plan.feed.passes * lines);
  return run(plan, [&bar](std::uint64_t published) { bar.show(published); });
}

Report report_on(const Options& options, const RunResult& result) {
  Report report;
  report.file = options.file;
  report.passes = result.passes;
  report.real_pace = options.pace == PaceOption::kReal;
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

/// Takes the times of a run at some pace into the report.
void add_times(Report& report, const RunResult& paced) {
  report.latency = percentiles_of(paced.latency);
  report.request = percentiles_of(paced.round_trip);
}

bool write_file(const std::string& name, const std::string& text) {
  std::ofstream file(name, std::ios::binary);
  file << text << std::flush;
  if (!file) std::fprintf(stderr, "vessel: cannot write %s\n", name.c_str());
  return static_cast<bool>(file);
}

int replay(const Options& options, const std::string& text) {
  const std::uint64_t lines = count_lines(text);
  const bool real_pace = options.pace == PaceOption::kReal;
  RunPlan plan;
  plan.feed = {.text = text, .file = options.file, .strict = options.strict};
  plan.feed.pacing = real_pace ? Pacing::kRecorded : Pacing::kFullSpeed;
  plan.feed.passes =
      options.passes.value_or(real_pace ? 1 : std::max<std::uint64_t>(kDefaultMessages / lines, 1));
  plan.depth_alarm_m = options.depth_alarm_m;
  plan.battery_alarm_v = options.battery_alarm_v;

  std::printf("Replaying %s: %s, %s\n", options.file.c_str(),
              counted(lines, "line", "lines").c_str(),
              counted(plan.feed.passes, "pass", "passes").c_str());
  std::fflush(stdout);
  const RunResult first = run_with_bar(real_pace ? "real pace" : "full speed", plan, lines);
  Report report = report_on(options, first);
  std::string failure = first.failure;
  const bool refused = options.strict && first.malformed > 0;

  if (real_pace) {
    add_times(report, first);
  } else if (!refused && failure.empty() && first.published > 0) {
    plan.feed.passes = 1;
    plan.feed.pacing = Pacing::kEven;
    plan.feed.interval_ns = std::int64_t{options.interval_us} * 1000;
    plan.feed.report_malformed = false;
    const RunResult paced = run_with_bar("paced", plan, lines);
    add_times(report, paced);
    report.paced_per_second = 1e6 / options.interval_us;
    failure = paced.failure;
  }

  std::fputs(to_table(report).c_str(), stdout);
  std::fflush(stdout);
  const bool written = options.json_file.empty() || write_file(options.json_file, to_json(report));
  if (!failure.empty()) std::fprintf(stderr, "vessel: %s\n", failure.c_str());
  if (first.published == 0 && failure.empty()) {
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

}  // namespace
}  // namespace vessel

int main(int argc, char** argv) {
  const vessel::CommandLine line = vessel::parse_command_line(argc, argv);
  if (line.exit_status) return *line.exit_status;
  const auto text = vessel::read_file(line.options.file);
  if (!text) return vessel::kBadInput;
  return vessel::replay(line.options, *text);
}
