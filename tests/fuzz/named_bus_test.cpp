// SPDX-License-Identifier: Apache-2.0
// labels: notsan
/// \file
/// The fuzzer's function without the fuzzer. Under AddressSanitizer a step too far is an error;
/// ThreadSanitizer does not follow what one process does to another's memory.

#include "tests/fuzz/named_bus.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace ringway::fuzz {
namespace {

TEST(NamedBusFuzz, NoFilesAreTakenForMoreThanTheyAre) {
  std::mt19937_64 random(20261124);
  const auto all = named_seeds();
  int admitted = 0;
  for (int round = 0; round < 500; ++round) {
    admitted += use_any_named_bus(changed(all[random() % all.size()], random)) ? 1 : 0;
  }
  EXPECT_GT(admitted, 50) << "the inputs are too wild to get anywhere";
}

TEST(NamedBusFuzz, WhatLiesThereIsABus) {
  for (const auto& seed : named_seeds()) {
    if (seed[1] != std::byte{1}) continue;  // with a word changed
    EXPECT_TRUE(use_any_named_bus(seed));
  }
}

}  // namespace
}  // namespace ringway::fuzz
