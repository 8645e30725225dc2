// SPDX-License-Identifier: Apache-2.0
/// \file
/// What all rings begin with: the shape's arithmetic, the block's owner, the exclusive role.

#include "ringway/ring/ring_block.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

// A request that no machine can fulfil is answered with a null pointer, under sanitizers too.
extern "C" const char* __asan_default_options();
extern "C" const char* __tsan_default_options();
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}
extern "C" const char* __tsan_default_options() {
  return "allocator_may_return_null=1";
}

namespace ringway::test {
namespace {

constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();

TEST(RingHeader, IsPlainDataAtTheFrontOfItsFirstLines) {
  static_assert(std::is_trivially_copyable_v<RingHeader> && std::is_standard_layout_v<RingHeader>);
  EXPECT_EQ(offsetof(RingHeader, magic), 0u);
  RingHeader header;
  char first[4];
  std::memcpy(first, &header, sizeof first);
  EXPECT_EQ(std::string_view(first, 4), "RGWY");
}

TEST(RingMemory, RefusesMoreThanThereIsWithoutThrowing) {
  auto huge = RingMemory::allocate(kMax / 8, kOwnerSpacing);
  ASSERT_FALSE(huge.has_value());
  EXPECT_EQ(huge.error(), SetupError::kOutOfMemory);
}

TEST(RingMemory, AllocatedBlockIsAlignedAndMovesWithItsOwner) {
  for (const std::size_t align : {128u, 256u, 4096u}) {
    RingMemory first = RingMemory::allocate(1000, align).value();
    std::byte* const data = first.data();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % align, 0u);
    EXPECT_TRUE(first.holds_elements());
    std::memset(data, 1, 1000);
    RingMemory second = std::move(first);
    EXPECT_EQ(second.data(), data);
    EXPECT_TRUE(second.holds_elements());
    EXPECT_FALSE(first.holds_elements());  // NOLINT(bugprone-use-after-move): the point
    RingMemory third;
    EXPECT_FALSE(third.holds_elements());
    third = std::move(second);
    EXPECT_EQ(third.data(), data);
  }
}

TEST(RingMemory, BorrowingChecksSizeAndAlignmentAndTouchesNothing) {
  alignas(256) std::array<std::byte, 512> memory{};
  EXPECT_EQ(RingMemory::borrow(memory, 513, 128).error(), SetupError::kMemoryTooSmall);
  EXPECT_EQ(RingMemory::borrow(std::span(memory).subspan(64), 100, 128).error(),
            SetupError::kMemoryMisaligned);
  auto borrowed = RingMemory::borrow(memory, 512, 256);
  ASSERT_TRUE(borrowed.has_value());
  EXPECT_EQ(borrowed->data(), memory.data());
  EXPECT_TRUE(borrowed->holds_elements()) << "who formats destroys the leftovers";
  for (const std::byte b : memory) EXPECT_EQ(b, std::byte{0});
}

TEST(ExclusiveRole, IsTakenOnceAndRemembersWhereItsHolderStopped) {
  ExclusiveRole<NativeMemory> role(7);
  EXPECT_FALSE(role.taken());
  ASSERT_TRUE(role.take());
  EXPECT_TRUE(role.taken());
  EXPECT_FALSE(role.take());
  EXPECT_EQ(role.position(), 7u);
  role.give(9);
  EXPECT_FALSE(role.taken());
  ASSERT_TRUE(role.take());
  EXPECT_EQ(role.position(), 9u);
}

}  // namespace
}  // namespace ringway::test
