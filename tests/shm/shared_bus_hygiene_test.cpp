// SPDX-License-Identifier: Apache-2.0
// labels: nosan
// What a message between processes costs the kernel, and what happens where the kernel refuses.
#include <gtest/gtest.h>

#include <cstdint>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"
#include "wait/child_process.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;
using test::SegmentName;
using test::Witness;

struct Item {
  std::uint64_t number;
};
constexpr std::size_t kCount = 4096;
constexpr Topic<Item> kItems{"items", {.capacity = kCount}};

struct Seen {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> wrong{0};
};

int receive_all(const std::string& name, Seen& seen, Idle idle, bool refuse = false) {
  if (refuse && !test::refuse_system_call(SYS_membarrier, EPERM)) return 9;
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  Dispatcher feed{*bus, {.name = "feed", .idle = idle}};
  std::uint64_t next = 0;
  auto subscription = feed.try_subscribe(kItems, [&](const Item& item) {
    if (item.number != next++) ++seen.wrong;
    ++seen.received;
  });
  if (!subscription.ok()) {
    return test::contains(std::string(subscription.status().message()), "membarrier") ? 7 : 2;
  }
  ++seen.ready;
  return eventually([&] { return seen.received == kCount; }) ? 0 : 3;
}

// Any system call but the exit kills the publisher.
TEST(SharedBusHygiene, PublishingMakesNoSystemCallWhileNobodySleeps) {
  const SegmentName name;
  Witness<Seen> seen;
  Process reader([&] { return receive_all(name.str(), *seen, Idle::kSpin); });
  ASSERT_TRUE(eventually([&] { return seen->ready == 1; }));
  EXPECT_EQ(test::in_child([&] {
              auto bus = open_shared(name.str());
              if (!bus.ok()) return 1;
              auto publisher = bus->publisher(kItems);
              if (publisher.publish(Item{0}) != PublishStatus::kPublished) return 4;
              // its reader has picked the lane up, and spins
              if (!eventually([&] { return seen->received == 1; })) return 5;
              if (!test::forbid_system_calls()) return 2;
              for (std::uint64_t i = 1; i < kCount; ++i) {
                if (publisher.publish(Item{i}) != PublishStatus::kPublished) ::_exit(3);
              }
              ::_exit(0);
            }),
            0);
  // the publisher died without detaching: what it had published is read all the same
  EXPECT_EQ(reader.wait(), 0);
  EXPECT_EQ(seen->wrong, 0u);
}

TEST(SharedBusHygiene, PublisherWithoutMembarrierIsStillHeardBySleepers) {
  const SegmentName name;
  Witness<Seen> seen;
  Process reader([&] { return receive_all(name.str(), *seen, Idle::kPark); });
  ASSERT_TRUE(eventually([&] { return seen->ready == 1; }));
  EXPECT_EQ(test::in_child([&] {
              if (!test::refuse_system_call(SYS_membarrier, EPERM)) return 9;
              auto bus = open_shared(name.str());
              if (!bus.ok()) return 1;
              auto publisher = bus->publisher(kItems);
              for (std::uint64_t i = 0; i < kCount; ++i) {
                if (i % 64 == 0) std::this_thread::sleep_for(1ms);
                if (publisher.publish(Item{i}) != PublishStatus::kPublished) return 2;
              }
              return 0;
            }),
            0);
  EXPECT_EQ(reader.wait(), 0);
  EXPECT_EQ(seen->wrong, 0u);
}

TEST(SharedBusHygiene, WithoutMembarrierAnywhereTheBusStillWorks) {
  const SegmentName name;
  Witness<Seen> seen;
  Process reader([&] { return receive_all(name.str(), *seen, Idle::kPark, true); });
  ASSERT_TRUE(eventually([&] { return seen->ready == 1; }));
  EXPECT_EQ(test::in_child([&] {
              if (!test::refuse_system_call(SYS_membarrier, EPERM)) return 9;
              auto bus = open_shared(name.str());
              if (!bus.ok()) return 1;
              auto publisher = bus->publisher(kItems);
              for (std::uint64_t i = 0; i < kCount; ++i) {
                if (publisher.publish(Item{i}) != PublishStatus::kPublished) return 2;
              }
              return 0;
            }),
            0);
  EXPECT_EQ(reader.wait(), 0);
  EXPECT_EQ(seen->wrong, 0u);
}

// A publisher that relies on its readers' fences, and a reader that may not run one.
TEST(SharedBusHygiene, ReaderWithoutMembarrierIsRefusedByPublishersWithIt) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok());
  auto publisher = bus->publisher(kItems);
  Witness<Seen> seen;
  Process reader([&] { return receive_all(name.str(), *seen, Idle::kPark, true); });
  EXPECT_EQ(reader.wait(), 7) << "and told why";
  for (std::uint64_t i = 0; i < 2 * kCount; ++i) {
    ASSERT_EQ(publisher.try_publish(Item{i}), PublishStatus::kPublished) << "held back by nobody";
  }
}

}  // namespace
}  // namespace ringway
