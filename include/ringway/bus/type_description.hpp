// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a topic between processes says of its messages: name, version, size, alignment, and the
/// kind and place of every member.
///
/// *What.* Two programs that meet at a topic were compiled apart. `message_type<T>()` describes T,
/// at compile time; two descriptions can be compared (`compatibility`), and a sentence names both
/// sides if they do not fit (`describe_mismatch`). The bus keeps descriptions beside its topics
/// (bus/type_table.hpp). Only types that mean the same in every process are described:
/// `SafeBetweenProcesses`. For all others `check_message<T>()` says why not, and between threads
/// their name, size and alignment have to do.
///
/// *Members.* Aggregates are taken apart (bus/member_list.hpp); their members are numbers, `bool`,
/// enums, arrays and aggregates of these. Each is an entry: kind, bytes, count (of an array's
/// elements), offset. A nested aggregate is an entry, followed by those of its members.
///
/// *Other types* describe themselves, in a specialisation of `DescribeType`:
///   template <> struct ringway::DescribeType<Price> { using Layout = std::int64_t; };
///
/// *Versions.* A version is newer if its number is higher, and can be read by older subscribers if
/// it only appends members: theirs are a prefix of its own.
///
/// docs/design/type-identity.md.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ringway/bus/member_list.hpp"

namespace ringway {

enum class TypeKind : std::uint8_t {
  kBool = 1,
  kUnsigned = 2,
  kSigned = 3,
  kFloating = 4,
  kEnum = 5,
  kAggregate = 6,
  kOpaque = 7,  // bytes whose meaning is not described
};

/// One member of a message type.
struct TypeMember {
  std::uint32_t offset = 0;  // from the beginning of the aggregate that it is a member of
  std::uint32_t size = 0;    // bytes of one element
  std::uint32_t count = 1;   // elements, if it is an array of any dimensions; else 1
  std::uint16_t inside = 0;  // entries behind this one that belong to it: an aggregate's members
  TypeKind kind = TypeKind::kOpaque;
  std::uint8_t is_array = 0;

