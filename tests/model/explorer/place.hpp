// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Where an operation stands in the source: `std::source_location`, or its like for clang before
/// 16, which cannot compile libstdc++'s.

#include <cstdint>
#include <source_location>

namespace ringway::model {

#if defined(__cpp_lib_source_location)
using Place = std::source_location;
#else
class Place {
 public:
  static constexpr Place current(const char* file = __builtin_FILE(),
                                 const char* function = __builtin_FUNCTION(),
                                 std::uint32_t line = __builtin_LINE(),
                                 std::uint32_t column = __builtin_COLUMN()) noexcept {
    Place place;
    place.file_ = file;
    place.function_ = function;
    place.line_ = line;
    place.column_ = column;
    return place;
  }
  [[nodiscard]] constexpr const char* file_name() const noexcept { return file_; }
  [[nodiscard]] constexpr const char* function_name() const noexcept { return function_; }
  [[nodiscard]] constexpr std::uint32_t line() const noexcept { return line_; }
  [[nodiscard]] constexpr std::uint32_t column() const noexcept { return column_; }

 private:
  const char* file_ = "";
  const char* function_ = "";
  std::uint32_t line_ = 0;
  std::uint32_t column_ = 0;
};
#endif

}  // namespace ringway::model
