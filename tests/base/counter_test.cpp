// SPDX-License-Identifier: Apache-2.0
#include "ringway/base/counter.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/cpu_relax.hpp"

namespace ringway {
namespace {

static_assert(kOwnerSpacing == 2 * kCacheLine);
static_assert(round_up(0, 64) == 0 && round_up(1, 64) == 64 && round_up(64, 64) == 64);

TEST(Counter, AddsUp) {
  Counter counter;
  EXPECT_EQ(counter.read(), 0U);
  counter.add(3);
  counter.add(4);
  EXPECT_EQ(counter.read(), 7U);
}

TEST(Counter, OneWriterLosesNothingWhileOthersRead) {
  constexpr std::uint64_t kAdditions = 200'000;
  Counter counter;
  std::thread writer([&counter] {
    for (std::uint64_t i = 0; i < kAdditions; ++i) counter.add(1);
  });
  std::uint64_t last = 0;
  while (last < kAdditions) {
    const auto now = counter.read();
    ASSERT_GE(now, last) << "a counter never runs backwards";
    last = now;
    cpu_relax();
  }
  writer.join();
  EXPECT_EQ(counter.read(), kAdditions);
}

}  // namespace
}  // namespace ringway
