// SPDX-License-Identifier: Apache-2.0
#include "ringway/wait/deadline.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace ringway {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, NeverDoesNotPass) {
  EXPECT_TRUE(Deadline::never().is_never());
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_LT(Deadline::never().left_ns(), 0);
}

TEST(Deadline, APointInThePastHasPassed) {
  EXPECT_TRUE(Deadline(Deadline::Clock::now() - 1ms).passed());
  EXPECT_EQ(Deadline(Deadline::Clock::now() - 1ms).left_ns(), 0);
  EXPECT_TRUE(Deadline::after(-1s).passed());
  EXPECT_TRUE(Deadline::after(0ns).passed());
}

TEST(Deadline, APointInTheFutureHasTimeLeft) {
  const auto deadline = Deadline::after(1h);
  EXPECT_FALSE(deadline.passed());
  EXPECT_GT(deadline.left_ns(), 0);
  EXPECT_LE(deadline.left_ns(), 3'600'000'000'000);
}

TEST(Deadline, ExtremeTimeOutsAreSafe) {
  EXPECT_TRUE(Deadline::after(std::chrono::hours::max()).is_never());
  EXPECT_TRUE(Deadline::after(std::chrono::nanoseconds::max()).is_never());
  EXPECT_TRUE(Deadline::after(std::chrono::hours::min()).passed());
  EXPECT_TRUE(Deadline(Deadline::Clock::time_point::min()).passed());
  EXPECT_FALSE(Deadline(Deadline::Clock::time_point::max()).passed());
}

TEST(Deadline, FractionsAreRoundedUp) {
  EXPECT_FALSE(Deadline::after(std::chrono::duration<double>(3600.5)).passed());
}

}  // namespace
}  // namespace ringway
