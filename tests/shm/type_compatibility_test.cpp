// SPDX-License-Identifier: Apache-2.0
/// \file
/// Who can read whom, and what is said to those who cannot.

#include "ringway/bus/type_compatibility.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

// One type in the course of time. The programs that meet have one of these each.
namespace v1 {
struct Trade {
  std::uint64_t id;
  double price;
};
}  // namespace v1
namespace v2 {
struct Fee {
  std::uint16_t currency;
  float amount;
};
struct Trade {
  std::uint64_t id;
  double price;
  std::uint32_t quantity;
  Fee fee[2];
};
}  // namespace v2
namespace v3 {  // a nested type has grown
struct Fee {
  std::uint16_t currency;
  float amount;
  bool waived;
};
struct Trade {
  std::uint64_t id;
  double price;
  std::uint32_t quantity;
  Fee fee[2];
};
}  // namespace v3
namespace swapped {
struct Trade {
  double price;
  std::uint64_t id;
};
}  // namespace swapped

#define RINGWAY_TEST_TRADE(space, version)                \
  template <>                                             \
  struct ringway::DescribeType<space::Trade> {            \
    static constexpr std::string_view kName = "md.Trade"; \
    static constexpr std::uint32_t kVersion = version;    \
  };
RINGWAY_TEST_TRADE(v1, 1)
RINGWAY_TEST_TRADE(v2, 2)
RINGWAY_TEST_TRADE(v3, 3)
RINGWAY_TEST_TRADE(swapped, 1)
#undef RINGWAY_TEST_TRADE

namespace ringway::test {
namespace {

constexpr MessageType kV1 = message_type<v1::Trade>();
constexpr MessageType kV2 = message_type<v2::Trade>();
constexpr MessageType kV3 = message_type<v3::Trade>();
constexpr MessageType kSwapped = message_type<swapped::Trade>();

TEST(TypeCompatibility, SameTypeFits) {
  EXPECT_EQ(compatibility(kV1, kV1), TypeFit::kSame);
  EXPECT_TRUE(is_readable(TypeFit::kSame));
}

TEST(TypeCompatibility, NewerVersionThatAppendsIsReadByOlderSubscribers) {
  ASSERT_EQ(compatibility(kV2, kV1), TypeFit::kNewer);
  EXPECT_TRUE(is_readable(TypeFit::kNewer));
  // As the subscriber reads it: as many bytes as its own type has.
  const v2::Trade sent{.id = 7, .price = 1.5, .quantity = 3, .fee = {{1, 2.F}, {3, 4.F}}};
  v1::Trade read{};
  std::memcpy(&read, &sent, kV1.size);
  EXPECT_EQ(read.id, 7u);
  EXPECT_EQ(read.price, 1.5);
}

TEST(TypeCompatibility, EverythingElseDoesNotFit) {
  EXPECT_EQ(compatibility(kV1, kV2), TypeFit::kOlder);
  EXPECT_EQ(compatibility(kV3, kV2), TypeFit::kOtherMembers) << "a nested type has grown";
  EXPECT_EQ(compatibility(kSwapped, kV1), TypeFit::kOtherMembers);
  EXPECT_EQ(compatibility(kV2, kSwapped), TypeFit::kOtherMembers);
  EXPECT_EQ(compatibility(message_type<int>(), kV1), TypeFit::kOtherName);
  MessageType unversioned = kV2;
  unversioned.version = 1;
  EXPECT_EQ(compatibility(unversioned, kV1), TypeFit::kOtherMembers) << "appended, same version";
  MessageType aligned = kV1;
  aligned.align = 16;
  EXPECT_EQ(compatibility(aligned, kV1), TypeFit::kOtherMembers);
  for (const TypeFit fit : {TypeFit::kOlder, TypeFit::kOtherMembers, TypeFit::kOtherName}) {
    EXPECT_FALSE(is_readable(fit));
  }
}

TEST(TypeCompatibility, BytesFitBytesOfTheSameSchema) {
  const MessageType cbor = byte_message_type("application/cbor");
  EXPECT_EQ(compatibility(cbor, byte_message_type("application/cbor")), TypeFit::kSame);
  EXPECT_EQ(compatibility(cbor, byte_message_type("text/plain")), TypeFit::kOtherName);
  EXPECT_EQ(describe(cbor), "application/cbor version 1 (bytes)");
}

TEST(TypeMismatch, NamesBothSidesAndTheFirstDifference) {
  EXPECT_EQ(describe(kV2),
            "md.Trade version 2 (40 bytes, aligned to 8: unsigned 8 at 0, floating 8 at 8, "
            "unsigned 4 at 16, aggregate 8 x 2 at 20 {unsigned 2 at 0, floating 4 at 4})");
  EXPECT_EQ(describe_mismatch("md.trades", kV1, kV2),
            "topic md.trades carries " + describe(kV1) + ", but this program was compiled with " +
                describe(kV2) +
                ": member 3 is missing there and unsigned 4 at 16 here; the publisher is older: "
                "rebuild it, or subscribe to another topic");
  EXPECT_EQ(describe_mismatch("md.trades", kSwapped, kV1),
            "topic md.trades carries " + describe(kSwapped) +
                ", but this program was compiled with " + describe(kV1) +
                ": member 1 is floating 8 at 0 there and unsigned 8 at 0 here; rebuild both from "
                "one source, and give a changed type a higher version");
  const std::string nested = describe_mismatch("md.trades", kV3, kV2);
  EXPECT_NE(nested.find("member 4 is aggregate 12 x 2 at 20 there and aggregate 8 x 2 at 20 here"),
            std::string::npos)
      << nested;
  EXPECT_NE(nested.find("a newer version may only append members"), std::string::npos);
  EXPECT_NE(describe_mismatch("t", message_type<int>(), kV1).find("another type"),
            std::string::npos);
  MessageType aligned = kV1;
  aligned.align = 16;
  EXPECT_NE(describe_mismatch("t", aligned, kV1).find("not the size or the alignment"),
            std::string::npos);
}

TEST(TypeMismatch, DifferenceInsideAMemberIsToldByThePlaceOfThatMember) {
  TypeMember there[] = {{.offset = 0, .size = 4, .kind = TypeKind::kUnsigned},
                        {.offset = 8, .size = 8, .inside = 1, .kind = TypeKind::kAggregate},
                        {.offset = 0, .size = 8, .kind = TypeKind::kSigned}};
  TypeMember here[] = {there[0], there[1], there[2]};
  here[2].kind = TypeKind::kFloating;
  const MessageType one{.name = "T", .align = 8, .size = 16, .members = there};
  const MessageType other{.name = "T", .align = 8, .size = 16, .members = here};
  EXPECT_NE(describe_mismatch("t", one, other)
                .find("member 2 holds signed 8 at 0 there and floating 8 at 0 here"),
            std::string::npos)
      << describe_mismatch("t", one, other);
}

}  // namespace
}  // namespace ringway::test
