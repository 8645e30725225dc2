// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Building texts.

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <string>

namespace vessel {

/// Appends what printf would print.
[[gnu::format(printf, 2, 3)]] inline void append(std::string& text, const char* format, ...) {
  char buffer[256];
  std::va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  if (length > 0) text.append(buffer, std::min<std::size_t>(static_cast<std::size_t>(length), 255));
}

}  // namespace vessel
