// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// Reading a lane without being one of its readers: whole messages in order, nobody held back.
#include "ringway/shm/lane_tap.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "shm_support.hpp"
#include "tests/ring/byte_messages.hpp"

namespace ringway {
namespace {

using test::message_of;
using test::SegmentName;

/// `kWords` words that all follow from the number.
template <std::size_t kWords>
struct Parcel {
  std::array<std::uint64_t, kWords> words;

  static Parcel of(std::uint64_t number) {
    Parcel parcel{};
    for (std::size_t i = 0; i < kWords; ++i) parcel.words[i] = number * 1000003 + i;
    return parcel;
  }
};

/// What a tap saw of a lane.
struct Seen {
  std::uint64_t count = 0;
  std::uint64_t torn = 0;
  std::uint64_t out_of_order = 0;
  std::optional<Sequence> last;

  template <std::size_t kWords>
  void take(Sequence sequence, std::span<const std::byte> bytes) {
    Parcel<kWords> parcel;
    ++count;
    if (last && sequence <= *last) ++out_of_order;
    last = sequence;
    if (bytes.size() < sizeof(parcel)) {
      ++torn;
      return;
    }
    std::memcpy(&parcel, bytes.data(), sizeof(parcel));
    if (parcel.words != Parcel<kWords>::of(sequence).words) ++torn;
  }
};

LaneInfo only_lane(BusInspector& inspector) {
  auto seen = inspector.snapshot();
  EXPECT_TRUE(seen.ok()) << message_of(seen);
  EXPECT_EQ(seen->lanes.size(), 1U);
  EXPECT_EQ(seen->lanes[0].trouble, "");
  return seen->lanes[0];
}

template <std::size_t kWords>
void read_what_is_there(bool admits_lossy, std::size_t capacity, std::uint64_t messages) {
  SCOPED_TRACE(std::to_string(kWords) + " words, capacity " + std::to_string(capacity) + ", " +
               std::to_string(messages) + " messages" + (admits_lossy ? ", lossy" : ""));
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(
      Topic<Parcel<kWords>>{"parcels", {.capacity = capacity, .admits_lossy = admits_lossy}});
  auto inspector = BusInspector::open(name.path()).value();
  for (std::uint64_t i = 0; i < messages; ++i) {
    ASSERT_EQ(publisher.try_publish(Parcel<kWords>::of(i)), PublishStatus::kPublished);
  }
  const auto lane = only_lane(inspector);
  EXPECT_EQ(lane.published, messages);
  LaneTap tap(lane, LaneTap::Begin::kOldest);
  Seen seen;
  const auto got = tap.read(inspector, 1'000'000, [&](Sequence s, std::span<const std::byte> b) {
    seen.take<kWords>(s, b);
  });
  ASSERT_TRUE(got.ok()) << message_of(got);
  EXPECT_EQ(seen.torn, 0U);
  EXPECT_EQ(seen.out_of_order, 0U);
  EXPECT_EQ(tap.lost(), 0U);
  EXPECT_EQ(seen.count, *got);
  // all but what lies in the line that may be written next
  const auto kept = lane.ring.slots() - lane.ring.shape.items;
  if (messages != 0 && kept != 0) {
    EXPECT_EQ(seen.last, messages - 1);
  }
  EXPECT_GE(seen.count, messages < kept ? messages : kept);
}

TEST(LaneTap, ReadsFromTheOldestMessageOnWhateverItsSize) {
  for (const bool lossy : {false, true}) {
    for (const std::size_t capacity : {std::size_t{1}, std::size_t{5}, std::size_t{64}}) {
      for (const std::uint64_t messages : {0UL, 1UL, 4UL, 7UL, 63UL, 64UL, 65UL, 500UL}) {
        read_what_is_there<1>(lossy, capacity, messages);
      }
      read_what_is_there<7>(lossy, capacity, 200);
      read_what_is_there<8>(lossy, capacity, 200);
      read_what_is_there<64>(lossy, capacity, 200);
      read_what_is_there<80>(lossy, capacity, 200);
    }
  }
}

TEST(LaneTap, HoldsNobodyBackAndCountsWhatWasOverwritten) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(Topic<Parcel<2>>{"parcels", {.capacity = 16}});
  auto inspector = BusInspector::open(name.path()).value();
  LaneTap tap(only_lane(inspector), LaneTap::Begin::kOldest);
  Seen seen;
  const auto visit = [&](Sequence s, std::span<const std::byte> b) { seen.take<2>(s, b); };
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(publisher.try_publish(Parcel<2>::of(i)), PublishStatus::kPublished);
    if (i == 9) {
      EXPECT_EQ(*tap.read(inspector, 100, visit), 10U);
    }
  }
  const auto got = tap.read(inspector, 1'000'000, visit);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(seen.torn + seen.out_of_order, 0U);
  EXPECT_EQ(seen.last, 999U);
  EXPECT_EQ(10 + *got + tap.lost(), 1000U);
  EXPECT_GT(tap.lost(), 0U);
}

