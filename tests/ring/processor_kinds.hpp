// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Both kinds of processors (docs/design/spsc-ring.md), whichever this one is.

#include "ringway/base/native_memory.hpp"

namespace ringway::test {

struct AskedAhead : NativeMemory {
  static bool streams_in_hardware() noexcept { return false; }
};
struct StreamsAlone : NativeMemory {
  static bool streams_in_hardware() noexcept { return true; }
};

}  // namespace ringway::test
