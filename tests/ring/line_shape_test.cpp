// SPDX-License-Identifier: Apache-2.0
#include "ringway/ring/line_shape.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <new>

#include "ringway/base/native_memory.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"
#include "ringway/shm/shared_memory.hpp"

namespace ringway {
namespace {

TEST(LineShape, IsTheShapeOfTheRingsLines) {
  const auto check = []<class T>() {
    SCOPED_TRACE(testing::Message() << sizeof(T) << " bytes, alignment " << alignof(T));
    const auto compare = []<class SlotType, class Memory>(bool lossy) {
      using LineType = Line<SlotType, Memory>;
      const auto shape = LineShape::of<Memory>(sizeof(T), alignof(T), lossy);
      EXPECT_EQ(shape.bytes, sizeof(LineType));
      EXPECT_EQ(shape.items, LineType::kItems);
      EXPECT_EQ(shape.slot, sizeof(SlotType));
      alignas(LineType) std::byte memory[sizeof(LineType)];
      auto* line = ::new (static_cast<void*>(memory)) LineType(0);
      EXPECT_EQ(shape.first,
                static_cast<std::size_t>(reinterpret_cast<std::byte*>(line->begin()) - memory));
    };
    compare.template operator()<Slot<T>, NativeMemory>(false);
    compare.template operator()<WordSlot<T, NativeMemory>, NativeMemory>(true);
    compare.template operator()<Slot<T>, SharedMemory>(false);
    compare.template operator()<WordSlot<T, SharedMemory>, SharedMemory>(true);
  };
  const auto check_all = [&]<std::size_t kAlign>() {
    const auto one = [&]<std::size_t kSize>() {
      struct alignas(kAlign) Bytes {
        std::byte bytes[kSize];
      };
      check.template operator()<Bytes>();
    };
    one.template operator()<1>();
    one.template operator()<3>();
    one.template operator()<8>();
    one.template operator()<12>();
    one.template operator()<24>();
    one.template operator()<40>();
    one.template operator()<48>();
    one.template operator()<50>();
    one.template operator()<56>();
    one.template operator()<57>();
    one.template operator()<64>();
    one.template operator()<96>();
    one.template operator()<97>();
    one.template operator()<120>();
    one.template operator()<121>();
    one.template operator()<200>();
    one.template operator()<505>();
    one.template operator()<512>();
    one.template operator()<513>();
    one.template operator()<5000>();
  };
  check_all.template operator()<1>();
  check_all.template operator()<2>();
  check_all.template operator()<4>();
  check_all.template operator()<8>();
  check_all.template operator()<16>();
  check_all.template operator()<32>();
  check_all.template operator()<64>();
  check_all.template operator()<128>();
}

// A message is two neighbouring cache lines: docs/design/broadcast-ring.md.
TEST(LineShape, BetweenProcessesElementsOfAboutACacheLineHaveAWordEach) {
  for (const std::size_t size : {57U, 64U, 72U, 96U, 120U}) {
    const auto shape = LineShape::of<SharedMemory>(size, 1, false);
    EXPECT_EQ(shape.items, 1U) << size;
    EXPECT_EQ(shape.first, sizeof(Sequence)) << size;
    EXPECT_EQ(shape.bytes, 2 * kCacheLine) << size;
    EXPECT_EQ(LineShape::of<NativeMemory>(size, 1, false).items, kFewBehindWord) << size;
  }
  EXPECT_EQ(LineShape::of<SharedMemory>(56, 1, false).items, 1U);  // in one cache line
  EXPECT_EQ(LineShape::of<SharedMemory>(56, 1, false).bytes, kCacheLine);
  EXPECT_EQ(LineShape::of<SharedMemory>(121, 1, false).items, kFewBehindWord);
}

}  // namespace
}  // namespace ringway
