// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Reads JSON (RFC 8259) into a tree: for results of earlier runs, so it says where a file is wrong.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ringway::bench {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json>;

  Json() = default;
  explicit Json(std::variant<std::nullptr_t, bool, double, std::string, Array, Object> value)
      : value_(std::move(value)) {}

  /// The text's one value, or nothing and a sentence in `error`.
  [[nodiscard]] static std::optional<Json> parse(std::string_view text, std::string& error);

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  /// The elements; none if this is no array.
  [[nodiscard]] const Array& array() const;
  /// The member; null if there is none.
  [[nodiscard]] const Json& operator[](const std::string& name) const;
  [[nodiscard]] std::string text(std::string otherwise = "") const;
  [[nodiscard]] double number(double otherwise = 0) const;
  [[nodiscard]] bool is_array() const { return std::holds_alternative<Array>(value_); }

 private:
  std::variant<std::nullptr_t, bool, double, std::string, Array, Object> value_ = nullptr;
};

}  // namespace ringway::bench
