// SPDX-License-Identifier: Apache-2.0
#include "driver/json_reader.hpp"

#include <charconv>

namespace ringway::bench {
namespace {

/// Recursive descent; every function leaves `at_` behind what it read, or sets `error_`.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<Json> parse(std::string& error) {
    Json value = read_value(0);
    skip_space();
    if (error_.empty() && at_ != text_.size()) fail("something follows the value");
    if (!error_.empty()) {
      error = error_;
      return std::nullopt;
    }
    return value;
  }

 private:
  static constexpr int kDeepest = 64;

  Json read_value(int depth) {
    skip_space();
    if (depth > kDeepest) return fail("nested too deeply");
    if (at_ == text_.size()) return fail("the text ends too early");
    switch (text_[at_]) {
      case '{': return read_object(depth);
      case '[': return read_array(depth);
      case '"': return Json(read_string());
      case 't': return read_word("true", Json(true));
      case 'f': return read_word("false", Json(false));
      case 'n': return read_word("null", Json());
      default: return read_number();
    }
  }

  Json read_object(int depth) {
    Json::Object members;
    ++at_;
    if (take('}')) return Json(std::move(members));
    do {
      skip_space();
      if (at_ == text_.size() || text_[at_] != '"') return fail("a member needs a name");
      std::string name = read_string();
      if (!take(':')) return fail("a ':' is missing");
      members[std::move(name)] = read_value(depth + 1);
      if (!error_.empty()) return Json();
    } while (take(','));
    if (!take('}')) return fail("a '}' is missing");
    return Json(std::move(members));
  }

  Json read_array(int depth) {
    Json::Array elements;
    ++at_;
    if (take(']')) return Json(std::move(elements));
    do {
      elements.push_back(read_value(depth + 1));
      if (!error_.empty()) return Json();
    } while (take(','));
    if (!take(']')) return fail("a ']' is missing");
    return Json(std::move(elements));
  }

  std::string read_string() {
    std::string result;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] != '\\') {
        result += text_[at_];
        continue;
      }
      if (++at_ == text_.size()) break;
      switch (text_[at_]) {
        case 'n': result += '\n'; break;
        case 't': result += '\t'; break;
        case 'r': result += '\r'; break;
        case 'b': result += '\b'; break;
        case 'f': result += '\f'; break;
        case 'u': result += read_code_point(); break;
        default: result += text_[at_];
      }
    }
    if (at_ == text_.size()) {
      fail("a string does not end");
    } else {
      ++at_;
    }
    return result;
  }

  /// \uXXXX as UTF-8; surrogate pairs, which our writer never makes, become '?'.
  std::string read_code_point() {
    unsigned code = 0;
    const std::string_view digits = text_.substr(at_ + 1, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc{} || end != digits.data() + 4) {
      fail("\\u needs four hexadecimal digits");
      return "";
    }
    at_ += 4;
    const auto low = [](unsigned bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
    if (code < 0x80) return {static_cast<char>(code)};
    if (code < 0x800) return {static_cast<char>(0xC0 | code >> 6), low(code)};
    if (code >= 0xD800 && code < 0xE000) return "?";
    return {static_cast<char>(0xE0 | code >> 12), low(code >> 6), low(code)};
  }

  Json read_number() {
    double value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc{}) return fail("a value is expected");
    at_ += static_cast<std::size_t>(end - begin);
    return Json(value);
  }

  Json read_word(std::string_view word, Json value) {
    if (text_.substr(at_, word.size()) != word) return fail("a value is expected");
    at_ += word.size();
    return value;
  }

  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }

  Json fail(const char* what) {
    if (error_.empty()) error_ = std::string(what) + " at byte " + std::to_string(at_);
    return Json();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
};

}  // namespace

std::optional<Json> Json::parse(std::string_view text, std::string& error) {
  return Parser(text).parse(error);
}

const Json& Json::operator[](const std::string& name) const {
  static const Json kNull;
  const auto member = object_.find(name);
  return member == object_.end() ? kNull : member->second;
}

}  // namespace ringway::bench
