// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Positions in a stream of messages, and how to compare them.
///
/// A sequence counts messages from a ring's start sequence and wraps modulo 2^64. Two sequences of
/// one ring are never 2^63 apart, so their order is the sign of their difference; `<` on the raw
/// numbers would be wrong at the wrap.

#include <cstddef>
#include <cstdint>

namespace ringway {

using Sequence = std::uint64_t;

static_assert(sizeof(std::size_t) >= sizeof(Sequence),
              "Ringway: a 64-bit target is needed; sizes and positions are computed with each "
              "other, in 64 bits");

/// Messages from `from` to `to`; negative if `to` lies before `from`.
[[nodiscard]] constexpr std::int64_t distance(Sequence from, Sequence to) noexcept {
  return static_cast<std::int64_t>(to - from);
}

/// True if `a` lies before `b` in the stream.
[[nodiscard]] constexpr bool precedes(Sequence a, Sequence b) noexcept {
  return distance(a, b) > 0;
}

/// The one of the two that lies first in the stream.
[[nodiscard]] constexpr Sequence earlier(Sequence a, Sequence b) noexcept {
  return precedes(b, a) ? b : a;
}

}  // namespace ringway
