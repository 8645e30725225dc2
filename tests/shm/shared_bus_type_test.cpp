// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// Programs that were compiled with different versions of a message type, on one bus; and names that
// come and go in a segment.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

struct Trade1 {
  std::uint64_t id;
  double price;
};
struct Trade2 {
  std::uint64_t id;
  double price;
  std::uint64_t quantity;
};
struct Other1 {  // as Trade1, but for the kind of a member
  std::uint64_t id;
  std::uint64_t price;
};

}  // namespace

template <>
struct DescribeType<Trade1> {
  static constexpr std::string_view kName = "md.Trade";
};
template <>
struct DescribeType<Trade2> {
  static constexpr std::string_view kName = "md.Trade";
  static constexpr std::uint32_t kVersion = 2;
};
template <>
struct DescribeType<Other1> {
  static constexpr std::string_view kName = "md.Trade";
};

namespace {

using test::Process;
using test::SegmentName;
using test::Witness;

template <class T>
constexpr Topic<T> kTrades{"md.trades", {.capacity = 16, .retain = true}};

struct Counts {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> stop{0};
};

TEST(SharedBusType, ProgramWithAnOlderVersionReadsANewerPublisher) {
  const SegmentName name;
  Witness<Counts> counts;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kTrades<Trade2>);
  ASSERT_EQ(publisher.publish(Trade2{0, 100, 7}), PublishStatus::kPublished);
  Process older([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    Dispatcher feed{*own};
    auto subscription = feed.subscribe(
        kTrades<Trade1>,
        [&](const Trade1& trade) {
          if (trade.id != counts->received || trade.price != static_cast<double>(100 + trade.id)) {
            ++counts->wrong;
          }
          ++counts->received;
        },
        {.start = Start::kOldest});
    ++counts->ready;
    return test::eventually([&] { return counts->stop != 0; }) ? 0 : 2;
  });
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1; }));
  for (std::uint64_t i = 1; i < 500; ++i) {
    ASSERT_EQ(
        publisher.publish_for(Trade2{i, static_cast<double>(100 + i), 7}, std::chrono::seconds(60)),
        PublishStatus::kPublished);
  }
  EXPECT_TRUE(test::eventually([&] { return counts->received == 500; }));
  counts->stop = 1;
  EXPECT_EQ(older.wait(), 0);
  EXPECT_EQ(counts->wrong, 0u);
}

TEST(SharedBusType, EverythingElseIsRefusedInTheOtherProgram) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher dispatcher{*bus};
  auto subscription = dispatcher.subscribe(kTrades<Trade2>, [](const Trade2&) {});
  Process older([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    const auto refused = own->try_publisher(kTrades<Trade1>);
    if (refused.ok()) return 2;
    const std::string message(refused.status().message());
    if (!test::contains(message, "md.Trade version 1") ||
        !test::contains(message, "md.Trade version 2")) {
      return 3;
    }
    // the same name, version, size and alignment, and yet another type
    auto publisher = own->try_publisher(Topic<Trade1>{"md.other"});
    if (!publisher.ok()) return 4;
    if (own->try_publisher(Topic<Other1>{"md.other"}).ok()) return 5;
    return 0;
  });
  EXPECT_EQ(older.wait(), 0);
}

TEST(SharedBusType, NamesComeAndGoForEverInASmallSegment) {
  const SegmentName name;
  SharedBusOptions options;
  options.tables.topics = 16;
  auto bus = open_shared(name.str(), options);
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto kept = bus->publisher(Topic<Trade1>{"kept"});
  for (int i = 0; i < 20; ++i) {
    // each leaves its names behind, the last one of them by force
    Process other([&] {
      auto own = open_shared(name.str());
      if (!own.ok()) return 1;
      for (int k = 0; k < 10; ++k) {
        const auto topic = "t." + std::to_string(i) + "." + std::to_string(k);
        if (!own->try_publisher(Topic<Trade1>{topic}).ok()) return 2;
      }
      auto last = own->try_publisher(Topic<Trade1>{"last." + std::to_string(i)});
      ::_exit(last.ok() ? 0 : 3);
    });
    ASSERT_EQ(other.wait(), 0) << i;
    look_after_others(*bus);
  }
  EXPECT_EQ(kept.topic(), "kept");
  EXPECT_EQ(kept.publish(Trade1{1, 1}), PublishStatus::kPublished);
}

}  // namespace
}  // namespace ringway
