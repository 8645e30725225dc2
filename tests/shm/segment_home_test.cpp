// SPDX-License-Identifier: Apache-2.0
// labels: kill
// Attaching, detaching, dying, forking: who is a participant, and what becomes of the name.
#include "ringway/shm/segment_home.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <utility>
#include <vector>

#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::contains;
using test::message_of;
using test::Process;
using test::SegmentName;
using test::Witness;

struct Number {
  std::uint64_t value;
};
constexpr Topic<Number> kNumbers{"numbers", {.capacity = 8}};

SharedBusOptions small(std::uint32_t participants = 4) {
  SharedBusOptions options;
  options.lane_bytes = std::size_t{1} << 20;
  options.tables.participants = participants;
  return options;
}

struct Signals {
  std::atomic<int> ready{0};
  std::atomic<int> go{0};
  std::atomic<int> stop{0};
  std::atomic<int> failed{0};
};

/// A process that attaches and stays.
Process attached(const std::string& name, Signals& signals) {
  Process process([&] {
    auto bus = open_shared(name, small());
    if (!bus.ok()) return 1;
    ++signals.ready;
    return test::eventually([&] { return signals.stop != 0; }) ? 0 : 2;
  });
  return process;
}

TEST(SegmentHome, ParticipantsAreListedWithTheirNames) {
  const SegmentName name;
  auto options = small();
  options.participant_name = "first";
  auto one = open_shared(name.str(), options);
  options.participant_name = std::string(200, 'n');
  auto two = open_shared(name.str(), options);
  ASSERT_TRUE(one.ok() && two.ok()) << one.status() << two.status();
  const auto seen = participants(*one);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].name, "first");
  EXPECT_EQ(seen[1].name, std::string(63, 'n'));
  EXPECT_TRUE(seen[0].alive && seen[1].alive);
  EXPECT_EQ(seen[0].pid, static_cast<std::uint32_t>(::getpid()));
}

TEST(SegmentHome, TableOfParticipantsIsFullWithAnErrorAndPlacesComeBack) {
  const SegmentName name;
  auto stays = open_shared(name.str(), small(3));
  ASSERT_TRUE(stays.ok()) << stays.status();
  for (int i = 0; i < 30; ++i) {  // twenty times the table: one of its places is in use
    auto second = open_shared(name.str());
    auto third = open_shared(name.str());
    ASSERT_TRUE(second.ok() && third.ok()) << second.status() << third.status();
    const auto refused = open_shared(name.str());
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_TRUE(contains(message_of(refused), "3 processes"));
  }
  EXPECT_EQ(participants(*stays).size(), 1u);
}

// What tables ask for is not cut short by memory, unless lanes have more readers than usual.
TEST(SegmentHome, EveryLaneOfTheTableHasRoom) {
  const SegmentName name;
  SharedBusOptions options;
  options.tables = {
      .topics = 8, .subscriptions = 8, .endpoints = 8, .lanes = 64, .participants = 2, .types = 8};
  auto bus = open_shared(name.str(), options);
  ASSERT_TRUE(bus.ok()) << bus.status();
  const auto fill = [&bus](const Topic<Number>& topic) {
    std::vector<Publisher<Number, SegmentHome>> publishers;
    for (;;) {
      auto publisher = bus->try_publisher(topic);
      if (!publisher.ok()) return std::pair(publishers.size(), message_of(publisher));
      publishers.push_back(*std::move(publisher));
    }
  };
  const auto [lanes, full] = fill(Topic<Number>{"usual", {.capacity = 4}});
  EXPECT_EQ(lanes, 63u);
  EXPECT_TRUE(contains(full, "63 lanes already")) << full;
  const auto [crowded, no_room] = fill(Topic<Number>{"crowd", {.capacity = 4, .max_readers = 62}});
  EXPECT_LT(crowded, 63u);
  EXPECT_TRUE(contains(no_room, "max_readers smaller")) << no_room;
}

