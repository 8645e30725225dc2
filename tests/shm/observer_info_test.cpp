// SPDX-License-Identifier: Apache-2.0
// labels: notsan
#include "ringway/shm/observer_info.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <vector>

#include "observer_support.hpp"
#include "ringway/shm/observer.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::at_once;
using test::Numbered64;
using test::SegmentName;

constexpr Topic<Numbered64> kPatient{"patient", {.capacity = 64, .observer_lag_limit = 60s}};
constexpr Topic<Numbered64> kHasty{"hasty", {.capacity = 64, .observer_lag_limit = 20ms}};
constexpr Topic<Numbered64> kOpen{"open", {.capacity = 64}};

void ignore(const Numbered64& /*message*/, const MessageInfo& /*info*/) {}

/// What tools see of a topic's only lane.
LaneInfo lane_of(const SegmentName& name, const Topic<Numbered64>& topic) {
  auto files = BusInspector::open(name.path());
  EXPECT_TRUE(files.ok()) << files.status();
  auto seen = files->snapshot();
  EXPECT_TRUE(seen.ok()) << seen.status();
  add_observers(*files, *seen);
  for (const auto& lane : seen->lanes) {
    if (seen->topics[lane.topic].name == topic.name) return lane;
  }
  ADD_FAILURE() << "no lane of " << topic.name;
  return {};
}

TEST(ObserverInfo, TellsWhatThePublisherAnsweredAndHowFarBehindItIs) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto patient = bus.publisher(kPatient);
  auto hasty = bus.publisher(kHasty);
  ASSERT_EQ(patient.publish(Numbered64::of(0)), PublishStatus::kPublished);
  ASSERT_EQ(hasty.publish(Numbered64::of(0)), PublishStatus::kPublished);
  EXPECT_TRUE(lane_of(name, kPatient).observers.empty());

  auto observer = observe_shared(name.str(), at_once()).value();
  const auto first = observer.subscribe(kPatient, ignore, {.reliable = true});
  const auto second = observer.subscribe(kHasty, ignore, {.reliable = true});
  const auto lossy = observer.subscribe(kPatient, ignore);
  ASSERT_TRUE(observer.poll().ok());
  auto lane = lane_of(name, kPatient);
  ASSERT_EQ(lane.observers.size(), 1U) << "the lossy one has no place";
  EXPECT_EQ(lane.observers[0].state, ObserverState::kAsks);
  EXPECT_FALSE(lane.observers[0].is_waited_for());
  EXPECT_EQ(lane.observers[0].pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(lane.depth(), 0U);

  while (patient.publish_for(Numbered64::of(1), 50ms) == PublishStatus::kPublished) {
  }
  lane = lane_of(name, kPatient);
  ASSERT_EQ(lane.observers.size(), 1U);
  EXPECT_EQ(lane.observers[0].state, ObserverState::kHeld);
  EXPECT_EQ(lane.observers[0].behind, kPatient.options.capacity);
  EXPECT_EQ(lane.depth(), kPatient.options.capacity);

  do {
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(hasty.publish_for(Numbered64::of(1), 60s), PublishStatus::kPublished);
    }
    lane = lane_of(name, kHasty);
    ASSERT_EQ(lane.observers.size(), 1U);
  } while (lane.observers[0].state != ObserverState::kEnded);
  EXPECT_EQ(lane.depth(), 0U);
}

TEST(ObserverInfo, TellsOfOneThatHasNotSeenTheLaneYet) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto observer = observe_shared(name.str(), at_once()).value();
  const auto observation = observer.subscribe(kPatient, ignore, {.reliable = true});
  ASSERT_TRUE(observer.poll().ok());
  auto publisher = bus.publisher(kPatient);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(publisher.publish(Numbered64::of(0)), PublishStatus::kPublished);
  }
  const auto lane = lane_of(name, kPatient);
  ASSERT_EQ(lane.observers.size(), 1U);
  EXPECT_EQ(lane.observers[0].state, ObserverState::kExpected);
  EXPECT_EQ(lane.observers[0].behind, 5U);
  EXPECT_EQ(lane.depth(), 5U);
}

TEST(ObserverInfo, OfALaneThatAdmitsNoneThereIsNone) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(kOpen);
  ASSERT_EQ(publisher.publish(Numbered64::of(0)), PublishStatus::kPublished);
  auto observer = observe_shared(name.str(), at_once()).value();
  const auto observation = observer.subscribe(kOpen, ignore, {.reliable = true});
  ASSERT_TRUE(observer.poll().ok());
  EXPECT_TRUE(lane_of(name, kOpen).observers.empty());
}

TEST(ObserverInfo, WhatIsNoFileOfALivingObserverIsPassedOver) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(kPatient);
  ASSERT_EQ(publisher.publish(Numbered64::of(0)), PublishStatus::kPublished);
  const auto lane = lane_of(name, kPatient);
  struct stat facts {};
  ASSERT_EQ(::stat(name.path().c_str(), &facts), 0);
  const auto prefix = WatchName::prefix(name.path(), facts.st_ino);
  std::vector<char> content(Segment::kContents + sizeof(WatchTable));
  WatchGate gate;
  gate.write({1, LaneKey{lane.ring.segment, lane.number, lane.life}.word(), lane.ring.segment,
              Sequence{1} - (Sequence{1} << 40)});
  std::memcpy(content.data() + Segment::kContents + offsetof(WatchTable, gates), &gate,
              sizeof(gate));
  const auto put = [&](std::uint64_t id, std::size_t size, bool locked) {
    Descriptor file(
        ::open(WatchName::path(prefix, id).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    EXPECT_EQ(::pwrite(file.get(), content.data(), size, 0), static_cast<ssize_t>(size));
    if (locked) {
      EXPECT_TRUE(FileLock::try_take(file.get(), WatchName::kOwnerByte));
    }
    return file;
  };
  const auto dead = put(1, content.size(), false);
  const auto empty = put(2, 0, true);
  const auto cut = put(3, content.size() - 1, true);
  ASSERT_EQ(::mkfifo(WatchName::path(prefix, 4).c_str(), 0644), 0);
  EXPECT_TRUE(lane_of(name, kPatient).observers.empty());
  const auto whole = put(5, content.size(), true);
  const auto observers = lane_of(name, kPatient).observers;
  ASSERT_EQ(observers.size(), 1U);
  EXPECT_LT(observers[0].behind, 2 * kPatient.options.capacity) << "whatever it says";
}

}  // namespace
}  // namespace ringway
