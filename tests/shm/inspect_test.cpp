// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// Looking at a bus from outside: right about the living and the dead, nothing written, and whatever
// is in the file, an answer.
#include "ringway/shm/inspect.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <random>
#include <span>

#include "ringway/shm/lane_tap.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::contains;
using test::message_of;
using test::Process;
using test::SegmentName;
using test::Witness;

struct Tick {
  std::uint64_t number;
  std::uint64_t check;
};
constexpr Topic<Tick> kTicks{"md.ticks", {.capacity = 64, .admits_lossy = true}};
constexpr Topic<Tick> kFamily{"md.family.>", {.capacity = 16}};
constexpr ByteTopic kBytes{"md.bytes", {.capacity = 500, .largest = 100, .encoding = "test/1"}};

SharedBusOptions named(const char* participant) {
  SharedBusOptions options;
  options.participant_name = participant;
  return options;
}

std::vector<char> bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
/// Copies the files of a bus: the control segment, and the processes' own under the names that go
/// with the copy.
void write_bytes(const std::string& path, const std::vector<char>& bytes);
void copy_bus(const SegmentName& from, const SegmentName& to) {
  write_bytes(to.path(), bytes_of(from.path()));
  struct stat facts {};
  ASSERT_EQ(::stat(to.path().c_str(), &facts), 0);
  for (const auto& file : from.files()) {
    if (file == from.path()) continue;
    const auto number = std::stoull(file.substr(file.rfind('-') + 1));
    write_bytes(OwnSegments::path_of(to.path(), facts.st_ino, number), bytes_of(file));
  }
}
void write_bytes(const std::string& path, const std::vector<char>& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

const LaneInfo* lane_of(const BusSnapshot& bus, const std::string& topic) {
  for (const auto& lane : bus.lanes) {
    if (lane.topic < bus.topics.size() && bus.topics[lane.topic].name == topic) return &lane;
  }
  return nullptr;
}

BusSnapshot look(const SegmentName& name) {
  auto inspector = BusInspector::open(name.path());
  EXPECT_TRUE(inspector.ok()) << message_of(inspector);
  auto seen = inspector->snapshot();
  EXPECT_TRUE(seen.ok()) << message_of(seen);
  return *std::move(seen);
}

TEST(Inspect, ShowsParticipantsTopicsLanesAndHowFarReadersAreBehind) {
  const SegmentName name;
  auto bus = open_shared(name.str(), named("feed")).value();
  std::atomic<bool> entered{false};
  std::atomic<bool> held{true};
  Dispatcher slow{bus, {.name = "slow"}};
  auto subscription = slow.subscribe(kTicks, [&](const Tick&) {
    entered = true;
    while (held) std::this_thread::sleep_for(1ms);
  });
  auto ticks = bus.publisher(kTicks);
  auto family = bus.family_publisher(kFamily);
  const auto topic = family.topic("md.family.a");
  for (std::uint64_t i = 0; i < 5; ++i)
    EXPECT_EQ(ticks.publish({i, ~i}), PublishStatus::kPublished);
  EXPECT_EQ(family.publish(topic, {7, 8}), PublishStatus::kPublished);
  ASSERT_TRUE(test::eventually([&] { return entered.load(); }));

  const auto seen = look(name);
  EXPECT_TRUE(seen.settled);
  ASSERT_EQ(seen.participants.size(), 1U);
  EXPECT_EQ(seen.participants[0].name, "feed");
  EXPECT_EQ(seen.participants[0].pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_TRUE(seen.participants[0].alive);
  EXPECT_GT(seen.participants[0].since_ns, 0);
  const auto* lane = lane_of(seen, "md.ticks");
  ASSERT_NE(lane, nullptr);
  EXPECT_EQ(lane->trouble, "");
  EXPECT_EQ(lane->kind, LaneKind::kTopic);
  EXPECT_EQ(lane->ring.capacity, 64U);
  EXPECT_EQ(lane->ring.element_size, sizeof(Tick));
  EXPECT_EQ(lane->published, 5U);
  EXPECT_TRUE(lane->admits_lossy);
  ASSERT_EQ(lane->readers.size(), 1U);
  EXPECT_FALSE(lane->readers[0].lossy);
  EXPECT_EQ(lane->readers[0].behind, 5U);  // its first batch is not over
  EXPECT_EQ(lane->readers[0].participant, 0U);
  const auto* other = lane_of(seen, "md.family.>");
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->kind, LaneKind::kFamily);
  EXPECT_EQ(other->published, 1U);
  ASSERT_EQ(seen.subscriptions.size(), 1U);
  EXPECT_EQ(seen.subscriptions[0].pattern, "md.ticks");
  EXPECT_TRUE(std::any_of(seen.topics.begin(), seen.topics.end(),
                          [](const TopicInfo& one) { return one.name == "md.family.a"; }));
  held = false;
}

TEST(Inspect, ShowsLanesOfBytesAndHowManyBytesReadersAreBehind) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  std::atomic<bool> entered{false};
  std::atomic<bool> held{true};
  Dispatcher slow{bus, {.name = "slow"}};
  auto subscription = slow.subscribe(kBytes, [&](std::span<const std::byte>) {
    entered = true;
    while (held) std::this_thread::sleep_for(1ms);
  });
  auto publisher = bus.publisher(kBytes);
  const std::array<std::byte, 20> message{};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(publisher.publish(message), PublishStatus::kPublished);
  ASSERT_TRUE(test::eventually([&] { return entered.load(); }));

  const auto seen = look(name);
  const auto* lane = lane_of(seen, "md.bytes");
  ASSERT_NE(lane, nullptr);
  EXPECT_EQ(lane->trouble, "");
  EXPECT_TRUE(lane->ring.of_bytes());
  EXPECT_EQ(lane->ring.capacity, kBytes.options.capacity);
  EXPECT_EQ(lane->published, 3U);
  ASSERT_EQ(lane->readers.size(), 1U);
  EXPECT_EQ(lane->readers[0].behind, 3 * byte_message_cost(message.size()));
  EXPECT_EQ(lane->depth(), lane->readers[0].behind);
  const auto type = decode_message_type(lane->description);
  ASSERT_TRUE(type.has_value());
  EXPECT_EQ(type->type().name, "test/1");
  EXPECT_EQ(seen.topics[lane->topic].type_name, "test/1");
  EXPECT_EQ(seen.topics[lane->topic].type_size, 0U);
  held = false;
}

