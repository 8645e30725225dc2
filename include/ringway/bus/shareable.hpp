// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Which types may travel between processes.

#include <cstddef>
#include <type_traits>

#include "ringway/base/cache_line.hpp"
#include "ringway/bus/home.hpp"

namespace ringway {

/// The strictest alignment of a message between processes, in bytes.
inline constexpr std::size_t kMostSharedAlign = kOwnerSpacing;

/// True for types that are bytes and nothing else: a copy of the bytes at another address, in
/// another process, is the same value. What a struct's pointers point to is not looked at.
template <class T>
inline constexpr bool kIsShareable =
    std::is_trivially_copyable_v<T>&& std::is_trivially_destructible_v<T> &&
    !std::is_pointer_v<T> && !std::is_member_pointer_v<T> && alignof(T) <= kMostSharedAlign;

/// Says in words which demand a type fails, if the home is one of several processes. A home may ask
/// for more, in `check_message<T>()`.
template <class T, Home H>
constexpr void check_shareable() noexcept {
  if constexpr (SharedHome<H>) {
    static_assert(!std::is_pointer_v<T> && !std::is_member_pointer_v<T>,
                  "Ringway: a pointer means nothing in another process; send the object itself, or "
                  "its number");
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>,
                  "Ringway: a message between processes is bytes that others map at another "
                  "address; use a trivially copyable type (arrays instead of std::string and "
                  "std::vector)");
    static_assert(alignof(T) <= kMostSharedAlign,
                  "Ringway: a message between processes is aligned to 128 bytes at most");
    if constexpr (requires { H::template check_message<T>(); }) H::template check_message<T>();
  }
}

}  // namespace ringway
