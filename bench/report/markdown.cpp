// SPDX-License-Identifier: Apache-2.0
#include "report/markdown.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "report/charts.hpp"
#include "report/format.hpp"
#include "report/growth.hpp"
#include "report/targets.hpp"

namespace ringway::bench {
namespace {

void add_machine(std::string& text, const MachineDescription& machine) {
  text += "| machine | |\n|---|---|\n";
  for (const auto& [name, value] : machine) {
    text.append("| ").append(name).append(" | ").append(value).append(" |\n");
  }
  text += "\n";
}

/// The best of a kind in a group, or none.
const Cell* best_of(const Group& group, Kind kind) {
  const Cell* best = nullptr;
  for (const Cell* cell : group) {
    if (cell->kind != kind) continue;
    const bool higher = cell->better == Better::kHigher;
    if (best == nullptr || (higher ? cell->summary().median > best->summary().median
                                   : cell->summary().median < best->summary().median)) {
      best = cell;
    }
  }
  return best;
}

/// Ringway's subject that a group's row is about: the bus of a bus's row, not the bare ring beside
/// it; otherwise the best one. None if Ringway has none there.
const Cell* ours_of(const Group& group) {
  constexpr std::pair<std::string_view, std::string_view> kAbout[] = {
      {"broadcast_", "BroadcastRing"}, {"bus_", "Bus"}, {"ipc_", "SharedBus"}};
  for (const auto& [topology, subject] : kAbout) {
    if (!group.front()->topology.starts_with(topology)) continue;
    for (const Cell* cell : group) {
      if (cell->kind == Kind::kRingway && cell->subject == subject) return cell;
    }
  }
  return best_of(group, Kind::kRingway);
}

std::string range_text(const Cell& cell) {
  const Summary summary = cell.summary();
  return figure(summary.median) + " [" + figure(summary.min) + "-" + figure(summary.max) + "]";
}

void add_overview_line(std::string& text, const Group& group, bool several_distances) {
  const Cell* ours = ours_of(group);
  if (ours == nullptr || ours->core_class != CoreClass::kTwoCores || is_point(group)) return;
  const Cell* peer = best_of(group, Kind::kPeer);
  text.append("| ").append(title_of(*ours)).append(ours->threads > 2 ? " *" : "");
  if (several_distances) text += apart_text(group);
  text.append(" | ").append(unit_of(*ours)).append(" | ").append(ours->subject);
  text.append(" | ").append(range_text(*ours));
  text.append(" | ").append(peer == nullptr ? "" : peer->subject);
  text.append(" | ").append(peer == nullptr ? "" : figure(peer->summary().median));
  text.append(" | ").append(ratio_text(ours->ratio_to_best_peer));
  text.append(" | ").append(ratio_text(ours->ratio_to_limit)).append(" |\n");
}

/// What was wanted, what came out, and whether that is enough.
void add_targets(std::string& text, const std::vector<Cell>& cells) {
  const std::vector<Verdict> verdicts = judge(all_targets(), cells);
  if (verdicts.empty()) return;
  text +=
      "## Targets\n\nThe result is Ringway's figure divided by the reference's; in brackets both, "
      "and whose the reference is.\n\n"
      "| row | target | result | | class |\n|---|---|---|---|---|\n";
  for (const Verdict& verdict : verdicts) {
    text.append("| ").append(verdict.row).append(" | ").append(verdict.wanted);
    text.append(" | ").append(verdict.result).append(" | ").append(verdict.word);
    text.append(" | ").append(verdict.core_class).append(" |\n");
  }
  text += "\n";
}

/// The numbers of one curve's rows, and what they say.
void add_growth_chart(std::string& text, const GrowthChart& chart, CoreClass core_class) {
  text.append("### ").append(chart.topology).append(", ").append(name_of(core_class));
  text.append("\n\n").append(chart.unit).append(", ").append(name_of(chart.better));
  text.append(" is better\n\n| ").append(chart.what).append(" |");
  for (const Curve& curve : chart.curves) text.append(" ").append(curve.name).append(" |");
  text += "\n|---|";
  for (std::size_t i = 0; i < chart.curves.size(); ++i) text += "---|";
  std::map<double, std::map<std::string, double>> rows;
  for (const Curve& curve : chart.curves) {
    for (const auto& [at, value] : curve.points) rows[at][curve.name] = value;
  }
  for (auto& [at, values] : rows) {
    text.append("\n| ").append(std::to_string(static_cast<std::uint64_t>(at))).append(" |");
    for (const Curve& curve : chart.curves) {
      const auto value = values.find(curve.name);
      text.append(" ").append(value == values.end() ? "" : figure(value->second)).append(" |");
    }
  }
  text += "\n\nThe cost of one grows\n\n";
  for (const Curve& curve : chart.curves) {
    text.append("- ").append(growth_sentence(chart, curve)).append("\n");
  }
  text += "\n";
}

void add_growth(std::string& text, const std::vector<Group>& groups) {
  bool headed = false;
  for (const CoreClass core_class : {CoreClass::kTwoCores, CoreClass::kOneCore}) {
    for (const GrowthChart& chart : growth_charts(of_class(groups, core_class))) {
      if (!std::exchange(headed, true)) {
        text +=
            "## Growth\n\nHow the cost of one message, subscription or request changes with a "
            "number: as the number to some power, by least squares over the medians. 0 is flat, 1 "
            "linear.\n\n";
        if (at_several_distances(groups)) {
          text +=
              "The host moved the processors: points of one curve were measured at different "
              "distances, which results.md tells beside each row.\n\n";
        }
      }
      add_growth_chart(text, chart, core_class);
    }
  }
}

/// One line for each row: Ringway's best, the best peer, the ratios.
void add_overview(std::string& text, const std::vector<Group>& groups) {
  text +=
      "## Overview: two cores\n\n"
      "A ratio is Ringway's median divided by the reference's; above 1 is good where higher is "
      "better, below 1 where lower is better.\n\n"
      "| row | unit | Ringway | median [min-max] | best peer | median | ratio to peer | "
      "ratio to limit |\n|---|---|---|---|---|---|---|---|\n";
  const bool several_distances = at_several_distances(groups);
  for (const Group& group : groups) add_overview_line(text, group, several_distances);
  text += "\n\\* more threads than processors\n\n";
}

std::string latency_text(const Cell& cell) {
  if (!cell.latencies || cell.latencies->total() == 0) return "";
  std::string text;
  for (const double percent : {50.0, 90.0, 99.0, 99.9, 99.99}) {
    if (!text.empty()) text += " / ";
    text += std::to_string(cell.latencies->percentile(percent));
  }
  return text + " / " + std::to_string(cell.latencies->max());
}

std::string extras_text(const Cell& cell) {
  std::string text;
  for (const auto& [name, values] : cell.extras) {
    if (!text.empty()) text += "; ";
    text.append(name).append(" ").append(figure(median_of(values)));
  }
  return text;
}

void add_group(std::string& text, const Group& group) {
  const Cell& first = *group.front();
  const bool latencies = std::any_of(group.begin(), group.end(),
                                     [](const Cell* cell) { return cell->latencies.has_value(); });
  const bool extras = std::any_of(group.begin(), group.end(),
                                  [](const Cell* cell) { return !cell->extras.empty(); });
  text.append("### ").append(title_of(first)).append(", ").append(place_of(group));
  text.append(first.threads > 2 ? " (oversubscribed)\n\n" : "\n\n");
  text.append(unit_of(first))
      .append(
          "\n\n| subject | kind | median | min | max | n | ratio to "
          "best peer | ratio to limit |");
  if (latencies) text += " p50 / p90 / p99 / p99.9 / p99.99 / max, ns |";
  if (extras) text += " besides |";
  text.append("\n|---|---|---|---|---|---|---|---|");
  if (latencies) text += "---|";
  if (extras) text += "---|";
  text += "\n";
  for (const Cell* cell : group) {
    const Summary summary = cell->summary();
    text.append("| ").append(cell->subject).append(" | ").append(name_of(cell->kind));
    for (const double value : {summary.median, summary.min, summary.max}) {
      text.append(" | ").append(figure(value));
    }
    text.append(" | ").append(std::to_string(summary.n));
    text.append(" | ").append(ratio_text(cell->ratio_to_best_peer));
    text.append(" | ").append(ratio_text(cell->ratio_to_limit)).append(" |");
    if (latencies) text.append(" ").append(latency_text(*cell)).append(" |");
    if (extras) text.append(" ").append(extras_text(*cell)).append(" |");
    text += "\n";
  }
  text += "\n";
}

void add_besides(std::string& text, const Results& results) {
  text.append("## Besides\n\n").append(std::to_string(results.unclear_samples));
  text += " samples were thrown away because the processors moved while they ran.\n";
  for (const std::string& row : results.incomplete) {
    text.append("\nIncomplete: ").append(row).append("\n");
  }
  for (const std::string& missing : results.missing) {
    text.append("\nNot measured, because not installed: ").append(missing).append("\n");
  }
  for (const std::string& violation : results.violations) {
    text.append("\n**Wrong result**: ").append(violation).append("\n");
  }
}

/// What the machine was, in the shortest form: "AMD EPYC (virtual machine), g++ 12.2.0, date".
std::string value_of(const MachineDescription& machine, const std::string& name) {
  const auto found = std::find_if(machine.begin(), machine.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  return found == machine.end() ? "" : found->second;
}

std::size_t fewest_samples(const Group& group) {
  std::size_t fewest = group.front()->samples.size();
  for (const Cell* cell : group) fewest = std::min(fewest, cell->samples.size());
  return fewest;
}

/// The groups that the documents show: of every row the class "two cores", unless the other one has
/// far more samples.
std::vector<Group> shown_groups(const std::vector<Group>& groups) {
  const std::string one_core = "-one-core";
  std::vector<Group> shown;
  for (const Group& group : groups) {
    const std::string stem = file_stem(*group.front());
    const bool hidden = std::any_of(groups.begin(), groups.end(), [&](const Group& other) {
      const std::string others = file_stem(*other.front());
      const auto own_samples = fewest_samples(group);
      const auto other_samples = fewest_samples(other);
      if (others + one_core == stem) return !has_far_more_samples(own_samples, other_samples);
      return others == stem + one_core && has_far_more_samples(other_samples, own_samples);
    });
    if (!hidden) shown.push_back(group);
  }
  return shown;
}

}  // namespace

std::string markdown_report(const MachineDescription& machine, const Results& results) {
  std::string text = "# Ringway benchmarks\n\n";
  add_machine(text, machine);
  const std::vector<Group> groups = group_rows(results.cells);
  add_targets(text, results.cells);
  add_overview(text, groups);
  add_growth(text, groups);
  text += "## Every row\n\n";
  for (const Group& group : groups) {
    if (!is_point(group)) add_group(text, group);
  }
  add_besides(text, results);
  return text;
}

std::vector<std::string> plots_for_docs(const Results& results) {
  std::vector<std::string> stems;
  const std::vector<Group> groups = group_rows(results.cells);
  const auto add_overviews = [&](CoreClass core_class, const std::string& end) {
    for (const NamedChart& named : overview_charts(of_class(groups, core_class))) {
      const bool there = std::find(stems.begin(), stems.end(), named.stem) != stems.end();
      if (!there) stems.push_back(named.stem + end);
    }
  };
  add_overviews(CoreClass::kTwoCores, "");
  add_overviews(CoreClass::kOneCore, "-one-core");
  for (const Group& group : shown_groups(groups)) {
    if (is_point(group)) continue;
    const std::string stem = file_safe(file_stem(*group.front()));
    stems.push_back(stem);
    if (has_latencies(group)) stems.push_back(stem + "-percentiles");
  }
  return stems;
}

std::string markdown_for_docs(const MachineDescription& machine, const Results& results) {
  std::string text;
  add_machine(text, machine);
  const std::vector<Group> groups = group_rows(results.cells);
  add_targets(text, results.cells);
  add_overview(text, groups);
  add_growth(text, groups);
  text += "## Plots\n\n";
  for (const std::string& stem : plots_for_docs(results)) {
    text.append("<img src=\"benchmarks/").append(stem).append(".svg\" width=\"400\" alt=\"");
    text.append(stem).append("\">\n");
  }
  text +=
      "\nEvery subject of every row, with minimum, maximum and percentiles: "
      "[results.md](benchmarks/results.md); for programs: "
      "[results.json](benchmarks/results.json).\n\n";
  add_besides(text, results);
  return text;
}

std::string markdown_for_readme(const MachineDescription& machine, const Results& results) {
  std::string text =
      "Measured side by side in one run, interleaved, every message checked, medians with minimum "
      "and\nmaximum (";
  text.append(value_of(machine, "processor")).append(", ").append(value_of(machine, "compiler"));
  text.append(", ").append(value_of(machine, "date")).append("): `");
  text.append(value_of(machine, "command")).append("`. A ratio is ours divided by the reference");
  const std::vector<Group> groups = shown_groups(group_rows(results.cells));
  const bool several_distances = at_several_distances(groups);
  if (several_distances) {
    text +=
        "; `N ns apart` is the round\ntrip of a raw cache-line ping-pong beside the row's samples, "
        "since the host moves the processors";
  }
  text +=
      ". The\nlimits hand no cache line back, so a ratio to them may be beyond 1."
      "\n\n| row | better | Ringway | best peer | ratio | ratio to the machine's limit |\n"
      "|---|---|---|---|---|---|\n";
  const char* const wanted[] = {"spsc_single",  "spsc_slip",    "spsc_rtt", "mpmc_1p1c",
                                "mpmc_2p2c",    "broadcast_1",  "bus_1to1", "bus_1to4",
                                "request_spin", "request_park", "ipc_rtt",  "ipc_throughput",
                                "ipc_1to2",     "ipc_1to4",     "ipc_wake"};
  for (const Group& group : groups) {
    const Cell* ours = ours_of(group);
    const bool listed = std::find(std::begin(wanted), std::end(wanted), group.front()->topology) !=
                        std::end(wanted);
    if (ours == nullptr || !listed || ours->payload_bytes > 64) continue;
    const Cell* peer = best_of(group, Kind::kPeer);
    text.append("| ").append(title_of(*ours));
    text.append(ours->core_class == CoreClass::kOneCore ? ", one core" : "");
    if (several_distances) text += apart_text(group);
    text.append(" | ").append(name_of(ours->better)).append(" | ");
    text.append(ours->subject).append(" ").append(range_text(*ours));
    text.append(" ").append(ours->unit).append(" | ");
    if (peer != nullptr) text.append(peer->subject).append(" ").append(range_text(*peer));
    text.append(" | ").append(ratio_text(ours->ratio_to_best_peer));
    text.append(" | ").append(ratio_text(ours->ratio_to_limit)).append(" |\n");
  }
  return text +
         "\nTargets beside results, every row, and how it is measured: "
         "[benchmarks](docs/benchmarks.md).\n";
}

}  // namespace ringway::bench
