// SPDX-License-Identifier: Apache-2.0
#include "ringway/base/slot.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace ringway {
namespace {

struct alignas(128) Wide {
  int value;
};
struct ThrowingMove {
  ThrowingMove() = default;
  ThrowingMove(ThrowingMove&&) noexcept(false) {}
};

static_assert(sizeof(Slot<char>) == 1);
static_assert(sizeof(Slot<Wide>) == sizeof(Wide) && alignof(Slot<Wide>) == 128);
static_assert(std::is_trivially_default_constructible_v<Slot<std::string>>);
static_assert(kIsElement<int> && kIsElement<std::unique_ptr<int>> && kIsElement<Wide>);
static_assert(!kIsElement<int&> && !kIsElement<const int> && !kIsElement<ThrowingMove>);

TEST(Slot, LivesFromConstructToDestroy) {
  const auto value = std::make_shared<int>(7);
  Slot<std::shared_ptr<int>> slot;
  slot.construct(value);
  EXPECT_EQ(value.use_count(), 2);
  EXPECT_EQ(*slot.get(), 7);
  slot.destroy();
  EXPECT_EQ(value.use_count(), 1);
}

TEST(Slot, ConstructsInPlaceWithTheElementsAlignment) {
  Slot<Wide> slot;
  slot.construct(Wide{3});
  EXPECT_EQ(slot.get().value, 3);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&slot.get()) % 128, 0U);
  slot.destroy();
}

}  // namespace
}  // namespace ringway
