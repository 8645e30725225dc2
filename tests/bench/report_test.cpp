// SPDX-License-Identifier: Apache-2.0
// labels: nosan
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "driver/results.hpp"
#include "report/charts.hpp"
#include "report/html.hpp"
#include "report/markdown.hpp"

namespace ringway::bench {
namespace {

Cell cell(std::string suite, std::string topology, std::string subject, Kind kind, double value) {
  Cell made{.suite = std::move(suite),
            .topology = std::move(topology),
            .payload_bytes = 64,
            .capacity = 1024,
            .subject = std::move(subject),
            .kind = kind,
            .unit = "million/s"};
  for (const double factor : {0.8, 1.0, 1.1}) made.samples.push_back({.value = value * factor});
  return made;
}

Histogram latencies(std::uint64_t scale) {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 10'000; ++i) histogram.record(scale + i * i % 977 * scale / 100);
  return histogram;
}

/// One row of rates, two of open-loop latencies, one of wake-ups.
Results results() {
  Results made;
  made.cells = {cell("rings", "spsc_single", "SpscRing", Kind::kRingway, 200),
                cell("rings", "spsc_single", "peer <&\"> queue", Kind::kPeer, 100),
                cell("rings", "spsc_single", "limit", Kind::kLimit, 250)};
  for (const double load : {1.0, 10.0}) {
    for (const char* subject : {"SpscRing", "peer"}) {
      Cell open =
          cell("latency", load < 5 ? "latency_at_1M" : "latency_at_10M", subject, Kind::kPeer, 300);
      open.latencies = latencies(static_cast<std::uint64_t>(100 * load));
      open.extras["offered million/s"] = {load};
      made.cells.push_back(std::move(open));
    }
  }
  Cell wake_up = cell("waiting", "wake_up", "channel, Park", Kind::kRingway, 30'000);
  wake_up.extras["idle CPU %"] = {0.5};
  made.cells.push_back(std::move(wake_up));
  for (const double topics : {1.0, 100.0, 10'000.0}) {
    Cell point = cell("growth", "growth_topics", "Bus", Kind::kRingway, 200 + topics / 100);
    point.variant = {.tag = std::to_string(static_cast<int>(topics)), .text = "topics"};
    point.growth = {.what = "topics", .at = topics};
    made.cells.push_back(std::move(point));
  }
  made.unclear_samples = 3;
  made.incomplete = {"mpmc_1p1c: 2 of 7 samples"};
  made.missing = {"a queue (its package)"};
  set_ratios(made.cells);
  return made;
}

/// Four rows: a bar chart each; two of them percentiles; two charts of load, one of waiting, one of
/// growth.
constexpr std::size_t kCharts = 4 + 2 + 2 + 1 + 1;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(HtmlReport, HoldsEveryChartAndNothingFromElsewhere) {
  const std::string page = html_report({{"processor", "a <test> machine"}}, results());
  EXPECT_EQ(count_of(page, "<svg"), kCharts);
  EXPECT_EQ(count_of(page, "</svg>"), kCharts);
  EXPECT_EQ(count_of(page, "<script"), 0u);
  EXPECT_EQ(count_of(page, "src="), 0u);
  EXPECT_EQ(count_of(page, "@import"), 0u);
  EXPECT_EQ(count_of(page, "http"), count_of(page, "xmlns=\"http://www.w3.org/2000/svg\""));
}

TEST(HtmlReport, EscapesNames) {
  const std::string page = html_report({{"processor", "a <test> machine"}}, results());
  EXPECT_NE(page.find("a &lt;test&gt; machine"), std::string::npos);
  EXPECT_NE(page.find("peer &lt;&amp;&quot;&gt; queue"), std::string::npos);
  EXPECT_EQ(page.find("<test>"), std::string::npos);
}

TEST(HtmlReport, TellsWhatIsMissingThrownAwayAndWrong) {
  Results wrong = results();
  wrong.violations = {"a queue: lost one"};
  const std::string page = html_report({}, wrong);
  EXPECT_NE(page.find("a queue (its package)"), std::string::npos);
  EXPECT_NE(page.find("Incomplete: mpmc_1p1c: 2 of 7"), std::string::npos);
  EXPECT_NE(page.find("3 samples were thrown away"), std::string::npos);
  EXPECT_NE(page.find("a queue: lost one"), std::string::npos);
}

TEST(MarkdownReport, ShowsRatiosAndPercentiles) {
  const std::string text = markdown_report({{"processor", "a machine"}}, results());
  EXPECT_NE(text.find("| spsc_single, 64 B, capacity 1024 | million/s, higher is better | SpscRing "
                      "| 200 [160-220] | peer <&\"> queue | 100 | 2.00 | 0.80 |"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("p50 / p90 / p99 / p99.9 / p99.99 / max"), std::string::npos);
  EXPECT_NE(text.find("idle CPU % 0.50"), std::string::npos);
}

TEST(MarkdownReport, PartsForTheDocumentsNameTheirPlots) {
  const std::string text = markdown_for_docs({{"processor", "a machine"}}, results());
  const auto plots = plots_for_docs(results());
  EXPECT_EQ(plots.size(), kCharts);
  for (const std::string& plot : plots) {
    EXPECT_NE(text.find("benchmarks/" + plot + ".svg"), std::string::npos) << plot;
  }
  EXPECT_NE(text.find("| topics | Bus |"), std::string::npos);
  EXPECT_NE(text.find("Bus: as (topics)^"), std::string::npos);
  EXPECT_NE(
      markdown_for_readme({{"date", "today"}, {"command", "script/bench"}}, results())
          .find("| spsc_single, 64 B, capacity 1024 | higher | SpscRing 200 [160-220] million/s |"),
      std::string::npos);
}

TEST(MarkdownReport, RowsOfABusShowTheBusAndNotTheBareRingBesideIt) {
  Results made;
  made.cells = {cell("bus", "bus_1to1", "SpscRing", Kind::kRingway, 200),
                cell("bus", "bus_1to1", "Bus", Kind::kRingway, 100),
                cell("bus", "bus_1to1", "Bus, slip", Kind::kRingway, 150),
                cell("bus", "bus_1to1", "peer", Kind::kPeer, 10)};
  set_ratios(made.cells);
  const char* const shown = "Bus 100 [80.0-110] million/s | peer 10.0 [8.00-11.0] | 10.00 |";
  EXPECT_NE(markdown_for_readme({}, made).find(shown), std::string::npos)
      << markdown_for_readme({}, made);
  EXPECT_NE(markdown_report({}, made).find("| Bus | 100 [80.0-110] | peer | 10.0 | 10.00 |"),
            std::string::npos);
}

/// Runs a command. \return what it wrote to standard output
std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  char buffer[4096];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe.get())) {
    text.append(buffer, size);
  }
  return text;
}

TEST(HtmlReport, IsDrawnByABrowserWithoutErrors) {
  if (std::system("command -v chromium > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "chromium is not installed";
  }
  // The page has no script; this one looks at what the browser made of it.
  const std::string probe = R"(<script>
window.onerror = () => document.body.setAttribute("data-error", "yes");
window.onload = () => {
  let drawn = 0;
  for (const chart of document.querySelectorAll("figure > svg")) {
    const box = chart.getBoundingClientRect();
    const marks = [...chart.querySelectorAll("rect.ringway,rect.peer,rect.limit,path,circle")];
    const visible = marks.filter(mark => {
      const area = mark.getBoundingClientRect();
      return area.width > 0 && getComputedStyle(mark).display != "none";
    });
    if (box.width > 100 && box.height > 50 && visible.length > 0) ++drawn;
  }
  document.body.setAttribute("data-drawn", drawn);
  document.body.setAttribute("data-overflow",
      document.documentElement.scrollWidth > window.innerWidth ? "yes" : "no");
};
</script></body>)";
  std::string page = html_report({{"processor", "a machine"}}, results());
  page.replace(page.find("</body>"), 7, probe);
  const auto folder = std::filesystem::temp_directory_path() / "ringway_report_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "index.html") << page;
  const std::string shown = output_of(
      "chromium --headless --no-sandbox --disable-gpu --window-size=390,800 --user-data-dir=" +
      (folder / "profile").string() + " --dump-dom file://" + (folder / "index.html").string() +
      " 2> /dev/null");
  std::filesystem::remove_all(folder);
  EXPECT_NE(shown.find("data-drawn=\"" + std::to_string(kCharts) + "\""), std::string::npos)
      << shown.substr(0, 500);
  EXPECT_EQ(shown.find("data-error"), shown.find("data-error\", \"yes"));  // only in the script
  EXPECT_NE(shown.find("data-overflow=\"no\""), std::string::npos);
}

}  // namespace
}  // namespace ringway::bench
