// SPDX-License-Identifier: Apache-2.0
/// \file
/// Types are taken apart as they lie in memory, alike by every compiler, and refused if they mean
/// nothing to another process. The refusals' sentences: tests/compile.

#include "ringway/bus/type_description.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace types {

enum class Side : std::uint8_t { kBuy, kSell };
enum Plain { kOne, kTwo };
struct Empty {};
struct Inner {
  std::uint16_t a;
  double b;
};
struct Everything {
  std::uint64_t id;
  double price;
  std::uint32_t quantity;
  Side side;
  bool last;
  char text[5];
  Inner grid[2][3];
  std::array<float, 3> colour;
  Plain plain;
  Empty nothing;
  const std::int16_t fixed;
  std::byte raw;
};
struct Aligned {  // not where the rule would put it
  char a;
  alignas(2) char b;
  int c;
};
struct Big {
  char text[65536];
  std::uint32_t n;
  Inner inner;
};
struct BigAligned {
  char text[65537];
  alignas(64) char one;
};
struct Most {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2,
      c3, c4, c5, c6, c7, c8, c9, d0, d1;
};
struct TooMany {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2,
      c3, c4, c5, c6, c7, c8, c9, d0, d1, d2;
};
struct Initialised {
  int a = 3;
  double b = 4;
};

class Price {  // has a private member and constructors
 public:
  Price() = default;
  explicit Price(std::int64_t ticks) : ticks_(ticks) {}
  [[nodiscard]] std::int64_t ticks() const { return ticks_; }

 private:
  std::int64_t ticks_ = 0;
};
struct Quote {
  Price bid;
  Price ask[2];
};
class Point {
 public:
  Point() = default;
  [[nodiscard]] float norm() const { return x_ * x_ + y_ * y_; }

 private:
  float x_ = 0;
  float y_ = 0;
};
struct Line {
  std::uint32_t id;
  std::array<Point, 2> ends;
};
struct Renamed {
  int a;
};

struct Private {
  Private() = default;
  [[nodiscard]] int get() const { return a_; }

 private:
  int a_ = 0;
};
struct Base {
  int a;
};
struct Derived : Base {
  int b;
};
struct DerivedFromEmpty : Empty {
  int b;
};
union Either {
  int a;
  float b;
};
struct Bits {
  unsigned a : 3;
  unsigned b : 29;
};
struct [[gnu::packed]] Packed {
  char a;
  int b;
};
struct Virtual {
  virtual ~Virtual() = default;
};
template <class T>
struct With {
  std::uint32_t before;
  T it;
};
template <class T>
struct Deep {
  With<T> there[2];
};

}  // namespace types

template <>
struct ringway::DescribeType<types::Price> {
  using Layout = std::int64_t;
};
template <>
struct ringway::DescribeType<types::Point> {
  static constexpr std::array<ringway::TypeMember, 2> kMembers{
      {{.offset = 0, .size = 4, .kind = ringway::TypeKind::kFloating},
       {.offset = 4, .size = 4, .kind = ringway::TypeKind::kFloating}}};
};
template <>
struct ringway::DescribeType<types::Renamed> {
  static constexpr std::string_view kName = "md.Renamed";
  static constexpr std::uint32_t kVersion = 3;
};

