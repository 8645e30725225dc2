// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// Watch files as nobody should make them: publishers that admit observers go on, whatever lies
// there.
#include "ringway/shm/lane_watch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>

#include "observer_support.hpp"
#include "ringway/shm/observer.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::at_once;
using test::Numbered64;
using test::SegmentName;

constexpr auto kPatient = 60s;
constexpr Topic<Numbered64> kNumbers{"numbers", {.capacity = 64, .observer_lag_limit = kPatient}};
constexpr Topic<Numbered64> kHasty{"hasty", {.capacity = 64, .observer_lag_limit = 20ms}};

/// A bus with a publisher, and watch files beside it that nobody's code wrote.
struct Watched {
  explicit Watched(const Topic<Numbered64>& topic) : publisher(bus.publisher(topic)) {
    const auto& directory = bus.core()->directory();
    for (std::uint32_t i = 1; i < directory.lanes_used(); ++i) {
      if (directory.lane(i).used == 0) continue;
      key = {directory.lane(i).segment, i, directory.lane(i).lives};
    }
    struct stat facts {};
    EXPECT_EQ(::stat(name.path().c_str(), &facts), 0);
    prefix = WatchName::prefix(name.path(), facts.st_ino);
    auto made = OwnWatch::make(name.path(), facts.st_ino).value();  // a good one, to be copied
    WatchName::for_each(prefix, [&](const std::string& path, std::uint64_t) {
      std::ifstream file(path, std::ios::binary);
      good.assign(std::istreambuf_iterator<char>(file), {});
    });
    EXPECT_GT(good.size(), Segment::kContents + sizeof(WatchTable));
  }

  /// A file of these contents, locked if somebody shall seem to live.
  Descriptor put(std::uint64_t id, const std::vector<char>& content, bool locked = true) const {
    const auto path = WatchName::path(prefix, id);
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    EXPECT_TRUE(static_cast<bool>(file)) << path;
    if (locked) {
      EXPECT_TRUE(FileLock::try_take(file.get(), WatchName::kOwnerByte));
    }
    EXPECT_EQ(::pwrite(file.get(), content.data(), content.size(), 0), ssize_t(content.size()));
    return file;
  }
  /// A good file with a gate for the lane.
  [[nodiscard]] std::vector<char> with_gate(Sequence position, std::uint64_t serial = 1) const {
    auto content = good;
    set_gate(content, 0, {serial, key.word(), key.segment, position});
    return content;
  }
  static void set_gate(std::vector<char>& content, std::size_t index, const WatchGate::Told& told) {
    WatchGate gate;
    gate.write(told);
    std::memcpy(content.data() + gate_at(index), &gate, sizeof(gate));
  }
  static std::size_t gate_at(std::size_t index) {
    return Segment::kContents + offsetof(WatchTable, gates) + index * sizeof(WatchGate);
  }

  [[nodiscard]] PublishStatus publish(std::chrono::nanoseconds within) {
    const auto status = publisher.publish_for(Numbered64::of(next), within);
    if (status == PublishStatus::kPublished) ++next;
    return status;
  }
  /// True if nothing holds it back for long.
  [[nodiscard]] bool goes_on(int messages = 300) {
    for (int i = 0; i < messages; ++i) {
      if (publish(kPatient / 2) != PublishStatus::kPublished) return false;
    }
    return true;
  }
  /// True if it comes to a stand; lets an observer be found first.
  [[nodiscard]] bool is_held_back() {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < end) {
      if (publish(20ms) == PublishStatus::kTimedOut) return true;
    }
    return false;
  }

  SegmentName name;
  SharedBus bus = open_shared(name.str()).value();
  Publisher<Numbered64, SegmentHome> publisher;
  LaneKey key;
  std::string prefix;
  std::vector<char> good;
  std::uint64_t next = 0;
};

