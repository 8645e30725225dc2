// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// Late subscribers of the bus between processes.
#include <gtest/gtest.h>

#include <cstdint>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using test::Process;
using test::SegmentName;
using test::Witness;

struct Tick {
  std::uint64_t number;
};

constexpr Topic<Tick> kTicks{"ticks", {.capacity = 8, .retain = true}};

struct Counts {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> first{0};  // number of the first message, plus one
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> stop{0};
};

/// Runs in a child: what a late subscription gets, until it is told to stop.
int subscribe_late(const std::string& name, Counts& counts, Start start) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  Dispatcher feed{*bus};
  std::uint64_t next = 0;
  auto subscription = feed.subscribe(kTicks,
                                     [&](const Tick& tick) {
                                       if (counts.received == 0) counts.first = tick.number + 1;
                                       if (counts.received != 0 && tick.number != next)
                                         ++counts.wrong;
                                       next = tick.number + 1;
                                       ++counts.received;
                                     },
                                     {.start = start});
  ++counts.ready;
  return test::eventually([&] { return counts.stop != 0; }) ? 0 : 2;
}

TEST(SharedBusStart, LateProcessBeginsWithWhatIsThere) {
  for (const Start start : {Start::kOldest, Start::kLastValue}) {
    const SegmentName name;
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok()) << bus.status();
    auto publisher = bus->publisher(kTicks);
    for (std::uint64_t i = 0; i < 30; ++i) {
      ASSERT_EQ(publisher.publish(Tick{i}), PublishStatus::kPublished);
    }
    const std::uint64_t there = start == Start::kOldest ? 8 : 1;
    Witness<Counts> counts;
    Process child([&] { return subscribe_late(name.str(), *counts, start); });
    ASSERT_TRUE(test::eventually([&] { return counts->received == there; }));
    EXPECT_EQ(counts->first, 30 - there + 1);
    ASSERT_TRUE(test::eventually([&] { return counts->ready == 1; }));
    ASSERT_EQ(publisher.publish(Tick{30}), PublishStatus::kPublished);
    ASSERT_TRUE(test::eventually([&] { return counts->received == there + 1; }));
    counts->stop = 1;
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(counts->wrong, 0u);
  }
}

TEST(SharedBusStart, LastValueOfAKilledPublisherIsThereWhileSomebodyReads) {
  const SegmentName name;
  Witness<Counts> counts;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher slow{*bus, {.name = "slow"}};
  std::atomic<bool> go_on{false};
  std::atomic<bool> stands{false};
  auto holder = slow.subscribe(kTicks, [&](const Tick&) {
    stands = true;
    static_cast<void>(test::eventually([&] { return go_on.load(); }));
  });
  Process publishing([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    auto publisher = own->publisher(kTicks);
    for (std::uint64_t i = 0; i < 5; ++i) {
      if (publisher.publish(Tick{i}) != PublishStatus::kPublished) return 2;
    }
    ++counts->ready;
    return test::eventually([&] { return counts->stop != 0; }) ? 0 : 3;
  });
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1 && stands; }));
  publishing.kill();
  look_after_others(*bus);
  Dispatcher dispatcher{*bus};
  std::atomic<std::uint64_t> last{0};
  auto late = dispatcher.subscribe(kTicks, [&](const Tick& tick) { last = tick.number + 1; },
                                   {.start = Start::kLastValue});
  EXPECT_TRUE(test::eventually([&] { return last == 5; }));
  go_on = true;
  EXPECT_TRUE(test::eventually([&] { return bus->lanes() == 0; })) << "read to its end, it goes";
}

}  // namespace
}  // namespace ringway
