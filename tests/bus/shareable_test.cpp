// SPDX-License-Identifier: Apache-2.0
#include "ringway/bus/shareable.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ringway {
namespace {

struct Bytes {
  std::uint64_t id;
  char text[16];
};
struct alignas(kMostSharedAlign) Wide {
  char text[1];
};
struct alignas(2 * kMostSharedAlign) TooWide {
  char text[1];
};
struct Counted {
  Counted() = default;
  Counted(const Counted&) = default;
  ~Counted() {}  // NOLINT(modernize-use-equals-default): not trivial is the point
};

static_assert(kIsShareable<int> && kIsShareable<Bytes> && kIsShareable<std::array<Bytes, 3>>);
static_assert(kIsShareable<Wide> && !kIsShareable<TooWide>);
static_assert(!kIsShareable<int*> && !kIsShareable<void (*)()> && !kIsShareable<int Bytes::*>);
static_assert(!kIsShareable<std::string> && !kIsShareable<std::unique_ptr<int>>);
static_assert(!kIsShareable<Counted>);

// Between threads everything may travel; the sentences for other homes are in tests/compile.
TEST(Shareable, BusOfOneProcessCarriesAnything) {
  static_assert(!SharedHome<HeapHome>);
  check_shareable<int*, HeapHome>();
  check_shareable<std::string, HeapHome>();
  check_shareable<TooWide, HeapHome>();
  check_shareable<Counted, HeapHome>();
}

}  // namespace
}  // namespace ringway
