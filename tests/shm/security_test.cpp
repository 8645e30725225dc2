// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// What docs/security.md says that processes can do to a bus, and what they can not: each is done.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <list>
#include <string>

#include "bus_kill_support.hpp"
#include "ringway/shm/observer.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"
#include "wait/child_process.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::contains;
using test::eventually;
using test::few;
using test::kCapacity;
using test::kWords;
using test::message_of;
using test::Process;
using test::SegmentName;
using test::Witness;
using test::Word;

/// A segment's file as anybody maps it who may open it for writing.
class WholeFile {
 public:
  explicit WholeFile(const std::string& path) : file_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    size_ = static_cast<std::size_t>(::lseek(file_.get(), 0, SEEK_END));
    data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  }
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;
  ~WholeFile() { ::munmap(data_, size_); }
  /// Where these bytes lie for the first time; nullptr if nowhere.
  [[nodiscard]] std::byte* find(const void* what, std::size_t bytes) const {
    auto* begin = static_cast<std::byte*>(data_);
    const auto* wanted = static_cast<const std::byte*>(what);
    auto* found = std::search(begin, begin + size_, wanted, wanted + bytes);
    return found == begin + size_ ? nullptr : found;
  }

 private:
  Descriptor file_;
  std::size_t size_;
  void* data_;
};

/// A lock that reading suffices for.
bool take_read_lock(int fd, off_t byte) {
  struct flock request {};
  request.l_type = F_RDLCK;
  request.l_whence = SEEK_SET;
  request.l_start = byte;
  request.l_len = 1;
  return ::fcntl(fd, F_OFD_SETLK, &request) == 0;
}