TEST(LaneTap, BeginsAtTheNewestIfAsked) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(Topic<Parcel<2>>{"parcels", {.capacity = 16}});
  auto inspector = BusInspector::open(name.path()).value();
  for (std::uint64_t i = 0; i < 5; ++i) {
    ASSERT_EQ(publisher.try_publish(Parcel<2>::of(i)), PublishStatus::kPublished);
  }
  LaneTap tap(only_lane(inspector), LaneTap::Begin::kNewest);
  Seen seen;
  const auto visit = [&](Sequence s, std::span<const std::byte> b) { seen.take<2>(s, b); };
  EXPECT_EQ(*tap.read(inspector, 100, visit), 0U);
  ASSERT_EQ(publisher.try_publish(Parcel<2>::of(5)), PublishStatus::kPublished);
  EXPECT_EQ(*tap.read(inspector, 100, visit), 1U);
  EXPECT_EQ(seen.last, 5U);
  EXPECT_EQ(seen.torn, 0U);
}

TEST(LaneTap, BeginsAtTheLastOrCountsWhatIsGoneOfTheFirst) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(Topic<Parcel<2>>{"parcels", {.capacity = 16}});
  auto inspector = BusInspector::open(name.path()).value();
  EXPECT_EQ(*LaneTap(only_lane(inspector), LaneTap::Begin::kLast)
                 .read(inspector, 100, [](Sequence, std::span<const std::byte>) {}),
            0U);
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_EQ(publisher.try_publish(Parcel<2>::of(i)), PublishStatus::kPublished);
  }
  Seen last;
  LaneTap from_last(only_lane(inspector), LaneTap::Begin::kLast);
  EXPECT_EQ(*from_last.read(inspector, 100,
                            [&](Sequence s, std::span<const std::byte> b) { last.take<2>(s, b); }),
            1U);
  EXPECT_EQ(last.last, 99U);
  Seen all;
  LaneTap from_first(only_lane(inspector), LaneTap::Begin::kFirst);
  const auto got = from_first.read(
      inspector, 100, [&](Sequence s, std::span<const std::byte> b) { all.take<2>(s, b); });
  EXPECT_EQ(*got + from_first.lost(), 100U);
  EXPECT_EQ(all.torn + last.torn, 0U);
  from_first.note_skipped(3);
  EXPECT_EQ(*got + from_first.lost(), 103U);
}

TEST(LaneTap, ShowsNothingThatWasCopiedOnceTheLaneWasAnothers) {
  for (const bool of_bytes : {false, true}) {
    const SegmentName name;
    auto bus = open_shared(name.str()).value();
    auto parcels = bus.publisher(Topic<Parcel<2>>{"parcels", {.capacity = 16}});
    ASSERT_EQ(parcels.try_publish(Parcel<2>::of(0)), PublishStatus::kPublished);
    auto bytes = bus.publisher(ByteTopic{"bytes"});
    ASSERT_EQ(bytes.try_publish(std::as_bytes(std::span("message"))), PublishStatus::kPublished);
    auto inspector = BusInspector::open(name.path()).value();
    const auto seen = inspector.snapshot().value();
    ASSERT_EQ(seen.lanes.size(), 2U);
    const auto& lane = seen.lanes[seen.lanes[0].ring.of_bytes() == of_bytes ? 0 : 1];
    EXPECT_TRUE(inspector.has_lane(lane.number, lane.life));
    EXPECT_FALSE(inspector.has_lane(lane.number, lane.life + 1));
    LaneTap tap(lane, LaneTap::Begin::kFirst);
    std::size_t shown = 0;
    const auto visit = [&](Sequence, std::span<const std::byte>) { ++shown; };
    EXPECT_EQ(*tap.read(inspector, 10, visit, [] { return false; }), 0U);
    EXPECT_TRUE(tap.ended());
    EXPECT_EQ(*tap.read(inspector, 10, visit), 0U);
    EXPECT_EQ(shown + tap.lost(), 0U);
  }
}

