// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// Observers for which publishers wait: nothing is lost while they do, and they wait for nobody who
// has died, stands still or was not admitted.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "observer_support.hpp"
#include "ringway/shm/observer.hpp"
#include "shm_support.hpp"
#include "tests/ring/byte_messages.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::at_once;
using test::contains;
using test::eventually;
using test::Numbered64;
using test::poll_all;
using test::Process;
using test::Seen;
using test::SegmentName;
using test::Witness;

constexpr auto kPatient = 60s;  // an observer that was let go by this limit would fail its test
constexpr Topic<Numbered64> kNumbers{"numbers", {.capacity = 64, .observer_lag_limit = kPatient}};
constexpr Topic<Numbered64> kLossyRing{
    "lossy", {.capacity = 64, .admits_lossy = true, .observer_lag_limit = kPatient}};
constexpr Topic<Numbered64> kRetaining{
    "retaining", {.capacity = 60, .retain = true, .observer_lag_limit = kPatient}};
constexpr Topic<Numbered64> kTwo{"two", {.capacity = 2, .observer_lag_limit = kPatient}};
constexpr Topic<Numbered64> kFamily{"family.>", {.capacity = 64, .observer_lag_limit = kPatient}};
constexpr Topic<Numbered64> kHasty{"hasty", {.capacity = 64, .observer_lag_limit = 100ms}};
constexpr Topic<Numbered64> kUnwilling{"unwilling", {.capacity = 64}};
constexpr ByteTopic kBytes{
    "bytes",
    {.capacity = 4000, .largest = 100, .encoding = "test/1", .observer_lag_limit = kPatient}};
constexpr ObserveOptions kReliably{.reliable = true};

struct Signals {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> go{0};
  std::atomic<std::uint64_t> published{0};
  std::atomic<std::uint64_t> stop{0};
};

std::vector<std::string> watch_files(const SegmentName& name) {
  auto files = name.files();
  std::erase_if(files, [](const std::string& file) {
    return !WatchName::parse(std::filesystem::path(file).filename());
  });
  return files;
}

/// Publishes numbers from 0 to `end`, waiting for room.
int feed(const std::string& name, const Topic<Numbered64>& topic, std::uint64_t end) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  auto publisher = bus->publisher(topic);
  for (std::uint64_t i = 0; i < end; ++i) {
    if (publisher.publish_for(Numbered64::of(i), 60s) != PublishStatus::kPublished) return 2;
  }
  return 0;
}
/// Publishes from `next` on until the lane is full, and stays so; or many, if somebody reads.
template <class Publisher>
void fill(Publisher& publisher, std::uint64_t& next) {
  for (int i = 0; i < 1000; ++i, ++next) {
    if (publisher.publish_for(Numbered64::of(next), 20ms) != PublishStatus::kPublished) return;
  }
}
/// Publishes, and has the observer read, until its observation is held.
template <class Publisher>
[[nodiscard]] bool until_held(Observer& observer, const Observation& observation,
                              Publisher& publisher, std::uint64_t& next) {
  return eventually([&] {
    fill(publisher, next);
    poll_all(observer);
    return observation.hold() == ObservedHold::kHeld && !observation.holds().empty();
  });
}

/// A bus, and somebody who looks at it.
struct Observed {
  SegmentName name;
  SharedBus bus = open_shared(name.str()).value();
  Observer observer = observe_shared(name.str(), at_once()).value();
};

TEST(ReliableObserver, GetsEveryMessageHoweverSlowItIs) {
  constexpr std::uint64_t kMany = 5000;
  for (const auto& topic : {kNumbers, kLossyRing, kRetaining, kTwo}) {
    SCOPED_TRACE(topic.name);
    const SegmentName name;
    auto keeps_name = open_shared(name.str()).value();
    auto observer = observe_shared(name.str(), at_once()).value();
    Seen seen;
    auto observation = observer.subscribe(topic, std::ref(seen), kReliably);
    Process publisher([&] { return feed(name.str(), topic, kMany); });
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(eventually([&] {
      EXPECT_TRUE(observer.poll(17).ok());
      if (seen.count % 1000 < 20) std::this_thread::sleep_for(20ms);
      return seen.next == kMany || std::chrono::steady_clock::now() - begin > 20s;
    }));
    EXPECT_EQ(publisher.wait(), 0);
    EXPECT_EQ(seen.count, kMany);
    EXPECT_EQ(seen.wrong, 0U);
    EXPECT_EQ(seen.gaps, 0U) << "from the lane's first message on";
    EXPECT_EQ(observation.lost(), 0U);
    EXPECT_EQ(observation.cut_off(), 0U);
  }
}

