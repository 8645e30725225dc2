// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Whether a subscriber can read what a publisher writes, and the sentence for when it cannot.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "ringway/bus/type_description.hpp"

namespace ringway {

/// How the type of a publisher suits a subscriber.
enum class TypeFit : unsigned char {
  kSame,
  kNewer,  ///< a newer version that only appends: its first bytes are what is wanted
  kOtherName,
  kOlder,         ///< an older version
  kOtherMembers,  ///< the same version, or a newer one that does not only append
};

/// True if the subscriber can read the publisher's messages: as many bytes of each as its own type
/// has.
[[nodiscard]] constexpr bool is_readable(TypeFit fit) noexcept {
  return fit == TypeFit::kSame || fit == TypeFit::kNewer;
}

[[nodiscard]] constexpr TypeFit compatibility(const MessageType& publisher,
                                              const MessageType& subscriber) noexcept {
  if (publisher.name != subscriber.name) return TypeFit::kOtherName;
  const auto& more = publisher.members;
  const auto& less = subscriber.members;
  const bool is_prefix =
      less.size() <= more.size() && std::equal(less.begin(), less.end(), more.begin());
  if (publisher.version == subscriber.version) {
    const bool same = is_prefix && less.size() == more.size() &&
                      publisher.size == subscriber.size && publisher.align == subscriber.align;
    return same ? TypeFit::kSame : TypeFit::kOtherMembers;
  }
  if (publisher.version < subscriber.version) return TypeFit::kOlder;
  const bool appends =
      is_prefix && publisher.size >= subscriber.size && publisher.align >= subscriber.align;
  return appends ? TypeFit::kNewer : TypeFit::kOtherMembers;
}

/// "unsigned 4 x 3 at 16": one member.
[[nodiscard]] inline std::string describe(const TypeMember& member) {
  static constexpr std::string_view kKinds[] = {"?",        "bool", "unsigned",  "signed",
                                                "floating", "enum", "aggregate", "opaque"};
  const auto kind = static_cast<std::size_t>(member.kind);
  std::string text(kKinds[kind < std::size(kKinds) ? kind : 0]);
  text += ' ' + std::to_string(member.size);
  if (member.is_array != 0) text += " x " + std::to_string(member.count);
  return text + " at " + std::to_string(member.offset);
}

/// "md.Trade version 2 (24 bytes, aligned to 8: unsigned 8 at 0, floating 8 at 8, ...)".
[[nodiscard]] inline std::string describe(const MessageType& type) {
  std::string text = std::string(type.name) + " version " + std::to_string(type.version) + " (";
  if (type.size == 0) return text + "bytes)";
  text += std::to_string(type.size) + " bytes, aligned to " + std::to_string(type.align);
  const char* before = ": ";
  std::size_t open[32];  // ends of the aggregates that are open
  std::size_t depth = 0;
  for (std::size_t i = 0; i < type.members.size(); ++i) {
    const TypeMember& member = type.members[i];
    text += before + describe(member);
    before = ", ";
    if (member.inside != 0 && depth < std::size(open)) {
      text += " {";
      before = "";
      open[depth++] = i + member.inside;
    }
    while (depth != 0 && open[depth - 1] == i) {
      text += '}';
      before = ", ";
      --depth;
    }
  }
  return text + ')';
}

/// The first difference of both sides, and what to do. \pre they do not fit
[[nodiscard]] inline std::string describe_difference(const MessageType& publisher,
                                                     const MessageType& subscriber) {
  std::string text;
  if (publisher.name != subscriber.name) return text + "another type; use another topic";
  const auto& there = publisher.members;
  const auto& here = subscriber.members;
  std::size_t i = 0;
  std::size_t position = 1;  // of the member that differs, members of aggregates not counted
  std::size_t end = 0;       // of the aggregate that i lies in
  while (i < there.size() && i < here.size() && there[i] == here[i]) {
    if (i >= end) {
      end = i + 1 + there[i].inside;
    }
    ++i;
    if (i >= end) ++position;
  }
  if (i < there.size() || i < here.size()) {
    text += "member " + std::to_string(position);
    text += i < end ? " holds " : " is ";
    text += i < there.size() ? describe(there[i]) : std::string("missing");
    text +=
        " there and " + (i < here.size() ? describe(here[i]) : std::string("missing")) + " here";
  } else if (publisher.size != subscriber.size || publisher.align != subscriber.align) {
    text += "the members are the same, but not the size or the alignment";
  } else {
    text += "the members are the same, but not the version";
  }
  if (publisher.version < subscriber.version) {
    return text + "; the publisher is older: rebuild it, or subscribe to another topic";
  }
  if (publisher.version == subscriber.version) {
    return text + "; rebuild both from one source, and give a changed type a higher version";
  }
  return text + "; a newer version may only append members: give a type that changes otherwise " +
         "another name";
}

/// A sentence that names both sides and their first difference. \pre they do not fit
[[nodiscard]] inline std::string describe_mismatch(std::string_view topic,
                                                   const MessageType& publisher,
                                                   const MessageType& subscriber) {
  return "topic " + std::string(topic) + " carries " + describe(publisher) +
         ", but this program was compiled with " + describe(subscriber) + ": " +
         describe_difference(publisher, subscriber);
}

}  // namespace ringway