template <std::size_t kWords>
void read_beside_a_publisher(bool admits_lossy, std::size_t capacity, std::uint64_t messages) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(
      Topic<Parcel<kWords>>{"parcels", {.capacity = capacity, .admits_lossy = admits_lossy}});
  auto inspector = BusInspector::open(name.path()).value();
  LaneTap tap(only_lane(inspector), LaneTap::Begin::kOldest);
  std::atomic<bool> published{false};
  std::uint64_t refused = 0;
  std::thread feed([&] {
    for (std::uint64_t i = 0; i < messages; ++i) {
      if (publisher.try_publish(Parcel<kWords>::of(i)) != PublishStatus::kPublished) ++refused;
    }
    published = true;
  });
  Seen seen;
  bool good = true;
  const auto read = [&] {
    const auto got = tap.read(inspector, 1'000'000, [&](Sequence s, std::span<const std::byte> b) {
      seen.take<kWords>(s, b);
    });
    good = good && got.ok();
  };
  while (good && !published) read();
  feed.join();
  while (good && seen.count + tap.lost() != messages) {  // what is left is at rest
    const auto before = seen.count + tap.lost();
    read();
    if (seen.count + tap.lost() == before) break;
  }
  EXPECT_TRUE(good);
  EXPECT_EQ(refused, 0U);  // nobody holds it back
  EXPECT_EQ(seen.torn, 0U);
  EXPECT_EQ(seen.out_of_order, 0U);
  EXPECT_EQ(seen.count + tap.lost(), messages);
}

