// SPDX-License-Identifier: Apache-2.0
#include "report/markdown.hpp"

#include <algorithm>

#include "report/format.hpp"

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

std::string range_text(const Cell& cell) {
  const Summary summary = cell.summary();
  return figure(summary.median) + " [" + figure(summary.min) + "-" + figure(summary.max) + "]";
}

/// One line for each row: Ringway's best, the best peer, the ratios.
void add_overview(std::string& text, const std::vector<Group>& groups) {
  text +=
      "## Overview: two cores\n\n"
      "A ratio is Ringway's median divided by the reference's; above 1 is good where higher is "
      "better, below 1 where lower is better.\n\n"
      "| row | unit | Ringway | median [min-max] | best peer | median | ratio to peer | "
      "ratio to limit |\n|---|---|---|---|---|---|---|---|\n";
  for (const Group& group : groups) {
    const Cell* ours = best_of(group, Kind::kRingway);
    if (ours == nullptr || ours->core_class != CoreClass::kTwoCores) continue;
    const Cell* peer = best_of(group, Kind::kPeer);
    text.append("| ").append(title_of(*ours)).append(ours->threads > 2 ? " *" : "");
    text.append(" | ").append(unit_of(*ours)).append(" | ").append(ours->subject);
    text.append(" | ").append(range_text(*ours));
    text.append(" | ").append(peer == nullptr ? "" : peer->subject);
    text.append(" | ").append(peer == nullptr ? "" : figure(peer->summary().median));
    text.append(" | ").append(ratio_text(ours->ratio_to_best_peer));
    text.append(" | ").append(ratio_text(ours->ratio_to_limit)).append(" |\n");
  }
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
  text.append("### ").append(title_of(first)).append(", ").append(name_of(first.core_class));
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

}  // namespace

std::string markdown_report(const MachineDescription& machine, const Results& results) {
  std::string text = "# Ringway benchmarks\n\n";
  add_machine(text, machine);
  const std::vector<Group> groups = group_rows(results.cells);
  add_overview(text, groups);
  text += "## Every row\n\n";
  for (const Group& group : groups) add_group(text, group);
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
  return text;
}

}  // namespace ringway::bench
