// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The types that names, lanes and subscriptions of a directory refer to, each once.
///
/// *Protocol.* Under the directory's lock. Whatever lies in a record, its identity() stays inside
/// of it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "ringway/base/copied_once.hpp"
#include "ringway/bus/topic_type.hpp"

namespace ringway {

/// A string inside a record.
template <std::size_t kSize>
class FixedString {
 public:
  void assign(std::string_view text) noexcept {
    size_ = static_cast<std::uint32_t>(text.size() < kSize ? text.size() : kSize);
    std::memcpy(text_, text.data(), size_);
  }
  [[nodiscard]] std::string_view view() const noexcept {
    const auto size = copied_once(size_);
    return {text_, size < kSize ? size : kSize};
  }

 private:
  std::uint32_t size_ = 0;
  char text_[kSize] = {};
};

struct TypeRecord {
  /// Members that are kept. Types with more are compared by their hash alone: no other version of
  /// them can be read.
  static constexpr std::size_t kMostMembers = 64;
  static constexpr std::size_t kLongestName = 120;

  FixedString<kLongestName> name;  // as much as fits
  std::uint64_t name_hash = 0;     // of all of it
  std::uint64_t size = 0;
  std::uint64_t align = 0;
  std::uint64_t layout = 0;
  std::uint32_t version = 0;
  std::uint32_t member_count = 0;
  std::uint32_t used = 0;
  TypeMember members[kMostMembers] = {};

  [[nodiscard]] TypeIdentity identity() const noexcept {
    const std::size_t count = copied_once(member_count);
    return {.name = name.view(),
            .size = size,
            .align = align,
            .version = version,
            .layout = layout,
            .members = {members, std::min(count, kMostMembers)},
            .member_count = count,
            .name_hash = name_hash};
  }
  void assign(const TypeIdentity& type) noexcept {
    name.assign(type.name);
    name_hash = type.name_hash;
    size = type.size;
    align = type.align;
    layout = type.layout;
    version = type.version;
    member_count = static_cast<std::uint32_t>(type.member_count);
    std::copy_n(type.members.begin(), std::min(type.members.size(), kMostMembers), members);
  }
};

}  // namespace ringway