// The publisher's own segment is mapped for reading by the others; but who has the same user can
// open its file anew.
TEST(Security, ProcessThatOpensAnothersSegmentForWritingCanChangeWhatItPublished) {
  const SegmentName name;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher feed{*bus, {.name = "feed", .batch = 1}};
  std::atomic<bool> go{false};
  std::atomic<std::uint64_t> forged{0};
  auto subscription = feed.subscribe(kWords, [&](const Word& word) {
    if (word.number == 0) static_cast<void>(eventually([&] { return go.load(); }));
    forged = word.number;
  });
  auto publisher = bus->publisher(kWords);
  const auto real = Word::of(7, 0x1234'5678'9abc'def0);
  ASSERT_EQ(publisher.publish(Word::of(7, 0)), PublishStatus::kPublished);
  ASSERT_EQ(publisher.publish(real), PublishStatus::kPublished);
  Process forger([&] {
    const auto other = Word::of(7, 99);
    for (const auto& path : name.files()) {
      const WholeFile file(path);
      auto* at = file.find(&real, sizeof(real));
      if (at == nullptr) continue;
      std::memcpy(at, &other, sizeof(other));
      return path == name.path() ? 2 : 0;
    }
    return 1;
  });
  EXPECT_EQ(forger.wait(), 0);
  go = true;
  EXPECT_TRUE(eventually([&] { return forged == 99; }));
}

enum class Side : std::uint8_t { kBuy = 1, kSell = 2 };
struct Deal {
  std::uint64_t price;
  Side side;
};
struct Bid {
  double price;
  Side side;
};

// Another type is refused when a name is bound; after that nobody looks whether messages are such.
TEST(Security, TypesAreComparedWhenANameIsBoundAndMessagesAreNotLookedAt) {
  const SegmentName name;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher feed{*bus};
  std::atomic<std::uint64_t> odd{0};
  std::atomic<std::uint64_t> received{0};
  constexpr Topic<Deal> kDeals{"deals", {.capacity = 16}};
  auto subscription = feed.subscribe(kDeals, [&](const Deal& deal) {
    if (deal.side != Side::kBuy && deal.side != Side::kSell) odd = static_cast<unsigned>(deal.side);
    ++received;
  });
  Process child([&] {
    auto own = open_shared(name.str(), few());
    if (!own.ok()) return 1;
    constexpr Topic<Bid> kOther{"deals", {.capacity = 16}};
    if (own->try_publisher(kOther).ok()) return 2;
    Dispatcher reader{*own};
    if (reader.try_subscribe(kOther, [](const Bid&) {}).ok()) return 3;
    auto publisher = own->publisher(kDeals);
    static_cast<void>(publisher.publish({1, Side::kSell}));
    static_cast<void>(publisher.publish({1, static_cast<Side>(77)}));  // no such side
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(eventually([&] { return received == 2; }));
  EXPECT_EQ(odd, 77U);
}

TEST(Security, AttachedProcessThatHoldsTheLockHoldsUpBindingButNotPublishing) {
  const SegmentName name;
  const Witness<std::atomic<int>> holds;
  const Witness<std::atomic<int>> comes;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kWords);
  Dispatcher feed{*bus};
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.subscribe(kWords, [&](const Word&) { ++received; });
  ASSERT_EQ(publisher.publish(Word::of(1, 0)), PublishStatus::kPublished);
  ASSERT_TRUE(eventually([&] { return received == 1; }));  // the lane is picked up
  Process holder([&] {
    auto own = open_shared(name.str(), few());
    if (!own.ok()) return 1;
    const auto lock = own->core()->lock();
    *holds = 1;
    ::pause();
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return *holds == 1; }));
  auto& lock = bus->core()->home().directory_lock();
  EXPECT_FALSE(lock.try_lock()) << "nobody binds, attaches or cleans up";
  Process newcomer([&] {
    *comes = 1;
    auto own = open_shared(name.str(), few());
    *comes = 2;
    return own.ok() ? 0 : 1;
  });
  ASSERT_TRUE(eventually([&] { return *comes == 1; }));
  for (std::uint64_t i = 0; i < 4 * kCapacity; ++i) {
    ASSERT_EQ(publisher.publish_for(Word::of(1, i), 60s), PublishStatus::kPublished);
  }
  EXPECT_TRUE(eventually([&] { return received == 1 + 4 * kCapacity; }));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(*comes, 1) << "attaching waits, without an error";
  holder.kill();
  EXPECT_EQ(newcomer.wait(), 0);
  EXPECT_TRUE(bus->try_publisher(kWords).ok()) << "its death ends it";
}

TEST(Security, NamedSegmentCanBeCutShortUnderTheOthers) {
  const SegmentName name;
  const Witness<std::atomic<int>> attached;
  Process victim([&] {
    ::signal(SIGBUS, SIG_DFL);  // a sanitizer would report it and exit
    auto bus = open_shared(name.str(), few());
    if (!bus.ok()) return 1;
    auto publisher = bus->publisher(kWords);
    *attached = 1;
    for (std::uint64_t i = 0;; ++i) static_cast<void>(publisher.try_publish(Word::of(1, i)));
  });
  ASSERT_TRUE(eventually([&] { return *attached == 1; }));
  ASSERT_EQ(::truncate(name.path().c_str(), 4096), 0);
  EXPECT_EQ(victim.wait(), 1000 + SIGBUS);
}

TEST(Security, ReaderOfTheFileCanNotWriteToIt) {
  const SegmentName name;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto read =
      Segment::open(name.str(), few().segment, SharedBusContents::kPurpose, Segment::Access::kRead);
  ASSERT_TRUE(read.ok()) << read.status();
  const auto contents = read->contents();
  EXPECT_NE(::mprotect(contents.data(), contents.size(), PROT_READ | PROT_WRITE), 0);
  EXPECT_LT(::write(read->fd(), "x", 1), 0);
  EXPECT_NE(::ftruncate(read->fd(), 0), 0);
}

TEST(Security, ReaderOfTheFileCanReadEveryMessage) {
  const SegmentName name;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kWords);
  Dispatcher feed{*bus};
  auto subscription = feed.subscribe(kWords, [](const Word&) {});
  const auto secret = Word::of(7, 0x1357'9bdf'0246'8ace);
  ASSERT_EQ(publisher.publish(secret), PublishStatus::kPublished);
  const std::string wanted(reinterpret_cast<const char*>(&secret), sizeof(secret));
  int found = 0;
  for (const auto& path : name.files()) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    if (bytes.find(wanted) != std::string::npos) ++found;
  }
  EXPECT_EQ(found, 1);
}