TEST(SegmentHome, PlacesOfTheKilledComeBack) {
  const SegmentName name;
  auto stays = open_shared(name.str(), small());
  ASSERT_TRUE(stays.ok());
  for (int i = 0; i < 20; ++i) {  // five times the table
    Witness<Signals> signals;
    auto process = attached(name.str(), *signals);
    ASSERT_TRUE(test::eventually([&] { return signals->ready == 1; }));
    process.kill();
  }
  look_after_others(*stays);
  EXPECT_EQ(participants(*stays).size(), 1u);
}

TEST(SegmentHome, NameOfTheKilledIsUsableAtOnce) {
  const SegmentName name;
  for (int i = 0; i < 5; ++i) {
    Witness<Signals> signals;
    auto process = attached(name.str(), *signals);
    ASSERT_TRUE(test::eventually([&] { return signals->ready == 1; }));
    process.kill();
    EXPECT_TRUE(name.exists()) << "nobody was left to remove it";
    auto bus = open_shared(name.str(), small());
    ASSERT_TRUE(bus.ok()) << bus.status();
    EXPECT_EQ(participants(*bus).size(), 1u);
    EXPECT_EQ(bus->lanes(), 0u) << "a new one";
  }
  EXPECT_FALSE(name.exists());
}

TEST(SegmentHome, StoppedParticipantIsAlive) {
  const SegmentName name;
  Witness<Signals> signals;
  auto process = attached(name.str(), *signals);
  ASSERT_TRUE(test::eventually([&] { return signals->ready == 1; }));
  process.signal(SIGSTOP);
  auto bus = open_shared(name.str(), small());
  ASSERT_TRUE(bus.ok());
  EXPECT_EQ(look_after_others(*bus), 0u);
  ASSERT_EQ(participants(*bus).size(), 2u);
  EXPECT_TRUE(participants(*bus)[0].alive);
  process.signal(SIGCONT);
  signals->stop = 1;
  EXPECT_EQ(process.wait(), 0);
  EXPECT_EQ(participants(*bus).size(), 1u);
}

// A pid says nothing: a record whose pid is now another process's is still dead.
TEST(SegmentHome, ReusedPidIsNotAlive) {
  const SegmentName name;
  auto bus = open_shared(name.str(), small());
  ASSERT_TRUE(bus.ok());
  Witness<Signals> signals;
  auto process = attached(name.str(), *signals);
  ASSERT_TRUE(test::eventually([&] { return signals->ready == 1; }));
  auto& attachment = bus->core()->home().attachment();
  process.kill();
  // the record of the dead gets the pid of somebody who lives
  auto table = Participants::join(attachment.segment().contents());
  std::uint32_t dead = 0;
  for (const auto& seen : participants(*bus)) dead = seen.alive ? dead : seen.number;
  table.set_used(dead, "reused pid");  // writes our own pid
  EXPECT_EQ(look_after_others(*bus), 1u);
  EXPECT_EQ(participants(*bus).size(), 1u);
}

/// What two processes that open the same names share.
struct Openers {
  std::atomic<int> arrived{0};
  std::atomic<bool> over{false};  // one of them has ended
  std::atomic<int> made[2] = {};  // segments, by each

  /// Waits until both have come here for the `times`-th time. \return false if one never will
  bool meet(int times) {
    ++arrived;
    for (int looks = 0; arrived < 2 * times; ++looks) {
      if (over) return false;
      if (looks < 10'000) {
        cpu_relax();
      } else {
        std::this_thread::yield();
      }
    }
    return true;
  }
};

/// Opens each of the names at the instant at which the other process does. \return 0, or what went
/// wrong
int open_together(const std::vector<std::unique_ptr<SegmentName>>& names, Openers& openers,
                  int which) {
  int met = 0;
  for (const auto& name : names) {
    if (!openers.meet(++met)) return 1;
    auto bus = open_shared(name->str(), small());
    if (!bus.ok()) return 2;
    if (!openers.meet(++met)) return 3;
    const auto seen = participants(*bus);
    if (seen.size() != 2) return 4;
    for (const auto& participant : seen) {  // the first attached before there was a name
      if (participant.generation == 0 && participant.pid == static_cast<std::uint32_t>(::getpid()))
        ++openers.made[which];
    }
    if (!openers.meet(++met)) return 5;
  }
  return 0;
}

