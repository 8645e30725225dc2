// SPDX-License-Identifier: Apache-2.0
#include "report/report.hpp"

#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "report/charts.hpp"
#include "report/format.hpp"
#include "report/html.hpp"
#include "report/markdown.hpp"

namespace ringway::bench {
namespace {

bool write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return true;
  std::fprintf(stderr, "ringway_bench: cannot write %s\n", path.c_str());
  return false;
}

/// PNG beside an SVG, by rsvg-convert (package librsvg2-bin). \return false if that is not there.
bool convert_to_png(const std::filesystem::path& svg) {
  std::filesystem::path png = svg;
  png.replace_extension(".png");
  std::string words[] = {"rsvg-convert", "--zoom", "2", "--output", png.string(), svg.string()};
  char* arguments[std::size(words) + 1] = {};
  for (std::size_t i = 0; i < std::size(words); ++i) arguments[i] = words[i].data();
  pid_t child = 0;
  if (posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments, environ) != 0) return false;
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// The charts as files of their own, and the histograms as .hgrm.
bool write_plots(const std::filesystem::path& folder, const std::vector<Cell>& cells) {
  std::vector<std::pair<std::string, Svg>> charts;
  bool written = true;
  const std::vector<Group> groups = group_rows(cells);
  for (const Group& group : groups) {
    const std::string stem = file_safe(file_stem(*group.front()));
    charts.emplace_back(stem, bar_chart(group));
    if (has_latencies(group)) charts.emplace_back(stem + "-percentiles", percentile_chart(group));
    for (const Cell* cell : group) {
      if (!cell->latencies || cell->latencies->total() == 0) continue;
      const std::string name = stem + "-" + file_safe(cell->subject) + ".hgrm";
      written = write_file(folder / name, cell->latencies->hgrm()) && written;
    }
  }
  for (const CoreClass core_class : {CoreClass::kTwoCores, CoreClass::kOneCore}) {
    std::vector<Group> own;
    std::copy_if(groups.begin(), groups.end(), std::back_inserter(own),
                 [&](const Group& group) { return group.front()->core_class == core_class; });
    std::size_t number = 0;
    for (const Svg& chart : overview_charts(own)) {
      const char* stem = core_class == CoreClass::kTwoCores ? "overview-" : "overview-one-core-";
      charts.emplace_back(stem + std::to_string(number++), chart);
    }
  }
  bool png = true;
  for (const auto& [stem, chart] : charts) {
    const std::filesystem::path path = folder / (stem + ".svg");
    written = write_file(path, chart.file_form()) && written;
    png = png && convert_to_png(path);
  }
  if (!png) std::printf("no PNG plots: rsvg-convert is missing (package librsvg2-bin)\n");
  return written;
}

}  // namespace

bool write_report(const Options& options, const MachineDescription& machine,
                  const Results& results) {
  const std::filesystem::path out = options.out;
  std::error_code error;
  std::filesystem::remove_all(out / "plots", error);
  std::filesystem::create_directories(out / "plots", error);
  const std::string contract = results_json(results.cells);
  bool written = write_file(out / "raw.json", raw_json(results, machine)) &&
                 write_file(out / "results.json", contract) &&
                 write_file(out / "results.md", markdown_report(machine, results)) &&
                 write_file(out / "index.html", html_report(machine, results)) &&
                 write_plots(out / "plots", results.cells);
  if (!options.json_file.empty()) written = write_file(options.json_file, contract) && written;
  if (written) std::printf("report: %s\n", (out / "index.html").c_str());
  return written;
}

}  // namespace ringway::bench