  friend constexpr bool operator==(const TypeMember&, const TypeMember&) = default;
};
static_assert(sizeof(TypeMember) == 16);

/// Describes a type that cannot be taken apart, or names one. Specialise it before the type is
/// first used in a topic, with any of
///   static constexpr std::string_view kName      instead of the name that the compiler spells
///   static constexpr std::uint32_t kVersion      1 if absent; a newer one may only append members
///   using Layout = ...                           a type of the same size that lies in memory alike
///   static constexpr std::array<TypeMember, n> kMembers
///                                                the members, as message_type() would list them
template <class T>
struct DescribeType {};

/// What a topic says of its messages. A view: of constants of the program, or of what
/// decode_message_type() has copied and checked.
struct MessageType {
  std::string_view name;
  std::uint32_t version = 1;
  std::uint32_t align = 0;
  std::uint64_t size = 0;
  std::span<const TypeMember> members;
};

/// Why a type may not go between processes.
enum class TypeRefusal : unsigned char {
  kNone,
  kNotTriviallyCopyable,
  kPointer,
  kView,
  kUnion,
  kHasBase,
  kTooManyMembers,
  kCannotBeListed,
};

namespace type_detail {

template <class T>
inline constexpr bool kIsView = false;
template <class C, class R>
inline constexpr bool kIsView<std::basic_string_view<C, R>> = true;
template <class U, std::size_t kExtent>
inline constexpr bool kIsView<std::span<U, kExtent>> = true;
template <class U>
inline constexpr bool kIsView<std::initializer_list<U>> = true;

template <class T>
inline constexpr bool kIsStdArray = false;
template <class U, std::size_t kCount>
inline constexpr bool kIsStdArray<std::array<U, kCount>> = true;

template <class T>
concept HasLayout = requires {
  typename DescribeType<T>::Layout;
};
template <class T>
concept HasMembers = requires {
  {std::span<const TypeMember>(DescribeType<T>::kMembers)};
};

/// An array's element and count, all dimensions together; T and 1 for anything else.
template <class T>
struct Flat {
  using Element = T;
  static constexpr std::size_t kCount = 1;
  static constexpr bool kIsArray = false;
};
template <class U, std::size_t kN>
struct Flat<U[kN]> {
  using Element = typename Flat<std::remove_cv_t<U>>::Element;
  static constexpr std::size_t kCount = kN * Flat<std::remove_cv_t<U>>::kCount;
  static constexpr bool kIsArray = true;
};
template <class U, std::size_t kN>
struct Flat<std::array<U, kN>> : Flat<U[kN == 0 ? 1 : kN]> {};

template <class T>
inline constexpr bool kIsScalar =
    (std::is_arithmetic_v<T> && !std::is_same_v<T, long double>) || std::is_enum_v<T>;

template <class T>
[[nodiscard]] consteval TypeKind kind_of() noexcept {
  if constexpr (std::is_same_v<T, bool>) return TypeKind::kBool;
  if constexpr (std::is_enum_v<T>) return TypeKind::kEnum;
  if constexpr (std::is_floating_point_v<T>) return TypeKind::kFloating;
  if constexpr (std::is_integral_v<T>) {
    return std::is_signed_v<T> ? TypeKind::kSigned : TypeKind::kUnsigned;
  }
  return TypeKind::kAggregate;
}

/// A member's type as it is declared, without const.
template <class M>
using Plain = std::remove_cv_t<M>;

/// The value of the byte at which `member` begins.
template <class M>
[[nodiscard]] constexpr unsigned first_byte(const M& member) noexcept {
  using T = Plain<M>;
  if constexpr (std::is_array_v<T> || kIsStdArray<T>) {
    return first_byte(member[0]);
  } else if constexpr (kIsScalar<T>) {
    return std::bit_cast<std::array<unsigned char, sizeof(T)>>(member)[0];
  } else if constexpr (HasLayout<T>) {
    using Layout = typename DescribeType<T>::Layout;
    return first_byte(std::bit_cast<Layout>(member));
  } else if constexpr (HasMembers<T>) {
    return std::bit_cast<std::array<unsigned char, sizeof(T)>>(member)[0];
  } else {
    return visit_members(member, [](const auto&... inner) {
      unsigned byte = 0;
      bool found = false;
      // The first one that is not empty: it lies where the aggregate begins.
      (void)((std::is_empty_v<Plain<std::remove_reference_t<decltype(inner)>>>
                  ? false
                  : (byte = first_byte(inner), found = true)) ||
             ...);
      return found ? byte : 0U;
    });
  }
}

/// A T whose byte k holds bit `bit` of k.
template <class T>
[[nodiscard]] constexpr T numbered(unsigned bit) noexcept {
  std::array<unsigned char, sizeof(T)> bytes{};
  for (std::size_t k = 0; k < sizeof(T); ++k) bytes[k] = static_cast<unsigned char>(k >> bit & 1U);
  return std::bit_cast<T>(bytes);
}

/// Types in a row.
template <class... Ts>
struct TypeList {};
struct ToTypeList {
  template <class... Ms>
  constexpr TypeList<Plain<Ms>...> operator()(const Ms&...) const noexcept {
    return {};
  }
};
template <class T>
using MembersOf = decltype(visit_members(std::declval<const T&>(), ToTypeList{}));

/// Above this size a member's offset is computed by the rule (the first multiple of its alignment
/// behind the member before it), not looked up in a value whose bytes are numbered: that would take
/// the compiler too long.
inline constexpr std::size_t kMostNumberedBytes = 4096;

template <std::size_t kCount>
using Offsets = std::array<std::size_t, kCount == 0 ? 1 : kCount>;

template <class... Ms>
[[nodiscard]] constexpr Offsets<sizeof...(Ms)> offsets_by_rule(TypeList<Ms...>) noexcept {
  Offsets<sizeof...(Ms)> offsets{};
  std::size_t i = 0;
  std::size_t end = 0;
  ((offsets[i] = (end + alignof(Ms) - 1) / alignof(Ms) * alignof(Ms),
    end = offsets[i++] + (std::is_empty_v<Ms> ? 0 : sizeof(Ms))),
   ...);
  return offsets;
}

/// Where the members of T lie; of an empty one this says nothing. Not a constant if T cannot be
/// looked into.
template <class T>
[[nodiscard]] constexpr auto offsets_of() noexcept {
  auto offsets = offsets_by_rule(MembersOf<T>{});
  if constexpr (sizeof(T) <= kMostNumberedBytes && !std::is_empty_v<T>) {
    offsets = {};
    for (unsigned bit = 0; (sizeof(T) - 1) >> bit != 0; ++bit) {
      visit_members(numbered<T>(bit), [&]<class... Ms>(const Ms&... member) {
        std::size_t i = 0;
        [[maybe_unused]] const auto look = [&]<class M>(const M& one) {
          if constexpr (!std::is_empty_v<M>) offsets[i] |= std::size_t{first_byte(one)} << bit;
          ++i;
        };
        (look(member), ...);
      });
    }
  }
  return offsets;
}

/// True if the members follow each other without overlap and end where T does, as those of a type
/// without bit-fields do; above kMostNumberedBytes also where the rule says that it ends.
template <class T, class... Ms>
[[nodiscard]] constexpr bool fill_their_type(TypeList<Ms...>) noexcept {
  const auto offsets = offsets_of<T>();
  bool right = true;
  std::size_t i = 0;
  std::size_t end = 0;
  [[maybe_unused]] const auto look = [&]<class M>(std::type_identity<M>) {
    if constexpr (!std::is_empty_v<M>) {
      right = right && offsets[i] >= end && offsets[i] % alignof(M) == 0;
      end = offsets[i] + sizeof(M);
    }
    ++i;
  };
  (look(std::type_identity<Ms>{}), ...);
  const std::size_t rounded = (end + alignof(T) - 1) / alignof(T) * alignof(T);
  return right && (sizeof(T) <= kMostNumberedBytes ? rounded <= sizeof(T) : rounded == sizeof(T));
}

template <class T>
concept Listed = requires {
  typename std::bool_constant<fill_their_type<T>(MembersOf<T>{})>;
};

[[nodiscard]] constexpr TypeRefusal first_of(std::initializer_list<TypeRefusal> all) noexcept {
  for (const TypeRefusal one : all) {
    if (one != TypeRefusal::kNone) return one;
  }
  return TypeRefusal::kNone;
}

template <class T>
[[nodiscard]] consteval TypeRefusal refusal_of() noexcept;

template <class... Ms>
[[nodiscard]] consteval TypeRefusal refusal_of_members(TypeList<Ms...>) noexcept {
  return first_of({TypeRefusal::kNone, refusal_of<Ms>()...});
}

template <class T>
[[nodiscard]] consteval TypeRefusal refusal_of() noexcept {
  using E = typename Flat<T>::Element;
  if constexpr (kIsView<E>) {
    return TypeRefusal::kView;
  } else if constexpr (std::is_pointer_v<E> || std::is_member_pointer_v<E> ||
                       std::is_null_pointer_v<E> || std::is_reference_v<E>) {
    return TypeRefusal::kPointer;
  } else if constexpr (!std::is_trivially_copyable_v<E>) {
    return TypeRefusal::kNotTriviallyCopyable;
  } else if constexpr (HasLayout<E>) {
    static_assert(sizeof(typename DescribeType<E>::Layout) == sizeof(E),
                  "Ringway: DescribeType<T>::Layout must be a type of the same size as T");
    return refusal_of<typename DescribeType<E>::Layout>();
  } else if constexpr (HasMembers<E> || kIsScalar<E>) {
    return TypeRefusal::kNone;
  } else if constexpr (std::is_union_v<E>) {
    return TypeRefusal::kUnion;
  } else if constexpr (!std::is_aggregate_v<E>) {
    return TypeRefusal::kCannotBeListed;
  } else if constexpr (kHasBase<E>) {
    return TypeRefusal::kHasBase;
  } else if constexpr (!kCanBeListed<E>) {
    return member_count<E>() > kMostMembers ? TypeRefusal::kTooManyMembers
                                            : TypeRefusal::kCannotBeListed;
  } else if constexpr (constexpr auto refusal = refusal_of_members(MembersOf<E>{});
                       refusal != TypeRefusal::kNone) {
    return refusal;
  } else if constexpr (Listed<E>) {
    return fill_their_type<E>(MembersOf<E>{}) ? TypeRefusal::kNone : TypeRefusal::kCannotBeListed;
  } else {
    return TypeRefusal::kCannotBeListed;
  }
}

/// A member's element: arrays taken apart, and types replaced by their Layout.
template <class M>
struct Leaf : Flat<M> {};
template <class M>
requires HasLayout<typename Flat<M>::Element>
struct Leaf<M> {
  using Inner = Leaf<typename DescribeType<typename Flat<M>::Element>::Layout>;
  using Element = typename Inner::Element;
  static constexpr std::size_t kCount = Flat<M>::kCount * Inner::kCount;
  static constexpr bool kIsArray = Flat<M>::kIsArray || Inner::kIsArray;
};

template <std::size_t kRoom>
struct Listing {
  std::array<TypeMember, kRoom == 0 ? 1 : kRoom> entries{};
  std::size_t count = 0;

