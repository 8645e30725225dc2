// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// Observers beside processes that run, die and belong to others: nothing is written, every message
// is read once, in order, or counted.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>

#include "observer_support.hpp"
#include "ringway/shm/observer.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::at_once;
using test::contains;
using test::Numbered64;
using test::poll_all;
using test::Process;
using test::Seen;
using test::SegmentName;
using test::Witness;

constexpr Topic<Numbered64> kNumbers{"numbers", {.capacity = 64, .admits_lossy = true}};
constexpr Topic<Numbered64> kReliable{"reliable", {.capacity = 64}};
constexpr Topic<Numbered64> kFamily{"family.>", {.capacity = 64}};
constexpr ByteTopic kBytes{"bytes", {.capacity = 4000, .largest = 100, .encoding = "test/1"}};

std::vector<char> bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_bytes(const std::string& path, const std::vector<char>& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}
/// Copies the files of a bus: the control segment, and the processes' own under the names that go
/// with the copy.
void copy_bus(const SegmentName& from, const SegmentName& to) {
  write_bytes(to.path(), bytes_of(from.path()));
  struct stat facts {};
  ASSERT_EQ(::stat(to.path().c_str(), &facts), 0);
  for (const auto& file : from.files()) {
    const auto own = OwnSegments::parse(std::filesystem::path(file).filename());
    if (own) {
      write_bytes(OwnSegments::path_of(to.path(), facts.st_ino, own->number), bytes_of(file));
    }
  }
}

/// Descriptors of the bus's files that are open for writing, and places where one is mapped.
int ways_to_write(const std::string& bus) {
  int ways = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (gone || !contains(target, bus)) continue;
    const int flags = ::fcntl(std::stoi(entry.path().filename().string()), F_GETFL);
    ways += (flags & O_ACCMODE) == O_RDONLY ? 0 : 1;
  }
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) ways += contains(line, bus) ? 1 : 0;
  return ways;
}

// The kernel sees to it: another user, with no more than permission to read.
TEST(ObserverProcess, ReadsWithReadPermissionAloneAndWritesNothing) {
  const SegmentName name;
  SharedBusOptions options;
  options.segment.mode = 0644;
  auto bus = open_shared(name.str(), options).value();
  auto numbers = bus.publisher(kNumbers);
  auto reliable = bus.publisher(kReliable);
  auto family = bus.family_publisher(kFamily);
  const auto topic = family.topic("family.a");
  auto bytes = bus.publisher(kBytes);
  for (std::uint64_t i = 0; i < 50; ++i) {
    ASSERT_EQ(numbers.try_publish(Numbered64::of(i)), PublishStatus::kPublished);
    ASSERT_EQ(reliable.try_publish(Numbered64::of(i)), PublishStatus::kPublished);
    ASSERT_EQ(family.try_publish(topic, Numbered64::of(i)), PublishStatus::kPublished);
    ASSERT_EQ(bytes.try_publish(std::as_bytes(std::span("message"))), PublishStatus::kPublished);
  }
  std::map<std::string, std::vector<char>> before;
  for (const auto& file : name.files()) before[file] = bytes_of(file);
  ASSERT_EQ(before.size(), 2U);
  const auto owner = ::geteuid();
  Process observing([&] {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return 2;  // nobody
    if (owner == 0 && ::open(name.path().c_str(), O_RDWR | O_CLOEXEC) >= 0) return 3;
    auto own = at_once();
    own.owner = owner;
    auto observer = observe_shared(name.str(), own);
    if (!observer.ok()) return 4;
    Seen a;
    Seen b;
    Seen c;
    std::uint64_t of_bytes = 0;
    auto first = observer->subscribe(kNumbers, std::ref(a), {.start = Start::kOldest});
    auto second = observer->subscribe(kReliable, std::ref(b), {.start = Start::kOldest});
    auto third =
        observer->subscribe(kFamily.matching("family.*"), std::ref(c), {.start = Start::kOldest});
    auto fourth = observer->subscribe(kBytes, [&](std::span<const std::byte>) { ++of_bytes; },
                                      {.start = Start::kOldest});
    if (poll_all(*observer) != 200 || of_bytes != 50) return 5;
    if (a.wrong + b.wrong + c.wrong != 0) return 6;
    if (ways_to_write(name.path()) != 0) return 7;
    return observer->poll_for(1ms).value() == 0 ? 0 : 8;
  });
  EXPECT_EQ(observing.wait(), 0);
  for (const auto& [file, content] : before) EXPECT_TRUE(bytes_of(file) == content) << file;
  for (const auto& one : participants(bus)) EXPECT_EQ(one.number, 0U) << "nobody came";
}