TEST(SummedWords, TellACopyThatIsNotWhole) {
  SummedWords<3> words;
  words.write({1, 2, 3});
  std::array<std::byte, sizeof(words)> copy;
  std::memcpy(copy.data(), &words, sizeof(words));
  EXPECT_EQ(SummedWords<3>::read(copy), (std::array<std::uint64_t, 3>{1, 2, 3}));
  for (auto& byte : copy) {
    byte ^= std::byte{1};
    EXPECT_FALSE(SummedWords<3>::read(copy));
    byte ^= std::byte{1};
  }
  EXPECT_FALSE(SummedWords<3>::read(std::span(copy).first(sizeof(copy) - 1)));
  std::fill(copy.begin(), copy.end(), std::byte{0});
  EXPECT_FALSE(SummedWords<3>::read(copy));
}

TEST(WatchName, IsTakenApart) {
  const auto path = WatchName::path(WatchName::prefix("/dev/shm/ringway-a-b", 17), 0xabc);
  EXPECT_EQ(path, "/dev/shm/ringway-a-b@17-watch-0000000000000abc");
  const auto name = WatchName::parse("ringway-a-b@17-watch-0000000000000abc");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->control, "ringway-a-b");
  EXPECT_EQ(name->inode, 17U);
  EXPECT_EQ(name->id, 0xabcU);
  for (const auto* other :
       {"ringway-a-b", "ringway-a-b@17-3", "ringway-a-watch-0000000000000abc",
        "ringway-a@17-watch-", "ringway-a@17-watch-0000000000000000",
        "ringway-a@17-watch-0000000000000abcd", "ringway-a@17-watch-0000000000000ABC",
        "ringway-a@x-watch-0000000000000abc", "ringway-a@-watch-0000000000000abc"}) {
    EXPECT_FALSE(WatchName::parse(other)) << other;
  }
  EXPECT_FALSE(OwnSegments::parse("ringway-a-b@17-watch-0000000000000123")) << "no process's own";
}

TEST(LaneWatch, HonoursAGateWhereverItCameFrom) {
  Watched on(kNumbers);
  ASSERT_TRUE(on.goes_on());
  auto file = on.put(7, on.with_gate(on.next));
  ASSERT_TRUE(on.is_held_back());
  const auto stand = on.next;
  auto moved = on.with_gate(stand - 10);
  ASSERT_EQ(::pwrite(file.get(), moved.data(), moved.size(), 0), ssize_t(moved.size()));
  ASSERT_TRUE(on.is_held_back());
  EXPECT_EQ(on.next, stand - 10 + kNumbers.options.capacity)
      << "exactly as far as the gate lets it";
  moved = on.with_gate(stand - 30);  // back: what is gone is gone
  ASSERT_EQ(::pwrite(file.get(), moved.data(), moved.size(), 0), ssize_t(moved.size()));
  EXPECT_EQ(on.publish(20ms), PublishStatus::kTimedOut);
  file.close();  // and with it the lock
  EXPECT_TRUE(on.goes_on());
}

TEST(LaneWatch, GateThatSaysWhatCanNotBeHoldsNobodyBackForLong) {
  for (const auto offset : {std::uint64_t{1} << 40, std::uint64_t{1} << 63}) {  // ahead
    Watched on(kNumbers);
    ASSERT_TRUE(on.goes_on());
    const auto ahead = on.put(7, on.with_gate(on.next + offset));
    ASSERT_TRUE(on.goes_on(1000)) << offset;
    std::this_thread::sleep_for(15ms);
    EXPECT_TRUE(on.goes_on(1000)) << offset;
  }
  Watched on(kNumbers);
  auto content = on.good;
  Watched::set_gate(content, 0, {1, on.key.word() + 1, on.key.segment, 0});  // another lane
  Watched::set_gate(content, 1, {1, on.key.word() + (1ULL << 32), on.key.segment, 0});
  Watched::set_gate(content, 2, {1, on.key.word(), on.key.segment + 1, 0});
  Watched::set_gate(content, 3, {0, on.key.word(), on.key.segment, 0});  // free
  Watched::set_gate(content, 4, {1, on.key.word(), on.key.segment, 0});
  content[Watched::gate_at(4) + 8] ^= 1;  // torn
  ASSERT_TRUE(on.goes_on(1));
  const auto file = on.put(7, content);
  std::this_thread::sleep_for(15ms);
  EXPECT_TRUE(on.goes_on(1000));
}

