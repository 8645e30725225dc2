// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The report as one page: no script, no network, light and dark, readable on a phone.

#include <string>

#include "driver/machine.hpp"
#include "driver/results.hpp"

namespace ringway::bench {

[[nodiscard]] std::string html_report(const MachineDescription& machine, const Results& results);

}  // namespace ringway::bench