TEST(ReliableObserver, IsLossyUntilItIsAnsweredAndLosesNothingFromThenOn) {
  const SegmentName name;
  Witness<Signals> signals;
  Process publishing([&] {
    auto bus = open_shared(name.str());
    if (!bus.ok()) return 1;
    auto publisher = bus->publisher(kNumbers);
    for (std::uint64_t i = 0; signals->stop == 0; ++i) {
      if (publisher.publish_for(Numbered64::of(i), 60s) != PublishStatus::kPublished) return 2;
      signals->published = i + 1;
    }
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return signals->published > 1000; }));
  auto observer = observe_shared(name.str(), at_once()).value();
  Seen seen;
  bool begun = false;
  auto observation = observer.subscribe(
      kNumbers,
      [&](const Numbered64& message, const MessageInfo& info) {
        if (!std::exchange(begun, true)) seen.next = message.number - info.gap;
        seen(message, info);
      },
      kReliably);
  EXPECT_NE(observation.hold(), ObservedHold::kLossy);
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(observer.poll(50).ok());
    return observation.hold() == ObservedHold::kHeld;
  }));
  EXPECT_TRUE(observer.poll(1000).ok());  // what was overwritten before the answer
  const auto lost = observation.lost();
  const auto count = seen.count;
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(observer.poll(50).ok());
    return seen.count > count + 20'000;
  }));
  EXPECT_EQ(observation.hold(), ObservedHold::kHeld);
  EXPECT_EQ(observation.lost(), lost);
  signals->stop = 1;
  ASSERT_TRUE(eventually([&] {
    poll_all(observer);
    return publishing.has_ended();
  }));
  EXPECT_EQ(publishing.wait(), 0);
  poll_all(observer);
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_EQ(seen.next, signals->published);
  EXPECT_EQ(observation.lost(), lost);
}

TEST(ReliableObserver, LeavesAPublisherAloneThatDoesNotAdmitIt) {
  Observed on;
  auto publisher = on.bus.publisher(kUnwilling);
  Seen seen;
  auto observation = on.observer.subscribe(kUnwilling, std::ref(seen), kReliably);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(publisher.try_publish(Numbered64::of(i)), PublishStatus::kPublished) << i;
  }
  EXPECT_EQ(observation.hold(), ObservedHold::kRefused);
  ASSERT_EQ(observation.holds().size(), 1U);
  EXPECT_TRUE(contains(observation.holds()[0].why, "observer_lag_limit"));
  EXPECT_EQ(observation.holds()[0].topic, "unwilling");
  poll_all(on.observer);
  EXPECT_EQ(seen.count + seen.gaps, 1000U);
  EXPECT_NE(seen.gaps, 0U);
  EXPECT_EQ(seen.wrong, 0U);
}

TEST(ReliableObserver, OfManyLanesTellsOfEach) {
  Observed on;
  constexpr Topic<Numbered64> kAll{"many.*", {}};
  auto willing = on.bus.publisher(kNumbers.named("many.willing"));
  auto unwilling = on.bus.publisher(kUnwilling.named("many.unwilling"));
  std::uint64_t count = 0;
  auto observation = on.observer.subscribe(
      kAll, [&](const Numbered64&) { ++count; }, kReliably);
  auto lossy = on.observer.subscribe(kAll, [&](const Numbered64&) { ++count; });
  EXPECT_EQ(lossy.hold(), ObservedHold::kLossy);
  std::uint64_t next = 0;
  ASSERT_TRUE(eventually([&] {
    fill(willing, next);
    poll_all(on.observer);
    std::uint64_t held = 0;
    for (const auto& one : observation.holds()) {
      held += one.hold == ObservedHold::kHeld && one.topic == "many.willing" ? 1 : 0;
    }
    return held == 1;
  }));
  EXPECT_EQ(observation.holds().size(), 2U);
  EXPECT_EQ(observation.hold(), ObservedHold::kRefused) << "the worst of them";
}

TEST(ReliableObserver, ThatStandsStillIsLetGoByTheLagLimitAndTold) {
  Observed on;
  auto publisher = on.bus.publisher(kHasty);
  Seen seen;
  auto observation = on.observer.subscribe(kHasty, std::ref(seen), kReliably);
  std::uint64_t next = 0;
  ASSERT_TRUE(until_held(on.observer, observation, publisher, next));
  EXPECT_EQ(seen.next, next);
  EXPECT_EQ(seen.gaps, 0U);
  fill(publisher, next);
  EXPECT_EQ(next - seen.next, kHasty.options.capacity) << "as far as any reliable reader lets it";
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(publisher.publish_for(Numbered64::of(next++), 60s), PublishStatus::kPublished);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
  const auto before = next;
  for (; next < before + 1000; ++next) {
    ASSERT_EQ(publisher.try_publish(Numbered64::of(next)), PublishStatus::kPublished);
  }
  poll_all(on.observer);
  EXPECT_EQ(observation.hold(), ObservedHold::kEnded);
  EXPECT_NE(seen.gaps, 0U);
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_EQ(seen.count + seen.gaps, next);
  // one that begins anew is waited for anew
  observation = on.observer.subscribe(kHasty, std::ref(seen), kReliably);
  ASSERT_TRUE(until_held(on.observer, observation, publisher, next));
}

