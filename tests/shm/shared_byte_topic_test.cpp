// SPDX-License-Identifier: Apache-2.0
// Topics of bytes between processes: the conformance suite on a named and on an anonymous bus, who
// dies when, and frames that a hostile publisher makes up.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "shm_support.hpp"
#include "tests/bus/byte_topic_conformance.hpp"

namespace ringway::test {

/// Two attachments to one bus.
struct Named {
  SegmentName name;
  SharedBus one = open_shared(name.str()).value();
  SharedBus two = open_shared(name.str()).value();
  SharedBus& writer() noexcept { return one; }
  SharedBus& reader() noexcept { return two; }
};
struct Anonymous {
  SharedBus one = make_anonymous_shared().value();
  SharedBus two = open_shared(shared_descriptor(one)).value();
  SharedBus& writer() noexcept { return one; }
  SharedBus& reader() noexcept { return two; }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Named, ByteTopicConformance, Named);
INSTANTIATE_TYPED_TEST_SUITE_P(Anonymous, ByteTopicConformance, Anonymous);

namespace {

constexpr std::size_t kMost = 100;
constexpr ByteTopic kBytes{"bytes", {.capacity = 1000, .largest = kMost, .encoding = "test/1"}};

struct Counts {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> committed{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> stop{0};
};

/// A handler that expects messages 0, 1, 2, ... of a publisher.
auto expect_in_order(Counts& counts) {
  return [&counts](std::span<const std::byte> bytes, const MessageInfo& info) {
    const auto next = counts.received.load();
    const bool right =
        is_message(next, size_of_message(next, kMost), bytes) && info.sequence == next;
    counts.wrong += right ? 0 : 1;
    ++counts.received;
  };
}

int subscribe_until_stopped(const std::string& name, Counts& counts) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  Dispatcher feed{*bus};
  auto subscription = feed.subscribe(kBytes, expect_in_order(counts));
  ++counts.ready;
  return eventually([&] { return counts.stop != 0; }) ? 0 : 2;
}

/// A publisher's process: `work(publisher)` once the parent says so. \return what that answers
template <class Work>
int publish_when_told(const std::string& name, Counts& counts, const ByteTopic& topic,
                      const Work& work) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  auto publisher = bus->publisher(topic);
  ++counts.ready;
  if (!eventually([&] { return counts.stop != 0; })) return 2;
  return work(publisher);
}

TEST(SharedByteTopic, GoesToAnotherProcess) {
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] { return subscribe_until_stopped(name.str(), *counts); });
  ASSERT_TRUE(eventually([&] { return counts->ready == 1; }));
  {
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok()) << bus.status();
    auto publisher = bus->publisher(kBytes);
    constexpr std::uint64_t kCount = 5'000;
    for (std::uint64_t i = 0; i < kCount; ++i) publish_message(publisher, i, kMost);
    ASSERT_TRUE(eventually([&] { return counts->received == kCount; }));
    EXPECT_EQ(counts->wrong, 0u);
    const auto other = bus->try_publisher(ByteTopic{"bytes", {.encoding = "test/2"}});
    EXPECT_TRUE(contains(message_of(other), "test/1") && contains(message_of(other), "test/2"));
  }
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(name.exists());
}

TEST(SharedByteTopic, PublisherKilledWithAnOpenClaimHasNotPublishedIt) {
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] {
    return publish_when_told(name.str(), *counts, kBytes, [&](auto& publisher) {
      for (std::uint64_t i = 0; i < 5; ++i) publish_message(publisher, i, kMost);
      auto claim = publisher.try_claim(kMost);
      if (!claim) return 3;
      write_message(5, claim.bytes());
      counts->committed = 5;
      return eventually([&] { return counts->stop == 2; }) ? 0 : 4;
    });
  });
  ASSERT_TRUE(eventually([&] { return counts->ready == 1; }));
  {
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok()) << bus.status();
    Dispatcher feed{*bus};
    auto subscription = feed.subscribe(kBytes, expect_in_order(*counts));
    counts->stop = 1;
    ASSERT_TRUE(eventually([&] { return counts->committed == 5; }));
    child.kill();
    ASSERT_TRUE(eventually([&] { return bus->lanes() == 0; })) << "the dead one's lane is let go";
    EXPECT_EQ(counts->received, 5u);
    EXPECT_EQ(counts->wrong, 0u);
    counts->received = 0;  // the next publisher begins anew
    auto publisher = bus->publisher(kBytes);
    for (std::uint64_t i = 0; i < 50; ++i) publish_message(publisher, i, kMost);
    ASSERT_TRUE(eventually([&] { return counts->received == 50; }));
    EXPECT_EQ(counts->wrong, 0u);
  }
  EXPECT_FALSE(name.exists());
}

