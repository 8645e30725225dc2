// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Reads JSON (RFC 8259) into a tree: for results of earlier runs, so it says where a file is
/// wrong.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringway::bench {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json>;

  Json() = default;  ///< null
  explicit Json(bool value) : kind_(Kind::kBool), number_(value ? 1 : 0) {}
  explicit Json(double value) : kind_(Kind::kNumber), number_(value) {}
  explicit Json(std::string value) : kind_(Kind::kText), text_(std::move(value)) {}
  explicit Json(Array value) : kind_(Kind::kArray), array_(std::move(value)) {}
  explicit Json(Object value) : kind_(Kind::kObject), object_(std::move(value)) {}

  /// The text's one value, or nothing and a sentence in `error`.
  [[nodiscard]] static std::optional<Json> parse(std::string_view text, std::string& error);

  [[nodiscard]] bool is_null() const noexcept { return kind_ == Kind::kNull; }
  [[nodiscard]] bool is_array() const noexcept { return kind_ == Kind::kArray; }
  /// The elements; none if this is no array.
  [[nodiscard]] const Array& array() const noexcept { return array_; }
  /// The member; null if there is none.
  [[nodiscard]] const Json& operator[](const std::string& name) const;
  [[nodiscard]] std::string text(const std::string& otherwise = "") const {
    return kind_ == Kind::kText ? text_ : otherwise;
  }
  [[nodiscard]] double number(double otherwise = 0) const noexcept {
    return kind_ == Kind::kNumber ? number_ : otherwise;
  }

 private:
  enum class Kind : unsigned char { kNull, kBool, kNumber, kText, kArray, kObject };

  Kind kind_ = Kind::kNull;
  double number_ = 0;
  std::string text_;
  Array array_;
  Object object_;
};

}  // namespace ringway::bench