// The publisher says that it waits no more before it overwrites anything, so whatever the two do at
// the same time, a message is whole, in its order, and what is missing is told.
TEST(ReliableObserver, LetGoAgainAndAgainSeesWholeMessagesOnly) {
  constexpr Topic<Numbered64> kRestless{"restless", {.capacity = 20, .observer_lag_limit = 1ms}};
  const SegmentName name;
  Witness<Signals> signals;
  auto keeps_name = open_shared(name.str()).value();
  Process publishing([&] {
    auto bus = open_shared(name.str());
    if (!bus.ok()) return 1;
    auto publisher = bus->publisher(kRestless);
    for (std::uint64_t i = 0; signals->stop == 0; ++i) {
      if (publisher.publish_for(Numbered64::of(i), 60s) != PublishStatus::kPublished) return 2;
    }
    return 0;
  });
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  auto observer = observe_shared(name.str(), at_once()).value();
  std::uint64_t ended = 0;
  std::uint64_t count = 0;
  for (int round = 0; round < 60; ++round) {
    Seen seen;
    bool begun = false;
    auto observation = observer.subscribe(
        kRestless,
        [&](const Numbered64& message, const MessageInfo& info) {
          if (!std::exchange(begun, true)) seen.next = message.number - info.gap;
          seen(message, info);
        },
        kReliably);
    for (int i = 0; i < 40; ++i) {
      EXPECT_TRUE(observer.poll(random() % 30).ok());
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 8 == 0 ? 1500 : 20));
    }
    ended += observation.hold() == ObservedHold::kEnded ? 1 : 0;
    count += seen.count;
    EXPECT_EQ(seen.wrong, 0U) << round;
  }
  signals->stop = 1;
  EXPECT_EQ(publishing.wait(), 0);
  EXPECT_NE(ended, 0U);
  EXPECT_NE(count, 0U);
}

// What it reads keeps it: the limit is for those who do not move.
TEST(ReliableObserver, ThatReadsSlowlyIsWaitedForLongerThanTheLagLimit) {
  const SegmentName name;
  auto keeps_name = open_shared(name.str()).value();
  auto observer = observe_shared(name.str(), at_once()).value();
  Seen seen;
  auto observation = observer.subscribe(kHasty, std::ref(seen), kReliably);
  Process publisher([&] { return feed(name.str(), kHasty, 120); });
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(observer.poll(2).ok());
    std::this_thread::sleep_for(10ms);
    return seen.next == 120 || seen.gaps != 0;
  }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 300ms);
  EXPECT_EQ(publisher.wait(), 0);
  EXPECT_EQ(seen.count, 120U);
  EXPECT_EQ(seen.wrong + seen.gaps, 0U);
}

// A batch of messages is copied at once; that the first of them are handled counts.
TEST(ReliableObserver, ThatHandlesABatchSlowlyIsWaitedForLongerThanTheLagLimit) {
  const SegmentName name;
  auto keeps_name = open_shared(name.str()).value();
  auto observer = observe_shared(name.str(), at_once()).value();
  Seen seen;
  auto observation = observer.subscribe(
      kHasty,
      [&](const Numbered64& message, const MessageInfo& info) {
        seen(message, info);
        std::this_thread::sleep_for(5ms);  // a lap takes three times the limit
      },
      kReliably);
  Process publisher([&] { return feed(name.str(), kHasty, 250); });
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(observer.poll().ok());
    return seen.next == 250 || seen.gaps != 0;
  }));
  publisher.wait();
  EXPECT_EQ(seen.count, 250U);
  EXPECT_EQ(seen.wrong + seen.gaps, 0U);
}

TEST(ReliableObserver, KilledFreesTheLane) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(kNumbers);
  Witness<Signals> signals;
  Process observing([&] {
    auto observer = observe_shared(name.str(), at_once());
    if (!observer.ok()) return 1;
    auto observation = observer->subscribe(
        kNumbers, [](const Numbered64&) {}, kReliably);
    while (signals->go == 0) {
      if (!observer->poll().ok()) return 2;
      signals->ready = observation.hold() == ObservedHold::kHeld ? 1 : 0;
    }
    signals->go = 2;
    ::pause();
    return 3;
  });
  std::uint64_t next = 0;
  ASSERT_TRUE(eventually([&] {
    fill(publisher, next);
    return signals->ready == 1;
  }));
  signals->go = 1;
  ASSERT_TRUE(eventually([&] { return signals->go == 2; }));
  fill(publisher, next);
  EXPECT_EQ(publisher.publish_for(Numbered64::of(next), 50ms), PublishStatus::kTimedOut);
  EXPECT_EQ(watch_files(name).size(), 1U);
  observing.kill();
  EXPECT_EQ(publisher.publish_for(Numbered64::of(next), kPatient / 2), PublishStatus::kPublished);
  EXPECT_TRUE(watch_files(name).empty()) << "whoever may removes its file";
}

TEST(ReliableObserver, OneMayBeSlowerThanAnother) {
  Observed on;
  auto second = observe_shared(on.name.str(), at_once()).value();
  auto publisher = on.bus.publisher(kNumbers);
  Seen a;
  Seen b;
  auto first = on.observer.subscribe(kNumbers, std::ref(a), kReliably);
  auto other = second.subscribe(kNumbers, std::ref(b), kReliably);
  std::uint64_t next = 0;
  ASSERT_TRUE(eventually([&] {
    fill(publisher, next);
    poll_all(on.observer);
    poll_all(second);
    return first.hold() == ObservedHold::kHeld && other.hold() == ObservedHold::kHeld;
  }));
  for (int round = 0; round < 10; ++round) {
    fill(publisher, next);
    EXPECT_EQ(next - b.next, kNumbers.options.capacity);
    poll_all(on.observer);
    EXPECT_EQ(a.next, next);
    EXPECT_EQ(publisher.try_publish(Numbered64::of(next)), PublishStatus::kFull) << "the slower";
    EXPECT_TRUE(second.poll(5).ok());
  }
  other.end();
  fill(publisher, next);
  EXPECT_EQ(next - a.next, kNumbers.options.capacity) << "the other one is still waited for";
  poll_all(on.observer);
  EXPECT_EQ(a.count, next);
  EXPECT_EQ(a.wrong + a.gaps + b.wrong + b.gaps, 0U);
}

