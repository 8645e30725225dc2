// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Takes the samples: interleaved, bracketed, until every subject has enough clean ones. A row with
/// one thread needs no bracket; its samples are filed under "two cores".

#include <functional>
#include <string>
#include <vector>

#include "driver/options.hpp"
#include "driver/results.hpp"
#include "driver/row.hpp"

namespace ringway::bench {

class Runner {
 public:
  /// Called after every sample with what is being done and the part done of it all, 0 to 1.
  using Progress = std::function<void(const std::string& what, double part)>;
  /// Called after every row with the cells that it gave.
  using RowDone = std::function<void(const Row& row, const std::vector<Cell>& cells)>;

  Runner(const Options& options, Stage& stage) : options_(options), stage_(stage) {}

  [[nodiscard]] Results run(const std::vector<Row>& rows, const Progress& progress,
                            const RowDone& row_done);

 private:
  struct Track;  // what has been collected of one subject

  void run_row(const Row& row, const std::function<void(double)>& part_done);
  [[nodiscard]] std::uint64_t calibrate(const Row& row, const Subject& subject);
  void sample(const Row& row, Track& track, double& before_ns);
  [[nodiscard]] bool enough(const std::vector<Track>& tracks, std::size_t rounds) const;
  void keep(Track& track, CoreClass core_class, Sample sample, Measurement measurement);
  void note_violation(const Row& row, const Subject& subject, const std::string& violation);

  const Options& options_;
  Stage& stage_;
  Results results_;
};

}  // namespace ringway::bench
