// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a reader must know about the machine and the build to believe a figure.

#include <string>
#include <utility>
#include <vector>

#include "driver/options.hpp"

namespace ringway::bench {

/// Name and value pairs, in the order in which people read them.
using MachineDescription = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] MachineDescription describe_machine(const Options& options);

}  // namespace ringway::bench
