// SPDX-License-Identifier: Apache-2.0
/// \file
/// The ring of bytes by itself: the conformance suite, and what is its own.

#include "ringway/ring/byte_ring.hpp"

#include "tests/ring/byte_ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(Byte, ByteRingConformance, ByteKind);

TEST(ByteRing, LyingConsumerLosesItsOwnMessagesAndNothingElse) {
  // The word that the consumer writes may hold anything: the producer stays inside the block.
  const ByteRing::Options options{.capacity = 200, .max_frame = 40};
  const std::size_t bytes = ByteRing::footprint(options).value();
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    GuardedMemory memory(bytes);
    ByteEnds<ByteKind> ends(ByteRing::format(memory.span(), options).value());
    const std::uint64_t lie = random() >> random() % 64;
    std::size_t sent = 0;
    while (sent < 50 && send_message(ends.producer, sent, 40)) {
      if (++sent % 5 == 0) std::memcpy(memory.span().data() + 2 * kOwnerSpacing, &lie, sizeof lie);
    }
    EXPECT_GE(sent, 5u);
    EXPECT_TRUE(memory.guards_are_whole());
  }
}

}  // namespace ringway::test