TEST(Security, ReaderOfTheFileCanHoldUpBindingAndMakeTheDeadLookAlive) {
  const SegmentName name;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Process other([&] {
    auto own = open_shared(name.str(), few());
    if (!own.ok()) return 1;
    ::raise(SIGKILL);
    return 0;
  });
  ASSERT_EQ(other.wait(), 1000 + SIGKILL);
  const auto dead = [&] {
    for (const auto& participant : participants(*bus)) {
      if (!participant.alive) return participant.number;
    }
    return Participants::kMost;
  };
  const auto number = dead();
  ASSERT_LT(number, Participants::kMost);
  {
    const Descriptor file(::open(name.path().c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(take_read_lock(file.get(), kFirstParticipantByte + number));
    EXPECT_EQ(dead(), Participants::kMost) << "it looks alive";
    EXPECT_EQ(look_after_others(*bus), 0u);
    ASSERT_TRUE(take_read_lock(file.get(), kDirectoryByte));
    EXPECT_FALSE(bus->core()->home().directory_lock().try_lock());
  }
  EXPECT_EQ(dead(), number);
  EXPECT_EQ(look_after_others(*bus), 1u);
}

TEST(Security, AnonymousBusIsOpenForWritingToWhoeverHasItsDescriptor) {
  auto bus = make_anonymous_shared(few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kWords);
  const Descriptor handed_on(::dup(shared_descriptor(*bus)));  // a child drops its parent's own
  Process other([&] {
    auto own = open_shared(handed_on.get(), few());
    if (!own.ok()) return 1;
    auto mine = own->try_publisher(kWords);
    if (!mine.ok()) return 2;
    return mine->try_publish(Word::of(2, 0)) == PublishStatus::kPublished ? 0 : 3;
  });
  EXPECT_EQ(other.wait(), 0);
  EXPECT_NE(::ftruncate(shared_descriptor(*bus), 4096), 0) << "but it stays as long as it is";
}

/// The one lane of this process's bus.
std::uint32_t only_lane(SharedBus& bus) {
  const auto lock = bus.core()->lock();
  const auto& directory = bus.core()->directory();
  for (std::uint32_t i = 1; i < directory.lanes_used(); ++i) {
    if (directory.lane(i).used != 0) return i;
  }
  return 0;
}

TEST(Security, AttachedProcessCanForgeRegistrations) {
  const SegmentName name;
  const Witness<std::atomic<int>> done;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kWords);
  const auto lane = only_lane(*bus);
  constexpr std::uint32_t kForged = 3;
  Process forger([&] {
    auto own = open_shared(name.str(), few());
    if (!own.ok()) return 1;
    const auto lock = own->core()->lock();
    auto& segment = own->core()->home().attachment().segment();
    Participants::join(segment.contents()).set_used(kForged, "forged");
    if (!FileLock::try_take(segment.fd(), kFirstParticipantByte + kForged)) return 2;
    own->core()->directory().lane(lane).publisher = kForged;
    *done = 1;
    ::pause();
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return *done == 1; }));
  const auto seen = participants(*bus);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen.back().name, "forged");
  EXPECT_TRUE(seen.back().alive) << "as far as anybody can tell";
  EXPECT_EQ(bus->core()->directory().lane(lane).publisher, kForged) << "another one's lane";
  forger.kill();
  EXPECT_EQ(look_after_others(*bus), 2U);
  EXPECT_EQ(publisher.try_publish(Word::of(1, 0)), PublishStatus::kClosed)
      << "ended with the one that it was said to be of";
}