// It has kept nobody waiting: another one has, whose time is over.
TEST(LaneWatch, GateAheadOfOneThatIsEndedIsNotEndedWithIt) {
  constexpr auto kLimit = 600ms;
  auto topic = kHasty;
  topic.options.observer_lag_limit = kLimit;
  Watched on(topic);
  ASSERT_TRUE(on.goes_on());
  auto content = on.with_gate(on.next);
  Watched::set_gate(content, 1, {2, on.key.word(), on.key.segment, on.next});
  const auto file = on.put(7, content);
  ASSERT_TRUE(on.is_held_back()) << "by both";
  const auto stand = on.next;
  Watched::set_gate(content, 1, {2, on.key.word(), on.key.segment, stand - 32});
  ASSERT_EQ(::pwrite(file.get(), content.data(), content.size(), 0), ssize_t(content.size()));
  EXPECT_EQ(on.publish(1ms), PublishStatus::kTimedOut) << "by the first";
  std::this_thread::sleep_for(2 * kLimit);
  while (on.publish(0ms) == PublishStatus::kPublished && on.next < stand + 1000) {
  }
  EXPECT_EQ(on.next, stand + 32) << "by the second";
  EXPECT_TRUE(on.goes_on()) << "until its time is over, too";
}

// An observer that is expected is not let go of while what it wants can not be read.
TEST(LaneWatch, GateThatIsJustBeingWrittenWhenAnObserverHasLookedIsNotForgotten) {
  Watched on(kNumbers);
  const auto file = on.put(7, on.good);
  ASSERT_TRUE(on.goes_on(1)) << "from now on it is expected";
  auto content = on.with_gate(0);
  content[Watched::gate_at(0) + 24] ^= 1;
  constexpr std::uint64_t kLooks = 2;
  std::memcpy(content.data() + Segment::kContents + offsetof(WatchTable, looks), &kLooks,
              sizeof(kLooks));
  ASSERT_EQ(::pwrite(file.get(), content.data(), content.size(), 0), ssize_t(content.size()));
  ASSERT_TRUE(on.is_held_back());
  EXPECT_EQ(on.next, kNumbers.options.capacity);
  content[Watched::gate_at(0) + 24] ^= 1;
  ASSERT_EQ(::pwrite(file.get(), content.data(), content.size(), 0), ssize_t(content.size()));
  EXPECT_EQ(on.publish(50ms), PublishStatus::kTimedOut) << "the gate holds it back now";
  const auto moved = on.with_gate(10);
  ASSERT_EQ(::pwrite(file.get(), moved.data(), moved.size(), 0), ssize_t(moved.size()));
  ASSERT_TRUE(on.is_held_back());
  EXPECT_EQ(on.next, 10 + kNumbers.options.capacity);
}

// What is gone by then it does not get; what follows it does.
TEST(LaneWatch, GateThatComesTooLateHoldsFromWhereThePublisherIs) {
  Watched on(kNumbers);
  ASSERT_TRUE(on.goes_on(1000));
  const auto file = on.put(7, on.with_gate(3));
  std::this_thread::sleep_for(15ms);
  const auto begin = on.next;
  ASSERT_TRUE(on.is_held_back());
  EXPECT_GE(on.next, begin + kNumbers.options.capacity);
  EXPECT_LE(on.next, begin + 2 * kNumbers.options.capacity) << "found where its room was used up";
}