TEST(LaneTap, ShowsWholeMessagesOnlyWhileTheyAreOverwritten) {
  for (const bool lossy : {false, true}) {
    read_beside_a_publisher<1>(lossy, 32, 100'000);
    read_beside_a_publisher<8>(lossy, 32, 60'000);
    read_beside_a_publisher<80>(lossy, 8, 30'000);
    read_beside_a_publisher<8>(lossy, 1, 20'000);
  }
}

/// A lane of bytes whose messages follow from their numbers, and what a tap saw of it.
struct TappedBytes {
  static constexpr std::size_t kMost = 100;

  explicit TappedBytes(std::size_t capacity)
      : publisher(bus.publisher(
            ByteTopic{"bytes", {.capacity = capacity, .largest = kMost, .encoding = "test/1"}})) {}

  void publish() {
    std::vector<std::byte> message(test::size_of_message(sent, kMost));
    test::write_message(sent, message);
    ASSERT_EQ(publisher.try_publish(message), PublishStatus::kPublished);
    ++sent;
  }
  std::size_t read(LaneTap& tap) {
    const auto got =
        tap.read(inspector, 1'000'000, [&](Sequence sequence, std::span<const std::byte> bytes) {
          const auto size = test::size_of_message(sequence, kMost);
          wrong += test::is_message(sequence, size, bytes) && sequence >= next ? 0 : 1;
          next = sequence + 1;
          ++seen;
        });
    EXPECT_TRUE(got.ok()) << message_of(got);
    return got.ok() ? *got : 0;
  }

  SegmentName name;
  SharedBus bus = open_shared(name.str()).value();
  BusInspector inspector = BusInspector::open(name.path()).value();
  BytePublisher<SegmentHome> publisher;
  std::uint64_t sent = 0;
  std::uint64_t next = 0;
  std::uint64_t seen = 0;
  std::uint64_t wrong = 0;
};

TEST(LaneTap, BytesAreReadInOrderAroundTheEndOfTheLane) {
  TappedBytes bytes(1000);
  for (int i = 0; i < 5; ++i) bytes.publish();
  const auto lane = only_lane(bytes.inspector);
  EXPECT_EQ(lane.published, 5U);
  EXPECT_EQ(lane.ring.capacity, 1000U);
  LaneTap tap(lane, LaneTap::Begin::kOldest);
  EXPECT_EQ(bytes.read(tap), 5U) << "nothing was overwritten: from the first one on";
  LaneTap later(lane, LaneTap::Begin::kNewest);
  for (int i = 0; i < 3000; ++i) {
    bytes.publish();
    if (i % 3 == 0) {
      EXPECT_EQ(bytes.read(tap), i == 0 ? 1U : 3U);
    }
  }
  bytes.read(tap);
  EXPECT_EQ(bytes.seen, bytes.sent);
  EXPECT_EQ(bytes.wrong, 0U);
  EXPECT_EQ(tap.lost(), 0U);
  EXPECT_EQ(bytes.read(later), 0U) << "it was overtaken";
  bytes.publish();
  bytes.next = 0;
  EXPECT_EQ(bytes.read(later), 1U);
}

TEST(LaneTap, BytesThatWereOverwrittenAreCounted) {
  TappedBytes bytes(1000);
  LaneTap tap(only_lane(bytes.inspector), LaneTap::Begin::kOldest);
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 3; ++i) bytes.publish();
    EXPECT_EQ(bytes.read(tap), 3U);
    for (int i = 0; i < 100; ++i) bytes.publish();
    EXPECT_EQ(bytes.read(tap), 0U) << "goes on where the lane is";
  }
  bytes.publish();
  EXPECT_EQ(bytes.read(tap), 1U);
  EXPECT_EQ(bytes.seen + tap.lost(), bytes.sent);
  EXPECT_EQ(bytes.wrong, 0U);
}

TEST(LaneTap, ShowsWholeBytesOnlyWhileTheyAreOverwritten) {
  for (const std::size_t capacity : {std::size_t{120}, std::size_t{1000}, std::size_t{1} << 16}) {
    TappedBytes bytes(capacity);
    LaneTap tap(only_lane(bytes.inspector), LaneTap::Begin::kOldest);
    std::atomic<bool> over{false};
    std::thread feed([&] {
      for (int i = 0; i < 50'000; ++i) bytes.publish();
      over = true;
    });
    while (!over) bytes.read(tap);
    feed.join();
    bytes.read(tap);
    if (capacity >= 1000) {
      bytes.publish();
      EXPECT_EQ(bytes.read(tap), 1U);
      EXPECT_EQ(bytes.seen + tap.lost(), bytes.sent);
    }
    EXPECT_EQ(bytes.wrong, 0U);
  }
}

TEST(LaneTap, FamilyMessagesCarryTheNumberOfTheirTopic) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto family = bus.family_publisher(Topic<Parcel<3>>{"family.>", {.capacity = 16}});
  const auto a = family.topic("family.a");
  const auto b = family.topic("family.b");
  ASSERT_EQ(family.publish(a, Parcel<3>::of(0)), PublishStatus::kPublished);
  ASSERT_EQ(family.publish(b, Parcel<3>::of(1)), PublishStatus::kPublished);
  auto inspector = BusInspector::open(name.path()).value();
  const auto bus_now = inspector.snapshot().value();
  ASSERT_EQ(bus_now.lanes.size(), 1U);
  LaneTap tap(bus_now.lanes[0], LaneTap::Begin::kOldest);
  Seen seen;
  std::vector<std::string> topics;
  const auto got = tap.read(inspector, 10, [&](Sequence s, std::span<const std::byte> bytes) {
    seen.take<3>(s, bytes);
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data() + sizeof(Parcel<3>), sizeof(number));
    topics.push_back(number < bus_now.topics.size() ? bus_now.topics[number].name : "?");
  });
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(seen.torn, 0U);
  EXPECT_EQ(topics, (std::vector<std::string>{"family.a", "family.b"}));
}

// The publisher's segment was removed by hand: the lane is listed with its trouble, and read as an
// error.
TEST(LaneTap, LaneWithoutARingIsAnError) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(Topic<Parcel<2>>{"parcels", {.capacity = 16}});
  ASSERT_EQ(publisher.try_publish(Parcel<2>::of(0)), PublishStatus::kPublished);
  name.remove_own_segments();
  auto inspector = BusInspector::open(name.path()).value();
  const auto seen = inspector.snapshot();
  ASSERT_TRUE(seen.ok()) << message_of(seen);
  ASSERT_EQ(seen->lanes.size(), 1U);
  EXPECT_EQ(seen->lanes[0].trouble, "its publisher's segment can not be read");
  for (const auto begin : {LaneTap::Begin::kOldest, LaneTap::Begin::kNewest}) {
    LaneTap tap(seen->lanes[0], begin);
    const auto got = tap.read(inspector, 10, [](Sequence, std::span<const std::byte>) { FAIL(); });
    EXPECT_EQ(got.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(tap.lost(), 0U);
  }
}

}  // namespace
}  // namespace ringway
