// SPDX-License-Identifier: Apache-2.0
#include "ringway/ring/audience.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"

namespace ringway {
namespace {

/// The hardware, but the kernel refuses the heavy fence from the n-th call on.
template <int kTag>
struct RefusingMemory : NativeMemory {
  static inline std::atomic<int> granted{0};
  static bool heavy_fence() noexcept {
    return granted.fetch_sub(1) > 0 && NativeMemory::heavy_fence();
  }
};
using NeverGranted = RefusingMemory<0>;
using GrantedOnce = RefusingMemory<1>;

TEST(Attention, TellsTheWriterOnceWhatWasAsked) {
  Attention<NativeMemory> attention(false);
  EXPECT_FALSE(attention.wanted());
  ASSERT_TRUE(attention.ask(std::uint64_t{1} << 5));
  ASSERT_TRUE(attention.ask(Attention<NativeMemory>::kAudienceChanged));
  EXPECT_TRUE(attention.wanted());
  EXPECT_EQ(attention.take(), (std::uint64_t{1} << 5) | (std::uint64_t{1} << 63));
  EXPECT_FALSE(attention.wanted());
}

TEST(Attention, WithdrawSaysWhetherTheSignalWasStillDue) {
  Attention<NativeMemory> attention(false);
  ASSERT_TRUE(attention.ask(1));
  EXPECT_TRUE(attention.withdraw(1));
  EXPECT_FALSE(attention.wanted());
  ASSERT_TRUE(attention.ask(1));
  EXPECT_EQ(attention.take(), 1U);
  EXPECT_FALSE(attention.withdraw(1));
}

TEST(Attention, WithoutTheFenceTheWriterAlwaysLooksTwice) {
  Attention<NativeMemory> attention(true);
  EXPECT_TRUE(attention.wanted());
  EXPECT_EQ(attention.take(), 0U);
  EXPECT_TRUE(attention.wanted()) << "for ever";
  EXPECT_TRUE(attention.ask(2)) << "needs no fence";
  EXPECT_EQ(attention.take(), 2U);
}

TEST(Audience, WorksWhereTheFenceIsNeverGranted) {
  NeverGranted::granted = 0;
  auto ring = BroadcastRing<std::uint64_t, NeverGranted>::create({.capacity = 3}).value();
  auto producer = ring.producer().value();
  ASSERT_TRUE(producer.try_push(1));
  auto cursor = ring.cursor().value();
  for (std::uint64_t i = 2; i < 5; ++i) ASSERT_TRUE(producer.try_push(i));
  EXPECT_FALSE(producer.try_push(5)) << "the new reader holds it back at once";
  EXPECT_EQ(cursor.try_read(), 2U);
  ASSERT_TRUE(cursor.ask_for_signal());
  ASSERT_TRUE(producer.try_push(5));
  EXPECT_EQ(producer.take_signals(), 1U);
}

TEST(Audience, ReadersThatJoinAndLeaveUnderLoadMissNothingWithoutTheFence) {
  NeverGranted::granted = 0;
  constexpr std::uint64_t kMessages = 100'000;
  auto ring = BroadcastRing<std::uint64_t, NeverGranted>::create({.capacity = 64}).value();
  std::atomic<bool> done{false};
  std::thread writer([&ring, &done] {
    auto producer = ring.producer().value();
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      while (!producer.try_push(i)) std::this_thread::yield();
    }
    done = true;
  });
  while (!done) {
    auto cursor = ring.cursor().value();
    auto expected = cursor.sequence();
    for (int i = 0; i < 100; ++i) {
      if (const auto value = cursor.try_read()) {
        ASSERT_EQ(*value, expected++);
      } else {
        std::this_thread::yield();
      }
    }
  }
  writer.join();
}

TEST(Audience, AFenceThatIsRefusedLaterIsAnErrorAndTakesNoPlace) {
  GrantedOnce::granted = 1;  // for the making of the ring
  auto ring =
      LossyBroadcastRing<std::uint64_t, GrantedOnce>::create({.capacity = 2, .max_cursors = 1})
          .value();
  auto producer = ring.producer().value();
  auto refused = ring.cursor();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), SetupError::kFenceRefused);
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(producer.try_push(i)) << "nobody reads";
  GrantedOnce::granted = 1;
  EXPECT_TRUE(ring.cursor()) << "the place is free";
}

TEST(Gate, LiesOnLinesOfItsOwn) {
  EXPECT_EQ(sizeof(Gate<NativeMemory>) % kOwnerSpacing, 0U);
  EXPECT_EQ(alignof(Gate<NativeMemory>), kOwnerSpacing);
}

}  // namespace
}  // namespace ringway
