// SPDX-License-Identifier: Apache-2.0
#include "ringway/base/cache_line.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace ringway {
namespace {

static_assert(kOwnerSpacing == 2 * kCacheLine, "prefetchers fetch lines in pairs");

TEST(CacheLine, RoundsUpToTheNextMultiple) {
  for (const std::size_t unit : {std::size_t{1}, std::size_t{8}, kCacheLine, kOwnerSpacing}) {
    for (std::size_t value = 0; value <= 3 * kOwnerSpacing; ++value) {
      const std::size_t rounded = round_up(value, unit);
      ASSERT_EQ(rounded % unit, 0U);
      ASSERT_GE(rounded, value);
      ASSERT_LT(rounded - value, unit);
    }
  }
}

// Rings fetch ahead of their ends.
TEST(CacheLine, FetchingAheadNeverFaultsAndChangesNothing) {
  for (const std::uintptr_t address : {std::uintptr_t{0}, std::uintptr_t{8}, ~std::uintptr_t{0}}) {
    prefetch_for_reading(reinterpret_cast<const void*>(address));
    prefetch_for_writing(reinterpret_cast<const void*>(address));
  }
  static const std::uint64_t constant = 7;  // in memory that must not be written
  prefetch_for_writing(&constant);
  EXPECT_EQ(constant, 7U);
}

}  // namespace
}  // namespace ringway