// As many as publishers look at: none misses the beginning of a lane that comes.
TEST(ReliableObserver, SixteenGetAllOfALaneThatComes) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  std::vector<Observer> observers;
  std::vector<Observation> observations;
  std::vector<Seen> seen(WatchFiles::kMostFiles);
  for (auto& one : seen) {
    observers.push_back(observe_shared(name.str(), at_once()).value());
    observations.push_back(observers.back().subscribe(kNumbers, std::ref(one), kReliably));
  }
  auto publisher = bus.publisher(kNumbers);
  std::uint64_t next = 0;
  for (int round = 0; round < 20; ++round) {
    fill(publisher, next);
    EXPECT_EQ(next, seen[0].next + kNumbers.options.capacity);
    for (auto& one : observers) poll_all(one);
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].count, next) << i;
    EXPECT_EQ(seen[i].wrong + seen[i].gaps, 0U) << i;
    EXPECT_EQ(observations[i].hold(), ObservedHold::kHeld) << i;
  }
}

// What a look shows of a lane that is just being made is enough to tell that it waits.
TEST(ReliableObserver, IsNotRefusedByALaneThatIsJustBeingMade) {
  const SegmentName name;
  Witness<Signals> signals;
  auto keeps_name = open_shared(name.str()).value();
  auto observer = observe_shared(name.str(), at_once()).value();
  std::uint64_t count = 0;
  auto observation = observer.subscribe(
      kNumbers, [&](const Numbered64&) { ++count; }, kReliably);
  Process publishing([&] {
    auto bus = open_shared(name.str());
    if (!bus.ok()) return 1;
    while (signals->stop == 0) {
      auto publisher = bus->publisher(kNumbers);
      if (publisher.try_publish(Numbered64::of(0)) != PublishStatus::kPublished) return 2;
      signals->published += 1;
      const auto end = std::chrono::steady_clock::now() + 300us;  // long enough to be seen
      while (std::chrono::steady_clock::now() < end) {
      }
    }
    return 0;
  });
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 1000; ++i) {
      EXPECT_TRUE(observer.poll().ok());
      for (const auto& one : observation.holds()) {
        EXPECT_NE(one.hold, ObservedHold::kRefused) << one.why;
      }
    }
    return signals->published > 5000 || ::testing::Test::HasFailure();
  }));
  signals->stop = 1;
  EXPECT_EQ(publishing.wait(), 0);
}

TEST(ReliableObserver, GetsWhatOnlyInlineSubscribersHeardOtherwise) {
  Observed on;
  std::uint64_t heard = 0;
  auto inlined = on.bus.subscribe_inline(kNumbers, [&](const Numbered64&) { ++heard; });
  Seen seen;
  auto observation = on.observer.subscribe(kNumbers, std::ref(seen), kReliably);
  auto publisher = on.bus.publisher(kNumbers);
  for (std::uint64_t i = 0; i < 50; ++i) {
    ASSERT_EQ(publisher.try_publish(Numbered64::of(i)), PublishStatus::kPublished);
  }
  poll_all(on.observer);
  EXPECT_EQ(heard, 50U);
  EXPECT_EQ(seen.count, 50U);
  EXPECT_EQ(observation.lost(), 0U);
}

TEST(ReliableObserver, OfAFamilyGetsEveryMessage) {
  Observed on;
  auto publisher = on.bus.family_publisher(kFamily);
  const auto topic = publisher.topic("family.a");
  const auto other = publisher.topic("family.b");
  std::uint64_t next = 0;
  std::uint64_t count = 0;
  auto observation = on.observer.subscribe(
      kFamily.matching("family.a"),
      [&](const Numbered64& message) { count += message.number == count ? 1 : 0; }, kReliably);
  ASSERT_TRUE(eventually([&] {
    while (publisher.publish_for(topic, Numbered64::of(next), 5ms) == PublishStatus::kPublished) {
      ++next;
      static_cast<void>(publisher.publish_for(other, Numbered64::of(0), 0ns));
    }
    poll_all(on.observer);
    return observation.hold() == ObservedHold::kHeld && next > 1000;
  }));
  EXPECT_EQ(count, next);
  EXPECT_EQ(observation.lost(), 0U);
}

