// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// How the commands write: tables of at most 80 columns, JSON, and numbers for people. Nothing that
/// was read from a segment reaches a terminal unchecked.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

inline constexpr std::size_t kColumns = 80;

/// What can be printed stays; other bytes become \xNN.
[[nodiscard]] std::string printable(std::string_view text);
/// `text` in at most `width` columns: its beginning and its end, ".." between them.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t width);
/// "4.5 MiB".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
/// "12345", "1.23 M": at most 7 columns.
[[nodiscard]] std::string count_text(double count);
/// "3 s", "5 min", "2 h", "4 d".
[[nodiscard]] std::string duration_text(double seconds);
/// "1 lane", "2 lanes".
[[nodiscard]] std::string number_of(std::uint64_t count, const char* what);
/// `text` broken into lines of at most kColumns, each beginning with `indent` blanks.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent);

/// Rows under titles. The columns that may shrink do so where the whole would not fit.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;    ///< numbers
    bool shrinks = false;  ///< names: shortened where there is no room
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  /// \param width in columns; 0 shortens nothing
  [[nodiscard]] std::string text(std::size_t indent, std::size_t width) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Writes JSON: objects and arrays are opened and closed, commas come by themselves.
class Json {
 public:
  Json& begin_object(std::string_view key = {});
  Json& end_object();
  Json& begin_array(std::string_view key = {});
  Json& end_array();
  Json& text(std::string_view key, std::string_view value);
  Json& number(std::string_view key, std::uint64_t value);
  Json& number(std::string_view key, double value);
  Json& flag(std::string_view key, bool value);
  /// An element of an array that is JSON already.
  Json& literal(std::string_view value);
  /// An element of an array.
  Json& item(std::string_view value) { return text({}, value); }

  [[nodiscard]] const std::string& str() const noexcept { return out_; }

 private:
  void key(std::string_view name);

  std::string out_;
  bool first_ = true;
};

/// Writes to standard output. \return false if that can not be written to
[[nodiscard]] bool put(std::string_view text);
/// "ringway: ..." on standard error, wrapped.
void complain(std::string_view text);

}  // namespace tool
