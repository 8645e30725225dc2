// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "driver/json_reader.hpp"
#include "driver/json_writer.hpp"

namespace ringway::bench {
namespace {

std::optional<Json> parse(std::string_view text) {
  std::string error;
  return Json::parse(text, error);
}

TEST(JsonWriter, NestsObjectsAndArrays) {
  JsonWriter json;
  json.begin_object().member("a", std::uint64_t{1}).key("b").begin_array().value("x").value(2.5);
  json.null().end_array().key("c").begin_object().end_object().end_object();
  EXPECT_EQ(json.text(),
            "{\n  \"a\": 1,\n  \"b\": [\n    \"x\",\n    2.5,\n    null\n  ],\n  \"c\": {}\n}");
}

TEST(JsonWriter, EscapesWhatJsonGivesAMeaningTo) {
  JsonWriter json;
  json.value("quote \" backslash \\ line \n");
  EXPECT_EQ(json.text(), R"("quote \" backslash \\ line \u000a")");
}

TEST(JsonWriter, WritesNullForWhatIsNoNumber) {
  JsonWriter json;
  json.begin_array()
      .value(std::numeric_limits<double>::infinity())
      .value(std::numeric_limits<double>::quiet_NaN())
      .value(std::optional<double>{})
      .end_array();
  EXPECT_EQ(json.text(), "[\n  null,\n  null,\n  null\n]");
}

TEST(JsonReader, ReadsWhatTheWriterWrote) {
  JsonWriter json;
  json.begin_object()
      .member("text", "a \"b\" \\ \t c")
      .member("number", 1234.5)
      .member("nothing", std::optional<double>{})
      .key("list")
      .begin_array()
      .value(std::uint64_t{7})
      .value("x")
      .end_array()
      .end_object();
  const auto read = parse(json.text());
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)["text"].text(), "a \"b\" \\ \t c");
  EXPECT_EQ((*read)["number"].number(), 1234.5);
  EXPECT_TRUE((*read)["nothing"].is_null());
  ASSERT_EQ((*read)["list"].array().size(), 2u);
  EXPECT_EQ((*read)["list"].array()[0].number(), 7);
  EXPECT_EQ((*read)["list"].array()[1].text(), "x");
}

TEST(JsonReader, ReadsEveryKindOfValue) {
  const auto read = parse(R"( { "a" : [ true , false , null, -1.5e3 ] , "b":"\u00e9\u20ac\n" } )");
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)["a"].array().size(), 4u);
  EXPECT_EQ((*read)["a"].array()[3].number(), -1500);
  EXPECT_EQ((*read)["b"].text(), "\xC3\xA9\xE2\x82\xAC\n");
}

TEST(JsonReader, AnswersForWhatIsMissing) {
  const auto read = parse("[1]");
  ASSERT_TRUE(read);
  EXPECT_TRUE((*read)["name"].is_null());
  EXPECT_EQ((*read)["name"].text("otherwise"), "otherwise");
  EXPECT_EQ((*read)["name"].number(3), 3);
  EXPECT_TRUE((*read)["name"].array().empty());
}

TEST(JsonReader, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "[1,", "[1 2]", "{\"a\"}", "{a:1}", "\"open", "tru", "1 2",
                           "[\"\\u12\"]", "nul", "}", "[1,]"}) {
    std::string error;
    EXPECT_FALSE(Json::parse(text, error)) << text;
    EXPECT_NE(error.find(" at byte "), std::string::npos) << text;
  }
}

TEST(JsonReader, RefusesBottomlessNesting) {
  EXPECT_FALSE(parse(std::string(100'000, '[')));
}

}  // namespace
}  // namespace ringway::bench