TEST(ReliableObserver, OfBytesGetsEveryMessage) {
  const SegmentName name;
  auto keeps_name = open_shared(name.str()).value();
  auto observer = observe_shared(name.str(), at_once()).value();
  const auto size_of = [](std::uint64_t number) {
    return test::size_of_message(number, kBytes.options.largest);
  };
  std::uint64_t count = 0;
  std::uint64_t wrong = 0;
  auto observation = observer.subscribe(
      kBytes,
      [&](std::span<const std::byte> message, const MessageInfo& info) {
        wrong += test::is_message(count, size_of(count), message) && info.gap == 0 ? 0 : 1;
        ++count;
      },
      kReliably);
  constexpr std::uint64_t kMany = 5000;
  Process publishing([&] {
    auto bus = open_shared(name.str());
    if (!bus.ok()) return 1;
    auto publisher = bus->publisher(kBytes);
    std::array<std::byte, 100> buffer;
    for (std::uint64_t i = 0; i < kMany; ++i) {
      const auto message = std::span(buffer).first(size_of(i));
      test::write_message(i, message);
      if (publisher.publish_for(message, 60s) != PublishStatus::kPublished) return 2;
    }
    return 0;
  });
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(observer.poll(7).ok());
    if (count % 500 < 8) std::this_thread::sleep_for(5ms);
    return count >= kMany || wrong != 0 || publishing.has_ended();
  }));
  poll_all(observer);
  EXPECT_EQ(publishing.wait(), 0);
  EXPECT_EQ(count, kMany);
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(observation.lost(), 0U);
}

TEST(ReliableObserver, GetsAllOfPublishersThatComeAndGo) {
  constexpr std::uint64_t kEach = 500;
  const SegmentName name;
  auto keeps_name = open_shared(name.str()).value();
  auto observer = observe_shared(name.str()).value();  // looks every 10 ms
  std::uint64_t next = 0;
  std::uint64_t wrong = 0;
  std::uint64_t publishers = 0;
  auto observation = observer.subscribe(
      kNumbers,
      [&](const Numbered64& message, const MessageInfo& info) {
        if (message.number == 0) {
          wrong += next % kEach == 0 ? 0 : 1;
          next = 0;
          ++publishers;
        }
        wrong += message.number == next++ && message.whole() && info.gap == 0 ? 0 : 1;
      },
      kReliably);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    Process publisher([&] { return feed(name.str(), kNumbers, kEach); });
    ASSERT_TRUE(eventually([&] {
      EXPECT_TRUE(observer.poll().ok());
      return publisher.has_ended();
    }));
    EXPECT_EQ(publisher.wait(), 0);
    ASSERT_TRUE(eventually([&] {
      EXPECT_TRUE(observer.poll().ok());
      return publishers == i && next == kEach;
    })) << i;
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(observation.lost(), 0U);
  EXPECT_EQ(observation.cut_off(), 0U);
}

TEST(ReliableObserver, GoesOnWithABusThatIsMadeAnew) {
  const SegmentName name;
  auto options = at_once();
  options.may_be_absent = true;
  auto observer = observe_shared(name.str(), options).value();
  Seen seen;
  auto observation = observer.subscribe(kNumbers, std::ref(seen), kReliably);
  for (std::uint64_t round = 0; round < 3; ++round) {
    seen.next = 0;
    auto bus = open_shared(name.str()).value();
    auto publisher = bus.publisher(kNumbers);
    std::uint64_t next = 0;
    static_cast<void>(observer.poll());
    ASSERT_TRUE(until_held(observer, observation, publisher, next)) << round;
    fill(publisher, next);
    EXPECT_EQ(next - seen.next, kNumbers.options.capacity);
    EXPECT_EQ(watch_files(name).size(), 1U);
    poll_all(observer);
  }
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_EQ(observer.times_made_anew(), 2U);
  EXPECT_EQ(observation.lost(), 0U);
}

// Nobody can find its file before: what is overwritten until then is told.
TEST(ReliableObserver, IsLossyUntilItHasNoticedTheBus) {
  const SegmentName name;
  auto options = at_once();
  options.may_be_absent = true;
  auto observer = observe_shared(name.str(), options).value();
  Seen seen;
  auto observation = observer.subscribe(kNumbers, std::ref(seen), kReliably);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    seen = {};
    const auto lost = observation.lost();
    auto bus = open_shared(name.str()).value();
    auto publisher = bus.publisher(kNumbers);
    std::uint64_t next = 0;
    for (; next < 200; ++next) {
      ASSERT_EQ(publisher.try_publish(Numbered64::of(next)), PublishStatus::kPublished);
    }
    poll_all(observer);
    EXPECT_EQ(seen.count + seen.gaps, 200U);
    EXPECT_EQ(observation.lost() - lost, seen.gaps);
    EXPECT_NE(seen.gaps, 0U);
    ASSERT_TRUE(until_held(observer, observation, publisher, next));
    EXPECT_EQ(seen.wrong, 0U);
  }
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

TEST(ReliableObserver, ThatComesAndGoesLeavesNothing) {
  const SegmentName name;
  {
    Observed on;
    auto publisher = on.bus.publisher(kNumbers);
    std::uint64_t next = 0;
    std::size_t descriptors = 0;
    for (int round = 0; round < 30; ++round) {
      auto observer = observe_shared(on.name.str(), at_once()).value();
      Seen seen;
      seen.next = next;
      auto observation = observer.subscribe(kNumbers, std::ref(seen), kReliably);
      ASSERT_TRUE(until_held(observer, observation, publisher, next)) << round;
      EXPECT_EQ(watch_files(on.name).size(), 1U);
      if (round % 3 == 0) {
        observation.end();
        static_cast<void>(observer.poll());
        EXPECT_TRUE(watch_files(on.name).empty()) << "nobody needs it";
      }
      if (round == 1) descriptors = open_descriptors();
      if (round > 1) {
        EXPECT_LE(open_descriptors(), descriptors + 1);
      }
    }
    EXPECT_TRUE(watch_files(on.name).empty());
    for (std::uint64_t i = 0; i < 1000; ++i) {
      ASSERT_EQ(publisher.publish_for(Numbered64::of(next++), kPatient / 2),
                PublishStatus::kPublished);
    }
  }
  EXPECT_FALSE(name.exists());
}

