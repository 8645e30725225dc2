// SPDX-License-Identifier: Apache-2.0
// A message for people: by the description of its type, or in hex; and what else is printed.
#include "fields.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "ringway/shm/type_encoding.hpp"

namespace tool {
namespace {

struct Fee {
  std::uint16_t kind;
  float rate;
};
enum class Side : std::uint8_t { kBuy = 1, kSell = 2 };
struct Trade {
  std::uint64_t id;
  double price;
  std::int32_t change;
  Side side;
  bool open;
  char market[6];
  std::array<Fee, 2> fees;
};
const Trade kTrade{17, 100.25, -3, Side::kSell, true, "HEL", {{{1, 0.5F}, {2, 0.25F}}}};

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

TEST(Fields, ShowMembersInTheirOrder) {
  EXPECT_EQ(fields_text(ringway::message_type<Trade>(), bytes_of(kTrade)),
            R"({17, 100.25, -3, 2, true, "HEL", [{1, 0.5}, {2, 0.25}]})");
  Json json;
  json.begin_object();
  add_fields(json, "fields", ringway::message_type<Trade>(), bytes_of(kTrade));
  json.end_object();
  EXPECT_EQ(json.str(), R"({"fields":[17,100.25,-3,2,true,"HEL",[[1,0.5],[2,0.25]]]})");
}

TEST(Fields, WorkWithADescriptionThatTravelled) {
  std::array<std::byte, 1024> memory{};
  ASSERT_TRUE(ringway::encode(ringway::message_type<Trade>(), memory));
  const auto type = ringway::decode_message_type(memory);
  ASSERT_TRUE(type);
  EXPECT_EQ(fields_text(type->type(), bytes_of(kTrade)),
            fields_text(ringway::message_type<Trade>(), bytes_of(kTrade)));
}

TEST(Fields, OfAMessageThatIsTooShortAreNone) {
  EXPECT_EQ(fields_text(ringway::message_type<Trade>(), bytes_of(kTrade).first(8)), "{}");
}

TEST(Fields, CharactersThatAreNoTextAreNumbers) {
  const char text[4] = {'\x1b', '[', '2', 'J'};
  EXPECT_EQ(fields_text(ringway::message_type<char[4]>(), bytes_of(text)), "{[27, 91, 50, 74]}");
}

TEST(Output, HexShowsOffsetsBytesAndCharactersWithinEightyColumns) {
  std::array<unsigned char, 18> bytes{};
  std::memcpy(bytes.data(), "Hello\x1b world, hi!", 18);
  EXPECT_EQ(hex_lines(bytes_of(bytes), 0),
            "  0000  48 65 6c 6c 6f 1b 20 77 6f 72 6c 64 2c 20 68 69  |Hello. world, hi|\n"
            "  0010  21 00                                            |!.|\n");
  EXPECT_EQ(hex_lines(bytes_of(bytes), 2),
            "  0000  48 65                                            |He|\n"
            "  ... 16 more bytes (--bytes)\n");
}

TEST(Output, NamesCannotReachTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\xff"), "a\\x1b[2Jb\\xff");
  Json json;
  json.begin_object().text("name", "a\"\\\x1b\xff").end_object();
  EXPECT_EQ(json.str(), R"({"name":"a\"\\\u001b\u00ff"})");
}

TEST(Output, TablesShrinkNamesAndNeverNumbers) {
  Table table({{"NAME", false, true}, {"COUNT", true}});
  table.add({std::string(100, 'a') + std::string(50, 'b'), "1234567"});
  const auto narrow = table.text(2, kColumns);
  for (std::size_t begin = 0, end = 0; (end = narrow.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    EXPECT_LE(end - begin, kColumns);
  }
  EXPECT_NE(narrow.find("a..b"), std::string::npos);
  EXPECT_NE(narrow.find(" 1234567\n"), std::string::npos);
  EXPECT_NE(table.text(2, 0).find(std::string(100, 'a') + std::string(50, 'b')), std::string::npos);
}

TEST(Output, NumbersAreShort) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(99999), "99999");
  EXPECT_EQ(count_text(123456), "123 k");
  EXPECT_EQ(count_text(1234567), "1.23 M");
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(4718592), "4.5 MiB");
  EXPECT_EQ(duration_text(90), "90 s");
  EXPECT_EQ(duration_text(86400 * 3), "3 d");
}

}  // namespace
}  // namespace tool
