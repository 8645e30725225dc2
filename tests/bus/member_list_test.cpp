// SPDX-License-Identifier: Apache-2.0
#include "ringway/bus/member_list.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ringway {
namespace {

struct Empty {};
struct One {
  int a;
};
struct Mixed {
  std::uint8_t a;
  double b;
  std::string c;
  char text[9];
  One nested;
  std::array<int, 3> d;
};
struct Initialised {
  int a = 1;
  int b = 2;
};
struct Bits {
  unsigned a : 3;
  unsigned b : 5;
};
struct Most {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9;
  int c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1;
};
struct TooMany {
  Most most_of_them;
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9;
  int c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1;
};
struct Derived : One {
  int b;
};
struct EmptyDerived : Empty {};
union Either {
  int a;
  float b;
};
class Private {
 public:
  int a = 0;

 private:
  [[maybe_unused]] int b_ = 0;
};
struct WithConstructor {
  explicit WithConstructor(int value) : a(value) {}
  int a;
};

static_assert(member_count<One>() == 1 && member_count<Mixed>() == 6 && member_count<Bits>() == 2);
static_assert(member_count<Initialised>() == 2);
static_assert(member_count<Most>() == kMostMembers);

static_assert(kCanBeListed<Empty> && kCanBeListed<One> && kCanBeListed<Mixed>);
static_assert(kCanBeListed<Initialised> && kCanBeListed<Bits> && kCanBeListed<Most>);
static_assert(!kCanBeListed<TooMany> && !kCanBeListed<Derived> && !kCanBeListed<EmptyDerived>);
static_assert(!kCanBeListed<Either> && !kCanBeListed<Private> && !kCanBeListed<WithConstructor>);
static_assert(!kCanBeListed<int> && !kCanBeListed<int[3]>);

TEST(MemberList, ShowsEachMemberWhereItLiesInTheOrderOfDeclaration) {
  const Mixed value{1, 2.0, "three", "four", {5}, {6, 7, 8}};
  std::vector<const void*> seen;
  visit_members(value, [&seen](const auto&... members) { (seen.push_back(&members), ...); });
  const std::vector<const void*> expected{&value.a,    &value.b,      &value.c,
                                          &value.text, &value.nested, &value.d};
  EXPECT_EQ(seen, expected);
}

TEST(MemberList, GoesUpToTheMost) {
  Most value{};
  value.a0 = 1;
  value.d1 = 32;
  std::vector<int> seen;
  visit_members(value, [&seen](auto... members) { (seen.push_back(members), ...); });
  ASSERT_EQ(seen.size(), kMostMembers);
  EXPECT_EQ(seen.front(), 1);
  EXPECT_EQ(seen.back(), 32);
}

TEST(MemberList, HandsBackWhatTheVisitorReturns) {
  EXPECT_EQ(visit_members(Initialised{}, [](int a, int b) { return 10 * a + b; }), 12);
  EXPECT_EQ(visit_members(Empty{}, [](const auto&... members) { return sizeof...(members); }), 0U);
}

}  // namespace
}  // namespace ringway