// tests/kill/tables.py reads what the long form prints.
TEST(SegmentHome, TwoOpenersAtTheSameInstantMeet) {
  constexpr int kTogether = 100;  // rounds of the same two processes
  const char* wanted = std::getenv("RINGWAY_KILLS");
  const int rounds = wanted != nullptr ? std::atoi(wanted) : 60;
  int done = 0;
  int made[2] = {};
  while (done < rounds && !HasFailure()) {
    SCOPED_TRACE(testing::Message() << "from round " << done);
    std::vector<std::unique_ptr<SegmentName>> names;
    for (int i = 0; i < std::min(kTogether, rounds - done); ++i) {
      names.push_back(std::make_unique<SegmentName>());
    }
    Witness<Openers> openers;
    Process one([&] { return open_together(names, *openers, 0); });
    Process two([&] { return open_together(names, *openers, 1); });
    EXPECT_TRUE(test::eventually([&] { return one.has_ended() || two.has_ended(); }));
    openers->over = true;
    EXPECT_EQ(one.wait(), 0);
    EXPECT_EQ(two.wait(), 0);
    for (const auto& name : names) EXPECT_FALSE(name->exists());
    const int count = static_cast<int>(names.size());
    EXPECT_EQ(openers->made[0] + openers->made[1], count) << "each is made by one of them";
    done += count;
    for (int which = 0; which < 2; ++which) made[which] += openers->made[which];
  }
  std::printf("two openers: %d rounds, %d made by the first, %d by the second, %d failures\n", done,
              made[0], made[1], HasFailure() ? 1 : 0);
}

TEST(SegmentHome, OpeningAndClosingConcurrentlyAlwaysFindsASegment) {
  const SegmentName name;
  Witness<Signals> signals;
  const auto come_and_go = [&] {
    for (int i = 0; i < 200; ++i) {
      auto bus = open_shared(name.str(), small());
      if (!bus.ok()) return 1;
      auto publisher = bus->try_publisher(kNumbers);
      if (!publisher.ok()) return 2;
      if (publisher->try_publish(Number{1}) != PublishStatus::kPublished) return 3;
    }
    return 0;
  };
  Process one(come_and_go);
  Process two(come_and_go);
  Process three(come_and_go);
  EXPECT_EQ(one.wait(), 0);
  EXPECT_EQ(two.wait(), 0);
  EXPECT_EQ(three.wait(), 0);
  EXPECT_FALSE(name.exists());
}

