// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tool {
namespace {

template <class... Args>
std::string format(const char* how, Args... args) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), how, args...);
  return text.data();
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c < ' ' || c > '~') {  // bytes that are no ASCII stand for themselves
      out += format("\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
}

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      out += format("\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (text.size() <= width) return std::string(text);
  if (width <= 4) return std::string(text.substr(0, width));
  const std::size_t end = (width - 2) / 2;
  return std::string(text.substr(0, width - 2 - end)) + ".." +
         std::string(text.substr(text.size() - end));
}

std::string bytes_text(std::uint64_t bytes) {
  static constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return format(value < 10 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
}

std::string count_text(double count) {
  if (count < 99999.5)
    return format(count < 10 && count != std::floor(count) ? "%.1f" : "%.0f", count);
  static constexpr std::array kUnits{"k", "M", "G", "T", "P", "E"};
  std::size_t unit = 0;
  double value = count / 1000;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return format(value < 10 ? "%.2f %s" : (value < 100 ? "%.1f %s" : "%.0f %s"), value,
                kUnits[unit]);
}

std::string duration_text(double seconds) {
  if (seconds < 120) return format("%.0f s", seconds < 0 ? 0 : seconds);
  if (seconds < 7200) return format("%.0f min", seconds / 60);
  if (seconds < 48 * 3600) return format("%.0f h", seconds / 3600);
  return format("%.0f d", seconds / 86400);
}

std::string number_of(std::uint64_t count, const char* what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

std::string wrapped(std::string_view text, std::size_t indent) {
  const std::string blanks(indent, ' ');
  std::string out;
  std::string line;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && indent + line.size() + 1 + word.size() > kColumns) {
      out += blanks + line + '\n';
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  if (!line.empty()) out += blanks + line + '\n';
  return out;
}

std::string Table::text(std::size_t indent, std::size_t width) const {
  std::vector<std::size_t> widths;
  for (const auto& column : columns_) widths.push_back(column.title.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::size_t sum = indent + 2 * (columns_.size() - 1);
  for (const auto one : widths) sum += one;
  while (width != 0 && sum > width) {  // the widest of those that may shrink gives a column
    std::size_t widest = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].shrinks && widths[i] > std::max<std::size_t>(columns_[i].title.size(), 6) &&
          (widest == columns_.size() || widths[i] > widths[widest])) {
        widest = i;
      }
    }
    if (widest == columns_.size()) break;
    --widths[widest];
    --sum;
  }
  std::string out;
  const auto add_line = [&](const auto& cell) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i != 0) line += "  ";
      line += padded(shorten(cell(i), widths[i]), widths[i], columns_[i].right);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  add_line([this](std::size_t i) { return columns_[i].title; });
  for (const auto& row : rows_) {
    add_line([&row](std::size_t i) { return i < row.size() ? row[i] : std::string(); });
  }
  return out;
}

void Json::key(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  if (name.empty()) return;
  out_ += '"';
  append_escaped(out_, name);
  out_ += "\":";
}
Json& Json::begin_object(std::string_view name) {
  key(name);
  out_ += '{';
  first_ = true;
  return *this;
}
Json& Json::end_object() {
  out_ += '}';
  first_ = false;
  return *this;
}
Json& Json::begin_array(std::string_view name) {
  key(name);
  out_ += '[';
  first_ = true;
  return *this;
}
Json& Json::end_array() {
  out_ += ']';
  first_ = false;
  return *this;
}
Json& Json::text(std::string_view name, std::string_view value) {
  key(name);
  out_ += '"';
  append_escaped(out_, value);
  out_ += '"';
  return *this;
}
Json& Json::number(std::string_view name, std::uint64_t value) {
  key(name);
  out_ += std::to_string(value);
  return *this;
}
Json& Json::number(std::string_view name, double value) {
  key(name);
  out_ += std::isfinite(value) ? format("%.6g", value) : "null";
  return *this;
}
Json& Json::literal(std::string_view value) {
  key({});
  out_ += value;
  return *this;
}
Json& Json::flag(std::string_view name, bool value) {
  key(name);
  out_ += value ? "true" : "false";
  return *this;
}

bool put(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

void complain(std::string_view text) {
  std::fputs(wrapped("ringway: " + printable(text), 0).c_str(), stderr);
}

}  // namespace tool