/// From where on an observer's gates are held, by serial.
std::map<std::uint64_t, Sequence> answers_to(std::uint64_t id, std::span<const std::byte> board,
                                             const LaneKey& lane) {
  const auto seen = LaneBoard::read(board, lane);
  std::map<std::uint64_t, Sequence> held;
  if (!seen) return held;
  for (const auto& one : seen->answers) {
    if (one.watch == id && one.state == LaneBoard::kHeld) held[one.serial] = one.from;
  }
  return held;
}

// Almost a lap back, a claim that was dropped may have written over what the observer wants.
TEST(LaneWatch, GateIsHeldFromWhereNoClaimCanHaveWritten) {
  constexpr Sequence kOwn = 5000;
  constexpr std::size_t kReach = 1024;
  for (const std::size_t longest_claim : {1U, 8U, 200U}) {
    for (const std::size_t behind :
         {0U, 1U, 823U, 824U, 825U, 1015U, 1016U, 1017U, 1023U, 1024U, 1025U}) {
      Watched on(kNumbers);
      WatchFiles::Users users{};
      users.fill(::geteuid());
      WatchFiles files(on.prefix, users);
      alignas(LaneBoard) std::byte board[sizeof(LaneBoard)];
      LaneWatch watch(files, board, on.key, kPatient, longest_claim);
      ASSERT_EQ(watch.slowest(0, 0, kReach), 0U);
      const auto file = on.put(7, on.with_gate(kOwn - behind));
      while (answers_to(7, board, on.key).empty()) {
        static_cast<void>(watch.slowest(kOwn, kOwn, kReach));
      }
      const bool whole = behind + longest_claim <= kReach;
      EXPECT_EQ(watch.slowest(kOwn, kOwn, kReach), whole ? kOwn - behind : kOwn)
          << longest_claim << ", " << behind;
    }
  }
}

// What another one holds nobody has written to.
TEST(LaneWatch, GateAWholeLapBackIsHeldIfAnotherOneIsThere) {
  constexpr Sequence kOwn = 5000;
  constexpr std::size_t kReach = 1024;
  Watched on(kNumbers);
  WatchFiles::Users users{};
  users.fill(::geteuid());
  WatchFiles files(on.prefix, users);
  alignas(LaneBoard) std::byte board[sizeof(LaneBoard)];
  LaneWatch watch(files, board, on.key, kPatient, 200);
  const auto first = on.put(7, on.with_gate(kOwn - kReach));
  ASSERT_EQ(watch.slowest(kOwn - kReach, kOwn - kReach, kReach), kOwn - kReach);
  auto content = on.with_gate(kOwn - kReach, 3);
  Watched::set_gate(content, 1, {4, on.key.word(), on.key.segment, kOwn - kReach - 1});
  Watched::set_gate(content, 2, {5, on.key.word(), on.key.segment, kOwn - 100});
  const auto second = on.put(8, content);
  while (answers_to(8, board, on.key).empty()) {
    ASSERT_EQ(watch.slowest(kOwn, kOwn, kReach), kOwn - kReach);
  }
  EXPECT_EQ(answers_to(8, board, on.key),
            (std::map<std::uint64_t, Sequence>{{3, kOwn - kReach}, {4, kOwn}, {5, kOwn - 100}}));
}

TEST(LaneWatch, FileThatIsCutShortWhileItHoldsHoldsNoMore) {
  for (const auto size : {Segment::kContents + 150, std::size_t{100}, std::size_t{0}}) {
    Watched on(kNumbers);
    ASSERT_TRUE(on.goes_on());
    const auto file = on.put(7, on.with_gate(on.next));
    ASSERT_TRUE(on.is_held_back());
    ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(size)), 0);
    EXPECT_TRUE(on.goes_on()) << size;
  }
}