// Stopped in the middle of whatever it did; and it goes on.
TEST(ReliableObserver, ThatIsFrozenDelaysALaneByItsLimitOnce) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  Witness<Signals> signals;
  Process observing([&] {
    auto observer = observe_shared(name.str(), at_once());
    if (!observer.ok()) return 1;
    std::uint64_t wrong = 0;
    auto observation = observer->subscribe(
        kHasty,
        [&](const Numbered64& message, const MessageInfo& info) {
          wrong += message.whole() && info.sequence == message.number ? 0 : 1;
        },
        kReliably);
    while (signals->stop == 0) {
      if (!observer->poll().ok()) return 2;
      signals->ready = observation.hold() == ObservedHold::kEnded ? 2 : 1;
    }
    return wrong == 0 ? 0 : 3;
  });
  ASSERT_TRUE(eventually([&] { return signals->ready != 0; }));
  for (int round = 0; round < 5; ++round) {
    auto old = bus.publisher(kHasty);
    std::uint64_t next = 0;
    for (; next < 500; ++next) {
      ASSERT_EQ(old.publish_for(Numbered64::of(next), 60s), PublishStatus::kPublished);
    }
    ASSERT_EQ(::kill(observing.pid(), SIGSTOP), 0);
    auto fresh = bus.publisher(kHasty);  // expects it
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < 5000; ++i) {
      ASSERT_EQ(old.publish_for(Numbered64::of(next++), 60s), PublishStatus::kPublished);
      ASSERT_EQ(fresh.publish_for(Numbered64::of(i), 60s), PublishStatus::kPublished);
    }
    EXPECT_GE(std::chrono::steady_clock::now() - begin, kHasty.options.observer_lag_limit);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
    ASSERT_EQ(::kill(observing.pid(), SIGCONT), 0);
    ASSERT_TRUE(eventually([&] { return signals->ready == 2 || observing.has_ended(); }));
  }
  signals->stop = 1;
  EXPECT_EQ(observing.wait(), 0);
}

// A process that has no descriptor left waits for those it knows, and finds others later.
TEST(ReliableObserver, APublisherWithoutADescriptorLeftGoesOn) {
  Observed on;
  auto publisher = on.bus.publisher(kNumbers);
  Seen seen;
  auto observation = on.observer.subscribe(kNumbers, std::ref(seen), kReliably);
  std::uint64_t next = 0;
  ASSERT_TRUE(until_held(on.observer, observation, publisher, next));
  std::atomic<std::uint64_t> count{0};
  auto second = observe_shared(on.name.str(), at_once()).value();
  auto other = second.subscribe(
      kNumbers, [&](const Numbered64&) { ++count; }, kReliably);
  std::vector<Descriptor> all;
  do {
    all.emplace_back(::dup(0));
  } while (all.back());
  std::this_thread::sleep_for(15ms);
  for (int round = 0; round < 20; ++round) {
    fill(publisher, next);
    EXPECT_EQ(next - seen.next, kNumbers.options.capacity) << "the known one is waited for";
    while (on.observer.poll().value() != 0) {
    }
  }
  EXPECT_EQ(seen.next, next);
  EXPECT_EQ(observation.lost(), 0U);
  EXPECT_EQ(other.hold(), ObservedHold::kAsking);
  all.clear();
  ASSERT_TRUE(eventually([&] {
    fill(publisher, next);
    poll_all(on.observer);
    poll_all(second);
    return other.hold() == ObservedHold::kHeld;
  }));
  EXPECT_EQ(observation.lost(), 0U);
  EXPECT_EQ(seen.wrong, 0U);
}

