// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Raw room for one `T` whose lifetime the ring manages, whose cache lines a reader may take over
/// before it hands them back, and what a ring asks of `T`.

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "ringway/base/cache_line.hpp"

namespace ringway {

/// True for every type that a ring can carry; `check_element<T>()` says in words which demand
/// fails.
template <class T>
inline constexpr bool kIsElement =
    std::is_object_v<T> && !std::is_const_v<T> && std::is_nothrow_destructible_v<T> &&
    std::is_nothrow_move_constructible_v<T>;

template <class T>
constexpr void check_element() noexcept {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>,
                "Ringway: a ring carries objects; use a value or pointer type, not a reference or "
                "a const type");
  static_assert(std::is_nothrow_destructible_v<T>,
                "Ringway: the destructor of an element must not throw");
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "Ringway: moving an element must not throw, else an element could be lost "
                "half-way; mark the move "
                "constructor noexcept, or send a std::unique_ptr to the object");
}

/// Uninitialised storage for one `T`. Trivial: an array of slots costs nothing to make. The owner
/// of the ring's protocol decides who may call what and when; the slot itself does not know whether
/// it is alive.
template <class T>
class Slot {
 public:
  template <class... Args>
  T* construct(Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>) {
    if constexpr (sizeof...(Args) == 0) {
      return ::new (static_cast<void*>(bytes_))
          T;  // default-initialised: no cost for plain structs
    } else {
      return ::new (static_cast<void*>(bytes_)) T(std::forward<Args>(args)...);
    }
  }

  /// \pre constructed and not destroyed
  T& get() noexcept { return *std::launder(reinterpret_cast<T*>(bytes_)); }
  const T& get() const noexcept { return *std::launder(reinterpret_cast<const T*>(bytes_)); }
  void destroy() noexcept { get().~T(); }

  /// Makes this processor the owner of its cache lines, by a byte of each (but for the second one
  /// of an element of less than a line that lies across two). For whoever is about to hand the
  /// slot back to a writer: docs/design/spsc-ring.md. \pre nobody changes the slot
  void own_lines() noexcept {
    for (std::size_t at = 0; at < sizeof(T); at += kCacheLine) own_line_of(bytes_[at]);
    if constexpr (sizeof(T) > kCacheLine) own_line_of(bytes_[sizeof(T) - 1]);
  }

 private:
  alignas(T) std::byte bytes_[sizeof(T)];
};

}  // namespace ringway
