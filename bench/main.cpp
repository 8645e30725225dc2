// SPDX-License-Identifier: Apache-2.0
/// \file
/// ringway_bench: see usage() or docs/benchmarks.md.

#include <cstdio>
#include <string>
#include <utility>
#include <variant>

#include "driver/cpus.hpp"
#include "driver/machine.hpp"
#include "driver/options.hpp"
#include "driver/progress.hpp"
#include "driver/runner.hpp"
#include "report/compare.hpp"
#include "report/report.hpp"
#include "rows/rows.hpp"
#if RINGWAY_BENCH_HAS_IPC
#include "ipc/nursery.hpp"
#endif

namespace {

using namespace ringway::bench;

int list(const Rows& rows) {
  for (const Row& row : rows) {
    for (const Subject& subject : row.subjects) {
      std::printf("%s / %s / %s\n", row.suite.c_str(), row.title().c_str(), subject.name.c_str());
    }
  }
  return 0;
}

int measure(const Options& options, const Rows& rows) {
  Baseline baseline;
  if (!options.baseline_file.empty()) {
    std::string error;
    auto earlier = read_baseline(options.baseline_file, error);
    if (!earlier) {
      std::fprintf(stderr, "ringway_bench: --baseline: %s\n", error.c_str());
      return 2;
    }
    baseline = *std::move(earlier);
  }
#if RINGWAY_BENCH_HAS_IPC
  const Nursery::Lifetime nursery(options.cpus);  // first: forks before there are threads
#endif
  pin_this_thread(options.cpus);  // threads that peers start themselves stay on these too
  Stage stage(options.cpus);
  const MachineDescription machine = describe_machine(options);
  Progress progress;
  progress.begin(machine, options, stage);
  Results results =
      Runner(options, stage)
          .run(
              rows, [&](const std::string& what, double part) { progress.update(what, part); },
              [&](const Row& row, const std::vector<Cell>& cells) {
                progress.row_done(row, cells);
              });
  results.missing = missing_peers();
  progress.end(results);
  if (!options.baseline_file.empty()) std::fputs(compare(baseline, results.cells).c_str(), stdout);
  if (!options.smoke && !write_report(options, machine, results)) return 1;
  return results.violations.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = parse_options(argc, argv);
  if (const auto* error = std::get_if<std::string>(&parsed)) {
    std::fprintf(stderr, "ringway_bench: %s\n", error->c_str());
    return 2;
  }
  const Options& options = std::get<Options>(parsed);
  if (options.help) {
    std::fputs(usage(), stdout);
    return 0;
  }
  const Rows rows = all_rows(options);
  if (rows.empty()) {
    std::fprintf(stderr, "ringway_bench: nothing matches; --list shows what there is\n");
    return 2;
  }
  return options.list ? list(rows) : measure(options, rows);
}