TEST(Security, AttachedProcessCanRemoveReaders) {
  const SegmentName name;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kWords);
  const auto lane = only_lane(*bus);
  Dispatcher feed{*bus};
  std::atomic<int> handled{0};
  std::atomic<bool> go{false};
  auto subscription = feed.subscribe(kWords, [&](const Word&) {
    ++handled;
    static_cast<void>(eventually([&] { return go.load(); }));
  });
  ASSERT_EQ(publisher.publish(Word::of(1, 0)), PublishStatus::kPublished);
  ASSERT_TRUE(eventually([&] { return handled == 1; }));
  while (publisher.try_publish(Word::of(1, 1)) == PublishStatus::kPublished) {
  }
  Process other([&] {
    auto own = open_shared(name.str(), few());
    if (!own.ok()) return 1;
    const auto lock = own->core()->lock();
    auto& directory = own->core()->directory();
    CleanUp<SharedMemory>(directory).leave(directory.lane(lane), 0);
    return 0;
  });
  EXPECT_EQ(other.wait(), 0);
  for (std::uint64_t i = 0; i < 4 * kCapacity; ++i) {
    EXPECT_EQ(publisher.try_publish(Word::of(1, i)), PublishStatus::kPublished)
        << "over what the reader has not read";
  }
  EXPECT_EQ(handled, 1);
  go = true;
}

TEST(Security, AttachedProcessCanHoldPublishersBackAndCloseTheirLanes) {
  const SegmentName name;
  const Witness<std::atomic<int>> ready;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kWords);
  const auto lane = only_lane(*bus);
  Process holder([&] {
    auto own = open_shared(name.str(), few());
    if (!own.ok()) return 1;
    Dispatcher feed{*own};
    auto subscription = feed.subscribe(kWords, [](const Word&) { ::pause(); });
    *ready = 1;
    ::pause();
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return *ready == 1; }));
  EXPECT_TRUE(eventually(
      [&] { return publisher.publish_for(Word::of(1, 1), 10ms) == PublishStatus::kTimedOut; }));
  holder.kill();
  EXPECT_EQ(publisher.publish_for(Word::of(1, 1), 60s), PublishStatus::kPublished);
  Process closer([&] {
    auto own = open_shared(name.str(), few());
    if (!own.ok()) return 1;
    own->core()->directory().lane(lane).close();
    return 0;
  });
  EXPECT_EQ(closer.wait(), 0);
  EXPECT_EQ(publisher.try_publish(Word::of(1, 1)), PublishStatus::kClosed);
}

TEST(Security, AttachedProcessCanFillTheTablesForAsLongAsItLives) {
  const SegmentName name;
  const Witness<std::atomic<int>> full;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Process greedy([&] {
    auto own = open_shared(name.str(), few());
    if (!own.ok()) return 1;
    std::list<Publisher<Word, SegmentHome>> all;
    while (true) {
      auto publisher = own->try_publisher(kWords);
      if (!publisher.ok()) break;
      all.push_back(*std::move(publisher));
    }
    *full = 1;
    ::pause();
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return *full == 1; }));
  const auto refused = bus->try_publisher(kWords);
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  EXPECT_GT(bus->lanes(), 50U);
  greedy.kill();
  EXPECT_EQ(look_after_others(*bus), 1U);
  EXPECT_TRUE(bus->try_publisher(kWords).ok());
}