TEST(LaneWatch, GateThatIsTakenBackHoldsNoMore) {
  for (const bool reused : {false, true}) {
    Watched on(kNumbers);
    ASSERT_TRUE(on.goes_on());
    const auto file = on.put(7, on.with_gate(on.next));
    ASSERT_TRUE(on.is_held_back());
    auto content = on.with_gate(on.next, 2);
    if (!reused) Watched::set_gate(content, 0, {});
    ASSERT_EQ(::pwrite(file.get(), content.data(), content.size(), 0), ssize_t(content.size()));
    EXPECT_EQ(on.publish(kPatient / 2), PublishStatus::kPublished);
    if (reused) {
      EXPECT_TRUE(on.is_held_back()) << "by the new one, from where it began";
    } else {
      EXPECT_TRUE(on.goes_on(1000));
    }
  }
}

TEST(LaneWatch, WhatIsNoFileOfALivingObserverIsPassedOver) {
  Watched on(kNumbers);
  const auto path = [&](std::uint64_t id) { return WatchName::path(on.prefix, id); };
  ASSERT_EQ(::mkfifo(path(1).c_str(), 0644), 0);
  ASSERT_EQ(::mkdir(path(2).c_str(), 0755), 0);
  ASSERT_EQ(::symlink("/dev/zero", path(3).c_str()), 0);
  const auto target = on.put(4, on.with_gate(0));
  ASSERT_EQ(::rename(path(4).c_str(), (on.name.path() + "@elsewhere").c_str()), 0);
  ASSERT_EQ(::symlink((on.name.path() + "@elsewhere").c_str(), path(5).c_str()), 0);
  on.put(6, on.with_gate(0), false).close();                        // nobody lives
  const auto empty = on.put(8, {});                                 // nothing
  const auto noise = on.put(9, std::vector<char>(20'000, '\xa5'));  // something else
  auto spoilt = on.with_gate(0);
  spoilt[8] ^= 1;
  const auto version = on.put(10, spoilt);
  const auto short_one = on.put(11, {on.good.begin(), on.good.begin() + 5000});
  std::ifstream control(on.name.path(), std::ios::binary);
  const auto other = on.put(12, {std::istreambuf_iterator<char>(control), {}});
  EXPECT_TRUE(on.goes_on(1000));
  std::this_thread::sleep_for(15ms);
  EXPECT_TRUE(on.goes_on(1000));
  ASSERT_EQ(::rmdir(path(2).c_str()), 0);
}

TEST(LaneWatch, FileOfAUserWhoIsNotAdmittedIsNotOpened) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  Watched on(kNumbers);
  const auto file = on.put(7, on.with_gate(0));
  ASSERT_EQ(::fchown(file.get(), 12345, 12345), 0);
  EXPECT_TRUE(on.goes_on(1000));
  std::this_thread::sleep_for(15ms);
  EXPECT_TRUE(on.goes_on(1000));
  ASSERT_EQ(::fchown(file.get(), 0, 0), 0);
  const auto gate = on.with_gate(on.next);
  ASSERT_EQ(::pwrite(file.get(), gate.data(), gate.size(), 0), ssize_t(gate.size()));
  EXPECT_TRUE(on.is_held_back()) << "it was the user";
}

TEST(LaneWatch, AThousandFilesHoldNobodyBackForLong) {
  constexpr std::uint64_t kMany = 1000;
  for (const ::uid_t user : {::geteuid(), ::uid_t{12345}}) {
    if (user != ::geteuid() && ::geteuid() != 0) continue;
    Watched on(kHasty);
    std::vector<Descriptor> files;
    const auto content = on.with_gate(0);
    for (std::uint64_t id = 1; id <= kMany; ++id) {
      const std::vector<char> some(content.begin(),
                                   id % 2 == 0 ? content.end() : content.begin() + 100);
      auto file = on.put(id, some);
      if (user != ::geteuid()) {
        ASSERT_EQ(::fchown(file.get(), user, user), 0);
      }
      if (id <= 100) files.push_back(std::move(file));  // the others seem dead
    }
    EXPECT_TRUE(on.goes_on(20'000)) << user;
    std::size_t open = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
      open += test::contains(target, on.prefix) ? 1 : 0;
    }
    EXPECT_LE(open, files.size() + WatchFiles::kMostFiles);
  }
}

// Whose files they are does not matter: it is the names that take time.
TEST(LaneWatch, LookTakesItsTimeAtMostHoweverManyNamesThereAre) {
  constexpr std::uint64_t kMany = 50'000;
  Watched on(kHasty);
  for (std::uint64_t id = 1; id <= kMany; ++id) {
    const auto path = WatchName::path(on.prefix, id);
    ASSERT_GE(Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)).get(), 0);
  }
  WatchFiles::Users users;
  users.fill(::geteuid());
  WatchFiles files(on.prefix, users);
  auto shortest = std::chrono::nanoseconds::max();
  for (int i = 0; i < 10; ++i) {  // the machine may be busy
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(files.list(true)->empty());
    shortest =
        std::min<std::chrono::nanoseconds>(shortest, std::chrono::steady_clock::now() - begin);
  }
  EXPECT_LT(shortest, 2 * WatchFiles::kLongestLook);
  EXPECT_TRUE(on.goes_on(1000));
}

