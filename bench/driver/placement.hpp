// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Where the host has put the two processors right now: whether they are two cores or two threads
/// of one, and how far apart they are.
///
/// How far apart does not tell the first: on some machines two cores hand a line over in 50 ns, as
/// two threads of one core do on others. Two threads of one core compute with the same units, so
/// each is slower while the other one computes; that is what is looked at.

#include <cstddef>
#include <vector>

#include "driver/stage.hpp"

namespace ringway::bench {

enum class CoreClass : unsigned char { kTwoCores, kOneCore };

[[nodiscard]] constexpr const char* name_of(CoreClass core_class) noexcept {
  return core_class == CoreClass::kTwoCores ? "two cores" : "one core";
}

/// A look at the processors.
struct Bracket {
  double round_trip_ns = 0;  ///< of a cache line
  double slowdown = 1;       ///< how many times as long either computes while the other does too

  [[nodiscard]] CoreClass core_class() const noexcept {
    return slowdown > kSharedFrom ? CoreClass::kOneCore : CoreClass::kTwoCores;
  }

  /// On a Zen 4 two threads of one core took 1.36 to 1.97 times as long, two cores 1.00 times: of
  /// 111,187 looks at these 2 showed more than 1.3.
  static constexpr double kSharedFrom = 1.25;
};

/// Takes about 0.4 ms.
[[nodiscard]] Bracket bracket(Stage& stage);

/// Whether the processors had not moved between two looks, as far as these tell.
[[nodiscard]] bool alike(const Bracket& a, const Bracket& b) noexcept;

/// The places between which the host moves the processors, as far as they were seen: one core, and
/// two cores at each distance. Within a row, samples of different places are never compared.
class Places {
 public:
  struct Place {
    CoreClass core_class;
    double round_trip_ns;  ///< mean of what was seen there lately
    std::size_t seen;
  };

  /// The place that this look shows: a known one, or a new one.
  [[nodiscard]] std::size_t of(const Bracket& bracket);

  [[nodiscard]] const Place& operator[](std::size_t place) const { return places_[place]; }
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

  /// Round trips at one distance differ by less than this factor; those at two, by more.
  static constexpr double kAlike = 1.45;

 private:
  std::vector<Place> places_;
};

}  // namespace ringway::bench
