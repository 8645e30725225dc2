// SPDX-License-Identifier: Apache-2.0
// labels: slow
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>

#include "ping_pong.hpp"

namespace ringway {
namespace {

// A million rounds are two million waits, none with a time-out: one lost wake-up and this hangs.
TEST(EventCountSoak, AMillionPingPongsLoseNoWakeUp) {
  const auto seed =
      static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count() & 0xffffff);
  std::printf("seed: %u\n", seed);
  test::Court<NativeMemory> left;
  test::Court<NativeMemory> right;
  std::uint64_t parks = 0;
  for (unsigned game = 0; parks <= 1000 && game < 20; ++game) {  // depends on the other's speed
    parks = test::play(left, right, 1'000'000, seed + game, 16, 400);
  }
  std::printf("really slept: %llu\n", static_cast<unsigned long long>(parks));
  EXPECT_GT(parks, 1000U);
}

}  // namespace
}  // namespace ringway