// Whatever words an admitted user's file holds, a publisher is held up for the lag limit at a time,
// and reads nothing that is not there.
TEST(LaneWatch, RandomWordsHoldNobodyBackForLong) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Watched on(kHasty);
  auto content = on.good;
  for (std::size_t i = 0; i < WatchTable::kGates; i += 2) {
    Watched::set_gate(content, i, {i + 1, on.key.word(), on.key.segment, random() % 100});
  }
  const auto file = on.put(7, content);
  for (int round = 0; round < 300; ++round) {
    const auto index = random() % WatchTable::kGates;
    if (random() % 2 == 0) {
      Watched::set_gate(content, index,
                        {random() % 3, on.key.word(), on.key.segment,
                         random() % 4 == 0 ? random() : on.next - random() % 100});
    } else {
      const std::uint64_t word = random() % 2 == 0 ? random() : random() % 4;
      const auto at = Segment::kContents + random() % (sizeof(WatchTable) / 8) * 8;
      std::memcpy(content.data() + at, &word, sizeof(word));
    }
    ASSERT_EQ(::pwrite(file.get(), content.data(), content.size(), 0), ssize_t(content.size()));
    ASSERT_TRUE(on.goes_on(20)) << round;
  }
}

// What a publisher's board says may be anything, too: the observer goes by what can be.
TEST(LaneBoard, RandomWordsLeaveTheObserverLossyAtWorst) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Watched on(kHasty);
  auto observer = observe_shared(on.name.str(), at_once()).value();
  std::uint64_t last = 0;
  std::uint64_t handled = 0;
  auto observation = observer.subscribe(kHasty,
                                        [&](const Numbered64& message, const MessageInfo&) {
                                          EXPECT_TRUE(message.whole());
                                          EXPECT_TRUE(handled == 0 || message.number > last)
                                              << message.number << " after " << last;
                                          last = message.number;
                                          ++handled;
                                        },
                                        {.reliable = true});
  auto& core = *on.bus.core();
  const auto& lane = core.directory().lane(on.key.number);
  const auto board = core.home().own_memory().subspan(
      lane.segment_offset + lane.segment_bytes - sizeof(LaneBoard), sizeof(LaneBoard));
  for (int round = 0; round < 300; ++round) {
    ASSERT_TRUE(on.goes_on(10));
    const std::uint64_t word = random() % 2 == 0 ? random() : random() % 4;
    const auto at = random() % (sizeof(LaneBoard) / 8) * 8;
    std::memcpy(board.data() + at, &word, sizeof(word));
    ASSERT_TRUE(observer.poll().ok());
    static_cast<void>(observation.holds());
  }
  EXPECT_NE(handled, 0U);
}

}  // namespace
}  // namespace ringway
