// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "ringway/bus/topic.hpp"

namespace ringway {
namespace {

struct Trade {
  std::uint64_t id;
};
struct Quote {
  std::uint64_t id;
};

using namespace std::chrono_literals;
inline constexpr Topic<Trade> kTrades{"md.trades", {.capacity = 4096, .max_readers = 3}};
inline constexpr Service<Quote(Trade)> kPricing{"pricing", {.timeout = 5ms, .max_pending = 7}};

TEST(Topic, ConstantsCarryNameAndOptions) {
  static_assert(kTrades.name == "md.trades" && kTrades.options.capacity == 4096);
  static_assert(std::is_same_v<decltype(kTrades)::Message, Trade>);
  static_assert(kPricing.options.timeout == 5ms && kPricing.options.max_pending == 7);
  EXPECT_EQ(Topic<int>{"x"}.options.capacity, 1024u);
  EXPECT_FALSE(Topic<int>{"x"}.options.admits_lossy);
}

TEST(Topic, NamedAndMatchingKeepTheContract) {
  constexpr auto kNasdaq = kTrades.named("md.trades.XNAS");
  static_assert(kNasdaq.name == "md.trades.XNAS" && kNasdaq.options.max_readers == 3);
  constexpr auto kAll = kTrades.matching("md.>");
  static_assert(kAll.name == "md.>" && kAll.options.capacity == 4096);
  constexpr auto kOther = kPricing.named("pricing.2");
  static_assert(kOther.name == "pricing.2" && kOther.options.max_pending == 7);
}

TEST(TypeIdentity, TellsTypesOfOneLayoutApart) {
  EXPECT_EQ(type_identity<Trade>(), type_identity<Trade>());
  EXPECT_FALSE(type_identity<Trade>() == type_identity<Quote>());
  EXPECT_FALSE(type_identity<int>() == type_identity<unsigned>());
  EXPECT_EQ(type_identity<Trade>().size, sizeof(Trade));
  EXPECT_EQ(type_identity<Trade>().align, alignof(Trade));
  EXPECT_NE(type_identity<Trade>().name.find("Trade"), std::string_view::npos);
}

TEST(TypeIdentity, TellsTypesWithBracketsInTheirNamesApart) {
  EXPECT_FALSE(
      (type_identity<std::array<char[3], 2>>() == type_identity<std::array<char[2], 3>>()));
  EXPECT_FALSE((type_identity<void (*)(int[3])>() == type_identity<void (*)(unsigned char)>()));
}

TEST(ServiceIdentity, DependsOnBothTypesAndTheirOrder) {
  EXPECT_EQ((service_identity<Quote, Trade>()), (service_identity<Quote, Trade>()));
  EXPECT_FALSE((service_identity<Quote, Trade>() == service_identity<Trade, Quote>()));
  EXPECT_FALSE((service_identity<Quote, Trade>() == service_identity<Quote, int>()));
}

}  // namespace
}  // namespace ringway
