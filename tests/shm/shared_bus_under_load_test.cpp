// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// The bus between processes while its dispatchers never find time to rest.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using test::eventually;
using test::Process;
using test::SegmentName;
using test::Witness;

struct Number {
  std::uint64_t value;
};
constexpr Topic<Number> kCircle{"circle", {.capacity = 64}};
constexpr Topic<Number> kOther{"other", {.capacity = 64}};

struct State {
  std::atomic<std::uint64_t> ready{0};
};

// Each message makes the next one, so this process never waits for anything: it must find the time
// to look after others all the same.
TEST(SharedBusUnderLoad, DeadAreCleanedUpAfterAlthoughNobodyEverWaits) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher feed{*bus, {.name = "feed"}};
  std::optional<Publisher<Number, SegmentHome>> publisher(bus->publisher(kCircle));
  std::atomic<bool> enough{false};
  auto subscription = feed.subscribe(kCircle, [&](const Number& number) {
    if (!enough) static_cast<void>(publisher->try_publish({number.value + 1}));
  });
  Witness<State> state;
  Process other([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    auto idle = own->publisher(kOther);
    state->ready = 1;
    return eventually([] { return false; }) ? 0 : 2;
  });
  ASSERT_TRUE(eventually([&] { return state->ready == 1; }));
  ASSERT_EQ(participants(*bus).size(), 2u);
  ASSERT_EQ(publisher->publish({0}), PublishStatus::kPublished);  // the circle begins
  other.kill();
  EXPECT_TRUE(eventually([&] { return participants(*bus).size() == 1; }));
  EXPECT_EQ(cleaned_up_after(*bus), 1u);
  enough = true;
  subscription.end();
}

}  // namespace
}  // namespace ringway