TEST(SharedByteTopic, PublisherKilledAnywhereLosesNothingThatItPublished) {
  std::mt19937_64 random(std::random_device{}());
  for (int round = 0; round < 8; ++round) {
    const SegmentName name;
    Witness<Counts> counts;
    Process child([&] {
      return publish_when_told(name.str(), *counts, kBytes, [&](auto& publisher) -> int {
        for (std::uint64_t i = 0;; ++i) {
          publish_message(publisher, i, kMost);
          counts->committed = i + 1;
        }
      });
    });
    ASSERT_TRUE(eventually([&] { return counts->ready == 1; }));
    {
      auto bus = open_shared(name.str());
      ASSERT_TRUE(bus.ok()) << bus.status();
      Dispatcher feed{*bus};
      auto subscription = feed.subscribe(kBytes, expect_in_order(*counts));
      counts->stop = 1;
      const auto until = 1 + random() % 500;
      ASSERT_TRUE(eventually([&] { return counts->received >= until; }));
      child.kill();
      ASSERT_TRUE(eventually([&] { return bus->lanes() == 0; }));
      EXPECT_GE(counts->received, counts->committed);
      EXPECT_LE(counts->received, counts->committed + 1) << "one may be out, but not noted yet";
      EXPECT_EQ(counts->wrong, 0u);
    }
    EXPECT_FALSE(name.exists());
  }
}

TEST(SharedByteTopic, KilledSubscriberHoldsThePublisherBackNoLonger) {
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] {
    auto bus = open_shared(name.str());
    if (!bus.ok()) return 1;
    Dispatcher feed{*bus};
    auto subscription = feed.subscribe(kBytes, [&](std::span<const std::byte>) {
      ++counts->received;
      while (counts->stop == 0) std::this_thread::sleep_for(1ms);
    });
    ++counts->ready;
    return eventually([&] { return counts->stop != 0; }) ? 0 : 2;
  });
  ASSERT_TRUE(eventually([&] { return counts->ready == 1; }));
  {
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok()) << bus.status();
    auto publisher = bus->publisher(kBytes);
    const std::vector<std::byte> message(kMost);
    while (publisher.try_publish(message) == PublishStatus::kPublished) {
    }
    ASSERT_TRUE(eventually([&] { return counts->received == 1; }));
    EXPECT_EQ(publisher.publish_for(message, 1ms), PublishStatus::kTimedOut);
    child.kill();
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(publisher.publish_for(message, 60s), PublishStatus::kPublished);
    }
  }
  EXPECT_FALSE(name.exists());
}

TEST(SharedByteTopic, PastOfAKilledPublisherIsThereWhileSomebodyReadsIt) {
  constexpr ByteTopic kKept{"kept", {.capacity = 1000, .largest = kMost, .retain = true}};
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] {
    return publish_when_told(name.str(), *counts, kKept, [&](auto& publisher) {
      for (std::uint64_t i = 0; i < 5; ++i) publish_message(publisher, i, kMost);
      counts->committed = 5;
      return eventually([&] { return counts->stop == 2; }) ? 0 : 4;
    });
  });
  ASSERT_TRUE(eventually([&] { return counts->ready == 1; }));
  {
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok()) << bus.status();
    Dispatcher slow{*bus, {.name = "slow"}};
    Dispatcher feed{*bus};
    Gatekeeper gate;
    auto holder = slow.subscribe(kKept, [&](std::span<const std::byte>) { gate.pass(); });
    counts->stop = 1;
    ASSERT_TRUE(eventually([&] { return counts->committed == 5 && gate.somebody_is_here(); }));
    child.kill();
    look_after_others(*bus);
    std::vector<Sequence> last;
    auto all = feed.subscribe(kKept, expect_in_order(*counts), {.start = Start::kOldest});
    auto one = feed.subscribe(
        kKept,
        [&](std::span<const std::byte>, const MessageInfo& info) { last.push_back(info.sequence); },
        {.start = Start::kLastValue});
    EXPECT_TRUE(eventually([&] { return all.delivered() == 5 && one.delivered() == 1; }));
    gate.open();
    EXPECT_TRUE(eventually([&] { return bus->lanes() == 0; })) << "read to its end, the lane goes";
    one.end();
    EXPECT_EQ(last, std::vector<Sequence>{4});
    EXPECT_EQ(counts->wrong, 0u);
  }
  EXPECT_FALSE(name.exists());
}

/// The ring of the only lane there is, in memory of its publisher's.
std::span<std::byte> ring_of(SharedBus& bus) {
  auto& directory = bus.core()->directory();
  for (std::uint32_t i = 1; i < directory.lanes_used(); ++i) {
    const auto& lane = directory.lane(i);
    if (lane.used == 0) continue;
    return bus.core()->home().own_memory().subspan(lane.segment_offset, lane.segment_bytes);
  }
  return {};
}

