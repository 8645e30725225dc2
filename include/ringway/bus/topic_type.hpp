// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a name is bound to: the identity of a message type, or of a service's two types, and
/// whether one side can read the other.
///
/// *What.* A type that can be described (bus/type_description.hpp) is known by name, version, size,
/// alignment and the list of its members; any other by name, size and alignment, which is enough
/// between threads of one program. A subscriber reads publishers of its own version, and of newer
/// ones that only append members.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "ringway/bus/type_compatibility.hpp"
#include "ringway/bus/type_description.hpp"

namespace ringway {

/// FNV-1a.
[[nodiscard]] constexpr std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t value = 14695981039346656037ULL;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return value;
}

/// A view: of constants of the program, or of a record in the directory.
struct TypeIdentity {
  std::string_view name;
  std::size_t size = 0;
  std::size_t align = 0;
  std::uint32_t version = 1;
  std::uint64_t layout = 0;                  ///< layout_hash(); 0: the type is not described
  std::span<const TypeMember> members = {};  ///< as many as are known
  std::size_t member_count = 0;              ///< of them there are
  std::uint64_t name_hash = hash_of(name);   ///< of all of it, where `name` was cut off

  friend constexpr bool operator==(const TypeIdentity& a, const TypeIdentity& b) noexcept {
    return a.name_hash == b.name_hash && a.version == b.version && a.size == b.size &&
           a.align == b.align && a.layout == b.layout;
  }

  /// For sentences.
  [[nodiscard]] constexpr MessageType described() const noexcept {
    return {name, version, static_cast<std::uint32_t>(align), size, members};
  }
};

template <class T>
constexpr std::string_view type_name() noexcept {
  std::string_view text = __PRETTY_FUNCTION__;
  text = text.substr(text.find("T = ") + 4);
  return text.substr(0, text.find_first_of(";]"));
}

template <class T>
constexpr TypeIdentity type_identity() noexcept {
  if constexpr (SafeBetweenProcesses<T>) {
    constexpr MessageType kType = message_type<T>();
    constexpr std::uint64_t kLayout = layout_hash(kType);
    return {kType.name, sizeof(T),     alignof(T),          kType.version,
            kLayout,    kType.members, kType.members.size()};
  } else {
    return {type_name<T>(), sizeof(T), alignof(T)};
  }
}

/// The identity of a service: its signature, the sizes of both types together, and both layouts and
/// versions in one number: repliers and requesters must be of one version.
template <class Reply, class Request>
constexpr TypeIdentity service_identity() noexcept {
  constexpr auto align = alignof(Reply) > alignof(Request) ? alignof(Reply) : alignof(Request);
  constexpr TypeIdentity kSides[] = {type_identity<Reply>(), type_identity<Request>()};
  std::uint64_t layout = 1;
  for (const auto& side : kSides) {
    for (const std::uint64_t part :
         {side.name_hash, side.layout, std::uint64_t{side.version}, std::uint64_t{side.size}}) {
      layout = (layout ^ part) * 1099511628211ULL;
    }
  }
  return {type_name<Reply(Request)>(), sizeof(Reply) + sizeof(Request), align, 1, layout};
}

/// The identity of messages of any size in an encoding that is known at run time. \param encoding
/// looked at as long as the identity is
[[nodiscard]] constexpr TypeIdentity byte_identity(std::string_view encoding) noexcept {
  const MessageType type = byte_message_type(encoding);
  return {type.name, 0, type.align, type.version};
}

/// How a publisher's type suits a subscriber.
[[nodiscard]] constexpr TypeFit fit_of(const TypeIdentity& publisher,
                                       const TypeIdentity& subscriber) noexcept {
  if (publisher.name_hash != subscriber.name_hash) return TypeFit::kOtherName;
  if (publisher.version == subscriber.version) {
    return publisher == subscriber ? TypeFit::kSame : TypeFit::kOtherMembers;
  }
  if (publisher.version < subscriber.version) return TypeFit::kOlder;
  // a list that was too long to be kept can not be compared
  const auto wanted = subscriber.member_count;
  const bool known = publisher.layout != 0 && subscriber.layout != 0 &&
                     wanted == subscriber.members.size() && wanted <= publisher.members.size();
  const bool appends =
      known && publisher.size >= subscriber.size && publisher.align >= subscriber.align &&
      std::equal(subscriber.members.begin(), subscriber.members.end(), publisher.members.begin());
  return appends ? TypeFit::kNewer : TypeFit::kOtherMembers;
}

/// True if one of them is the other, or a newer version of it that can be read as it.
[[nodiscard]] constexpr bool are_related(const TypeIdentity& a, const TypeIdentity& b) noexcept {
  return is_readable(fit_of(a, b)) || is_readable(fit_of(b, a));
}

}  // namespace ringway
