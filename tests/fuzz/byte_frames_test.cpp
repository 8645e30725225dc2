// SPDX-License-Identifier: Apache-2.0
/// \file
/// The fuzzer's function without the fuzzer: inputs from a seeded generator, made of right blocks
/// and descriptions with a few words changed. Under AddressSanitizer a step too far is an error.

#include "tests/fuzz/byte_frames.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>

namespace ringway::fuzz {
namespace {

struct Inner {
  std::uint16_t a;
  double b;
};
struct Message {
  std::uint64_t id;
  Inner inner[3];
  char text[9];
};

/// A block that was used for a while, as bytes.
template <class Ring>
std::vector<std::byte> used_block(std::mt19937_64& random, const typename Ring::Options& options) {
  Block block(Ring::footprint(options).value());
  {
    auto ring = Ring::format(block.span(), options).value();
    auto producer = ring.producer().value();
    for (int i = 0; i < 3; ++i) {
      if (auto claim = producer.try_claim(random() % (options.max_frame + 1))) claim.commit();
    }
  }
  return {block.span().begin(), block.span().end()};
}

std::vector<std::byte> input_of(std::mt19937_64& random) {
  const auto max_frame = 1 + random() % 100;
  const auto more = random() % 4;
  const auto how = random() % 256;
  std::vector<std::byte> input{std::byte(how), std::byte(max_frame - 1), std::byte(more)};
  const std::size_t capacity = frame_bytes(max_frame) + more * 40;
  const Sequence start = how / 8 % 2 == 0 ? 0 : ~Sequence{0} - 63;
  std::vector<std::byte> rest;
  switch (how % 5) {
    case 0:
    case 2:
      rest = used_block<ByteRing>(random,
                                  {.capacity = capacity, .max_frame = max_frame, .start = start});
      break;
    case 1:
    case 3:
      rest = used_block<BroadcastByteRing>(
          random, {.capacity = capacity, .max_frame = max_frame, .max_cursors = 1, .start = start});
      break;
    default:
      rest.resize(encoded_size(message_type<Message>()));
      EXPECT_TRUE(encode(message_type<Message>(), rest).has_value());
  }
  if (how % 5 < 2) {  // the frames alone
    rest.erase(rest.begin(), rest.end() - static_cast<std::ptrdiff_t>(round_up(capacity, 8) +
                                                                      frame_bytes(max_frame)));
  }
  for (auto changes = random() % 4; changes > 0 && !rest.empty(); --changes) {
    const std::size_t at = random() % rest.size();
    switch (random() % 4) {
      case 0: rest[at] ^= std::byte(1U << random() % 8); break;
      case 1: rest[at] = std::byte(random()); break;
      case 2: rest.resize(at); break;
      default: {  // the word of a frame where it lies, or near there
        const auto word = random() % 2 == 0
                              ? FrameWord::message(start + at / 8 * 8, random() % 128)
                              : FrameWord::padding(start + at / 8 * 8, 8 * (1 + random() % 8));
        if (at / 8 * 8 + 8 <= rest.size()) std::memcpy(rest.data() + at / 8 * 8, &word, 8);
      }
    }
  }
  input.insert(input.end(), rest.begin(), rest.end());
  return input;
}

TEST(ByteFramesFuzz, NoBytesAreTakenForMoreThanTheyAre) {
  std::mt19937_64 random(20261122);
  std::size_t found = 0;
  for (int round = 0; round < 60'000; ++round) found += read_any_bytes(input_of(random));
  EXPECT_GT(found, 10'000u) << "the inputs are too wild to get anywhere";
}

TEST(ByteFramesFuzz, NoiseIsHarmless) {
  std::mt19937_64 random(20261123);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> input(random() % 600);
    for (std::byte& b : input) b = std::byte(random());
    read_any_bytes(input);
  }
}

}  // namespace
}  // namespace ringway::fuzz