TEST(SegmentHome, ForkedChildsHandlesAnswerClosedAndHarmNobody) {
  const SegmentName name;
  auto bus = open_shared(name.str(), small());
  ASSERT_TRUE(bus.ok());
  Dispatcher feed{*bus};
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.subscribe(kNumbers, [&](const Number&) { ++received; });
  auto publisher = bus->publisher(kNumbers);
  ASSERT_EQ(publisher.publish(Number{1}), PublishStatus::kPublished);
  Process child([&] {
    if (publisher.try_publish(Number{2}) != PublishStatus::kClosed) return 1;
    if (publisher.publish_for(Number{2}, 10ms) != PublishStatus::kClosed) return 2;
    if (look_after_others(*bus) != 0) return 3;
    auto own = open_shared(name.str(), small());  // for itself it may attach
    if (!own.ok()) return 4;
    auto again = own->try_publisher(kNumbers);
    if (!again.ok() || again->publish(Number{3}) != PublishStatus::kPublished) return 5;
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  ASSERT_EQ(publisher.publish(Number{4}), PublishStatus::kPublished);
  EXPECT_TRUE(test::eventually([&] { return received == 3; })) << received;
  EXPECT_EQ(participants(*bus).size(), 1u);
}

// The child of a participant must not keep it alive.
TEST(SegmentHome, ParentThatDiesIsDeadAlthoughItsChildLives) {
  const SegmentName name;
  auto bus = open_shared(name.str(), small());
  ASSERT_TRUE(bus.ok());
  Witness<Signals> signals;
  Process parent([&] {
    auto own = open_shared(name.str(), small());
    if (!own.ok()) return 1;
    if (::fork() == 0) {
      ++signals->ready;
      static_cast<void>(test::eventually([&] { return signals->stop != 0; }));
      ::_exit(0);
    }
    ::pause();
    return 0;
  });
  ASSERT_TRUE(test::eventually([&] { return signals->ready == 1; }));
  EXPECT_EQ(participants(*bus).size(), 2u);
  parent.kill();
  EXPECT_EQ(look_after_others(*bus), 1u);
  EXPECT_EQ(participants(*bus).size(), 1u);
  signals->stop = 1;
}

TEST(SegmentHome, NameRemovedUnderARunningBusHurtsNobody) {
  const SegmentName name;
  auto one = open_shared(name.str(), small());
  auto two = open_shared(name.str(), small());
  ASSERT_TRUE(one.ok() && two.ok());
  Dispatcher feed{*two};
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.subscribe(kNumbers, [&](const Number&) { ++received; });
  ::unlink(name.path().c_str());
  auto publisher = one->publisher(kNumbers);
  ASSERT_EQ(publisher.publish(Number{1}), PublishStatus::kPublished);
  EXPECT_TRUE(test::eventually([&] { return received == 1; }));
  auto three = open_shared(name.str(), small());  // another bus
  ASSERT_TRUE(three.ok());
  EXPECT_EQ(participants(*three).size(), 1u);
}

TEST(SegmentHome, CorruptTablesAreRefused) {
  const SegmentName name;
  auto bus = open_shared(name.str(), small());
  ASSERT_TRUE(bus.ok());
  auto contents = bus->core()->home().attachment().segment().contents();
  const auto most = contents[0];
  for (const auto bad : {std::byte{0}, std::byte{255}}) {
    contents[0] = bad;
    contents[1] = contents[2] = contents[3] = bad;
    const auto opened = open_shared(name.str(), small());
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss) << opened.status();
  }
  contents[0] = most;
  contents[1] = contents[2] = contents[3] = std::byte{0};
  EXPECT_TRUE(open_shared(name.str(), small()).ok());
  auto block = bus->core()->home().block();
  block[0] ^= std::byte{1};
  EXPECT_EQ(open_shared(name.str(), small()).status().code(), absl::StatusCode::kDataLoss);
  block[0] ^= std::byte{1};
}

TEST(SegmentHome, ImpossibleTablesAreRefusedInWords) {
  const SegmentName name;
  auto options = small();
  options.tables.participants = 0;
  EXPECT_FALSE(open_shared(name.str(), options).ok());
  options = small();
  options.tables.lanes = 1;
  EXPECT_TRUE(contains(message_of(open_shared(name.str(), options)), "tables"));
  options = small();
  options.lane_bytes = 0;
  EXPECT_TRUE(contains(message_of(make_anonymous_shared(options)), "at least"));
  EXPECT_FALSE(name.exists());
}

TEST(SegmentHome, DefaultFootprintIsWhatTheGuideSays) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok());
  auto second = open_shared(name.str());
  ASSERT_TRUE(second.ok());
  // docs/guides/shared-memory.md
  EXPECT_EQ(std::filesystem::file_size(name.path()), std::size_t{672} << 10);
  EXPECT_EQ(name.bytes(), (std::size_t{672} << 10) + 2 * (std::size_t{1024 + 36} << 10));
  auto anonymous = make_anonymous_shared();
  ASSERT_TRUE(anonymous.ok());
  auto& segment = anonymous->core()->home().attachment().segment();
  EXPECT_EQ(segment.contents().size() + Segment::kContents, std::size_t{1376} << 10);
  auto tiny = SharedBusOptions{};
  tiny.lane_bytes = std::size_t{256} << 10;
  tiny.tables = {
      .topics = 8, .subscriptions = 8, .endpoints = 4, .lanes = 8, .participants = 4, .types = 4};
  const SegmentName other;
  auto small_bus = open_shared(other.str(), tiny);
  ASSERT_TRUE(small_bus.ok()) << small_bus.status();
  EXPECT_LE(other.bytes(), std::size_t{450} << 10);
}

}  // namespace
}  // namespace ringway