// More observers than a process looks at, more observations than a lane has answers for.
TEST(ReliableObserver, BeyondTheMostIsLossyAndTold) {
  Observed on;
  auto publisher = on.bus.publisher(kNumbers);
  std::vector<Observation> many;
  std::vector<Seen> seen(LaneBoard::kGates + 1);
  for (auto& one : seen) many.push_back(on.observer.subscribe(kNumbers, std::ref(one), kReliably));
  std::uint64_t next = 0;
  const auto held = [&many] {
    return std::count_if(many.begin(), many.end(),
                         [](const auto& one) { return one.hold() == ObservedHold::kHeld; });
  };
  ASSERT_TRUE(eventually([&] {
    fill(publisher, next);
    poll_all(on.observer);
    return held() == std::ptrdiff_t{LaneBoard::kGates};
  }));
  for (int round = 0; round < 5; ++round) {
    fill(publisher, next);
    poll_all(on.observer);
  }
  EXPECT_EQ(held(), std::ptrdiff_t{LaneBoard::kGates});
  for (std::size_t i = 0; i < many.size(); ++i) {
    EXPECT_EQ(seen[i].wrong, 0U);
    if (many[i].hold() != ObservedHold::kHeld) {
      EXPECT_EQ(many[i].hold(), ObservedHold::kRefused);
      EXPECT_TRUE(contains(many[i].holds()[0].why, "16 others"));
      continue;
    }
    EXPECT_EQ(seen[i].count, next);
  }
  many.clear();
  static_cast<void>(on.observer.poll());
  // files
  std::vector<Observer> observers;
  for (std::size_t i = 0; i <= WatchFiles::kMostFiles; ++i) {
    observers.push_back(observe_shared(on.name.str(), at_once()).value());
    many.push_back(observers.back().subscribe(
        kNumbers, [](const Numbered64&) {}, kReliably));
  }
  const auto all_poll = [&] {
    fill(publisher, next);
    for (auto& one : observers) poll_all(one);
  };
  ASSERT_TRUE(eventually([&] {
    all_poll();
    return held() == std::ptrdiff_t{WatchFiles::kMostFiles};
  }));
  for (int round = 0; round < 5; ++round) all_poll();
  const auto place = many.front().hold() == ObservedHold::kHeld ? 0 : 1;
  many.erase(many.begin() + place);
  observers.erase(observers.begin() + place);
  ASSERT_TRUE(eventually([&] {
    all_poll();
    return held() == std::ptrdiff_t{WatchFiles::kMostFiles};
  })) << "it takes the place of the one that went";
}

TEST(ReliableObserver, OfMoreLanesThanItHasGatesTellsWhichAreLossy) {
  Observed on;
  constexpr std::size_t kLanes = WatchTable::kGates / 2 + 2;
  constexpr Topic<Numbered64> kAll{"many.*", {}};
  std::uint64_t count = 0;
  const auto handler = [&count](const Numbered64&) { ++count; };
  const auto first = on.observer.subscribe(kAll, handler, kReliably);
  const auto second = on.observer.subscribe(kAll, handler, kReliably);
  std::vector<Publisher<Numbered64, SegmentHome>> publishers;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kLanes; ++i) names.push_back("many." + std::to_string(i));
  for (const auto& one : names) publishers.push_back(on.bus.publisher(kTwo.named(one)));
  std::uint64_t published = 0;
  for (int round = 0; round < 10; ++round) {
    for (auto& one : publishers) {
      for (int i = 0; i < 5; ++i) {
        published += one.try_publish(Numbered64::of(0)) == PublishStatus::kPublished ? 1 : 0;
      }
    }
    poll_all(on.observer);
  }
  std::size_t refused = 0;
  for (const auto* observation : {&first, &second}) {
    for (const auto& one : observation->holds()) {
      EXPECT_TRUE(one.hold == ObservedHold::kHeld || one.hold == ObservedHold::kRefused);
      if (one.hold != ObservedHold::kRefused) continue;
      ++refused;
      EXPECT_TRUE(contains(one.why, "gates in use"));
    }
  }
  EXPECT_EQ(refused, 2 * kLanes - WatchTable::kGates);
  EXPECT_EQ(count + first.lost() + second.lost(), 2 * published);
}

TEST(ReliableObserver, EndsWithTheObserverEvenIfItsHandleStays) {
  Observed on;
  auto publisher = on.bus.publisher(kNumbers);
  std::uint64_t next = 0;
  std::optional<Observation> left;
  {
    auto observer = observe_shared(on.name.str(), at_once()).value();
    left.emplace(observer.subscribe(
        kNumbers, [](const Numbered64&) {}, kReliably));
    ASSERT_TRUE(until_held(observer, *left, publisher, next));
  }
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(publisher.publish_for(Numbered64::of(next++), kPatient / 2),
              PublishStatus::kPublished);
  }
}

// The lock by which publishers know that an observer lives is not its children's, and neither are
// its gates.
TEST(ReliableObserver, ForkedChildNeitherKeepsItAliveNorEndsIt) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(kNumbers);
  Witness<Signals> signals;
  Process observing([&] {
    auto observer = observe_shared(name.str(), at_once());
    if (!observer.ok()) return 1;
    Seen seen;
    auto observation = observer->subscribe(kNumbers, std::ref(seen), kReliably);
    if (!eventually(
            [&] { return observer->poll().ok() && observation.hold() == ObservedHold::kHeld; })) {
      return 2;
    }
    Process ends([&] {  // its copies of the handles do nothing to the parent's file
      static_cast<void>(observer->poll());
      if (observation.hold() != ObservedHold::kRefused) return 1;
      auto gone = *std::move(observer);
      return 0;
    });
    if (ends.wait() != 0 || watch_files(name).size() != 1) return 3;
    Process stays([&] {
      ::prctl(PR_SET_PDEATHSIG, 0);
      while (signals->stop == 0) std::this_thread::sleep_for(1ms);
      return 0;
    });
    signals->ready = 1;
    ::pause();
    return 4;
  });
  std::uint64_t next = 0;
  ASSERT_TRUE(eventually([&] {
    fill(publisher, next);
    return signals->ready == 1 || observing.has_ended();
  }));
  fill(publisher, next);
  EXPECT_EQ(publisher.publish_for(Numbered64::of(next), 50ms), PublishStatus::kTimedOut);
  observing.kill();
  EXPECT_EQ(publisher.publish_for(Numbered64::of(next), kPatient / 2), PublishStatus::kPublished);
  signals->stop = 1;
}

