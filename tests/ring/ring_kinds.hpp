// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What differs between the rings, as seen by a test that wants to treat them alike.
///
/// A kind says how to make a ring and a reliable reader of it. A reader is a consumer or a cursor:
/// `drain(handler, limit)` everywhere, `next()` for a copy of, or the very, next element.

#include <cstddef>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/lock_free_mpmc_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"
#include "ringway/ring/mpmc_ring.hpp"
#include "ringway/ring/spsc_ring.hpp"

namespace ringway::test {

inline constexpr std::size_t kCapacities[] = {1, 2, 3, 5, 7, 8, 10, 100, 1000};
inline constexpr Sequence kStarts[] = {0,
                                       (Sequence{1} << 31) - 2,
                                       (Sequence{1} << 32) - 2,
                                       (Sequence{1} << 62) - 2,
                                       (Sequence{1} << 63) - 2,
                                       ~Sequence{0} - 1};
inline constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

struct SpscKind {
  template <class T>
  using Ring = SpscRing<T>;
  template <class T, class Memory>
  using RingOn = SpscRing<T, Memory>;
  static constexpr bool kTakes = true;              // elements leave the ring when they are read
  static constexpr bool kExclusiveProducer = true;  // one producer handle at a time
  static constexpr bool kExclusiveReader = true;    // one reader handle at a time
  static constexpr bool kAbandonedLeavesHole =
      false;  // an abandoned claim costs a slot for a while

  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.consumer();
  }
};

struct MpmcKind {
  template <class T>
  using Ring = MpmcRing<T>;
  template <class T, class Memory>
  using RingOn = MpmcRing<T, Memory>;
  static constexpr bool kTakes = true;
  static constexpr bool kExclusiveProducer = false;
  static constexpr bool kExclusiveReader = false;
  static constexpr bool kAbandonedLeavesHole = true;

  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.consumer();
  }
};

struct LockFreeMpmcKind {
  template <class T>
  using Ring = LockFreeMpmcRing<T>;
  template <class T, class Memory>
  using RingOn = LockFreeMpmcRing<T, Memory>;
  static constexpr bool kTakes = true;
  static constexpr bool kExclusiveProducer = false;
  static constexpr bool kExclusiveReader = false;
  static constexpr bool kAbandonedLeavesHole = false;

  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.consumer();
  }
};

struct BroadcastKind {
  template <class T>
  using Ring = BroadcastRing<T>;
  template <class T, class Memory>
  using RingOn = BroadcastRing<T, Memory>;
  static constexpr bool kTakes = false;
  static constexpr bool kExclusiveProducer = true;
  static constexpr bool kExclusiveReader = false;
  static constexpr bool kAbandonedLeavesHole = false;

  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.cursor();
  }
};

struct LossyBroadcastKind {
  template <class T>
  using Ring = LossyBroadcastRing<T>;
  template <class T, class Memory>
  using RingOn = LossyBroadcastRing<T, Memory>;
  static constexpr bool kTakes = false;
  static constexpr bool kExclusiveProducer = true;
  static constexpr bool kExclusiveReader = false;
  static constexpr bool kAbandonedLeavesHole = false;

  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.cursor();
  }
};

template <class Kind, class T>
using RingOf = typename Kind::template Ring<T>;

template <class R>
[[nodiscard]] typename R::Options options_of(std::size_t capacity, Sequence start = 0) noexcept {
  typename R::Options options;
  options.capacity = capacity;
  options.start = start;
  return options;
}

template <class R>
[[nodiscard]] R make_broadcast(std::size_t capacity, std::size_t max_cursors, Sequence start = 0) {
  auto options = options_of<R>(capacity, start);
  options.max_cursors = max_cursors;
  return R::create(options).value();
}

/// The next element, or nothing.
template <class Reader>
[[nodiscard]] auto next(Reader& reader) {
  if constexpr (requires { reader.try_pop(); }) {
    return reader.try_pop();
  } else {
    return reader.try_read();
  }
}

template <class Reader>
[[nodiscard]] bool is_empty(Reader& reader) {
  return reader.drain([](auto&) noexcept {}, 1) == 0;
}

/// A ring with a producer and a reliable reader, on the heap.
template <class Kind, class T>
struct Ends {
  using Ring = RingOf<Kind, T>;

  explicit Ends(std::size_t capacity, Sequence start = 0)
      : ring(Ring::create(options_of<Ring>(capacity, start)).value()) {}
  explicit Ends(Ring made) : ring(std::move(made)) {}

  Ring ring;
  typename Ring::Producer producer = ring.producer().value();
  decltype(Kind::reader(std::declval<Ring&>()).value()) reader = Kind::reader(ring).value();
};

}  // namespace ringway::test