TEST(SharedByteTopic, FramesThatAPublisherMakesUpAreToldAndTheLaneIsLetGo) {
  std::mt19937_64 random(std::random_device{}());
  for (int kind = 0; kind < 30; ++kind) {
    const SegmentName name;
    auto hostile = open_shared(name.str()).value();
    std::atomic<int> told{0};
    SharedBusOptions options;
    options.bus.on_error = [&](std::string_view, const std::exception_ptr& error) {
      try {
        std::rethrow_exception(error);
      } catch (const LaneError& trouble) {
        told += trouble.error() == SetupError::kCorruptFrames ? 1 : 100;
      }
    };
    auto victim = open_shared(name.str(), options).value();
    Dispatcher feed{victim, {.idle = Idle::kSpin}};  // looks, whether or not it is woken
    auto subscription = feed.subscribe(kBytes, [](std::span<const std::byte>) {});
    auto publisher = hostile.publisher(kBytes);
    const auto ring = ring_of(hostile);
    ByteHeader header;
    ASSERT_GE(ring.size(), sizeof(header));
    std::memcpy(static_cast<void*>(&header), ring.data(), sizeof(header));
    const auto start = header.ring.start;
    const auto frames = header.ring.bytes - header.ring.blocks * kFrameAlign;
    const auto most = header.max_frame;
    std::uint64_t word = 0;
    switch (kind) {
      case 0: word = FrameWord::message(start, most + 1); break;
      case 1: word = FrameWord::message(start, kLargestFrame); break;
      case 2: word = FrameWord::message(start + 8, 16); break;  // of another place
      case 3: word = FrameWord::message(start, 7); break;       // no room for a number
      case 4: word = FrameWord::message(start, 0); break;       // likewise
      case 5: word = FrameWord::padding(start, 64); break;      // not up to the end
      case 6: word = ~std::uint64_t{0}; break;
      default: word = random() | 1; break;
    }
    std::memset(ring.data() + frames + kFrameHeader, 0x5a, 256);
    std::atomic_ref(*reinterpret_cast<std::uint64_t*>(ring.data() + frames)).store(word);
    ASSERT_TRUE(eventually([&] { return told != 0; })) << "word " << word;
    EXPECT_EQ(subscription.delivered(), 0u);
    const std::vector<std::byte> message(kMost);
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(publisher.publish_for(message, 60s), PublishStatus::kPublished)
          << "nobody reads it any more";
    }
    auto honest = victim.publisher(kBytes);
    ASSERT_EQ(honest.publish(message), PublishStatus::kPublished);
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == 1; }));
    EXPECT_EQ(told, 1);
  }
}

TEST(SharedByteTopic, LaneThatIsOverwrittenAllTheTimeHarmsNobody) {
  const SegmentName name;
  auto hostile = open_shared(name.str()).value();
  SharedBusOptions options;
  options.bus.on_error = [](std::string_view, const std::exception_ptr&) {};
  auto victim = open_shared(name.str(), options).value();
  Dispatcher feed{victim};
  std::mt19937_64 random(std::random_device{}());
  std::uint64_t sum = 0;
  std::atomic<std::uint64_t> too_large{0};
  std::size_t frames = 0;  // offset of the first one, and how many words; of all lanes alike
  std::size_t words = 0;
  for (int round = 0; round < 100; ++round) {
    auto subscription = feed.subscribe(kBytes, [&](std::span<const std::byte> bytes) {
      too_large += bytes.size() > kMost ? 1 : 0;
      for (const std::byte b : bytes) sum += static_cast<std::uint64_t>(b);
    });
    auto publisher = hostile.publisher(kBytes);
    const auto ring = ring_of(hostile);
    if (round == 0) {
      ByteHeader header;
      std::memcpy(static_cast<void*>(&header), ring.data(), sizeof(header));
      words = header.ring.blocks;
      frames = header.ring.bytes - words * kFrameAlign;
    }
    for (int i = 0; i < 40; ++i) {
      const std::vector<std::byte> message(random() % (kMost + 1));
      static_cast<void>(publisher.try_publish(message));
      if (i < 5) continue;
      // header and head included: handles know better, or take them for a hint
      const auto at = random() % 4 == 0 ? random() % frames / 8 * 8 : frames + random() % words * 8;
      std::atomic_ref(*reinterpret_cast<std::uint64_t*>(ring.data() + at))
          .store(random() % 2 == 0 ? random() : random() % 256 | std::uint64_t{1} << 31);
    }
  }
  EXPECT_EQ(too_large, 0u);
}

}  // namespace
}  // namespace ringway::test
