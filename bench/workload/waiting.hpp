// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a thread of a measurement does while a queue is full or empty. The same for all subjects of
/// a row; a subject that waits by itself never comes here.

#include <sched.h>

#include <cstdlib>

#include "ringway/base/cpu_relax.hpp"

namespace ringway::bench {

/// For a processor of one's own. Looking again without a pause costs a round trip a sixth: several
/// looks are under way when the line changes, and all of them are thrown away.
struct Spin {
  void step() noexcept { cpu_relax(); }
};

/// Stays away for some microseconds first: whoever has caught up with the other side lets it get
/// ahead again. As ringway::SlipSpin.
class SlipThenSpin {
 public:
  void step() noexcept {
    for (int i = slipped_ ? 1 : kPauses; i != 0; --i) cpu_relax();
    slipped_ = true;
  }

 private:
  static constexpr int kPauses = 256;
  bool slipped_ = false;
};

/// Where a push cannot fail: the program ends if it does.
struct NeverWaits {
  [[noreturn]] void step() noexcept { std::abort(); }
};

/// Sixteen pauses, then yield: for more threads than processors.
class SpinThenYield {
 public:
  void step() noexcept {
    if (++steps_ <= 16) {
      cpu_relax();
    } else {
      sched_yield();
    }
  }

 private:
  int steps_ = 0;
};

}  // namespace ringway::bench
