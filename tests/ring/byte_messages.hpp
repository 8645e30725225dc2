// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Messages of any size that a reader can tell whole, and the rings of bytes as a test sees them.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/byte_ring.hpp"

namespace ringway::test {

/// A hash: the same numbers in every run.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// The size of message `number`, at most `most`; large and tiny ones are frequent.
[[nodiscard]] constexpr std::size_t size_of_message(std::uint64_t number,
                                                    std::size_t most) noexcept {
  const std::uint64_t random = mix(number);
  switch (random % 8) {
    case 0: return most;
    case 1: return 0;
    case 2: return (random >> 8) % 9 % (most + 1);
    default: return (random >> 8) % (most + 1);
  }
}

/// Writes message `number`: every byte depends on the number and on its place.
inline void write_message(std::uint64_t number, std::span<std::byte> bytes) noexcept {
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = mix(number * 0x10001 + at);
    std::memcpy(bytes.data() + at, &word, bytes.size() - at < 8 ? bytes.size() - at : 8);
  }
}

/// True if `bytes` is message `number`, of the size that it was given.
[[nodiscard]] inline bool is_message(std::uint64_t number, std::size_t size,
                                     std::span<const std::byte> bytes) noexcept {
  if (bytes.size() != size) return false;
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = mix(number * 0x10001 + at);
    if (std::memcmp(bytes.data() + at, &word, size - at < 8 ? size - at : 8) != 0) return false;
  }
  return true;
}

/// Sends message `number` by copy or in place, as the number decides. \return false if there was
/// no room.
template <class Producer>
[[nodiscard]] bool send_message(Producer& producer, std::uint64_t number,
                                std::size_t most) noexcept {
  const std::size_t size = size_of_message(number, most);
  if (number % 3 == 0) {
    auto claim = producer.try_claim(most);  // as one who does not know the size beforehand
    if (!claim) return false;
    write_message(number, claim.bytes().first(size));
    claim.commit(size);
    return true;
  }
  auto claim = producer.try_claim(size);
  if (!claim) return false;
  write_message(number, claim.bytes());
  claim.commit();
  return true;
}

struct ByteKind {
  template <class Memory>
  using RingOn = BasicByteRing<Memory>;
  using Ring = ByteRing;
  static constexpr bool kExclusiveReader = true;
  static constexpr RingKind kKind = RingKind::kByte;

  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.consumer();
  }
};

struct BroadcastByteKind {
  template <class Memory>
  using RingOn = BasicBroadcastByteRing<Memory>;
  using Ring = BroadcastByteRing;
  static constexpr bool kExclusiveReader = false;
  static constexpr RingKind kKind = RingKind::kBroadcastByte;

  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.cursor();
  }
};

/// A ring, its producer and one reader.
template <class Kind, class Memory = NativeMemory>
struct ByteEnds {
  using Ring = typename Kind::template RingOn<Memory>;
  using Options = typename Ring::Options;

  explicit ByteEnds(const Options& options) : ByteEnds(Ring::create(options).value()) {}
  explicit ByteEnds(Ring the_ring)
      : ring(std::move(the_ring)),
        producer(ring.producer().value()),
        reader(Kind::reader(ring).value()) {}

  Ring ring;
  typename Ring::Producer producer;
  std::decay_t<decltype(Kind::reader(std::declval<Ring&>()).value())> reader;
};

}  // namespace ringway::test
