// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// What docs/security.md says that processes can do to a bus, and what they can not: each is done.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "bus_kill_support.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::few;
using test::kCapacity;
using test::kWords;
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
  for (std::uint64_t i = 0; i < 4 * kCapacity; ++i) {
    ASSERT_EQ(publisher.publish_for(Word::of(1, i), 60s), PublishStatus::kPublished);
  }
  EXPECT_TRUE(eventually([&] { return received == 1 + 4 * kCapacity; }));
  holder.kill();
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

}  // namespace
}  // namespace ringway