  constexpr void add(const TypeMember& entry) noexcept {
    if (count < kRoom) entries[count] = entry;
    ++count;
  }
};

template <class T, class List>
constexpr void add_members(List& list) noexcept;

template <class M, class List>
constexpr void add_member(List& list, std::size_t offset) noexcept {
  using E = typename Leaf<M>::Element;
  if constexpr (!std::is_empty_v<E>) {
    const std::size_t at = list.count;
    list.add({.offset = static_cast<std::uint32_t>(offset),
              .size = static_cast<std::uint32_t>(sizeof(E)),
              .count = static_cast<std::uint32_t>(Leaf<M>::kCount),
              .kind = kind_of<E>(),
              .is_array = Leaf<M>::kIsArray ? std::uint8_t{1} : std::uint8_t{0}});
    if constexpr (!kIsScalar<E>) {
      add_members<E>(list);
      if (at < list.entries.size()) {
        list.entries[at].inside = static_cast<std::uint16_t>(list.count - at - 1);
      }
    }
  }
}

template <class T, class... Ms, class List>
constexpr void add_each(List& list, TypeList<Ms...>) noexcept {
  const auto offsets = offsets_of<T>();
  std::size_t i = 0;
  (add_member<Ms>(list, offsets[i++]), ...);
}

/// The entries of T itself: what message_type() lists.
template <class T, class List>
constexpr void add_members(List& list) noexcept {
  if constexpr (HasMembers<T>) {
    for (const TypeMember& entry : DescribeType<T>::kMembers) list.add(entry);
  } else if constexpr (HasLayout<T>) {
    add_members<typename DescribeType<T>::Layout>(list);
  } else if constexpr (kIsScalar<T> || Flat<T>::kIsArray) {
    add_member<T>(list, 0);
  } else if constexpr (!std::is_empty_v<T>) {
    add_each<T>(list, MembersOf<T>{});
  }
}

template <class T>
[[nodiscard]] consteval std::size_t count_entries() noexcept {
  Listing<0> counter;
  add_members<T>(counter);
  return counter.count;
}
template <class T>
[[nodiscard]] consteval auto list_entries() noexcept {
  Listing<count_entries<T>()> list;
  add_members<T>(list);
  return list;
}
template <class T>
inline constexpr auto kEntries = list_entries<T>();

// The function's own name tells how the compiler spells T.
template <class T>
[[nodiscard]] constexpr std::string_view spelled() noexcept {
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t begin = text.find("T = ") + 4;
  return text.substr(begin, text.find_first_of(";]", begin) - begin);
}

/// One compiler's spelling for both: what an unnamed namespace is called.
template <class T>
struct SpelledAlike {
  static constexpr std::size_t kRoom = spelled<T>().size() + 64;
  std::array<char, kRoom> text{};
  std::size_t size = 0;

