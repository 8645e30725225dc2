// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a reader of a byte ring, and a reader of a type's description, make of any bytes at all.
/// Called by the fuzzer (byte_frames_fuzz.cpp) and, with seeded inputs, by byte_frames_test.cpp.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "ringway/bus/type_compatibility.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/byte_ring.hpp"
#include "ringway/shm/type_encoding.hpp"

namespace ringway::fuzz {

inline void demand(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// Memory of exactly so many bytes, so that AddressSanitizer sees one step too far.
class Block {
 public:
  explicit Block(std::size_t bytes)
      : bytes_(bytes),
        data_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kOwnerSpacing}))) {
    std::memset(data_, 0, bytes);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { ::operator delete (data_, std::align_val_t{kOwnerSpacing}); }
  [[nodiscard]] std::span<std::byte> span() const noexcept { return {data_, bytes_}; }

 private:
  std::size_t bytes_;
  std::byte* data_;
};

/// Reads all that a reader finds, in place and by copy; every message lies in the block.
template <class Reader>
std::size_t read_everything(Reader& reader, std::span<const std::byte> block) {
  std::vector<std::byte> copy(std::min<std::size_t>(reader.max_frame(), 4096));
  std::size_t messages = 0;
  std::size_t sum = 0;
  while (messages <= block.size()) {
    const std::size_t count = reader.drain(
        [&](std::span<const std::byte> message) {
          demand(message.size() <= reader.max_frame(), "larger than the largest message");
          demand(message.data() >= block.data() &&
                     message.data() + message.size() <= block.data() + block.size(),
                 "outside the block");
          for (const std::byte b : message) sum += static_cast<std::size_t>(b);
        },
        3);
    const auto read = reader.try_read(copy);
    messages += count + (read ? 1 : 0);
    if (count == 0 && !read) break;
  }
  demand(messages <= block.size(), "a reader that goes round for ever");
  if (reader.corrupt()) demand(!reader.has_news(), "corrupt, and still reads");
  asm volatile("" : : "r"(sum));  // the bytes were read
  return messages;
}

/// A ring as its creator made it, but for the words that somebody else may write.
template <class Ring, class MakeReader>
std::size_t read_formatted(std::span<const std::byte> input, const typename Ring::Options& options,
                           MakeReader&& make_reader) {
  Block block(Ring::footprint(options).value());
  auto ring = Ring::format(block.span(), options).value();
  const std::size_t frames = block.span().size() - (round_up(options.capacity, kFrameAlign) +
                                                    frame_bytes(options.max_frame));
  const auto there = block.span().subspan(frames);
  if (!input.empty()) {
    std::memcpy(there.data(), input.data(), std::min(input.size(), there.size()));
  }
  auto reader = make_reader(ring);
  return reader ? read_everything(*reader, there) : 0;
}

/// Any bytes as a block that somebody else formatted.
template <class Ring, class MakeReader>
void read_joined(std::span<const std::byte> input, MakeReader&& make_reader) {
  Block block(std::max<std::size_t>(input.size(), 1));
  if (!input.empty()) std::memcpy(block.span().data(), input.data(), input.size());
  auto ring = Ring::join(block.span());
  if (!ring) return;
  if (auto reader = make_reader(*ring)) read_everything(*reader, block.span());
  if (auto producer = ring->producer()) {
    for (const std::size_t size :
         {std::size_t{0}, producer->max_frame() / 2, producer->max_frame()}) {
      if (auto claim = producer->try_claim(size)) {
        std::memset(claim.bytes().data(), 1, claim.bytes().size());
        claim.commit();
      }
    }
  }
}

inline constexpr auto kConsumer = [](auto& ring) { return ring.consumer(); };
inline constexpr auto kCursor = [](auto& ring) { return ring.cursor(); };

/// The first byte chooses what the rest is taken for. \return messages found
inline std::size_t read_any_bytes(std::span<const std::byte> input) {
  if (input.size() < 3) return 0;
  const auto how = static_cast<unsigned>(input[0]);
  const std::size_t max_frame = 1 + static_cast<std::size_t>(input[1]) % 100;
  const std::size_t capacity = frame_bytes(max_frame) + static_cast<std::size_t>(input[2]) % 4 * 40;
  const auto rest = input.subspan(3);
  const Sequence start = how / 8 % 2 == 0 ? 0 : ~Sequence{0} - 63;
  switch (how % 5) {
    case 0:
      return read_formatted<ByteRing>(
          rest, {.capacity = capacity, .max_frame = max_frame, .start = start}, kConsumer);
    case 1:
      return read_formatted<BroadcastByteRing>(
          rest, {.capacity = capacity, .max_frame = max_frame, .max_cursors = 1, .start = start},
          kCursor);
    case 2: read_joined<ByteRing>(rest, kConsumer); return 0;
    case 3: {
      // A foreign count of gates is checked when the ring is joined.
      read_joined<BroadcastByteRing>(rest, kCursor);
      return 0;
    }
    default: {
      const auto type = decode_message_type(rest);
      if (!type) return 0;
      demand(type->encoded_bytes() <= rest.size(), "longer than the memory");
      std::vector<std::byte> again(encoded_size(type->type()));
      demand(encode(type->type(), again).value() == type->encoded_bytes(), "another size");
      const auto same = decode_message_type(again);
      demand(same && compatibility(same->type(), type->type()) == TypeFit::kSame, "another type");
      demand(!describe(type->type()).empty(), "no words for it");
      return 1;
    }
  }
}

}  // namespace ringway::fuzz