TEST(Inspect, PlaceOfAPublisherThatRetainsIsNoReader) {
  constexpr ByteTopic kKept{"md.kept", {.capacity = 500, .largest = 100, .retain = true}};
  const SegmentName name;
  auto bus = open_shared(name.str(), named("feed")).value();
  Dispatcher feed{bus};
  auto publisher = bus.publisher(kKept);
  const auto readers = [&] {
    const auto seen = look(name);
    const auto* lane = lane_of(seen, "md.kept");
    return lane == nullptr ? std::size_t{99} : lane->readers.size();
  };
  EXPECT_EQ(readers(), 0U);
  auto subscription = feed.subscribe(kKept, [](std::span<const std::byte>) {});
  EXPECT_EQ(readers(), 1U);
}

TEST(Inspect, TellsTheDeadFromTheLiving) {
  const SegmentName name;
  Witness<std::atomic<int>> ready;
  Process child([&] {
    auto bus = open_shared(name.str(), named("child"));
    if (!bus.ok()) return 1;
    auto ticks = bus->publisher(kTicks);
    *ready = 1;
    for (;;) ::pause();
  });
  ASSERT_TRUE(test::eventually([&] { return *ready == 1; }));
  EXPECT_EQ(look(name).alive(), 1U);
  child.kill();
  const auto seen = look(name);
  ASSERT_EQ(seen.participants.size(), 1U);
  EXPECT_EQ(seen.participants[0].name, "child");
  EXPECT_FALSE(seen.participants[0].alive);
  EXPECT_EQ(seen.alive(), 0U);
}

TEST(Inspect, ShowsWhatLossyReadersMissed) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  std::atomic<bool> entered{false};
  std::atomic<bool> held{true};
  Dispatcher slow{bus, {.name = "slow"}};
  auto subscription = slow.subscribe(kTicks,
                                     [&](const Tick&) {
                                       entered = true;
                                       while (held) std::this_thread::sleep_for(1ms);
                                     },
                                     {.lossy = true});
  auto ticks = bus.publisher(kTicks);
  ASSERT_EQ(ticks.publish({0, 0}), PublishStatus::kPublished);
  ASSERT_TRUE(test::eventually([&] { return entered.load(); }));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(ticks.publish({i, ~i}), PublishStatus::kPublished);
  }
  held = false;
  ASSERT_TRUE(test::eventually([&] { return subscription.lost() != 0; }));
  ASSERT_TRUE(test::eventually([&] {
    const auto seen = look(name);
    const auto* lane = lane_of(seen, "md.ticks");
    return lane != nullptr && lane->readers.size() == 1 && lane->readers[0].lossy &&
           lane->readers[0].behind == 0 && lane->readers[0].lost == subscription.lost();
  }));
}

