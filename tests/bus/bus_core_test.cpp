// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>

#include "bus_support.hpp"
#include "ringway/bus/bus_core.hpp"

namespace ringway {
namespace {

TEST(PrintError, NamesTheSubscriptionAndTheReason) {
  testing::internal::CaptureStderr();
  print_error("md.trades", std::make_exception_ptr(std::runtime_error("out of range")));
  print_error("md.quotes", std::make_exception_ptr(7));
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(test::contains(text, "md.trades")) << text;
  EXPECT_TRUE(test::contains(text, "out of range")) << text;
  EXPECT_TRUE(test::contains(text, "md.quotes")) << text;
}

TEST(BusCore, EmptyErrorHandlerPrints) {
  testing::internal::CaptureStderr();
  {
    Bus bus{{.on_error = nullptr}};
    auto subscription = bus.subscribe_inline(
        Topic<int>{"a"}, [](int) { throw std::runtime_error("thrown inside"); });
    bus.publisher(Topic<int>{"a"}).publish(1);
  }
  EXPECT_TRUE(test::contains(testing::internal::GetCapturedStderr(), "thrown inside"));
}

// The last handle of a lane destroys what is left in it; messages that hold handles of the bus
// themselves come to no dead-lock by that.
TEST(BusCore, MessageWhoseDestructionUsesTheBus) {
  Bus bus;
  Dispatcher dispatcher{bus};
  struct Holder {
    std::shared_ptr<Subscription> held;
  };
  auto held = std::make_shared<Subscription>(dispatcher.subscribe(Topic<int>{"other"}, [](int) {}));
  std::weak_ptr<Subscription> watch = held;
  {
    auto publisher = bus.publisher(Topic<Holder>{"holders", {.capacity = 2}});
    publisher.publish(Holder{std::move(held)});
  }
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(bus.lanes(), 0u);
}

}  // namespace
}  // namespace ringway