// A name that another user took first can not be removed from a sticky folder.
TEST(Security, NameOfAnOwnSegmentThatAnotherUserHasTakenIsAnError) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become other users";
  struct stat facts {};
  if (::stat("/dev/shm", &facts) != 0 || (facts.st_mode & S_ISVTX) == 0) {
    GTEST_SKIP() << "/dev/shm is not sticky";
  }
  const SegmentName name;
  auto options = few();
  options.segment.mode = 0666;
  auto bus = open_shared(name.str(), options);
  ASSERT_TRUE(bus.ok()) << bus.status();
  ASSERT_EQ(::stat(name.path().c_str(), &facts), 0);
  const auto next = bus->core()->home().own_segment() + 1;
  const auto taken = OwnSegments::path_of(name.path(), facts.st_ino, next);
  const Descriptor file(::open(taken.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  ASSERT_TRUE(static_cast<bool>(file));
  ASSERT_EQ(::fchown(file.get(), 12345, 12345), 0);
  const auto as_nobody = [&](const auto& run) {
    Process other([&] { return ::setresuid(65534, 65534, 65534) == 0 ? run() : 9; });
    return other.wait();
  };
  EXPECT_EQ(as_nobody([&] {
              const auto refused = open_shared(name.str(), few());
              if (!absl::IsAlreadyExists(refused.status())) return 1;
              return contains(message_of(refused), taken) ? 0 : 2;
            }),
            0);
  EXPECT_EQ(participants(*bus).size(), 1U);
  EXPECT_TRUE(std::filesystem::exists(taken));
  EXPECT_EQ(as_nobody([&] { return open_shared(name.str(), few()).ok() ? 0 : 1; }), 0)
      << "the next attempt has the next number";
}

constexpr Topic<Word> kWatched{"watched", {.capacity = 64, .observer_lag_limit = 60s}};

ObserverOptions looking_always() {
  ObserverOptions options;
  options.look_every = std::chrono::nanoseconds(0);
  return options;
}

// The lock is one that reading suffices for, and everybody may read an observer's file.
TEST(Security, LockOnADeadObserversFileMakesItLookAlive) {
  const SegmentName name;
  const Witness<std::atomic<int>> held;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kWatched);
  Process observing([&] {
    auto observer = observe_shared(name.str(), looking_always());
    if (!observer.ok()) return 1;
    auto observation = observer->subscribe(kWatched, [](const Word&) {}, {.reliable = true});
    const auto is_held = [&] {
      if (!observer->poll().ok()) return true;
      return observation.hold() == ObservedHold::kHeld && !observation.holds().empty();
    };
    if (!eventually(is_held)) return 2;
    *held = 1;
    ::pause();
    return 0;
  });
  ASSERT_TRUE(eventually([&] {
    static_cast<void>(publisher.publish_for(Word::of(1, 1), 10ms));
    return *held == 1;
  }));
  ASSERT_TRUE(eventually(
      [&] { return publisher.publish_for(Word::of(1, 1), 10ms) == PublishStatus::kTimedOut; }));
  observing.kill();
  Descriptor file;
  for (const auto& path : name.files()) {
    if (!WatchName::parse(std::filesystem::path(path).filename())) continue;
    file = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  ASSERT_TRUE(static_cast<bool>(file));
  ASSERT_TRUE(take_read_lock(file.get(), WatchName::kOwnerByte));
  EXPECT_EQ(publisher.publish_for(Word::of(1, 1), 200ms), PublishStatus::kTimedOut);
  file.close();
  EXPECT_EQ(publisher.publish_for(Word::of(1, 1), 30s), PublishStatus::kPublished)
      << "long before the limit";
}

/// From now on a lock on any file ends this process.
bool forbid_locks() {
  return test::install_filter({
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_flock, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 6),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETLK, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETLKW, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_OFD_SETLK, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_OFD_SETLKW, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  });
}
/// Locks on files whose inodes are those of the bus's own, not of observers'; as the kernel lists.
std::size_t locks_on(const SegmentName& name) {
  std::size_t count = 0;
  for (const auto& path : name.files()) {
    if (WatchName::parse(std::filesystem::path(path).filename())) continue;
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) continue;
    std::ifstream locks("/proc/locks");
    char file[64];
    std::snprintf(file, sizeof(file), " %02x:%02x:%lu ", ::gnu_dev_major(facts.st_dev),
                  ::gnu_dev_minor(facts.st_dev), static_cast<unsigned long>(facts.st_ino));
    for (std::string line; std::getline(locks, line);) count += contains(line, file) ? 1 : 0;
  }
  return count;
}

