// SPDX-License-Identifier: Apache-2.0
// Topics of bytes between threads: the conformance suite, on one bus and on two views of one block,
// and what handlers that throw do.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "bus_support.hpp"
#include "tests/bus/byte_topic_conformance.hpp"

namespace ringway::test {

struct OneBus {
  Bus bus;
  Bus& writer() noexcept { return bus; }
  Bus& reader() noexcept { return bus; }
};

/// Two views of one block, mapped at two addresses.
struct TwoViews {
  using View = BasicBus<MappedHome>;

  std::shared_ptr<TwiceMapped> memory = std::make_shared<TwiceMapped>(std::size_t{1} << 28);
  View one = View::make(MappedHome(memory, 0)).value();
  View two = View::join(MappedHome(memory, 1)).value();
  View& writer() noexcept { return one; }
  View& reader() noexcept { return two; }
};

INSTANTIATE_TYPED_TEST_SUITE_P(OneBus, ByteTopicConformance, OneBus);
INSTANTIATE_TYPED_TEST_SUITE_P(TwoViews, ByteTopicConformance, TwoViews);

TEST(ByteTopic, HandlerThatThrowsLosesItsMessageAlone) {
  std::atomic<int> told{0};
  Bus bus{{.on_error = [&](std::string_view subscription, const std::exception_ptr&) {
    told += subscription == "throws" ? 1 : 100;
  }}};
  const ByteTopic topic{"throws", {.capacity = 400, .largest = 40}};
  Dispatcher dispatcher{bus};
  std::string seen;
  auto subscription = dispatcher.subscribe(topic, [&](std::span<const std::byte> bytes) {
    if (bytes.empty()) throw std::runtime_error("no bytes");
    seen += text_of(bytes);
  });
  auto publisher = bus.publisher(topic);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(publisher.publish(i % 4 == 3 ? bytes_of("") : bytes_of("z")),
              PublishStatus::kPublished);
  }
  ASSERT_TRUE(eventually([&] { return subscription.delivered() == 20; }));
  subscription.end();
  EXPECT_EQ(seen, std::string(15, 'z'));
  EXPECT_EQ(told, 5);
}

TEST(ByteTopic, CostOfAMessageIsItsBytesRoundedUpAndSixteen) {
  static_assert(byte_message_cost(0) == 16);
  static_assert(byte_message_cost(1) == 24);
  static_assert(byte_message_cost(8) == 24);
  static_assert(byte_message_cost(9) == 32);
}

}  // namespace ringway::test
