// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What is measured. A *row* is a topology with a payload and a capacity; its *subjects* (our type,
/// the peers, the limits) are measured interleaved; a *sample* is one figure of one subject.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "driver/stage.hpp"
#include "histogram.hpp"

namespace ringway::bench {

enum class Kind : unsigned char { kRingway, kPeer, kLimit, kBaseline };
enum class Better : unsigned char { kHigher, kLower };

[[nodiscard]] constexpr const char* name_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::kRingway: return "ringway";
    case Kind::kPeer: return "peer";
    case Kind::kLimit: return "limit";
    case Kind::kBaseline: return "baseline";
  }
  return "peer";
}
[[nodiscard]] constexpr const char* name_of(Better better) noexcept {
  return better == Better::kHigher ? "higher" : "lower";
}

/// What one run of a subject gives.
struct Measurement {
  double value = 0;                      ///< in the row's unit
  double seconds = 0;                    ///< the timed part, for calibration
  std::optional<Histogram> latencies;    ///< single latencies, where the row has them
  std::map<std::string, double> extras;  ///< further figures, such as idle CPU
  std::string violation;                 ///< what arrived wrongly; empty if all was right
};

struct Subject {
  std::string name;
  Kind kind = Kind::kPeer;
  /// Runs once with `count` messages (or rounds) and checks what arrived.
  std::function<Measurement(Stage& stage, std::uint64_t count)> run;
};

/// What tells rows of one topology apart, where it is neither payload nor capacity.
struct Variant {
  std::string tag{};   ///< for names of rows and files: "32"
  std::string text{};  ///< stands behind the subject in results.json: "batches of 32"
};

/// Rows that differ in one number and are drawn as one curve.
struct Growth {
  std::string what{};  ///< of what the number is one: "topics"; empty: no such row
  double at = 0;
};

struct Row {
  std::string suite;
  std::string topology;
  Variant variant{};
  std::size_t payload_bytes = 0;
  std::size_t capacity = 0;
  std::string unit = "million/s";
  Better better = Better::kHigher;
  std::size_t threads = 2;
  /// Calibrated so that a sample takes about the time asked for; otherwise exactly this many.
  std::uint64_t fixed_count = 0;
  std::size_t samples = 0;    ///< for what has no noise, or takes long; 0: as many as asked for
  double sample_seconds = 0;  ///< about how long one sample takes; 0: as asked for
  Growth growth{};
  std::vector<Subject> subjects{};

  [[nodiscard]] std::string title() const {
    std::string text = topology;
    if (!variant.tag.empty()) text.append("_").append(variant.tag);
    if (payload_bytes != 0) text.append(" ").append(std::to_string(payload_bytes)).append(" B");
    if (capacity != 0) text.append(" capacity ").append(std::to_string(capacity));
    return text;
  }
};

}  // namespace ringway::bench
