// SPDX-License-Identifier: Apache-2.0
#include "report/html.hpp"

#include <algorithm>

#include "report/charts.hpp"
#include "report/format.hpp"
#include "report/growth.hpp"
#include "report/svg.hpp"
#include "report/targets.hpp"

namespace ringway::bench {
namespace {

const char* const kPageStyle = R"(
:root{color-scheme:light dark}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:#1c2733;background:#fff}
main{max-width:1280px;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;margin:.5rem 0}
h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid #dfe5ea}
nav a{margin-right:1rem}
a{color:#0b7285}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:1rem}
figure{margin:0;padding:.5rem;border:1px solid #dfe5ea;border-radius:8px}
figure svg{width:100%;height:auto;display:block}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem}
td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #dfe5ea;white-space:nowrap}
td:first-child,th:first-child{text-align:left}
tr.ringway td:first-child{font-weight:600}
.wrong,.missed{color:#c92a2a;font-weight:600}
.met{color:#2b8a3e;font-weight:600}
.key span{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em;border-radius:2px}
.key .ringway{background:#0b7285}.key .peer{background:#9fb0bf}
.key .limit{background:#f08c00}.key .baseline{background:#d3dae0}
@media (prefers-color-scheme:dark){
body{color:#e3e9ee;background:#0f1419}
h2,figure,td,th{border-color:#2c363f}
figure{background:#151b21}
.wrong,.missed{color:#ff8787}.met{color:#69db7c}
a{color:#22b8cf}
.key .ringway{background:#22b8cf}.key .peer{background:#5f7080}.key .baseline{background:#3d4852}
}
)";

const char* const kMethod = R"(
<p>Every figure was taken with the others of its chart in one run, in turn (A B C, B C A, ...),
on pinned threads. Each sample makes a queue of its own, warms up for two laps, meets at a start
line and is timed from the first push to the last pop. The bar is the median of the samples, the
whisker goes from the smallest to the largest.</p>
<p>Every message is checked: count, order of each producer, every byte of its payload, and a
checksum over all. A subject that loses, repeats or reorders a message gives an error, not a
number.</p>
<p>On virtual machines two processors are sometimes two cores, near each other or far apart, and
sometimes two threads of one core, and the host changes that while programs run. So before and
after every sample a raw cache-line ping-pong tells how far apart they are, and whether either
computes more slowly while the other one does too tells if they share a core; where the two looks
disagree the sample is thrown away. Figures of different places are never mixed: all of a row's
figures of a class are of the place with most samples. Rows with one thread have no class of their
own and stand under "two cores".</p>
<p>Limits are measured in the same run: the ping-pong for round trips, lines streamed from core
to core in blocks of 64 or with a flag each for rates. A ratio is Ringway's median divided by
the reference's. Rows with more threads than processors are marked as oversubscribed.</p>
<p>Peers are used as their own documentation recommends (tokens, bulk calls, ranges, in-place
consumption); each adapter is a short header under <code>bench/adapters</code>. Where a row
waits, every subject that does not wait by itself waits in the same way: pauses on a processor
of its own, sixteen pauses and then a yield where threads share processors.</p>
<p>Latency rows are open loop: every message has an intended time, and latency counts from that
time, whether the sender was late or not.</p>
)";

void add_machine(std::string& page, const MachineDescription& machine) {
  page += "<div class=\"wide\"><table>\n";
  for (const auto& [name, value] : machine) {
    page.append("<tr><td>").append(escaped(name)).append("</td><td style=\"text-align:left\">");
    page.append(escaped(value)).append("</td></tr>\n");
  }
  page += "</table></div>\n";
}

void add_table(std::string& page, const std::vector<Group>& groups) {
  page +=
      "<details><summary>All figures</summary><div class=\"wide\"><table>\n<tr><th>subject</th>"
      "<th>median</th><th>min</th><th>max</th><th>n</th><th>p99</th><th>/ best peer</th>"
      "<th>/ limit</th></tr>\n";
  for (const Group& group : groups) {
    const Cell& first = *group.front();
    page.append("<tr><th colspan=\"8\">").append(escaped(title_of(first)));
    page.append(" (").append(escaped(unit_of(first))).append(")</th></tr>\n");
    for (const Cell* cell : group) {
      const Summary summary = cell->summary();
      page.append("<tr class=\"").append(name_of(cell->kind)).append("\"><td>");
      page.append(escaped(cell->subject)).append("</td>");
      for (const double value : {summary.median, summary.min, summary.max}) {
        page.append("<td>").append(figure(value)).append("</td>");
      }
      page.append("<td>").append(std::to_string(summary.n)).append("</td><td>");
      page.append(cell->p99() ? figure(*cell->p99()) : "").append("</td><td>");
      page.append(ratio_text(cell->ratio_to_best_peer)).append("</td><td>");
      page.append(ratio_text(cell->ratio_to_limit)).append("</td></tr>\n");
    }
  }
  page += "</table></div></details>\n";
}

void add_figure(std::string& page, const Svg& chart) {
  page.append("<figure>").append(chart.inline_form()).append("</figure>\n");
}

/// How the costs grow, a sentence for each curve.
void add_growth(std::string& page, const std::vector<Group>& groups) {
  for (const GrowthChart& chart : growth_charts(groups)) {
    page.append("<p>").append(escaped(chart.topology)).append(": cost of one</p>\n<ul>\n");
    for (const Curve& curve : chart.curves) {
      page.append("<li>").append(escaped(growth_sentence(chart, curve))).append("</li>\n");
    }
    page += "</ul>\n";
  }
}

/// One suite in one class: its charts, then its table.
void add_suite(std::string& page, const std::vector<Group>& groups, const std::string& suite,
               CoreClass core_class) {
  std::vector<Group> own;
  std::copy_if(groups.begin(), groups.end(), std::back_inserter(own), [&](const Group& group) {
    return group.front()->suite == suite && group.front()->core_class == core_class;
  });
  if (own.empty()) return;
  page.append("<h2>").append(escaped(suite)).append(": ").append(name_of(core_class));
  page += "</h2>\n<div class=\"charts\">\n";
  for (const Group& group : own) {
    if (!is_point(group)) add_figure(page, bar_chart(group));
    if (has_latencies(group)) add_figure(page, percentile_chart(group));
  }
  for (const NamedChart& named : overview_charts(own)) add_figure(page, named.chart);
  page += "</div>\n";
  add_growth(page, own);
  add_table(page, own);
}

void add_targets(std::string& page, const std::vector<Cell>& cells) {
  const std::vector<Verdict> verdicts = judge(all_targets(), cells);
  if (verdicts.empty()) return;
  page +=
      "<h2 id=\"targets\">Targets</h2>\n<div class=\"wide\"><table>\n<tr><th>row</th><th>target"
      "</th><th>result</th><th></th><th>class</th></tr>\n";
  for (const Verdict& verdict : verdicts) {
    page.append("<tr><td>").append(escaped(verdict.row));
    page.append("</td><td>").append(escaped(verdict.wanted));
    page.append("</td><td>").append(escaped(verdict.result));
    page.append("</td><td class=\"").append(verdict.word).append("\">").append(verdict.word);
    page.append("</td><td>").append(verdict.core_class).append("</td></tr>\n");
  }
  page += "</table></div>\n";
}

std::vector<std::string> suites_of(const std::vector<Group>& groups) {
  std::vector<std::string> suites;
  for (const Group& group : groups) {
    if (std::find(suites.begin(), suites.end(), group.front()->suite) == suites.end()) {
      suites.push_back(group.front()->suite);
    }
  }
  return suites;
}

}  // namespace

std::string html_report(const MachineDescription& machine, const Results& results) {
  const std::vector<Group> groups = group_rows(results.cells);
  std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<title>Ringway benchmarks</title>\n<style>";
  page.append(kPageStyle).append(chart_style()).append("</style></head><body><main>\n");
  page +=
      "<h1>Ringway benchmarks</h1>\n<p class=\"key\">Colours:<span class=\"ringway\"></span>Ringway"
      "<span class=\"peer\"></span>peer<span class=\"baseline\"></span>baseline"
      "<span class=\"limit\"></span>limit of the machine</p>\n"
      "<nav><a href=\"#targets\">Targets</a><a href=\"#machine\">Machine</a><a "
      "href=\"#method\">Method</a></nav>\n";
  for (const std::string& violation : results.violations) {
    page.append("<p class=\"wrong\">Wrong result: ").append(escaped(violation)).append("</p>\n");
  }
  add_targets(page, results.cells);
  for (const CoreClass core_class : {CoreClass::kTwoCores, CoreClass::kOneCore}) {
    for (const std::string& suite : suites_of(groups)) {
      add_suite(page, groups, suite, core_class);
    }
  }
  page += "<h2 id=\"machine\">Machine</h2>\n";
  add_machine(page, machine);
  page.append("<p>").append(std::to_string(results.unclear_samples));
  page += " samples were thrown away because the processors moved while they ran.</p>\n";
  for (const std::string& row : results.incomplete) {
    page.append("<p>Incomplete: ").append(escaped(row)).append("</p>\n");
  }
  for (const std::string& missing : results.missing) {
    page.append("<p>Not measured, because not installed: ").append(escaped(missing));
    page += "</p>\n";
  }
  page.append("<h2 id=\"method\">Method</h2>\n").append(kMethod).append("</main></body></html>\n");
  return page;
}

}  // namespace ringway::bench
