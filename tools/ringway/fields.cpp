// SPDX-License-Identifier: Apache-2.0
#include "fields.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace tool {
namespace {

using Bytes = std::span<const std::byte>;
using ringway::TypeKind;
using ringway::TypeMember;

constexpr char kDigits[] = "0123456789abcdef";

/// Where values go: text for people, or JSON.
class Writer {
 public:
  explicit Writer(Json* json) : json_(json) {}

  void open(std::string_view key, bool is_array) {
    if (json_ != nullptr) {
      json_->begin_array(key);
    } else {
      comma();
      text_ += is_array ? '[' : '{';
      first_ = true;
    }
  }
  void close(bool is_array) {
    if (json_ != nullptr) {
      json_->end_array();
    } else {
      text_ += is_array ? ']' : '}';
      first_ = false;
    }
  }
  void unsigned_number(std::uint64_t value) {
    if (json_ != nullptr) {
      json_->number({}, value);
    } else {
      word(std::to_string(value));
    }
  }
  void signed_number(std::int64_t value) {
    if (json_ != nullptr) {
      json_->literal(std::to_string(value));
    } else {
      word(std::to_string(value));
    }
  }
  template <class Float>
  void floating(Float value) {
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    const std::string shortest(text.data(), end);
    if (json_ == nullptr) return word(shortest);
    const bool finite = value - value == 0;  // JSON knows no others
    json_->literal(finite ? shortest : "null");
  }
  void boolean(bool value) {
    const char* text = value ? "true" : "false";
    if (json_ == nullptr) return word(text);
    json_->literal(text);
  }
  void string(std::string_view value) {
    if (json_ == nullptr) return word('"' + printable(value) + '"');
    json_->item(value);
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  void comma() {
    if (!first_) text_ += ", ";
    first_ = false;
  }
  void word(const std::string& value) {
    comma();
    text_ += value;
  }

  Json* json_;
  std::string text_;
  bool first_ = true;
};

std::uint64_t unsigned_of(Bytes bytes) {
  std::uint64_t value = 0;  // the machine's byte order: little-endian, as all of Ringway's targets
  for (std::size_t i = 0; i < bytes.size() && i < sizeof(value); ++i) {
    value |= std::uint64_t{std::to_integer<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

template <class Float>
Float floating_of(Bytes bytes) {
  Float value{};
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

void write_scalar(Writer& out, TypeKind kind, Bytes bytes) {
  const auto size = bytes.size();
  if (kind == TypeKind::kFloating && size == sizeof(double)) {
    return out.floating(floating_of<double>(bytes));
  }
  if (kind == TypeKind::kFloating && size == sizeof(float)) {
    return out.floating(floating_of<float>(bytes));
  }
  if (size > sizeof(std::uint64_t) || kind == TypeKind::kOpaque || kind == TypeKind::kFloating) {
    return out.string("0x" + hex_digits(bytes));
  }
  const auto value = unsigned_of(bytes);
  if (kind == TypeKind::kBool) return out.boolean(value != 0);
  if (kind != TypeKind::kSigned) return out.unsigned_number(value);
  const auto shift = 64 - 8 * size;
  out.signed_number(static_cast<std::int64_t>(value << shift) >> shift);
}

/// The characters of an array of char, if it looks like text that ends with zeros.
bool as_text(const TypeMember& member, Bytes bytes, std::string& text) {
  if (member.size != 1 || member.is_array == 0 || member.count < 2 ||
      (member.kind != TypeKind::kSigned && member.kind != TypeKind::kUnsigned)) {
    return false;
  }
  text.clear();
  bool ended = false;
  for (const auto byte : bytes) {
    const auto c = std::to_integer<char>(byte);
    if (c == '\0') {
      ended = true;
    } else if (ended || c < ' ' || c > '~') {
      return false;
    } else {
      text += c;
    }
  }
  return !text.empty();
}

void write_members(Writer& out, std::span<const TypeMember> members, Bytes bytes) {
  std::string text;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto& member = members[i];
    const auto inside = members.subspan(i + 1, member.inside);
    const auto all = bytes.subspan(member.offset, std::size_t{member.size} * member.count);
    if (as_text(member, all, text)) {
      out.string(text);
      continue;
    }
    if (member.is_array != 0) out.open({}, true);
    for (std::size_t k = 0; k < member.count; ++k) {
      const auto one = all.subspan(k * member.size, member.size);
      if (member.inside == 0) {
        const bool unknown = member.kind == TypeKind::kAggregate;
        write_scalar(out, unknown ? TypeKind::kOpaque : member.kind, one);
      } else {
        out.open({}, false);
        write_members(out, inside, one);
        out.close(false);
      }
    }
    if (member.is_array != 0) out.close(true);
    i += member.inside;
  }
}

}  // namespace

std::string fields_text(const ringway::MessageType& type, Bytes message) {
  Writer out(nullptr);
  out.open({}, false);
  if (message.size() >= type.size) write_members(out, type.members, message);
  out.close(false);
  return out.text();
}

void add_fields(Json& json, std::string_view key, const ringway::MessageType& type, Bytes message) {
  Writer out(&json);
  out.open(key, false);
  if (message.size() >= type.size) write_members(out, type.members, message);
  out.close(false);
}

std::string hex_lines(Bytes message, std::size_t most) {
  constexpr std::size_t kBytesPerLine = 16;
  const auto shown = most == 0 || most > message.size() ? message.size() : most;
  std::string out;
  for (std::size_t at = 0; at < shown; at += kBytesPerLine) {
    std::array<char, 32> offset{};
    std::snprintf(offset.data(), offset.size(), "  %04zx ", at);
    out += offset.data();
    std::string characters;
    for (std::size_t i = at; i < at + kBytesPerLine; ++i) {
      if (i >= shown) {
        out += "   ";
        continue;
      }
      const auto byte = std::to_integer<unsigned>(message[i]);
      out += ' ';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
      characters += byte >= ' ' && byte <= '~' ? static_cast<char>(byte) : '.';
    }
    out += "  |" + characters + "|\n";
  }
  if (shown < message.size()) {
    out += "  ... " + number_of(message.size() - shown, "more byte") + " (--bytes)\n";
  }
  return out;
}

std::string hex_digits(Bytes message) {
  std::string out;
  for (const auto value : message) {
    const auto byte = std::to_integer<unsigned>(value);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

}  // namespace tool