TEST(Inspect, WritesNothingAndNeedsNoWritePermission) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto ticks = bus.publisher(kTicks);  // nobody's thread is in the segment
  for (std::uint64_t i = 0; i < 100; ++i)
    ASSERT_EQ(ticks.publish({i, ~i}), PublishStatus::kPublished);
  const auto before = bytes_of(name.path());
  Process reader([&] {
    if (::setuid(65534) != 0 && ::geteuid() == 0) return 2;  // nobody
    auto inspector = BusInspector::open(name.path());
    // of a private segment another user sees nothing
    return ::geteuid() == 65534 && inspector.ok() ? 1 : 0;
  });
  EXPECT_EQ(reader.wait(), 0);
  for (const auto& file : name.files()) ASSERT_EQ(::chmod(file.c_str(), 0444), 0);
  Process other([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 2;
    auto inspector = BusInspector::open(name.path());
    if (!inspector.ok()) return 3;
    auto seen = inspector->snapshot();
    if (!seen.ok() || seen->lanes.size() != 1 || seen->alive() != 1) return 4;
    LaneTap tap(seen->lanes[0], LaneTap::Begin::kOldest);
    const auto got = tap.read(*inspector, 1000, [](Sequence, std::span<const std::byte>) {});
    return got.ok() && *got >= 64 ? 0 : 5;
  });
  EXPECT_EQ(other.wait(), 0);
  EXPECT_TRUE(before == bytes_of(name.path()));
}

// Who looks for long does not gather the files of all who came and went.
TEST(Inspect, NamesThatWereGivenBackAreNotShown) {
  const SegmentName name;
  SharedBusOptions options;
  options.tables = {.topics = 4, .subscriptions = 8, .endpoints = 4, .lanes = 8, .participants = 3};
  auto bus = open_shared(name.str(), options);
  ASSERT_TRUE(bus.ok()) << bus.status();
  for (const char* each : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(bus->try_publisher(kTicks.named(each)).ok()) << each;
  }
  auto publisher = bus->try_publisher(kTicks.named("e"));  // for which the others make room
  ASSERT_TRUE(publisher.ok()) << publisher.status();
  const auto seen = look(name);
  EXPECT_EQ(seen.topics_used(), 1u);
  ASSERT_GT(seen.topics.size(), 1u);
  for (const auto& topic : seen.topics) EXPECT_EQ(topic.name, topic.used ? "e" : "");
}

TEST(Inspect, FilesOfThoseWhoLeftAreClosed) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok());
  auto inspector = BusInspector::open(name.path());
  ASSERT_TRUE(inspector.ok()) << message_of(inspector);
  const auto open_files = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  ASSERT_TRUE(inspector->snapshot().ok());
  const auto before = open_files();
  for (int i = 0; i < 20; ++i) {
    auto other = open_shared(name.str());
    ASSERT_TRUE(other.ok());
    auto publisher = other->publisher(kTicks);
    const auto seen = inspector->snapshot();
    ASSERT_TRUE(seen.ok());
    ASSERT_EQ(seen->lanes.size(), 1U);
    EXPECT_EQ(seen->lanes[0].trouble, "");
  }
  ASSERT_TRUE(inspector->snapshot().ok());
  EXPECT_LE(open_files(), before);
}

TEST(Inspect, RefusesWhatIsNoSegmentInWords) {
  const SegmentName name;
  EXPECT_TRUE(absl::IsNotFound(BusInspector::open(name.path()).status()));
  EXPECT_TRUE(contains(message_of(BusInspector::open("/dev/shm")), "no regular file"));
  EXPECT_TRUE(contains(message_of(BusInspector::open("/dev/null")), "no regular file"));
  write_bytes(name.path(), {});
  EXPECT_TRUE(contains(message_of(BusInspector::open(name.path())), "fewer than any segment"));
  write_bytes(name.path(), std::vector<char>(8192, 'x'));
  EXPECT_TRUE(contains(message_of(BusInspector::open(name.path())), "not ready"));
  ::unlink(name.path().c_str());

  auto bus = open_shared(name.str()).value();
  auto bytes = bytes_of(name.path());
  const SegmentName copy;
  bytes.resize(bytes.size() / 2);
  write_bytes(copy.path(), bytes);
  EXPECT_TRUE(contains(message_of(BusInspector::open(copy.path())), "truncated"));
  bytes = bytes_of(name.path());
  bytes[8] = static_cast<char>(bytes[8] + 1);  // layout_version
  write_bytes(copy.path(), bytes);
  EXPECT_TRUE(contains(message_of(BusInspector::open(copy.path())), "layout is version"));
}

