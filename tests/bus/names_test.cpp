// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ringway/bus/names.hpp"

namespace ringway {
namespace {

TEST(Names, ExactNameMatchesItselfAlone) {
  EXPECT_TRUE(names::matches("md.trades", "md.trades"));
  EXPECT_FALSE(names::matches("md.trades", "md.trade"));
  EXPECT_FALSE(names::matches("md.trades", "md"));
  EXPECT_FALSE(names::matches("md.trades", "md.trades.XNAS"));
  EXPECT_FALSE(names::matches("md", "md.trades"));
  EXPECT_FALSE(names::matches("md", ""));
}

TEST(Names, StarStandsForExactlyOneToken) {
  EXPECT_TRUE(names::matches("md.*.XNAS", "md.trades.XNAS"));
  EXPECT_FALSE(names::matches("md.*.XNAS", "md.XNAS"));
  EXPECT_FALSE(names::matches("md.*.XNAS", "md.a.b.XNAS"));
  EXPECT_TRUE(names::matches("*", "md"));
  EXPECT_FALSE(names::matches("*", "md.trades"));
  EXPECT_FALSE(names::matches("md.*", "md"));
  EXPECT_TRUE(names::matches("*.*", "a.b"));
}

TEST(Names, LastTokenGreaterThanStandsForOneOrMore) {
  EXPECT_TRUE(names::matches("md.>", "md.trades"));
  EXPECT_TRUE(names::matches("md.>", "md.trades.XNAS.1"));
  EXPECT_FALSE(names::matches("md.>", "md"));
  EXPECT_FALSE(names::matches("md.>", "other.trades"));
  EXPECT_TRUE(names::matches(">", "md"));
  EXPECT_TRUE(names::matches(">", "md.trades"));
  EXPECT_TRUE(names::matches("*.b.>", "a.b.c.d"));
  EXPECT_FALSE(names::matches("*.b.>", "a.b"));
}

TEST(Names, OverlapMeansThatSomeNameIsCoveredByBoth) {
  const std::string patterns[] = {"a",   "a.b", "a.*", "*.b",   "*.*",   ">",
                                  "a.>", "b.>", "*.>", "a.b.c", "a.*.c", "*"};
  const std::string tokens[] = {"a", "b", "c"};
  std::vector<std::string> all;
  for (const auto& x : tokens) {
    all.push_back(x);
    for (const auto& y : tokens) {
      all.push_back(x + "." + y);
      for (const auto& z : tokens) all.push_back(x + "." + y + "." + z);
    }
  }
  for (const auto& left : patterns) {
    for (const auto& right : patterns) {
      bool common = false;
      for (const auto& name : all) {
        common = common || (names::matches(left, name) && names::matches(right, name));
      }
      EXPECT_EQ(names::overlap(left, right), common) << left << " and " << right;
    }
  }
}

TEST(Names, OverlapWithAnExactNameIsMatching) {
  EXPECT_TRUE(names::overlap("md.>", "md.trades"));
  EXPECT_TRUE(names::overlap("md.trades", "md.>"));
  EXPECT_FALSE(names::overlap("md.>", "md"));
  EXPECT_FALSE(names::overlap("md", "md.>"));
}

TEST(Names, GoodOnesPass) {
  for (const char* name : {"a", "md.trades", "n2k.35.129025", "a-b_c:d/e.F9"}) {
    EXPECT_TRUE(names::check(name, false).ok()) << name;
    EXPECT_TRUE(names::check(name, true).ok()) << name;
  }
  EXPECT_TRUE(names::check(std::string(kLongestName, 'x'), false).ok());
  for (const char* pattern : {"*", ">", "a.*", "*.b.>", "a.*.c"}) {
    EXPECT_TRUE(names::check(pattern, true).ok()) << pattern;
    EXPECT_FALSE(names::check(pattern, false).ok()) << pattern;
  }
}

TEST(Names, BadOnesAreRefusedWithTheNameAndAReason) {
  const std::string bad[] = {"",
                             ".",
                             ".a",
                             "a.",
                             "a..b",
                             "a b",
                             "a.>.b",
                             "a*",
                             "*a.b",
                             "a.b>",
                             ">>",
                             "a.\n",
                             "ä",
                             "a,b",
                             "a.**",
                             ">.a",
                             "..",
                             "a.b..",
                             "a#",
                             std::string(kLongestName + 1, 'x'),
                             std::string("a\0b", 3)};
  for (const auto& name : bad) {
    const auto status = names::check(name, true);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_NE(status.message().find(name), absl::string_view::npos) << name;
    EXPECT_GT(status.message().size(), name.size() + 10) << "a reason is given";
  }
}

TEST(Names, WildcardWhereOneTopicIsMeantSaysWhatToUse) {
  const auto status = names::check("md.*", false);
  EXPECT_NE(status.message().find("family_publisher"), absl::string_view::npos);
}

}  // namespace
}  // namespace ringway
