// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The mistakes that the patched headers of this folder can make (patch.py), and which one they
/// make now. None unless a test, or RINGWAY_SLIP in the environment, says so.

#include <cstdlib>
#include <string_view>

namespace ringway::negative {

enum class Slip {
  kNone,
  kPublishedFirst,  // an element's word is published before the element is written
  kNoSecondLook,    // a lossy reader does not look again after its copy
  kWokenFirst,      // a channel wakes the receiver before it pushes
  kPassedFirst,     // a reader passes an element, and hands its cache line back afterwards
  kRawComparison,   // positions are compared as numbers: wrong at the wrap
};

[[nodiscard]] inline Slip slip_of_environment() noexcept {
  const char* const name = std::getenv("RINGWAY_SLIP");
  return name != nullptr && std::string_view(name) == "raw_comparison" ? Slip::kRawComparison
                                                                       : Slip::kNone;
}

inline Slip slip = slip_of_environment();

/// True if this is the mistake to be made.
[[nodiscard]] inline bool slips(Slip which) noexcept {
  return slip == which;
}

}  // namespace ringway::negative