TEST(Inspect, FileMadeShorterMeanwhileIsAnErrorAndNoSignal) {
  const SegmentName name;
  const SegmentName copy;
  auto bus = open_shared(name.str()).value();
  auto ticks = bus.publisher(kTicks);
  copy_bus(name, copy);
  auto inspector = BusInspector::open(copy.path());
  ASSERT_TRUE(inspector.ok()) << message_of(inspector);
  auto seen = inspector->snapshot();
  ASSERT_TRUE(seen.ok() && seen->lanes.size() == 1);
  LaneTap tap(seen->lanes[0], LaneTap::Begin::kOldest);
  for (const auto& file : copy.files()) ASSERT_EQ(::truncate(file.c_str(), 4096), 0);
  EXPECT_TRUE(contains(message_of(inspector->snapshot()), "shorter"));
  const auto got = tap.read(*inspector, 1, [](Sequence, std::span<const std::byte>) {});
  EXPECT_TRUE(contains(message_of(got), "shorter"));
}

TEST(Inspect, RandomWordsAnywhereGiveAnAnswer) {
  const SegmentName name;
  const SegmentName copy;
  SharedBusOptions options;
  options.tables = {.topics = 8, .subscriptions = 8, .endpoints = 4, .lanes = 8, .participants = 3};
  options.lane_bytes = std::size_t{1} << 20;
  std::vector<char> good;
  {
    auto bus = open_shared(name.str(), options).value();
    Dispatcher reader{bus, {.name = "reader"}};
    auto subscription = reader.subscribe(kTicks, [](const Tick&) {});
    auto ticks = bus.publisher(kTicks);
    auto family = bus.family_publisher(kFamily);
    ASSERT_EQ(ticks.publish({1, 2}), PublishStatus::kPublished);
    ASSERT_EQ(family.publish(family.topic("md.family.a"), {1, 2}), PublishStatus::kPublished);
    auto bytes = bus.publisher(kBytes);
    ASSERT_EQ(bytes.publish(std::as_bytes(std::span("message"))), PublishStatus::kPublished);
    good = bytes_of(name.path());
    copy_bus(name, copy);
  }
  // where something is: the contents' beginning, and the rings behind the tables
  std::vector<std::size_t> used;
  for (std::size_t at = Segment::kContents; at + 8 <= good.size(); at += 4) {
    if (std::any_of(good.begin() + static_cast<std::ptrdiff_t>(at),
                    good.begin() + static_cast<std::ptrdiff_t>(at) + 4,
                    [](char c) { return c != 0; })) {
      used.push_back(at);
    }
  }
  ASSERT_GT(used.size(), 50U);
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::uint64_t likely[] = {0,     1,          2,          63,         255,
                                  65536, 0x7fffffff, 0xffffffff, 1ULL << 40, ~0ULL};
  const int fd = ::open(copy.path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  std::size_t answered = 0;
  for (int round = 0; round < 400; ++round) {
    const auto changes = 1 + random() % 4;
    std::vector<std::size_t> where;
    for (std::size_t i = 0; i < changes; ++i) {
      const auto at = used[random() % used.size()];
      const std::uint64_t word =
          random() % 3 == 0 ? random() : likely[random() % std::size(likely)];
      ASSERT_EQ(::pwrite(fd, &word, random() % 2 == 0 ? 4 : 8, static_cast<off_t>(at)) > 0, true);
      where.push_back(at);
    }
    auto inspector = BusInspector::open(copy.path());
    if (inspector.ok()) {
      auto seen = inspector->snapshot();
      if (seen.ok()) {
        for (const auto& lane : seen->lanes) {
          if (!lane.trouble.empty()) continue;
          LaneTap tap(lane, LaneTap::Begin::kOldest);
          const auto got = tap.read(
              *inspector, 100,
              [&](Sequence, std::span<const std::byte> bytes) { answered += bytes.size(); });
          answered += got.ok() ? 1 : 0;
        }
      } else {
        EXPECT_NE(message_of(seen), "");
      }
    } else {
      EXPECT_NE(message_of(inspector), "");
    }
    for (const auto at : where) {
      ASSERT_EQ(::pwrite(fd, good.data() + at, 8, static_cast<off_t>(at)), 8);
    }
  }
  ::close(fd);
  EXPECT_NE(answered, 0U);
}

}  // namespace
}  // namespace ringway
