// SPDX-License-Identifier: Apache-2.0
#include "ringway/base/sequence.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace ringway {
namespace {

constexpr Sequence kLast = std::numeric_limits<Sequence>::max();

TEST(Sequence, DistanceIsSignedAcrossTheWrap) {
  EXPECT_EQ(distance(5, 8), 3);
  EXPECT_EQ(distance(8, 5), -3);
  EXPECT_EQ(distance(kLast, 1), 2);
  EXPECT_EQ(distance(1, kLast), -2);
}

TEST(Sequence, PrecedesIsStrictAndHoldsAcrossTheWrap) {
  EXPECT_TRUE(precedes(1, 2));
  EXPECT_FALSE(precedes(2, 2));
  EXPECT_FALSE(precedes(2, 1));
  EXPECT_TRUE(precedes(kLast, 0));
  EXPECT_FALSE(precedes(0, kLast));
}

TEST(Sequence, EarlierPicksTheFirstInTheStream) {
  EXPECT_EQ(earlier(3, 7), 3U);
  EXPECT_EQ(earlier(7, 3), 3U);
  EXPECT_EQ(earlier(2, kLast - 1), kLast - 1);
}

TEST(Sequence, TheWrapsOfNarrowerCountersAreNothingSpecial) {
  for (const unsigned bits : {31U, 32U}) {
    const Sequence wrap = Sequence{1} << bits;
    EXPECT_EQ(distance(wrap - 1, wrap + 1), 2);
    EXPECT_TRUE(precedes(wrap - 1, wrap));
  }
}

}  // namespace
}  // namespace ringway
