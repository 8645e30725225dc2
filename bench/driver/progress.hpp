// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What people see while the suite runs: the machine and its limits first, a table after every row,
/// and on a terminal one line with progress and remaining time.

#include <cstdint>
#include <string>
#include <vector>

#include "driver/machine.hpp"
#include "driver/results.hpp"
#include "driver/stage.hpp"

namespace ringway::bench {

class Progress {
 public:
  Progress();

  void begin(const MachineDescription& machine, const Options& options, Stage& stage);
  void update(const std::string& what, double part);
  void row_done(const Row& row, const std::vector<Cell>& cells);
  void end(const Results& results);

 private:
  void clear_line();

  const bool terminal_;
  bool smoke_ = false;
  std::int64_t begin_ns_;
};

}  // namespace ringway::bench
