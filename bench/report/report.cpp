// SPDX-License-Identifier: Apache-2.0
#include "report/report.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "driver/child.hpp"
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

std::string lines(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(word).append("\n");
  return text;
}

/// PNG beside an SVG, by rsvg-convert (package librsvg2-bin). \return false if that is not there.
bool convert_to_png(const std::filesystem::path& svg) {
  std::filesystem::path png = svg;
  png.replace_extension(".png");
  return run_child({"rsvg-convert", "--zoom", "2", "--output", png.string(), svg.string()}).ok;
}

/// The charts as files of their own, and the histograms as .hgrm.
bool write_plots(const std::filesystem::path& folder, const std::vector<Cell>& cells) {
  std::vector<std::pair<std::string, Svg>> charts;
  bool written = true;
  const std::vector<Group> groups = group_rows(cells);
  for (const Group& group : groups) {
    const std::string stem = file_safe(file_stem(*group.front()));
    if (!is_point(group)) charts.emplace_back(stem, bar_chart(group));
    if (has_latencies(group)) charts.emplace_back(stem + "-percentiles", percentile_chart(group));
    for (const Cell* cell : group) {
      if (!cell->latencies || cell->latencies->total() == 0) continue;
      const std::string name = stem + "-" + file_safe(cell->subject) + ".hgrm";
      written = write_file(folder / name, cell->latencies->hgrm()) && written;
    }
  }
  for (const CoreClass core_class : {CoreClass::kTwoCores, CoreClass::kOneCore}) {
    const char* end = core_class == CoreClass::kTwoCores ? "" : "-one-core";
    for (const NamedChart& named : overview_charts(of_class(groups, core_class))) {
      charts.emplace_back(named.stem + end, named.chart);
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
                 write_file(out / "docs.md", markdown_for_docs(machine, results)) &&
                 write_file(out / "docs.plots", lines(plots_for_docs(results))) &&
                 write_file(out / "readme.md", markdown_for_readme(machine, results)) &&
                 write_file(out / "index.html", html_report(machine, results)) &&
                 write_plots(out / "plots", results.cells);
  if (!options.json_file.empty()) written = write_file(options.json_file, contract) && written;
  if (written) std::printf("report: %s\n", (out / "index.html").c_str());
  return written;
}

}  // namespace ringway::bench
