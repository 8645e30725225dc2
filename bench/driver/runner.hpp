// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Takes the samples: interleaved, bracketed, until every subject has enough clean ones. A row with
/// one thread needs no bracket; its samples are filed under "two cores". A row's figures of a class
/// are all of one place, the one with most samples: two cores of one distance.
///
/// Time is limited, since the host may move the processors for as long as it likes. Every row has a
/// share of what is left, and ends with what it has when that is used up. In whatever is left after
/// the last row, rows that lack samples with two cores are taken up again; what they lack in the
/// end is told in Results::incomplete.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driver/options.hpp"
#include "driver/placement.hpp"
#include "driver/results.hpp"
#include "driver/row.hpp"

namespace ringway::bench {

class Runner {
 public:
  /// Called after every sample with what is being done and the part done of it all, 0 to 1.
  using Progress = std::function<void(const std::string& what, double part)>;
  /// Called after every row with the cells that it gave; again if it is taken up once more.
  using RowDone = std::function<void(const Row& row, const std::vector<Cell>& cells)>;

  /// Tells where the processors are.
  using Ruler = std::function<Bracket(Stage& stage)>;

  Runner(const Options& options, Stage& stage, Ruler ruler = bracket);
  ~Runner();

  [[nodiscard]] Results run(const std::vector<Row>& rows, const Progress& progress,
                            const RowDone& row_done);

 private:
  struct Track;   // what has been collected of one subject
  struct Ledger;  // and of one row

  void begin(Ledger& ledger);
  void take_samples(Ledger& ledger, std::int64_t until_ns, const std::function<void()>& sampled);
  void take_up_again(std::vector<Ledger>& ledgers, const Progress& progress,
                     const RowDone& row_done);
  [[nodiscard]] std::uint64_t calibrate(const Row& row, const Subject& subject);
  void sample(Ledger& ledger, Track& track);
  void keep(const Row& row, Track& track, std::size_t place, Sample sample,
            Measurement measurement);
  void note_violation(const Row& row, const Subject& subject, const std::string& violation);
  void note_incomplete(const Ledger& ledger);

  [[nodiscard]] std::size_t wanted(const Row& row) const;
  [[nodiscard]] bool bracketed(const Row& row) const;
  [[nodiscard]] double expected_seconds(const Row& row) const;
  /// The place of this class where the row has most samples of every subject, and how many.
  struct Most {
    std::size_t place = 0;
    std::size_t samples = 0;
  };
  [[nodiscard]] Most most(const Ledger& ledger, CoreClass core_class) const;
  [[nodiscard]] bool complete(const Ledger& ledger, CoreClass core_class) const;
  [[nodiscard]] std::vector<Cell> cells_of(const Ledger& ledger) const;

  const Options& options_;
  Stage& stage_;
  const Ruler ruler_;
  std::int64_t deadline_ns_ = 0;
  Places places_;
  bool two_cores_seen_ = false;  ///< in a clean sample
  Results results_;
};

}  // namespace ringway::bench