TEST(Security, ObserverTakesNoLockOnTheFilesOfTheBus) {
  const SegmentName name;
  auto bus = open_shared(name.str(), few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto publisher = bus->publisher(kWatched);
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_EQ(publisher.try_publish(Word::of(1, i)), PublishStatus::kPublished);
  }
  const auto read_all = [&](Observer& observer, const ObserveOptions& how) {
    std::uint64_t read = 0;
    auto observation = observer.subscribe(
        kWatched, [&](const Word&) { ++read; }, how);
    for (int i = 0; i < 10; ++i) {
      if (!observer.poll().ok()) return false;
    }
    return read == 10;
  };
  const auto before = locks_on(name);
  EXPECT_EQ(test::in_child([&] {
              if (!forbid_locks()) return 9;
              auto observer = observe_shared(name.str(), looking_always());
              if (!observer.ok()) return 1;
              return read_all(*observer, {.start = Start::kOldest}) ? 0 : 2;
            }),
            0);
  EXPECT_EQ(test::in_child([&] {
              auto observer = observe_shared(name.str(), looking_always());
              if (!observer.ok()) return 1;
              // the file of its own, which it locks
              auto first = observer->subscribe(kWatched, [](const Word&) {}, {.reliable = true});
              if (locks_on(name) != before) return 2;
              if (!forbid_locks()) return 9;
              return read_all(*observer, {.start = Start::kOldest, .reliable = true}) ? 0 : 3;
            }),
            0);
  EXPECT_EQ(test::in_child([] {
              if (!forbid_locks()) return 9;
              const Descriptor file(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
              static_cast<void>(FileLock::try_take(file.get(), 0));
              return 0;
            }),
            1000 + SIGSYS)
      << "the filter works";
}

// Its one segment is mapped for writing by all, the lanes in it too.
TEST(Security, WildWriteHitsWhatOthersPublishOnAnAnonymousBus) {
  auto bus = make_anonymous_shared(few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  const Descriptor handed_on(::dup(shared_descriptor(*bus)));
  Dispatcher feed{*bus, {.name = "feed", .batch = 1}};
  std::atomic<bool> go{false};
  std::atomic<std::uint64_t> last{0};
  auto subscription = feed.subscribe(kWords, [&](const Word& word) {
    if (word.number == 0) static_cast<void>(eventually([&] { return go.load(); }));
    last = word.number;
  });
  auto publisher = bus->publisher(kWords);
  const auto real = Word::of(7, 0x1234'5678'9abc'def0);
  ASSERT_EQ(publisher.publish(Word::of(7, 0)), PublishStatus::kPublished);
  ASSERT_EQ(publisher.publish(real), PublishStatus::kPublished);
  Process wild([&] {
    auto own = open_shared(handed_on.get(), few());
    if (!own.ok()) return 1;
    const auto block = own->core()->home().block();
    const auto* wanted = reinterpret_cast<const std::byte*>(&real);
    const auto at = std::search(block.begin(), block.end(), wanted, wanted + sizeof(real));
    if (at == block.end()) return 2;
    const auto other = Word::of(7, 99);
    std::memcpy(&*at, &other, sizeof(other));
    return 0;
  });
  EXPECT_EQ(wild.wait(), 0);
  go = true;
  EXPECT_TRUE(eventually([&] { return last == 99; }));
}

TEST(Security, DescriptorForReadingIsMadeOneForWritingByTheSameUserAlone) {
  auto bus = make_anonymous_shared(few());
  ASSERT_TRUE(bus.ok()) << bus.status();
  const auto file = descriptor_for_reading(*bus).value();
  const auto through_proc = "/proc/self/fd/" + std::to_string(file.get());
  const auto opened = [&](int flags) {
    return Descriptor(::open(through_proc.c_str(), flags | O_CLOEXEC));
  };
  Process same([&] {
    if (::fcntl(file.get(), F_SETFL, O_RDWR) == 0 &&
        (::fcntl(file.get(), F_GETFL) & O_ACCMODE) != O_RDONLY) {
      return 1;
    }
    if (!opened(O_RDWR)) return 2;
    auto own = open_shared(file.get(), few());  // does the same
    return own.ok() && own->try_publisher(kWords).ok() ? 0 : 3;
  });
  EXPECT_EQ(same.wait(), 0);
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  Process another([&] {
    if (::setresuid(65534, 65534, 65534) != 0) return 9;
    ::prctl(PR_SET_DUMPABLE, 1);  // /proc/self is its own
    char byte = 0;
    if (::pread(file.get(), &byte, 1, 0) != 1) return 1;
    if (opened(O_RDWR) || errno != EACCES) return 2;
    if (open_shared(file.get(), few()).ok()) return 3;
    return observe_shared(file.get()).ok() ? 0 : 4;
  });
  EXPECT_EQ(another.wait(), 0);
}

}  // namespace
}  // namespace ringway
