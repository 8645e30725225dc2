// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Just enough JSON for tests to read what the example wrote: null, true, false, numbers, strings
/// without escapes, objects, arrays.

#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace vessel {

/// A value; throws std::runtime_error for a text that is no JSON and for a key that is missing.
struct Json {
  enum class Kind { kNull, kNumber, kText, kObject, kArray };

  Kind kind = Kind::kNull;
  double number = 0;
  std::string text;  ///< of a string; "true" or "false"
  std::map<std::string, Json> members;
  std::vector<Json> elements;

  const Json& operator[](const std::string& key) const {
    const auto found = members.find(key);
    if (found == members.end()) throw std::runtime_error("no key " + key);
    return found->second;
  }

  static Json parse(const std::string& text) {
    Reader reader{text};
    Json value = reader.value();
    if (reader.peek() != '\0') throw std::runtime_error("text behind the JSON value");
    return value;
  }

 private:
  struct Reader {
    const std::string& text;
    std::size_t at = 0;

    /// The next character that is no space; 0 at the end.
    char peek() {
      while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
      return at < text.size() ? text[at] : '\0';
    }
    void expect(char wanted) {
      if (peek() != wanted) {
        throw std::runtime_error(std::string("expected ") + wanted + " at " + std::to_string(at));
      }
      ++at;
    }
    std::string string() {
      expect('"');
      const std::size_t end = text.find('"', at);
      if (end == std::string::npos) throw std::runtime_error("a string without an end");
      std::string name = text.substr(at, end - at);
      at = end + 1;
      return name;
    }

    Json value() {
      Json result;
      const char first = peek();
      if (first == '{') {
        result.kind = Kind::kObject;
        ++at;
        while (peek() != '}') {
          if (!result.members.empty()) expect(',');
          std::string name = string();
          expect(':');
          if (!result.members.emplace(std::move(name), value()).second) {
            throw std::runtime_error("a key twice");
          }
        }
        ++at;
      } else if (first == '[') {
        result.kind = Kind::kArray;
        ++at;
        while (peek() != ']') {
          if (!result.elements.empty()) expect(',');
          result.elements.push_back(value());
        }
        ++at;
      } else if (first == '"') {
        result.kind = Kind::kText;
        result.text = string();
      } else if (text.compare(at, 4, "null") == 0) {
        at += 4;
      } else if (text.compare(at, 4, "true") == 0 || text.compare(at, 5, "false") == 0) {
        result.kind = Kind::kText;
        result.text = first == 't' ? "true" : "false";
        at += result.text.size();
      } else {
        result.kind = Kind::kNumber;
        char* end = nullptr;
        result.number = std::strtod(text.c_str() + at, &end);
        if (end == text.c_str() + at) {
          throw std::runtime_error("no value at " + std::to_string(at));
        }
        at = static_cast<std::size_t>(end - text.c_str());
      }
      return result;
    }
  };
};

}  // namespace vessel
