// SPDX-License-Identifier: Apache-2.0
#include "ringway/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "ringway/base/setup_error.hpp"

namespace ringway {
namespace {

using Text = Result<std::string, SetupError>;

TEST(Result, HoldsAValue) {
  Text result = std::string("a string that is long enough to be on the heap");
  ASSERT_TRUE(result);
  EXPECT_TRUE(result.has_value());
  EXPECT_EQ(result->size(), result.value().size());
  EXPECT_EQ((*result)[0], 'a');
}

TEST(Result, HoldsAnError) {
  const Text result = Failure{SetupError::kZeroCapacity};
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), SetupError::kZeroCapacity);
}

TEST(Result, MovesItsValueOut) {
  Result<std::unique_ptr<int>, SetupError> result = std::make_unique<int>(7);
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 7);
}

TEST(Result, CopiesAndAssignsBothWays) {
  const Text good = std::string("a string that is long enough to be on the heap");
  Text copy = good;
  EXPECT_EQ(*copy, *good);
  copy = Text(Failure{SetupError::kRoleTaken});
  ASSERT_FALSE(copy);
  EXPECT_EQ(copy.error(), SetupError::kRoleTaken);
  copy = Text(std::string("back"));
  EXPECT_EQ(*copy, "back");
}

TEST(Result, ValueOrFallsBack) {
  EXPECT_EQ((Result<int, SetupError>(3).value_or(4)), 3);
  EXPECT_EQ((Result<int, SetupError>(Failure{SetupError::kClosed}).value_or(4)), 4);
}

TEST(ResultDeathTest, ValueOfAnErrorStopsTheProgramWithItsMessage) {
  Text result = Failure{SetupError::kZeroCapacity};
  EXPECT_DEATH(static_cast<void>(result.value()), "ringway: capacity is 0; ask for at least 1");
}

TEST(SetupError, EachHasASentenceOfItsOwn) {
  for (int i = 0; i <= static_cast<int>(SetupError::kClosed); ++i) {
    const std::string sentence = describe(static_cast<SetupError>(i));
    EXPECT_NE(sentence, "unknown setup error") << i;
    for (int j = 0; j < i; ++j) EXPECT_NE(sentence, describe(static_cast<SetupError>(j)));
  }
}

}  // namespace
}  // namespace ringway