  constexpr SpelledAlike() noexcept {
    constexpr std::string_view kTheirs[] = {"{anonymous}", "(anonymous namespace)", "<unnamed>"};
    constexpr std::string_view kOurs = "(unnamed)";
    std::string_view rest = spelled<T>();
    while (!rest.empty() && size + kOurs.size() <= kRoom) {
      bool replaced = false;
      for (const std::string_view theirs : kTheirs) {
        if (rest.substr(0, theirs.size()) != theirs) continue;
        for (const char c : kOurs) text[size++] = c;
        rest.remove_prefix(theirs.size());
        replaced = true;
        break;
      }
      if (replaced) continue;
      text[size++] = rest.front();
      rest.remove_prefix(1);
    }
  }
};
template <class T>
inline constexpr SpelledAlike<T> kSpelled{};

template <class T>
[[nodiscard]] constexpr std::string_view name_of() noexcept {
  if constexpr (requires { std::string_view(DescribeType<T>::kName); }) {
    return DescribeType<T>::kName;
  } else {
    return {kSpelled<T>.text.data(), kSpelled<T>.size};
  }
}
template <class T>
[[nodiscard]] constexpr std::uint32_t version_of() noexcept {
  if constexpr (requires { std::uint32_t{DescribeType<T>::kVersion}; }) {
    return DescribeType<T>::kVersion;
  } else {
    return 1;
  }
}

}  // namespace type_detail

/// Why T may not go between processes; kNone if it may.
template <class T>
inline constexpr TypeRefusal kTypeRefusal = type_detail::refusal_of<T>();

/// Types that mean the same in every process of the host, and can be described.
template <class T>
concept SafeBetweenProcesses = std::is_object_v<T> && kTypeRefusal<T>
== TypeRefusal::kNone;

/// Does not compile if T may not go between processes, and says why.
template <class T>
constexpr void check_message() noexcept {
  constexpr TypeRefusal kWhy = kTypeRefusal<T>;
  static_assert(kWhy != TypeRefusal::kNotTriviallyCopyable,
                "Ringway: this message cannot go between processes: it, or a member of it, is not "
                "trivially copyable; send numbers, enums, arrays and structs of these, or bytes");
  static_assert(kWhy != TypeRefusal::kPointer,
                "Ringway: this message cannot go between processes: it has a pointer in it, and an "
                "address means nothing in another process; send an index, or the bytes themselves");
  static_assert(kWhy != TypeRefusal::kView,
                "Ringway: this message cannot go between processes: it has a std::string_view, a "
                "std::span or the like in it, which point to memory of this process; send an array "
                "of char, or use a topic of bytes");
  static_assert(kWhy != TypeRefusal::kUnion,
                "Ringway: this message cannot go between processes: it has a union in it, of which "
                "nobody knows the member in use; describe it with ringway::DescribeType");
  static_assert(kWhy != TypeRefusal::kHasBase,
                "Ringway: the members of this message cannot be listed: it, or a member of it, has "
                "a base class; make the base a member, or describe the type with "
                "ringway::DescribeType");
  static_assert(kWhy != TypeRefusal::kTooManyMembers,
                "Ringway: the members of this message cannot be listed: there are more than 32; "
                "group some in a struct, or describe the type with ringway::DescribeType");
  static_assert(
      kWhy != TypeRefusal::kCannotBeListed,
      "Ringway: the members of this message cannot be listed: it, or a member of it, has "
      "constructors, private members, references, bit-fields or a long double; describe the "
      "type with ringway::DescribeType");
}
static_assert(kMostMembers == 32, "the sentence above says so");

/// The description of T: constants of the program.
template <SafeBetweenProcesses T>
[[nodiscard]] constexpr MessageType message_type() noexcept {
  return {.name = type_detail::name_of<T>(),
          .version = type_detail::version_of<T>(),
          .align = static_cast<std::uint32_t>(alignof(T)),
          .size = sizeof(T),
          .members = {type_detail::kEntries<T>.entries.data(), type_detail::kEntries<T>.count}};
}

/// The description of a topic of bytes whose messages bring their own encoding: `schema` names it.
[[nodiscard]] constexpr MessageType byte_message_type(std::string_view schema,
                                                      std::uint32_t version = 1) noexcept {
  return {.name = schema, .version = version, .align = 8, .size = 0, .members = {}};
}

/// A number for size, alignment, and the kind and place of all members: FNV-1a, the same from every
/// compiler. For a quick look: different numbers mean different layouts.
[[nodiscard]] constexpr std::uint64_t layout_hash(const MessageType& type) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&](std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte) {
      hash = (hash ^ (value >> (8 * byte) & 0xff)) * 0x100000001b3U;
    }
  };
  add(type.size);
  add(type.align);
  add(type.members.size());
  for (const TypeMember& member : type.members) {
    add(member.offset);
    add(member.size);
    add(member.count);
    add(member.inside);
    add(static_cast<std::uint64_t>(member.kind));
    add(member.is_array);
  }
  return hash;
}

}  // namespace ringway