TEST(ObserverProcess, OfAnotherUserMustTrustTheOwnerAndNeedsPermission) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  const SegmentName name;
  auto bus = open_shared(name.str()).value();
  auto numbers = bus.publisher(kNumbers);
  const auto as_nobody = [&](const auto& run) {
    Process other([&] { return ::setuid(65534) == 0 ? run() : 2; });
    return other.wait();
  };
  EXPECT_EQ(as_nobody([&] {
              return absl::IsPermissionDenied(observe_shared(name.str()).status()) ? 0 : 1;
            }),
            0)
      << "mode 0600";
  for (const auto& file : name.files()) ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  for (const auto& file : name.files()) ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
  EXPECT_EQ(as_nobody([&] {
              const auto refused = observe_shared(name.str());
              return contains(test::message_of(refused), "ObserverOptions::owner") ? 0 : 1;
            }),
            0)
      << "not root's";
  EXPECT_EQ(as_nobody([&] {
              ObserverOptions options;
              options.owner = 12345;
              auto observer = observe_shared(name.str(), options);
              if (!observer.ok()) return 1;
              auto subscription = observer->subscribe(kNumbers, [](const Numbered64&) {});
              return subscription.unreadable().empty() ? 0 : 3;
            }),
            0);
  // a participant's segment of somebody who can not attach is none of the bus's
  for (const auto& file : name.files()) {
    if (file != name.path()) {
      ASSERT_EQ(::chown(file.c_str(), 54321, 54321), 0);
    }
  }
  EXPECT_EQ(as_nobody([&] {
              ObserverOptions options;
              options.owner = 12345;
              auto observer = observe_shared(name.str(), options);
              if (!observer.ok()) return 1;
              auto subscription = observer->subscribe(kNumbers, [](const Numbered64&) {});
              return subscription.unreadable().size() == 1 ? 0 : 3;
            }),
            0);
}

struct Progress {
  std::atomic<std::uint64_t> published{0};
  std::atomic<std::uint64_t> stop{0};
};

/// Publishes numbers without end, or until told to stop: by more than a lane holds at a time, with
/// pauses in which even a slow reader finds something that is not overwritten while it copies.
int feed(const std::string& name, Progress& progress, const Topic<Numbered64>& topic) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  auto publisher = bus->publisher(topic);
  for (std::uint64_t i = 0; progress.stop == 0; ++i) {
    if (publisher.try_publish(Numbered64::of(i)) != PublishStatus::kPublished) return 2;
    progress.published = i + 1;
    if (i % 256 == 255) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return 0;
}

TEST(ObserverProcess, ReadsEachMessageOnceInOrderOrCountsItWhileTheyAreOverwritten) {
  for (const auto& topic : {kNumbers, kReliable}) {
    const SegmentName name;
    Witness<Progress> progress;
    auto options = at_once();
    options.may_be_absent = true;
    auto observer = observe_shared(name.str(), options).value();
    Seen seen;
    auto subscription = observer.subscribe(topic, std::ref(seen));
    Process publisher([&] { return feed(name.str(), *progress, topic); });
    ASSERT_TRUE(test::eventually([&] {
      poll_all(observer);
      return seen.count >= 20'000 && seen.gaps > 0;
    }));
    progress->stop = 1;
    EXPECT_EQ(publisher.wait(), 0);
    poll_all(observer);
    EXPECT_EQ(seen.wrong, 0U);
    EXPECT_EQ(seen.next, progress->published);
    EXPECT_EQ(seen.count + seen.gaps, progress->published);
    EXPECT_EQ(subscription.lost(), seen.gaps);
    EXPECT_EQ(subscription.cut_off(), 0U);
    EXPECT_EQ(observer.state(), ObservedState::kEnded);
  }
}

