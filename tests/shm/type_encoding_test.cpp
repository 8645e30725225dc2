// SPDX-License-Identifier: Apache-2.0
/// \file
/// Descriptions of types go through foreign memory and come back whole, or not at all.

#include "ringway/shm/type_encoding.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "ringway/bus/type_compatibility.hpp"

namespace ringway::test {
namespace {

struct Inner {
  std::uint16_t a;
  double b;
};
struct Message {
  std::uint64_t id;
  Inner inner[3];
  char text[9];
};

std::vector<std::byte> encoded(const MessageType& type) {
  std::vector<std::byte> bytes(encoded_size(type));
  EXPECT_EQ(encode(type, bytes).value(), bytes.size());
  return bytes;
}

/// The reason why `bytes` are no description.
TypeError reason(std::span<const std::byte> bytes) {
  const auto decoded = decode_message_type(bytes);
  EXPECT_FALSE(decoded.has_value());
  return decoded ? TypeError{} : decoded.error();
}

TEST(TypeEncoding, ComesBackAsItWas) {
  for (const MessageType& type :
       {message_type<Message>(), message_type<int>(), byte_message_type("application/cbor", 4)}) {
    auto bytes = encoded(type);
    bytes.resize(bytes.size() + 100);  // other things may lie behind it
    const auto decoded = decode_message_type(bytes);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(compatibility(decoded->type(), type), TypeFit::kSame);
    EXPECT_EQ(compatibility(type, decoded->type()), TypeFit::kSame);
    EXPECT_EQ(layout_hash(decoded->type()), layout_hash(type));
    EXPECT_EQ(decoded->encoded_bytes(), bytes.size() - 100);
  }
}

TEST(TypeEncoding, TooLittleMemoryIsAnError) {
  const auto type = message_type<Message>();
  const auto bytes = encoded(type);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(reason(std::span(bytes).first(size)), TypeError::kTooShort) << size;
    std::vector<std::byte> small(size);
    EXPECT_EQ(encode(type, small).error(), TypeError::kTooShort);
  }
}

TEST(TypeEncoding, EveryByteThatIsChangedIsNoticed) {
  // What is not told by the hash (name, version, unused) changes nothing else.
  const auto type = message_type<Message>();
  const auto bytes = encoded(type);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned flip : {1U, 0x80U, 0xFFU}) {
      auto wrong = bytes;
      wrong[at] ^= std::byte(flip);
      const auto decoded = decode_message_type(wrong);
      if (!decoded) continue;
      EXPECT_EQ(layout_hash(decoded->type()), layout_hash(type)) << at;
      EXPECT_EQ(decoded->type().members.size(), type.members.size()) << at;
      for (const char c : decoded->type().name) EXPECT_TRUE(c >= ' ' && c <= '~');
    }
  }
}

TEST(TypeEncoding, MembersThatDoNotHoldTogetherAreRefused) {
  const std::vector<TypeMember> good{{.offset = 0, .size = 8, .kind = TypeKind::kUnsigned},
                                     {.offset = 8,
                                      .size = 16,
                                      .count = 2,
                                      .inside = 1,
                                      .kind = TypeKind::kAggregate,
                                      .is_array = 1},
                                     {.offset = 8, .size = 8, .kind = TypeKind::kFloating},
                                     {.offset = 40, .size = 4, .kind = TypeKind::kEnum}};
  const auto with = [&](auto&& change) {
    auto members = good;
    change(members);
    // The hash is right: it does not prove that somebody meant well.
    const auto bytes = encoded({.name = "T", .align = 8, .size = 48, .members = members});
    return decode_message_type(bytes).has_value();
  };
  EXPECT_TRUE(with([](auto&) {}));
  EXPECT_FALSE(with([](auto& m) { m[3].offset = 39; }));
  EXPECT_FALSE(with([](auto& m) { m[3].offset = 45; }));
  EXPECT_FALSE(with([](auto& m) { m[3].offset = 0xFFFFFFFF; }));
  EXPECT_FALSE(with([](auto& m) { m[0].size = 0; }));
  EXPECT_FALSE(with([](auto& m) { m[0].size = 3; }));
  EXPECT_FALSE(with([](auto& m) { m[0].count = 2; }));
  EXPECT_FALSE(with([](auto& m) { m[1].count = 0xFFFFFFFF; }));
  EXPECT_FALSE(with([](auto& m) { m[1].inside = 3; }));
  EXPECT_FALSE(with([](auto& m) { m[2].offset = 9; }));
  EXPECT_FALSE(with([](auto& m) { m[0].inside = 1; }));
  EXPECT_FALSE(with([](auto& m) { m[2].kind = TypeKind{0}; }));
  EXPECT_FALSE(with([](auto& m) { m[2].kind = TypeKind{9}; }));
  EXPECT_FALSE(with([](auto& m) { m[2].is_array = 2; }));
  EXPECT_EQ(reason(encoded({.name = "T", .align = 3, .size = 48, .members = good})),
            TypeError::kCorrupt);
  EXPECT_EQ(reason(encoded({.name = "T\n", .align = 8, .size = 48, .members = good})),
            TypeError::kCorrupt);
}

TEST(TypeEncoding, NestingHasAnEnd) {
  std::vector<TypeMember> members;
  constexpr std::uint16_t kDepth = 200;
  for (std::uint16_t i = 0; i < kDepth; ++i) {
    members.push_back({.offset = 0,
                       .size = 8,
                       .inside = static_cast<std::uint16_t>(kDepth - i - 1),
                       .kind = TypeKind::kAggregate});
  }
  EXPECT_EQ(reason(encoded({.name = "T", .align = 8, .size = 8, .members = members})),
            TypeError::kCorrupt);
}

TEST(TypeEncoding, WhatIsTooLargeIsNotWritten) {
  std::vector<std::byte> room(100'000);
  const std::string name(256, 'x');
  EXPECT_EQ(encode({.name = name, .align = 1, .size = 1, .members = {}}, room).error(),
            TypeError::kTooLarge);
  const std::vector<TypeMember> members(1025);
  EXPECT_EQ(encode({.name = "T", .align = 1, .size = 1, .members = members}, room).error(),
            TypeError::kTooLarge);
  std::set<std::string> sentences;
  for (const auto error :
       {TypeError::kTooShort, TypeError::kNotAType, TypeError::kCorrupt, TypeError::kTooLarge}) {
    sentences.insert(describe(error));
  }
  EXPECT_EQ(sentences.size(), 4u);
}

}  // namespace
}  // namespace ringway::test
