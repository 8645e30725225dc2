// SPDX-License-Identifier: Apache-2.0
#include "driver/progress.hpp"

#include <unistd.h>

#include <cstdio>

#include "driver/clock.hpp"
#include "driver/ping_pong.hpp"
#include "driver/placement.hpp"
#include "driver/streaming.hpp"
#include "report/format.hpp"

namespace ringway::bench {
namespace {

std::string duration(double seconds) {
  const int whole = static_cast<int>(seconds);
  char text[16];
  std::snprintf(text, sizeof text, "%d:%02d", whole / 60, whole % 60);
  return text;
}

}  // namespace

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1), begin_ns_(now_ns()) {}

void Progress::begin(const MachineDescription& machine, const Options& options, Stage& stage) {
  smoke_ = options.smoke;
  if (smoke_) return;
  for (const auto& [name, value] : machine) {
    std::printf("%-18s %s\n", name.c_str(), value.c_str());
  }
  const double round_trip = ping_pong_ns(stage, 20'000);
  std::printf("%-18s %.0f ns (%s)\n", "cache line, there and back", round_trip,
              name_of(bracket(stage).core_class()));
  std::printf("%-18s %.0f million/s in blocks of 64, %.0f million/s with a flag each\n",
              "lines streamed", block_streaming_subject(64).run(stage, 2'000'000).value,
              line_streaming_subject().run(stage, 2'000'000).value);
  std::fflush(stdout);
  begin_ns_ = now_ns();
}

void Progress::update(const std::string& what, double part) {
  if (!terminal_ || part <= 0) return;
  const double elapsed = static_cast<double>(now_ns() - begin_ns_) * 1e-9;
  clear_line();
  std::fprintf(stderr, "%3.0f %%  %s elapsed, about %s to go  %s", 100 * part,
               duration(elapsed).c_str(), duration(elapsed / part * (1 - part)).c_str(),
               what.c_str());
  std::fflush(stderr);
}

void Progress::row_done(const Row& row, const std::vector<Cell>& cells) {
  clear_line();
  if (smoke_) {
    std::printf("checked %-28s %zu subjects\n", row.title().c_str(), row.subjects.size());
    std::fflush(stdout);
    return;
  }
  for (const Group& group : group_rows(cells)) {
    std::printf("\n%s, %s%s [%s; %s is better]\n%-46s %9s %9s %9s %4s %8s %8s\n",
                row.title().c_str(), place_of(group).c_str(),
                row.threads > 2 ? ", oversubscribed" : "", row.unit.c_str(), name_of(row.better),
                "", "median", "min", "max", "n", "/ peer", "/ limit");
    for (const Cell* cell : group) {
      const Summary summary = cell->summary();
      std::printf(
          "%-46s %9s %9s %9s %4zu %8s %8s\n", cell->subject.c_str(), figure(summary.median).c_str(),
          figure(summary.min).c_str(), figure(summary.max).c_str(), summary.n,
          ratio_text(cell->ratio_to_best_peer).c_str(), ratio_text(cell->ratio_to_limit).c_str());
    }
  }
  std::fflush(stdout);
}

void Progress::end(const Results& results) {
  clear_line();
  std::printf("\n%s. %zu samples thrown away: the processors moved.\n",
              duration(results.seconds).c_str(), results.unclear_samples);
  for (const std::string& row : results.incomplete) std::printf("incomplete: %s\n", row.c_str());
  for (const std::string& missing : results.missing) {
    std::printf("not measured, not installed: %s\n", missing.c_str());
  }
  for (const std::string& violation : results.violations) {
    std::printf("WRONG: %s\n", violation.c_str());
  }
}

void Progress::clear_line() {
  if (terminal_) std::fprintf(stderr, "\r\033[K");
}

}  // namespace ringway::bench