// Killed anywhere; what it had published is read, whoever cleans up after it.
TEST(ObserverProcess, ReadsWhatAKilledPublisherHadPublished) {
  for (int round = 0; round < 10; ++round) {
    const SegmentName name;
    Witness<Progress> progress;
    auto bus = open_shared(name.str()).value();
    auto observer = observe_shared(name.str(), at_once()).value();
    Seen seen;
    auto subscription = observer.subscribe(kReliable, std::ref(seen));
    Process publisher([&] { return feed(name.str(), *progress, kReliable); });
    ASSERT_TRUE(test::eventually([&] {
      poll_all(observer);
      return seen.count > 100;
    }));
    publisher.kill();
    if (round % 2 == 0) look_after_others(bus);
    poll_all(observer);
    look_after_others(bus);
    poll_all(observer);
    EXPECT_EQ(seen.wrong, 0U);
    EXPECT_GE(seen.next, progress->published);
    EXPECT_LE(seen.next, progress->published + 1) << "published, but not told of yet";
    EXPECT_EQ(seen.count + seen.gaps, seen.next);
    EXPECT_EQ(subscription.cut_off(), 0U);
    EXPECT_EQ(bus.lanes(), 0U);
    EXPECT_EQ(observer.state(), ObservedState::kRunning);
  }
}

TEST(ObserverProcess, SeesThatTheLastOneWasKilled) {
  const SegmentName name;
  Witness<Progress> progress;
  Process publisher([&] { return feed(name.str(), *progress, kReliable); });
  auto options = at_once();
  options.may_be_absent = true;
  auto observer = observe_shared(name.str(), options).value();
  ASSERT_TRUE(test::eventually([&] {
    poll_all(observer);
    return observer.state() == ObservedState::kRunning;
  }));
  publisher.kill();
  poll_all(observer);
  EXPECT_EQ(observer.state(), ObservedState::kIdle);
  auto bus = open_shared(name.str()).value();  // begins anew
  poll_all(observer);
  EXPECT_EQ(observer.state(), ObservedState::kRunning);
  EXPECT_EQ(observer.times_made_anew(), 1U);
}

TEST(ObserverProcess, FileMadeShorterIsAnErrorAndNoSignal) {
  const SegmentName name;
  const SegmentName copy;
  auto bus = open_shared(name.str()).value();
  auto publisher = bus.publisher(kNumbers);
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_EQ(publisher.try_publish(Numbered64::of(i)), PublishStatus::kPublished);
  }
  copy_bus(name, copy);
  auto observer = observe_shared(copy.str(), at_once()).value();
  Seen seen;
  auto subscription = observer.subscribe(kNumbers, std::ref(seen), {.start = Start::kOldest});
  for (const auto& file : copy.files()) {
    if (file != copy.path()) {
      ASSERT_EQ(::truncate(file.c_str(), 4096), 0);
    }
  }
  const auto nothing = observer.poll();
  EXPECT_TRUE(nothing.ok()) << nothing.status();
  poll_all(observer);
  ASSERT_EQ(subscription.unreadable().size(), 1U);
  EXPECT_EQ(seen.count, 0U);
  ASSERT_EQ(::truncate(copy.path().c_str(), 4096), 0);
  const auto cut = observer.poll();
  EXPECT_EQ(cut.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(contains(test::message_of(cut), "shorter"));
  EXPECT_TRUE(contains(test::message_of(observe_shared(copy.str())), "truncated"));
}

