// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The decisions of one execution, and the depth-first walk over all of them.
///
/// An execution is determined by the numbers that `choose` returned. The next one repeats all but
/// the last decision that still has an untried alternative; there it takes the next alternative,
/// and after that the first of everything. A random walk draws instead, from its seed.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

namespace ringway::model {

class Decisions {
 public:
  void begin_random(std::uint64_t seed) {
    random_ = true;
    generator_.seed(seed);
  }

  /// A number below `count`.
  std::size_t choose(std::size_t count) {
    if (count <= 1) return 0;
    if (position_ == taken_.size()) {
      const auto first = random_ ? generator_() % count : 0;
      taken_.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count)});
    }
    if (taken_[position_].count != count) {
      std::fputs("model checker: the body is not deterministic\n", stderr);
      std::abort();
    }
    return taken_[position_++].chosen;
  }

  /// Prepares the next execution. \return false if there is none.
  bool next() {
    position_ = 0;
    if (random_) {
      taken_.clear();
      return true;
    }
    while (!taken_.empty() && taken_.back().chosen + 1 == taken_.back().count) taken_.pop_back();
    if (taken_.empty()) return false;
    ++taken_.back().chosen;
    return true;
  }

  /// The same execution once more.
  void again() { position_ = 0; }

  /// Forgets the walk.
  void restart() {
    taken_.clear();
    position_ = 0;
  }

 private:
  struct Decision {
    std::uint32_t chosen;
    std::uint32_t count;
  };
  std::vector<Decision> taken_;
  std::size_t position_ = 0;
  bool random_ = false;
  std::mt19937_64 generator_;
};

}  // namespace ringway::model
