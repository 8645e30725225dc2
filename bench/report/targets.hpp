// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What Ringway wants to reach, as data, and whether a run reached it.

#include <cstddef>
#include <string>
#include <vector>

#include "driver/results.hpp"

namespace ringway::bench {

/// A figure of a run: which row, whose, and which statistic.
struct Quantity {
  enum class Whose : unsigned char {
    kRingway,   ///< the Ringway subject whose name begins with `subject`
    kBestPeer,  ///< the best peer of the row
    kPeer,      ///< the peer whose name begins with `subject`
    kLimit,     ///< the best limit of the row whose name begins with `subject`
    kOne,       ///< no reference: the figure itself is the result
  };
  enum class Statistic : unsigned char { kMedian, kWorst };

  Whose whose = Whose::kOne;
  std::string subject{};
  Statistic statistic = Statistic::kMedian;
  std::string topology{};  ///< empty: the target's own row
};

/// `ours` divided by `reference` is to be at least, or at most, `bound`.
struct Target {
  std::string topology;
  std::string tag{};  ///< of the row's variant
  std::size_t payload_bytes = 0;
  std::size_t capacity = 0;
  std::string wanted;  ///< in words
  Quantity ours;
  Quantity reference;
  bool at_least = true;
  double bound = 1;
};

/// One line of the table.
struct Verdict {
  std::string row;
  std::string wanted;
  std::string result;  ///< "1.96 (53.5 / 27.3 Boost spsc_queue)"
  std::string word;    ///< "met", "missed" or "not measured"
  std::string core_class;
};

[[nodiscard]] std::vector<Target> all_targets();

/// A verdict for each target of which the run measured the row; "two cores" where there are
/// samples of that class, else "one core".
[[nodiscard]] std::vector<Verdict> judge(const std::vector<Target>& targets,
                                         const std::vector<Cell>& cells);

}  // namespace ringway::bench