// Whatever words lie in the files, an observer hands on messages of the right size or says why not.
TEST(ObserverProcess, RandomWordsAnywhereGiveAnAnswer) {
  const SegmentName name;
  const SegmentName copy;
  SharedBusOptions options;
  options.tables = {.topics = 8, .subscriptions = 8, .endpoints = 4, .lanes = 8, .participants = 3};
  options.lane_bytes = std::size_t{1} << 20;
  std::map<std::string, std::vector<char>> good;
  {
    auto bus = open_shared(name.str(), options).value();
    auto numbers = bus.publisher(kNumbers);
    auto family = bus.family_publisher(kFamily);
    auto bytes = bus.publisher(kBytes);
    const auto topic = family.topic("family.a");
    for (std::uint64_t i = 0; i < 40; ++i) {
      ASSERT_EQ(numbers.try_publish(Numbered64::of(i)), PublishStatus::kPublished);
      ASSERT_EQ(family.try_publish(topic, Numbered64::of(i)), PublishStatus::kPublished);
      ASSERT_EQ(bytes.try_publish(std::as_bytes(std::span("message"))), PublishStatus::kPublished);
    }
    copy_bus(name, copy);
    for (const auto& file : copy.files()) good[file] = bytes_of(file);
  }
  struct Place {
    std::string file;
    std::size_t at;
  };
  std::vector<Place> used;  // where something is
  for (const auto& [file, content] : good) {
    for (std::size_t at = Segment::kContents; at + 8 <= content.size(); at += 4) {
      if (std::any_of(content.begin() + static_cast<std::ptrdiff_t>(at),
                      content.begin() + static_cast<std::ptrdiff_t>(at) + 4,
                      [](char c) { return c != 0; })) {
        used.push_back({file, at});
      }
    }
  }
  ASSERT_GT(used.size(), 100U);
  std::map<std::string, Descriptor> files;
  for (const auto& [file, content] : good) {
    files[file] = Descriptor(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  }
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::uint64_t likely[] = {0,     1,          2,          63,         255,
                                  65536, 0x7fffffff, 0xffffffff, 1ULL << 40, ~0ULL};
  std::uint64_t handled = 0;
  std::uint64_t told = 0;
  const auto spoil = [&] {
    const auto& place = used[random() % used.size()];
    const std::uint64_t word = random() % 3 == 0 ? random() : likely[random() % std::size(likely)];
    EXPECT_GT(::pwrite(files[place.file].get(), &word, random() % 2 == 0 ? 4 : 8,
                       static_cast<off_t>(place.at)),
              0);
    return place;
  };
  const auto look = [&](Observer& observer) {
    for (int i = 0; i < 3; ++i) {
      const auto got = observer.poll(1000);
      told += got.ok() ? 0 : 1;
    }
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<Place> spoilt;
    for (auto i = random() % 3; i != 0; --i) spoilt.push_back(spoil());
    auto observer = observe_shared(copy.str(), at_once());
    if (observer.ok()) {
      const auto take = [&](const Numbered64&) { ++handled; };
      std::vector<absl::StatusOr<Observation>> all;
      for (const auto start : {Start::kOldest, Start::kLastValue}) {
        all.push_back(observer->try_subscribe(kNumbers, take, {.start = start}));
        all.push_back(observer->try_subscribe(kFamily, take, {.start = start}));
      }
      all.push_back(observer->try_subscribe(
          kBytes, [&](std::span<const std::byte> bytes) { handled += bytes.size() <= 100 ? 1 : 0; },
          {.start = Start::kOldest}));
      look(*observer);
      spoilt.push_back(spoil());  // while it is looked at
      look(*observer);
      for (const auto& one : all) told += one.ok() ? one->unreadable().size() : 1;
    } else {
      EXPECT_NE(test::message_of(observer), "");
      ++told;
    }
    for (const auto& place : spoilt) {
      ASSERT_EQ(::pwrite(files[place.file].get(), good[place.file].data() + place.at, 8,
                         static_cast<off_t>(place.at)),
                8);
    }
  }
  EXPECT_NE(handled, 0U);
  EXPECT_NE(told, 0U);
}

}  // namespace
}  // namespace ringway
