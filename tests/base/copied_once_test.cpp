// SPDX-License-Identifier: Apache-2.0
/// \file
/// Compiled at -O1 (tests/CMakeLists.txt): there g++ 12 reads the original of a plain copy again,
/// so that these tests fail with `return theirs`.
#include "ringway/base/copied_once.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace ringway {
namespace {

/// Changes a word as another process does: behind the compiler's back.
template <class Word>
[[gnu::always_inline]] inline void change(Word& word, Word value) {
#if defined(__x86_64__)
  asm volatile("movq %1, (%0)" : : "r"(&word), "r"(value));
#elif defined(__aarch64__)
  asm volatile("str %1, [%0]" : : "r"(&word), "r"(value));
#endif
}

enum class Kind : std::uint64_t { kSmall = 3, kLarge = 900 };

struct Header {
  std::uint64_t magic;
  std::uint64_t size;
  std::uint64_t offset;
};

[[gnu::noinline]] std::uint64_t number_after_change(std::uint64_t& theirs) {
  const auto own = copied_once(theirs);
  change(theirs, std::uint64_t{900});
  return own;
}

[[gnu::noinline]] Kind kind_after_change(Kind& theirs) {
  const auto own = copied_once(theirs);
  change(theirs, Kind::kLarge);
  return own;
}

[[gnu::noinline]] std::uint64_t sum_after_checks(Header& theirs) {
  const auto own = copied_once(theirs);
  if (own.size > 10 || own.offset > 10) return 0;
  change(theirs.size, std::uint64_t{900});
  change(theirs.offset, std::uint64_t{900});
  return own.size + own.offset;
}

TEST(CopiedOnce, NumberStaysWhatItWasWhenItWasCopied) {
  std::uint64_t theirs = 3;
  EXPECT_EQ(number_after_change(theirs), 3U);
  EXPECT_EQ(number_after_change(theirs), 900U) << "the change did happen";
}

TEST(CopiedOnce, EnumerationStaysWhatItWasWhenItWasCopied) {
  auto theirs = Kind::kSmall;
  EXPECT_EQ(kind_after_change(theirs), Kind::kSmall);
  EXPECT_EQ(kind_after_change(theirs), Kind::kLarge) << "the change did happen";
}

TEST(CopiedOnce, WhatWasCheckedIsWhatIsUsed) {
  Header theirs{1, 4, 5};
  EXPECT_EQ(sum_after_checks(theirs), 9U);
  EXPECT_EQ(sum_after_checks(theirs), 0U) << "the change did happen";
}

}  // namespace
}  // namespace ringway
