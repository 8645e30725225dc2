// SPDX-License-Identifier: Apache-2.0
#include "ringway/ring/line_shape.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <new>

#include "ringway/base/native_memory.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"

namespace ringway {
namespace {

TEST(LineShape, IsTheShapeOfTheRingsLines) {
  const auto check = []<class T>() {
    SCOPED_TRACE(testing::Message() << sizeof(T) << " bytes, alignment " << alignof(T));
    const auto compare = []<class SlotType>(bool lossy) {
      using LineType = Line<SlotType, NativeMemory>;
      const auto shape = LineShape::of(sizeof(T), alignof(T), lossy);
      EXPECT_EQ(shape.bytes, sizeof(LineType));
      EXPECT_EQ(shape.items, LineType::kItems);
      EXPECT_EQ(shape.slot, sizeof(SlotType));
      alignas(LineType) std::byte memory[sizeof(LineType)];
      auto* line = ::new (static_cast<void*>(memory)) LineType(0);
      EXPECT_EQ(shape.first,
                static_cast<std::size_t>(reinterpret_cast<std::byte*>(line->begin()) - memory));
    };
    compare.template operator()<Slot<T>>(false);
    compare.template operator()<WordSlot<T, NativeMemory>>(true);
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

}  // namespace
}  // namespace ringway
