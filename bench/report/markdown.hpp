// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The report as Markdown: whole, and as the parts that docs/benchmarks.md and the README show.

#include <string>
#include <vector>

#include "driver/machine.hpp"
#include "driver/results.hpp"

namespace ringway::bench {

[[nodiscard]] std::string markdown_report(const MachineDescription& machine,
                                          const Results& results);

/// For docs/benchmarks.md: targets, overview, growth and the plots, which lie in docs/benchmarks/.
[[nodiscard]] std::string markdown_for_docs(const MachineDescription& machine,
                                            const Results& results);

/// For the README: one short table.
[[nodiscard]] std::string markdown_for_readme(const MachineDescription& machine,
                                              const Results& results);

/// The file names, without ".svg", of the plots that markdown_for_docs() shows.
[[nodiscard]] std::vector<std::string> plots_for_docs(const Results& results);

}  // namespace ringway::bench
