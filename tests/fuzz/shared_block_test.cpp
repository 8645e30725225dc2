// SPDX-License-Identifier: Apache-2.0
// labels: notsan
/// \file
/// The fuzzers' functions without the fuzzer: what a real bus left, with words changed by a seeded
/// generator. Under AddressSanitizer a step too far is an error; ThreadSanitizer would report that
/// the segment is copied while its bus runs.

#include "tests/fuzz/shared_block.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace ringway::fuzz {
namespace {

TEST(SharedBlockFuzz, NoBlockIsTakenForMoreThanItIs) {
  std::mt19937_64 random(20261122);
  const auto all = block_seeds();
  int joined = 0;
  for (int round = 0; round < 4'000; ++round)
    joined += use_any_block(changed(all[random() % all.size()], random)) ? 1 : 0;
  EXPECT_GT(joined, 400) << "the inputs are too wild to get anywhere";
}

TEST(SharedBlockFuzz, SeedsOfTheRealBusAreABus) {
  for (const auto& seed : block_seeds()) {
    if (seed[1] != std::byte{1}) continue;  // with a word changed
    EXPECT_TRUE(use_any_block(seed));
  }
}

TEST(SegmentFileFuzz, NoFileIsTakenForMoreThanItIs) {
  std::mt19937_64 random(20261123);
  const auto all = file_seeds();
  int admitted = 0;
  for (int round = 0; round < 1'000; ++round) {
    admitted += attach_any_file(changed(all[random() % all.size()], random)) ? 1 : 0;
  }
  EXPECT_GT(admitted, 50) << "the inputs are too wild to get anywhere";
  EXPECT_LT(admitted, 1'000);
}

}  // namespace
}  // namespace ringway::fuzz
