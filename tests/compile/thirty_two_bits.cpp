// SPDX-License-Identifier: Apache-2.0
// A target of 32 bits is refused: sizes of 32 bits and positions of 64 would be computed with each
// other, and cut off without a word. Compiled with -m32; the control shows that this is possible.
// expect: a 64-bit target is needed
#include <atomic>
#include <cstdint>

#ifndef RINGWAY_CONTROL
#include "ringway/ring/mpmc_ring.hpp"
#endif

int main() {
  const std::atomic<std::uint64_t> word{0};
  return static_cast<int>(word.load());
}
