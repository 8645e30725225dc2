// SPDX-License-Identifier: Apache-2.0
/// \file
/// The waiting of the native memory policy, and the clock behind it.

#include "ringway/base/native_memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "ringway/base/cpu_relax.hpp"

namespace ringway {
namespace {

TEST(NativeMemory, SoonEndsWithTheLookThatIsTrue) {
  int looks = 0;
  EXPECT_TRUE(NativeMemory::soon([&] { return ++looks == 1; }));
  EXPECT_EQ(looks, 1);
}

TEST(NativeMemory, SoonGivesUpAfterSomeLooks) {
  int looks = 0;
  EXPECT_FALSE(NativeMemory::soon([&] {
    ++looks;
    return false;
  }));
  EXPECT_GE(looks, 1);
}

TEST(NativeMemory, BackingOffGoesByTheClockWhateverAPauseTakes) {
  const auto begin = cpu_ticks();
  NativeMemory::back_off();
  EXPECT_GE(cpu_ticks() - begin, 8'000U);
}

TEST(CpuTicks, GoOn) {
  const auto begin = cpu_ticks();
  while (cpu_ticks() - begin < 1'000) {
  }
  EXPECT_LT(cpu_ticks() - begin, std::uint64_t{1} << 62);
}

TEST(CpuStreamsInHardware, IsTheSameEachTime) {
  EXPECT_EQ(cpu_streams_in_hardware(), cpu_streams_in_hardware());
}

}  // namespace
}  // namespace ringway
