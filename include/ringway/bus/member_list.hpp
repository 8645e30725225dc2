// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The members of an aggregate, one after the other, without their names.
///
/// *What.* `member_count<T>()` finds how many members `T` has by trying how many initialisers it
/// takes; `visit_members(value, visitor)` calls `visitor(member...)`, by a structured binding of
/// that many names. C++20 cannot bind a number of names that is computed, so each number up to
/// `kMostMembers` is spelled.
///
/// *Not for* unions, types with base classes, with members that cannot be initialised from `{}`, or
/// with more members: `kCanBeListed<T>` is false for them. A bit-field counts as a member.

#include <cstddef>
#include <type_traits>

namespace ringway {

/// The most members that an aggregate may have (nested ones have their own).
inline constexpr std::size_t kMostMembers = 32;

/// Stands for any base class of T, and for nothing else.
template <class T>
struct AnyBaseOf {
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): found by trying
  requires(std::is_base_of_v<U, T> && !std::is_same_v<U, T>) constexpr operator U() const noexcept;
};

/// True for an aggregate with a base class.
template <class T>
inline constexpr bool kHasBase = requires {
  T{AnyBaseOf<T>{}};
};

/// As many initialisers as members are accepted, one more is not. Each is `{}`, so that an array
/// takes one of them.
template <class T>
[[nodiscard]] consteval std::size_t member_count() noexcept {
  // clang-format off
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 33; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 32; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 31; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 30; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 29; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 28; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 27; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 26; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}, {}}; }) return 25; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}, {}}; }) return 24; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}, {}}; }) return 23; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}, {}}; }) return 22; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}, {}}; }) return 21; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}, {}}; }) return 20; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}, {}}; }) return 19; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
      {}}; }) return 18; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}
      }; }) return 17; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}
      }; }) return 16; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}
      }; }) return 15; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}
      }; }) return 14; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 13; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 12; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 11; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 10; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 9; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; }) return 8; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}}; }) return 7; else
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}}; }) return 6; else
  if constexpr (requires { T{{}, {}, {}, {}, {}}; }) return 5; else
  if constexpr (requires { T{{}, {}, {}, {}}; }) return 4; else
  if constexpr (requires { T{{}, {}, {}}; }) return 3; else
  if constexpr (requires { T{{}, {}}; }) return 2; else
  if constexpr (requires { T{{}}; }) return 1; else
  return 0;
  // clang-format on
}

/// True if the members of T can be visited.
template <class T>
inline constexpr bool kCanBeListed = [] {
  if constexpr (!std::is_aggregate_v<T> || std::is_array_v<T> || std::is_union_v<T>) {
    return false;
  } else if constexpr (std::is_empty_v<T>) {
    return !kHasBase<T>;
  } else if constexpr (kHasBase<T>) {
    return false;
  } else {
    return member_count<T>() >= 1 && member_count<T>() <= kMostMembers;
  }
}();

/// \return visitor(member...), in the order of declaration. \pre kCanBeListed<T>
template <class T, class Visitor>
constexpr decltype(auto) visit_members(const T& value, Visitor&& visitor) {
  constexpr std::size_t kCount = member_count<T>();
  // clang-format off
  if constexpr (std::is_empty_v<T>) {
    return visitor();
  } else if constexpr (kCount == 1) {
    const auto& [a0] = value;
    return visitor(a0);
  } else if constexpr (kCount == 2) {
    const auto& [a0, a1] = value;
    return visitor(a0, a1);
  } else if constexpr (kCount == 3) {
    const auto& [a0, a1, a2] = value;
    return visitor(a0, a1, a2);
  } else if constexpr (kCount == 4) {
    const auto& [a0, a1, a2, a3] = value;
    return visitor(a0, a1, a2, a3);
  } else if constexpr (kCount == 5) {
    const auto& [a0, a1, a2, a3, a4] = value;
    return visitor(a0, a1, a2, a3, a4);
  } else if constexpr (kCount == 6) {
    const auto& [a0, a1, a2, a3, a4, a5] = value;
    return visitor(a0, a1, a2, a3, a4, a5);
  } else if constexpr (kCount == 7) {
    const auto& [a0, a1, a2, a3, a4, a5, a6] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6);
  } else if constexpr (kCount == 8) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7);
  } else if constexpr (kCount == 9) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8);
  } else if constexpr (kCount == 10) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9);
  } else if constexpr (kCount == 11) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0);
  } else if constexpr (kCount == 12) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1);
  } else if constexpr (kCount == 13) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2);
  } else if constexpr (kCount == 14) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3);
  } else if constexpr (kCount == 15) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4);
  } else if constexpr (kCount == 16) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5);
  } else if constexpr (kCount == 17) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6);
  } else if constexpr (kCount == 18) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7);
  } else if constexpr (kCount == 19) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7,
        b8] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8);
  } else if constexpr (kCount == 20) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8,
        b9] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9);
  } else if constexpr (kCount == 21) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0);
  } else if constexpr (kCount == 22) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1);
  } else if constexpr (kCount == 23) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2);
  } else if constexpr (kCount == 24) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3);
  } else if constexpr (kCount == 25) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4);
  } else if constexpr (kCount == 26) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5);
  } else if constexpr (kCount == 27) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6);
  } else if constexpr (kCount == 28) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7);
  } else if constexpr (kCount == 29) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7, c8] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7, c8);
  } else if constexpr (kCount == 30) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7, c8, c9] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
  } else if constexpr (kCount == 31) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0);
  } else if constexpr (kCount == 32) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1] = value;
    return visitor(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9,
        c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1);
  }
  // clang-format on
}

}  // namespace ringway
