// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The report as Markdown: what the README and docs/benchmarks.md show.

#include <string>

#include "driver/machine.hpp"
#include "driver/results.hpp"

namespace ringway::bench {

[[nodiscard]] std::string markdown_report(const MachineDescription& machine,
                                          const Results& results);

}  // namespace ringway::bench
