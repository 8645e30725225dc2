// SPDX-License-Identifier: Apache-2.0
#include "ringway/base/setup_error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ringway {
namespace {

constexpr auto kLast = SetupError::kCorruptFrames;

TEST(SetupError, EachHasASentenceOfItsOwn) {
  std::set<std::string> sentences;
  const std::string unknown = describe(static_cast<SetupError>(255));
  for (int i = 0; i <= static_cast<int>(kLast); ++i) {
    const std::string sentence = describe(static_cast<SetupError>(i));
    EXPECT_NE(sentence, unknown) << i;
    EXPECT_TRUE(sentences.insert(sentence).second) << i << ": " << sentence;
    EXPECT_EQ(sentence.find("  "), std::string::npos) << sentence;
    EXPECT_NE(sentence.find(' '), std::string::npos) << sentence;
  }
  EXPECT_EQ(describe(static_cast<SetupError>(static_cast<int>(kLast) + 1)), unknown)
      << "a new error: raise kLast";
}

}  // namespace
}  // namespace ringway
