// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `copied_once`: a copy of what another process may change at any time.
///
/// *What.* What lies in memory that others write is copied, the copy is checked, and the copy is
/// used. A plain copy is not enough: the compiler may read the original again, after the check. Not
/// for hot paths: the copy goes through a register or the stack.

#include <type_traits>

namespace ringway {

template <class T>
[[nodiscard, gnu::always_inline]] inline T copied_once(const T& theirs) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  T own = theirs;
  // from here on the compiler knows nothing of where the value came from
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    asm volatile("" : "+r"(own));
  } else {
    asm volatile("" : "+m"(own));
  }
  return own;
}

}  // namespace ringway