// Another user, with no more than permission to read the bus's files; one that the publisher's
// process names, and one that it does not.
TEST(ReliableObserver, OfAnotherUserIsWaitedForWhereThatUserIsNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  constexpr ::uid_t kNamed = 65534;
  constexpr ::uid_t kOther = 65533;
  const SegmentName name;
  SharedBusOptions options;
  options.segment.mode = 0644;
  options.observer_users = {kNamed};
  auto bus = open_shared(name.str(), options).value();
  auto publisher = bus.publisher(kNumbers);
  for (const auto user : {kNamed, kOther}) {
    Witness<Signals> signals;
    Process observing([&] {
      if (::setgid(user) != 0 || ::setuid(user) != 0) return 1;
      for (const auto& file : name.files()) {
        if (::open(file.c_str(), O_RDWR | O_CLOEXEC) >= 0) return 2;
      }
      auto own = at_once();
      own.owner = 0;
      auto observer = observe_shared(name.str(), own);
      if (!observer.ok()) return 3;
      Seen seen;
      bool begun = false;
      auto observation = observer->subscribe(
          kNumbers,
          [&](const Numbered64& message, const MessageInfo& info) {
            if (!std::exchange(begun, true)) seen.next = message.number - info.gap;
            seen(message, info);
          },
          kReliably);
      const auto wanted = user == kNamed ? ObservedHold::kHeld : ObservedHold::kRefused;
      if (!eventually([&] { return observer->poll().ok() && observation.hold() == wanted; })) {
        return 4;
      }
      if (user == kOther && !contains(observation.holds()[0].why, "observer_users")) return 5;
      if (!observer->poll(1000).ok()) return 6;  // what was overwritten before the answer
      const auto lost = observation.lost();
      signals->ready = 1;
      while (signals->stop == 0) {
        if (!observer->poll(10).ok()) return 6;
        if (user == kNamed) std::this_thread::sleep_for(1ms);
      }
      return seen.wrong == 0 && (user == kOther || observation.lost() == lost) ? 0 : 7;
    });
    std::uint64_t next = publisher.sequence();
    ASSERT_TRUE(eventually([&] {
      const auto before = next;
      while (next < before + 32 &&
             publisher.try_publish(Numbered64::of(next)) == PublishStatus::kPublished) {
        ++next;
      }
      return signals->ready == 1 || observing.has_ended();
    }));
    for (int i = 0; i < 2000 && !observing.has_ended(); ++i) {
      ASSERT_EQ(publisher.publish_for(Numbered64::of(next++), kPatient / 2),
                PublishStatus::kPublished);
    }
    signals->stop = 1;
    EXPECT_EQ(observing.wait(), 0) << user;
  }
  EXPECT_TRUE(watch_files(name).empty());
  EXPECT_EQ(open_shared(name.str(), {.observer_users = {1, 2, 3, 4, 5, 6}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ReliableObserver, IsRefusedWhereNobodyCouldFindIt) {
  auto bus = make_anonymous_shared().value();
  auto publisher = bus.publisher(kNumbers);
  auto observer = observe_shared(shared_descriptor(bus), at_once()).value();
  const auto refused = observer.try_subscribe(
      kNumbers, [](const Numbered64&) {}, kReliably);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(contains(test::message_of(refused), "anonymous"));
  auto lossy = observer.try_subscribe(kNumbers, [](const Numbered64&) {});
  EXPECT_TRUE(lossy.ok());
}

TEST(ReliableObserver, LagLimitBelowNothingIsRefused) {
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto topic = kNumbers;
  topic.options.observer_lag_limit = -1ns;
  EXPECT_EQ(bus.try_publisher(topic).status().code(), absl::StatusCode::kInvalidArgument);
}

// The file of one who was killed goes with the bus, or with whoever comes next.
TEST(ReliableObserver, FileOfADeadOneIsRemovedByWhoeverCleansUp) {
  for (const bool by_bus : {true, false}) {
    const SegmentName name;
    std::optional<SharedBus> bus(open_shared(name.str()).value());
    Witness<Signals> signals;
    Process observing([&] {
      auto observer = observe_shared(name.str(), at_once());
      if (!observer.ok()) return 1;
      auto observation = observer->subscribe(
          kNumbers, [](const Numbered64&) {}, kReliably);
      signals->ready = 1;
      ::pause();
      return 2;
    });
    ASSERT_TRUE(eventually([&] { return signals->ready == 1; }));
    EXPECT_EQ(watch_files(name).size(), 1U);
    observing.kill();
    EXPECT_EQ(watch_files(name).size(), 1U);
    if (!by_bus) {
      auto observer = observe_shared(name.str(), at_once()).value();
      auto observation = observer.subscribe(
          kNumbers, [](const Numbered64&) {}, kReliably);
      EXPECT_EQ(watch_files(name).size(), 1U) << "its own alone";
      observation.end();
      static_cast<void>(observer.poll());
      EXPECT_TRUE(watch_files(name).empty());
    }
    bus.reset();
    EXPECT_FALSE(name.exists());
  }
}

}  // namespace
}  // namespace ringway
