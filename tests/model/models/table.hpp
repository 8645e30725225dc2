// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Tables of docs/verification.md: each stands between two comments and is written by the test that
/// finds its rows, with `--table FILE`.

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::model {

/// What the command line asked for.
struct Arguments {
  bool whole = false;               // --whole: everything, in minutes, instead of the short form
  std::string table;                // --table FILE: where the table is to be replaced
  std::string rows;                 // --rows FILE: where to keep the rows for --merge
  std::vector<std::string> merged;  // --merge FILE, any number: rows that other runs have kept
};
inline Arguments arguments;

/// Takes ours out of the arguments.
inline void read_arguments(int& count, char** given) {
  int kept = 0;
  for (int i = 0; i < count; ++i) {
    if (std::string_view(given[i]) == "--whole") {
      arguments.whole = true;
    } else if (std::string_view(given[i]) == "--table" && i + 1 < count) {
      arguments.table = given[++i];
    } else if (std::string_view(given[i]) == "--rows" && i + 1 < count) {
      arguments.rows = given[++i];
    } else if (std::string_view(given[i]) == "--merge" && i + 1 < count) {
      arguments.merged.emplace_back(given[++i]);
    } else {
      given[kept++] = given[i];
    }
  }
  count = kept;
}

/// One line of a table.
[[nodiscard]] inline std::string row_of(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) row += " " + cell + " |";
  return row + "\n";
}

/// 1234567 as 1,234,567.
[[nodiscard]] inline std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

/// Puts `text` between `<!-- NAME -->` and `<!-- end of NAME -->`. \return false if they are not
/// there
inline bool replace_table(const std::string& path, const std::string& name,
                          const std::string& text) {
  std::ifstream in(path);
  std::string all((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::string open = "<!-- " + name + " -->\n";
  const auto begin = all.find(open);
  const auto end = all.find("<!-- end of " + name + " -->");
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    std::fprintf(stderr, "%s has no place for the table of %s\n", path.c_str(), name.c_str());
    return false;
  }
  all.replace(begin + open.size(), end - begin - open.size(), "\n" + text + "\n");
  std::ofstream out(path, std::ios::trunc);
  out << all;
  return out.good();
}

}  // namespace ringway::model
