// SPDX-License-Identifier: Apache-2.0
// A ring and a directory whose memory others overwrite after they were joined: what handles know of
// sizes and places they have copied and checked once.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "ringway/bus/replier.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::eventually;

struct Item {
  std::uint64_t number;
};

/// Memory that ends where its mapping ends, and begins behind a page that nobody may touch.
class FencedMemory {
 public:
  explicit FencedMemory(std::size_t bytes) : bytes_(round_up(bytes, 4096)) {
    pages_ = static_cast<std::byte*>(
        ::mmap(nullptr, bytes_ + 2 * kFence, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (::mprotect(pages_ + kFence, bytes_, PROT_READ | PROT_WRITE) != 0) std::abort();
    span_ = {pages_ + kFence + bytes_ - round_up(bytes, kOwnerSpacing),
             round_up(bytes, kOwnerSpacing)};
  }
  FencedMemory(const FencedMemory&) = delete;
  FencedMemory& operator=(const FencedMemory&) = delete;
  ~FencedMemory() { ::munmap(pages_, bytes_ + 2 * kFence); }
  [[nodiscard]] std::span<std::byte> span() const noexcept { return span_; }

 private:
  static constexpr std::size_t kFence = std::size_t{1} << 20;
  std::size_t bytes_;
  std::byte* pages_;
  std::span<std::byte> span_;
};

/// What lies where a header was: values that would be the worst to use.
constexpr std::uint64_t kWorst[] = {
    0, 1, 61, 1000, std::uint64_t{1} << 40, std::numeric_limits<std::uint64_t>::max()};

void overwrite(std::span<std::byte> memory, std::uint64_t value) {
  for (std::size_t at = 0; at + sizeof(value) <= memory.size(); at += sizeof(value)) {
    std::memcpy(memory.data() + at, &value, sizeof(value));
  }
}

template <class Ring>
class JoinedRing : public testing::Test {};
using Rings =
    testing::Types<BroadcastRing<Item, SharedMemory>, LossyBroadcastRing<Item, SharedMemory>>;
TYPED_TEST_SUITE(JoinedRing, Rings);

// Everything but the elements is overwritten: header, producer's words, attention, gates.
TYPED_TEST(JoinedRing, KeepsToItsMemoryWhateverIsWrittenThere) {
  constexpr BroadcastOptions kOptions{.capacity = 64, .max_cursors = 2};
  for (const auto worst : kWorst) {
    SCOPED_TRACE(worst);
    const auto bytes = *TypeParam::footprint(kOptions);
    const FencedMemory memory(bytes);
    auto made = TypeParam::format(memory.span(), kOptions);
    ASSERT_TRUE(made);
    auto ring = TypeParam::join(memory.span());
    ASSERT_TRUE(ring);
    auto producer = ring->producer();
    auto cursor = ring->cursor();
    ASSERT_TRUE(producer && cursor);
    for (std::uint64_t i = 0; i < 32; ++i) ASSERT_TRUE(producer->try_push(Item{i}));
    overwrite(memory.span(), worst);  // the elements too
    std::size_t pushed = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) pushed += producer->try_push(Item{i}) ? 1 : 0;
    EXPECT_LE(pushed, 1000u);
    for (int i = 0; i < 1000; ++i) static_cast<void>(cursor->try_read());
    cursor->drain([](const Item&) {}, 1000);
    EXPECT_LE(cursor->size_approx(), 64u + 7u);
    static_cast<void>(ring->head_approx());
    EXPECT_EQ(ring->capacity(), 64u);
    EXPECT_EQ(producer->capacity(), 64u);
    EXPECT_EQ(producer->max_cursors(), 2u);
    EXPECT_LT(producer->take_signals(), 4u) << "a signal for a gate that is not there";
    auto late = ring->cursor();  // may find a place or not
    if constexpr (requires { ring->lossy_cursor(); }) {
      if (auto lossy = ring->lossy_cursor()) {
        lossy->drain([](const Item&) {}, 1000);
        lossy->skip_to_newest();
        static_cast<void>(lossy->size_approx());
      }
    }
    EXPECT_FALSE(TypeParam::join(memory.span())) << "and nobody joins it any more";
  }
}

TEST(JoinedByteRing, KeepsToItsMemoryWhateverIsWrittenThere) {
  constexpr BroadcastByteRing::Options kOptions{
      .capacity = 1024, .max_frame = 64, .max_cursors = 2};
  for (const auto worst : kWorst) {
    SCOPED_TRACE(worst);
    const FencedMemory memory(*BroadcastByteRing::footprint(kOptions));
    auto made = BroadcastByteRing::format(memory.span(), kOptions);
    ASSERT_TRUE(made);
    auto ring = BroadcastByteRing::join(memory.span());
    ASSERT_TRUE(ring);
    auto producer = ring->producer();
    auto cursor = ring->cursor();
    ASSERT_TRUE(producer && cursor);
    const std::vector<std::byte> message(40);
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(producer->try_push(message));
    overwrite(memory.span(), worst);
    for (int i = 0; i < 100; ++i) static_cast<void>(producer->try_push(message));
    cursor->drain([](std::span<const std::byte>) {}, 1000);
    static_cast<void>(cursor->size_approx());
    EXPECT_EQ(producer->max_cursors(), 2u);
    EXPECT_LT(producer->take_signals(), 4u);
    auto late = ring->cursor();
    EXPECT_FALSE(BroadcastByteRing::join(memory.span()));
  }
}

// A header that holds together, but for more memory than there is.
TEST(JoinedRings, LargerThanTheirMemoryAreRefused) {
  using Ring = BroadcastRing<Item, SharedMemory>;
  const FencedMemory small(*Ring::footprint({.capacity = 64}));
  const FencedMemory large(*Ring::footprint({.capacity = 6400}));
  ASSERT_TRUE(Ring::format(small.span(), {.capacity = 64}));
  ASSERT_TRUE(Ring::format(large.span(), {.capacity = 6400}));
  std::memcpy(small.span().data(), large.span().data(), sizeof(RingHeader));
  EXPECT_FALSE(Ring::join(small.span()));
}

// A flag that another process may write is no bool.
TEST(Answers, WithAnyFlagAreAnAnswerOrNone) {
  using Element = ReplyElement<Item>;
  static_assert(std::is_trivially_copyable_v<Element>);
  Element element({1, 2}, Item{7});
  for (const unsigned flag : {0U, 1U, 2U, 0x55U, 0xFFU, 0xFFFFFFFFU}) {
    std::memcpy(&element.answered, &flag, sizeof(flag));
    EXPECT_EQ(element.take().has_value(), flag != 0);
  }
  EXPECT_FALSE(Element({1, 2}, std::nullopt).take());
}

SharedBusOptions few() {
  SharedBusOptions options;
  options.lane_bytes = std::size_t{1} << 20;
  options.tables = {.topics = 16,
                    .subscriptions = 16,
                    .endpoints = 16,
                    .lanes = 16,
                    .participants = 4,
                    .types = 8};
  return options;
}

constexpr Topic<Item> kItems{"items", {.capacity = 16, .max_readers = 2}};
constexpr Topic<Item> kFamily{"family.>", {.capacity = 16}};

/// The ring of the only lane.
std::span<std::byte> only_ring(SharedBus& bus) {
  const auto& lane = bus.core()->directory().lane(1);
  return bus.core()->home().own_memory().subspan(lane.segment_offset, lane.segment_bytes);
}

// A message of a family that names a topic which nobody made.
TEST(Distrust, TopicNumbersThatNobodyMadeAreSkipped) {
  const test::SegmentName name;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher feed{*bus};
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.subscribe(kFamily, [&](const Item&) { ++received; });
  // the writing end, without the handle that gives the numbers out
  using Lane = LanePublisher<Numbered<Item>, SegmentHome>;
  auto lane = Lane::make(bus->core(), LaneKind::kFamily, kFamily.name, {type_identity<Item>()},
                         kFamily.options);
  ASSERT_TRUE(lane.ok()) << lane.status();
  std::uint32_t made = 0;
  {
    const auto lock = bus->core()->lock();
    made = *bus->core()->directory().declare("family.a", {type_identity<Item>()});
  }
  const auto send = [&](std::uint32_t topic) {
    return lane->try_push([&](auto& producer) {
      return producer.try_push(Numbered<Item>{{topic}, topic});
    });
  };
  for (const std::uint32_t topic :
       {made, 0xFFFF'FFFFU, 0xFFFF'FFFEU, 0x7FFF'FFFFU, 16U, 1'000'000U, made}) {
    ASSERT_EQ(send(topic), PublishStatus::kPublished);
  }
  EXPECT_TRUE(eventually([&] { return received == 2; }));
  subscription.end();
  EXPECT_EQ(received, 2u);
}

// A lane whose ring was overwritten before its reader picked it up.
TEST(Distrust, ReadersOfALaneThatHoldsNoRingAreRefused) {
  const test::SegmentName name;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kItems);
  auto& lane = bus->core()->directory().lane(1);
  const auto memory = only_ring(*bus);
  std::vector<std::byte> good(memory.begin(), memory.end());
  Dispatcher feed{*bus};
  overwrite(memory.first(sizeof(RingHeader)), 0);
  EXPECT_FALSE(feed.try_subscribe(kItems, [](const Item&) {}).ok());
  ASSERT_TRUE(eventually([&] {  // its record is free for the next one
    const auto lock = bus->core()->lock();
    return bus->core()->directory().subscription(0).used == 0;
  }));
  // nor is a gate taken that the ring has not
  std::memcpy(memory.data(), good.data(), good.size());
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.try_subscribe(kItems, [&](const Item&) { ++received; });
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  {
    const auto lock = bus->core()->lock();
    // every gate, for the subscription that is there
    for (auto& bound : lane.bound) bound = 1;
  }
  bus->core()->signal(0, 1);
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_EQ(publisher.publish_for(Item{i}, 60s), PublishStatus::kPublished);
  }
  EXPECT_TRUE(eventually([&] { return received >= 4; }));
  // Before its readers, of which there are more than the directory has counted: they free the lane.
  { const auto ended = std::move(publisher); }
}

}  // namespace
}  // namespace ringway