namespace ringway::test {
namespace {

using Members = std::vector<TypeMember>;

template <class T>
Members members_of() {
  const auto members = message_type<T>().members;
  return {members.begin(), members.end()};
}

TEST(MessageType, ListsEveryMemberWhereItLies) {
  using enum TypeKind;
  using T = types::Everything;
  const Members expected{
      {.offset = offsetof(T, id), .size = 8, .kind = kUnsigned},
      {.offset = offsetof(T, price), .size = 8, .kind = kFloating},
      {.offset = offsetof(T, quantity), .size = 4, .kind = kUnsigned},
      {.offset = offsetof(T, side), .size = 1, .kind = kEnum},
      {.offset = offsetof(T, last), .size = 1, .kind = kBool},
      {.offset = offsetof(T, text),
       .size = 1,
       .count = 5,
       .kind = std::is_signed_v<char> ? kSigned : kUnsigned,
       .is_array = 1},
      {.offset = offsetof(T, grid),
       .size = sizeof(types::Inner),
       .count = 6,
       .inside = 2,
       .kind = kAggregate,
       .is_array = 1},
      {.offset = offsetof(types::Inner, a), .size = 2, .kind = kUnsigned},
      {.offset = offsetof(types::Inner, b), .size = 8, .kind = kFloating},
      {.offset = offsetof(T, colour), .size = 4, .count = 3, .kind = kFloating, .is_array = 1},
      {.offset = offsetof(T, plain), .size = 4, .kind = kEnum},
      {.offset = offsetof(T, fixed), .size = 2, .kind = kSigned},
      {.offset = offsetof(T, raw), .size = 1, .kind = kEnum},
  };
  EXPECT_EQ(members_of<T>(), expected);
  constexpr MessageType kType = message_type<T>();
  static_assert(kType.size == sizeof(T) && kType.align == alignof(T) && kType.version == 1);
  EXPECT_EQ(kType.name, "types::Everything");
}

TEST(MessageType, FindsMembersWhereverTheyWerePut) {
  EXPECT_EQ(members_of<types::Aligned>()[1].offset, offsetof(types::Aligned, b));
  EXPECT_EQ(members_of<types::Big>()[1].offset, offsetof(types::Big, n));
  EXPECT_EQ(members_of<types::Big>()[2].offset, offsetof(types::Big, inner));
  EXPECT_EQ(members_of<types::Initialised>()[1].offset, offsetof(types::Initialised, b));
  EXPECT_EQ(members_of<types::Most>().size(), kMostMembers);
  EXPECT_EQ(members_of<types::Most>()[31].offset, offsetof(types::Most, d1));
}

TEST(MessageType, NumbersAndArraysAreTypesToo) {
  EXPECT_EQ(members_of<int>(), (Members{{.offset = 0, .size = 4, .kind = TypeKind::kSigned}}));
  EXPECT_EQ(
      (members_of<std::array<std::uint16_t, 4>>()),
      (Members{{.offset = 0, .size = 2, .count = 4, .kind = TypeKind::kUnsigned, .is_array = 1}}));
  EXPECT_TRUE(members_of<types::Empty>().empty());
}

TEST(MessageType, OtherTypesDescribeThemselves) {
  using enum TypeKind;
  EXPECT_EQ(members_of<types::Price>(), (Members{{.offset = 0, .size = 8, .kind = kSigned}}));
  EXPECT_EQ(members_of<types::Quote>(),
            (Members{{.offset = 0, .size = 8, .kind = kSigned},
                     {.offset = 8, .size = 8, .count = 2, .kind = kSigned, .is_array = 1}}));
  EXPECT_EQ(
      members_of<types::Line>(),
      (Members{{.offset = 0, .size = 4, .kind = kUnsigned},
               {.offset = 4, .size = 8, .count = 2, .inside = 2, .kind = kAggregate, .is_array = 1},
               {.offset = 0, .size = 4, .kind = kFloating},
               {.offset = 4, .size = 4, .kind = kFloating}}));
  EXPECT_EQ(message_type<types::Renamed>().name, "md.Renamed");
  EXPECT_EQ(message_type<types::Renamed>().version, 3u);
}

// These numbers were computed once and hold for every compiler that the project is built with.
TEST(MessageType, LayoutHashIsTheSameFromEveryCompiler) {
  EXPECT_EQ(layout_hash(message_type<types::Everything>()), 0x902cd366f3ee62eeU);
  EXPECT_EQ(layout_hash(message_type<types::Aligned>()), 0x6e6185d6a17f9d2aU);
  EXPECT_EQ(layout_hash(message_type<types::Big>()), 0x64bf7275ea74df7dU);
  EXPECT_EQ(layout_hash(message_type<types::Quote>()), 0x732a629d9d3d02fdU);
  EXPECT_EQ(layout_hash(message_type<types::Line>()), 0xf8823b1dea0a47f9U);
}

TEST(MessageType, LayoutHashSeesEveryDetail) {
  std::vector<std::uint64_t> hashes;
  TypeMember member{.offset = 0, .size = 4, .kind = TypeKind::kUnsigned};
  MessageType type{.name = "T", .align = 4, .size = 8, .members = {&member, 1}};
  hashes.push_back(layout_hash(type));
  for (const auto& change : std::initializer_list<void (*)(MessageType&, TypeMember&)>{
           [](MessageType&t, TypeMember&) { t.size = 12; },
           [](MessageType&t, TypeMember&) { t.align = 8; },
           [](MessageType&t, TypeMember&) { t.members = {}; },
           [](MessageType&, TypeMember&m) { m.offset = 4; },
           [](MessageType&, TypeMember&m) { m.size = 2; },
           [](MessageType&, TypeMember&m) { m.count = 2; },
           [](MessageType&, TypeMember&m) { m.inside = 1; },
           [](MessageType&, TypeMember&m) { m.is_array = 1; },
           [](MessageType&, TypeMember&m) { m.kind = TypeKind::kFloating; }}) {
    TypeMember changed = member;
    MessageType other = type;
    other.members = {&changed, 1};
    change(other, changed);
    hashes.push_back(layout_hash(other));
  }
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(hashes[i], hashes[j]) << i << " and " << j;
  }
}

/// Alone, as a member, and in an array of arrays: refused for the same reason.
template <class T>
constexpr bool refused_everywhere(TypeRefusal why) {
  return kTypeRefusal<T> == why && kTypeRefusal<types::With<T>> == why &&
         kTypeRefusal<types::Deep<T>> == why && !SafeBetweenProcesses<T>;
}

TEST(SafeBetweenProcesses, TakesWhatMeansTheSameEverywhere) {
  static_assert(SafeBetweenProcesses<int>);
  static_assert(SafeBetweenProcesses<types::Side>);
  static_assert(SafeBetweenProcesses<types::Everything>);
  static_assert(SafeBetweenProcesses<types::Deep<types::Everything>>);
  static_assert(SafeBetweenProcesses<types::Deep<types::Quote>>);
  static_assert(SafeBetweenProcesses<types::With<std::array<types::Inner, 7>>>);
  static_assert(SafeBetweenProcesses<types::Empty>);
}

TEST(SafeBetweenProcesses, RefusesAddressesHoweverDeepTheyLie) {
  static_assert(refused_everywhere<int*>(TypeRefusal::kPointer));
  static_assert(refused_everywhere<const char*>(TypeRefusal::kPointer));
  static_assert(refused_everywhere<void (*)(int)>(TypeRefusal::kPointer));
  static_assert(refused_everywhere<int types::Base::*>(TypeRefusal::kPointer));
  static_assert(refused_everywhere<std::nullptr_t>(TypeRefusal::kPointer));
  static_assert(refused_everywhere<std::string_view>(TypeRefusal::kView));
  static_assert(refused_everywhere<std::span<int>>(TypeRefusal::kView));
  static_assert(kTypeRefusal<std::span<const std::byte, 4>> == TypeRefusal::kView);
  static_assert(!SafeBetweenProcesses<types::With<std::span<const std::byte, 4>>>);
  static_assert(kTypeRefusal<types::With<std::string>> == TypeRefusal::kNotTriviallyCopyable);
  static_assert(kTypeRefusal<std::unique_ptr<int>> == TypeRefusal::kNotTriviallyCopyable);
  static_assert(kTypeRefusal<std::vector<int>> == TypeRefusal::kNotTriviallyCopyable);
  static_assert(kTypeRefusal<types::Virtual> == TypeRefusal::kNotTriviallyCopyable);
  static_assert(!SafeBetweenProcesses<int&>);
  static_assert(!SafeBetweenProcesses<types::With<int&>>);
  static_assert(!SafeBetweenProcesses<types::With<const int&>>);
}

TEST(SafeBetweenProcesses, RefusesWhatCannotBeListed) {
  static_assert(refused_everywhere<types::Either>(TypeRefusal::kUnion));
  static_assert(refused_everywhere<types::Derived>(TypeRefusal::kHasBase));
  static_assert(refused_everywhere<types::DerivedFromEmpty>(TypeRefusal::kHasBase));
  static_assert(refused_everywhere<types::TooMany>(TypeRefusal::kTooManyMembers));
  static_assert(refused_everywhere<types::Private>(TypeRefusal::kCannotBeListed));
  static_assert(refused_everywhere<types::Bits>(TypeRefusal::kCannotBeListed));
  static_assert(kTypeRefusal<types::Packed> == TypeRefusal::kCannotBeListed);
  static_assert(refused_everywhere<long double>(TypeRefusal::kCannotBeListed));
  static_assert(kTypeRefusal<std::optional<int>> == TypeRefusal::kCannotBeListed);
}

TEST(SafeBetweenProcesses, LargeTypeWhoseMembersAreNotWhereTheRulePutsThemIsRefused) {
  static_assert(kTypeRefusal<types::BigAligned> == TypeRefusal::kCannotBeListed);
}

}  // namespace
}  // namespace ringway::test
