// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Writes the report: raw.json, results.json, results.md, plots, index.html.

#include "driver/machine.hpp"
#include "driver/options.hpp"
#include "driver/results.hpp"

namespace ringway::bench {

/// \return false, with a message on standard error, if a file cannot be written.
[[nodiscard]] bool write_report(const Options& options, const MachineDescription& machine,
                                const Results& results);

}  // namespace ringway::bench
