// SPDX-License-Identifier: Apache-2.0
// Segments: made whole or not at all, and refused unless they are what they say.
#include "ringway/shm/segment.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "shm_support.hpp"
#include "wait/child_process.hpp"

namespace ringway {
namespace {

using test::contains;
using test::message_of;
using test::SegmentName;

constexpr std::uint64_t kPurpose = 42;

SegmentOptions of(std::size_t bytes, std::string folder = "/dev/shm") {
  SegmentOptions options;
  options.bytes = bytes;
  options.folder = std::move(folder);
  return options;
}

Segment made(const SegmentName& name, const SegmentOptions& options) {
  auto segment = value_or_stop(Segment::make(options, kPurpose));
  segment.set_ready();
  const auto status = segment.give_name(name.str(), options);
  if (!status.ok()) stop_with_message(std::string(status.message()).c_str());
  return segment;
}

/// Changes one byte of the file behind a name.
void flip(const SegmentName& name, std::streamoff offset) {
  std::fstream file(name.path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(offset);
  const char byte = static_cast<char>(file.get() ^ 0x15);
  file.seekp(offset);
  file.put(byte);
}

TEST(Segment, IsSeenByNameOnlyWhenWhole) {
  const SegmentName name;
  const auto options = of(10'000);
  EXPECT_EQ(Segment::open(name.str(), options, kPurpose).status().code(),
            absl::StatusCode::kNotFound);
  auto segment = Segment::make(options, kPurpose);
  ASSERT_TRUE(segment.ok()) << segment.status();
  EXPECT_FALSE(name.exists());
  std::memset(segment->contents().data(), 7, segment->contents().size());
  segment->set_ready();
  ASSERT_TRUE(segment->give_name(name.str(), options).ok());
  EXPECT_TRUE(segment->has_name());

  auto other = Segment::open(name.str(), of(1), kPurpose);
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_EQ(other->contents().size(), 10'000u);
  EXPECT_NE(other->contents().data(), segment->contents().data());
  EXPECT_EQ(other->contents()[9'999], std::byte{7});
  other->contents()[0] = std::byte{9};
  EXPECT_EQ(segment->contents()[0], std::byte{9});
}

TEST(Segment, SecondOfANameIsTold) {
  const SegmentName name;
  const auto options = of(4096);
  const auto first = made(name, options);
  auto second = value_or_stop(Segment::make(options, kPurpose));
  second.set_ready();
  EXPECT_EQ(second.give_name(name.str(), options).code(), absl::StatusCode::kAlreadyExists);
  second.remove_name();
  EXPECT_TRUE(first.has_name()) << "removed by one that never had it";
}

TEST(Segment, RemovedNameLeavesThoseWhoHaveItMapped) {
  const SegmentName name;
  auto first = made(name, of(4096));
  auto other = value_or_stop(Segment::open(name.str(), of(1), kPurpose));
  first.remove_name();
  EXPECT_FALSE(name.exists());
  EXPECT_FALSE(other.has_name());
  other.contents()[5] = std::byte{5};
  EXPECT_EQ(first.contents()[5], std::byte{5});
  const auto next = made(name, of(4096));
  other.remove_name();
  EXPECT_TRUE(next.has_name()) << "another segment has the name now";
}

TEST(Segment, ImpossibleNamesAndSizesAreRefused) {
  for (const std::string& bad :
       {std::string(), std::string("a/b"), std::string("../x"), std::string(101, 'a'),
        std::string("white space"), std::string("nul\0l", 5)}) {
    EXPECT_EQ(Segment::open(bad, of(1), kPurpose).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
  EXPECT_FALSE(Segment::make(of(0), kPurpose).ok());
  EXPECT_FALSE(Segment::make(of(~std::size_t{0} - 10), kPurpose).ok());
  EXPECT_FALSE(Segment::make(of(std::size_t{1} << 50), kPurpose).ok());
  EXPECT_FALSE(Segment::make(of(4096, "/nowhere/at/all"), kPurpose).ok());
}

TEST(Segment, EveryByteOfTheHeaderCounts) {
  const SegmentName name;
  const auto segment = made(name, of(4096));
  for (std::streamoff offset = 0; offset < std::streamoff{sizeof(SegmentHeader)}; ++offset) {
    flip(name, offset);
    const auto opened = Segment::open(name.str(), of(1), kPurpose);
    EXPECT_FALSE(opened.ok()) << "byte " << offset;
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss) << opened.status();
    EXPECT_TRUE(contains(message_of(opened), name.path()));
    flip(name, offset);
  }
  EXPECT_TRUE(Segment::open(name.str(), of(1), kPurpose).ok());
  flip(name, 128);  // "ready"
  EXPECT_TRUE(contains(message_of(Segment::open(name.str(), of(1), kPurpose)), "not ready"));
}

TEST(Segment, OtherVersionAndPurposeAreRefusedInWords) {
  const SegmentName name;
  const auto segment = made(name, of(4096));
  EXPECT_TRUE(contains(message_of(Segment::open(name.str(), of(1), kPurpose + 1)), "another name"));
  flip(name, 8);
  EXPECT_TRUE(contains(message_of(Segment::open(name.str(), of(1), kPurpose)), "version"));
}

TEST(Segment, ForeignFilesAreRefused) {
  const SegmentName name;
  const auto refusal = [&name] { return message_of(Segment::open(name.str(), of(1), kPurpose)); };
  std::ofstream(name.path()) << "";
  EXPECT_TRUE(contains(refusal(), "fewer than any segment"));
  std::ofstream(name.path()) << std::string(100'000, 'x');
  EXPECT_TRUE(contains(refusal(), "not ready"));
  ::unlink(name.path().c_str());
  ASSERT_EQ(::mkfifo(name.path().c_str(), 0600), 0);
  EXPECT_FALSE(Segment::open(name.str(), of(1), kPurpose).ok()) << "a pipe";
  ::unlink(name.path().c_str());
  ASSERT_EQ(::mkdir(name.path().c_str(), 0700), 0);
  EXPECT_FALSE(Segment::open(name.str(), of(1), kPurpose).ok()) << "a folder";
  ::rmdir(name.path().c_str());
  ASSERT_EQ(::symlink("/etc/passwd", name.path().c_str()), 0);
  EXPECT_FALSE(Segment::open(name.str(), of(1), kPurpose).ok()) << "a link";
}

TEST(Segment, TruncatedIsRefused) {
  const SegmentName name;
  const auto segment = made(name, of(100'000));
  for (const off_t size : {off_t{100'000}, off_t{8192}, off_t{4096}}) {
    ASSERT_EQ(::truncate(name.path().c_str(), size), 0);
    EXPECT_TRUE(contains(message_of(Segment::open(name.str(), of(1), kPurpose)), "truncated"))
        << size;
  }
  ASSERT_EQ(::truncate(name.path().c_str(), 4000), 0);
  EXPECT_FALSE(Segment::open(name.str(), of(1), kPurpose).ok());
}

TEST(Segment, AnonymousOneCanNotBeTruncatedAndIsOpenedByItsDescriptor) {
  auto segment = Segment::make_anonymous(of(10'000), kPurpose);
  ASSERT_TRUE(segment.ok()) << segment.status();
  const int fd = segment->fd_to_hand_on();
  EXPECT_FALSE(Segment::open(fd, of(1), kPurpose).ok()) << "not ready";
  segment->set_ready();
  auto other = Segment::open(fd, of(1), kPurpose);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE(::ftruncate(fd, 4096), 0);
  EXPECT_NE(::ftruncate(fd, 1 << 20), 0);
  segment->contents()[1] = std::byte{3};
  EXPECT_EQ(other->contents()[1], std::byte{3});
}

TEST(Segment, SealedAgainstWritersIsStillReadLive) {
  auto segment = Segment::make_anonymous(of(10'000), kPurpose);
  ASSERT_TRUE(segment.ok()) << segment.status();
  segment->set_ready();
  const auto status = segment->seal_against_writers();
  ASSERT_TRUE(status.ok()) << status;
  const int fd = segment->fd_to_hand_on();
  EXPECT_FALSE(Segment::open(fd, of(1), kPurpose).ok()) << "mapped for writing";
  auto reader = Segment::open(fd, of(1), kPurpose, Segment::Access::kRead);
  ASSERT_TRUE(reader.ok()) << reader.status();
  segment->contents()[100] = std::byte{11};
  EXPECT_EQ(reader->contents()[100], std::byte{11});
  EXPECT_NE(
      ::mprotect(reader->contents().data() - Segment::kContents, 4096, PROT_READ | PROT_WRITE), 0);
}

TEST(Segment, IsPrivateToItsUserUnlessAsked) {
  const SegmentName name;
  {
    const auto segment = made(name, of(4096));
    struct stat facts {};
    ASSERT_EQ(::stat(name.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  }
  ::unlink(name.path().c_str());
  auto options = of(4096);
  options.mode = 0640;
  options.group = ::getegid();
  const auto segment = made(name, options);
  struct stat facts {};
  ASSERT_EQ(::stat(name.path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0640U);
}

TEST(Segment, OtherUserNeedsPermissionAndMustTrustTheOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  const SegmentName name;
  const auto segment = made(name, of(4096));
  constexpr ::uid_t kOther = 65534;
  const auto as_other = [&](SegmentOptions options) {
    return test::in_child([&] {
      if (::setresuid(kOther, kOther, kOther) != 0) return 9;
      const auto opened = Segment::open(name.str(), options, kPurpose);
      if (opened.ok()) return 0;
      if (!absl::IsPermissionDenied(opened.status())) return 8;
      return contains(message_of(opened), "mode 600") ? 1 : 2;
    });
  };
  EXPECT_EQ(as_other(of(1)), 1) << "refused, and told whose it is";
  ASSERT_EQ(::chmod(name.path().c_str(), 0666), 0);
  EXPECT_EQ(as_other(of(1)), 0) << "root's is trusted";
  ASSERT_EQ(::chown(name.path().c_str(), 65533, 65533), 0);
  EXPECT_EQ(as_other(of(1)), 2) << "another user's is not, unless named";
  auto trusting = of(1);
  trusting.owner = 65533;
  EXPECT_EQ(as_other(trusting), 0);
}

TEST(Segment, LimitOnFilesIsAnErrorNotASignal) {
  EXPECT_EQ(test::in_child([] {
              const rlimit limit{64 << 10, 64 << 10};
              if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
              if (!Segment::make(of(16 << 10), kPurpose).ok()) return 2;
              const auto refused = Segment::make(of(1 << 20), kPurpose);
              if (refused.ok()) return 3;
              return contains(message_of(refused), "ulimit -f") ? 0 : 4;
            }),
            0);
}

TEST(Segment, FullFileSystemIsAnErrorNotASignal) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small tmpfs";
  char folder[] = "/tmp/ringway-small-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  if (::mount("tmpfs", folder, "tmpfs", 0, "size=64k") != 0) {
    ::rmdir(folder);
    GTEST_SKIP() << "may not mount";
  }
  {
    auto small = Segment::make(of(16 << 10, folder), kPurpose);
    EXPECT_TRUE(small.ok()) << small.status();
    const auto full = Segment::make(of(60 << 10, folder), kPurpose);
    ASSERT_FALSE(full.ok());
    EXPECT_EQ(full.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_TRUE(contains(message_of(full), "shm-size")) << full.status();
    if (small.ok()) std::memset(small->contents().data(), 1, small->contents().size());
  }
  EXPECT_TRUE(Segment::make(of(56 << 10, folder), kPurpose).ok()) << "room came back";
  ::umount2(folder, MNT_DETACH);
  ::rmdir(folder);
}

TEST(Segment, NoDescriptorsLeftIsAnError) {
  const SegmentName name;
  const auto segment = made(name, of(4096));
  EXPECT_EQ(test::in_child([&] {
              const rlimit limit{3, 3};
              if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 9;
              const auto opened = Segment::open(name.str(), of(1), kPurpose);
              if (opened.ok() || !contains(message_of(opened), "ulimit -n")) return 1;
              const auto fresh = Segment::make(of(4096), kPurpose);
              return !fresh.ok() && contains(message_of(fresh), "ulimit -n") ? 0 : 2;
            }),
            0);
}

/// What /proc/self/smaps says of the mapping that begins here, in bytes.
std::size_t smaps(const Segment& segment, const std::string& field) {
  char begin[32];
  const auto* at = segment.contents().data() - Segment::kContents;
  std::snprintf(begin, sizeof(begin), "%lx-", reinterpret_cast<unsigned long>(at));
  std::ifstream file("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(begin, 0) == 0) here = true;
    std::istringstream words(line);
    std::string name;
    std::size_t kib = 0;
    if (here && words >> name >> kib && name == field + ":") return kib << 10U;
  }
  ADD_FAILURE() << "no " << field << " of a mapping at " << begin;
  return 0;
}
/// What this process has locked, in bytes.
std::size_t locked() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    std::size_t kib = 0;
    if (word == "VmLck:" && file >> kib) return kib << 10U;
  }
  return 0;
}
/// False where mlock does nothing, as under a sanitizer, or is not allowed.
bool can_lock() {
  alignas(4096) static char page[4096];
  const auto before = locked();
  if (::mlock(page, sizeof(page)) != 0) return false;
  const bool counted = locked() > before;
  ::munlock(page, sizeof(page));
  return counted;
}

TEST(Segment, PrefaultedOneIsMappedWhole) {
  constexpr std::size_t kBytes = std::size_t{1} << 20;  // smaller than a huge page
  auto options = of(kBytes - Segment::kContents);
  const SegmentName name;
  const auto plain = made(name, options);
  // mincore() would not do: the pages are there since their space was reserved, and it asks no more
  EXPECT_LT(smaps(plain, "Rss"), kBytes);
  options.prefault = true;
  for (const auto access : {Segment::Access::kReadWrite, Segment::Access::kRead}) {
    const auto opened = value_or_stop(Segment::open(name.str(), options, kPurpose, access));
    if (!opened.fell_back().empty()) {
      EXPECT_TRUE(contains(opened.fell_back(), "not prefaulted")) << opened.fell_back();
      EXPECT_LT(smaps(opened, "Rss"), kBytes);
      continue;
    }
    EXPECT_EQ(smaps(opened, "Rss"), kBytes);
  }
}

TEST(Segment, LockedOneStaysInMemoryAndIsCountedAsLocked) {
  if (!can_lock()) GTEST_SKIP() << "mlock does nothing here";
  constexpr std::size_t kBytes = std::size_t{1} << 20;
  auto options = of(kBytes - Segment::kContents);
  options.lock_memory = true;
  const auto before = locked();
  {
    const auto segment = value_or_stop(Segment::make(options, kPurpose));
    if (!segment.fell_back().empty()) GTEST_SKIP() << segment.fell_back();
    EXPECT_EQ(locked() - before, kBytes);
    EXPECT_EQ(smaps(segment, "Locked"), kBytes);
    EXPECT_EQ(smaps(segment, "Rss"), kBytes) << "locking prefaults";
  }
  EXPECT_EQ(locked(), before);
}

TEST(Segment, WishesThatTheMachineDoesNotGrantAreToldAndNoError) {
  auto options = of(1 << 20);
  options.prefault = true;
  options.huge_pages = true;
  options.lock_memory = true;
  EXPECT_EQ(test::in_child([&] {
              const rlimit limit{0, 0};
              if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 9;
              if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return 8;
              auto segment = Segment::make(options, kPurpose);
              if (!segment.ok()) return 1;
              if (!contains(segment->fell_back(), "no huge pages: one has ")) return 3;
              if (contains(segment->fell_back(), "not locked")) return locked() == 0 ? 0 : 4;
              // no wonder where mlock does nothing, as under a sanitizer
              alignas(4096) static char page[4096];
              return ::mlock(page, sizeof(page)) == 0 ? 0 : 2;
            }),
            0);
}

TEST(Segment, BusTellsWhatWasNotGrantedToItsSegments) {
  const SegmentName name;
  SharedBusOptions options;
  options.segment.huge_pages = true;  // none is as large as a huge page
  auto bus = value_or_stop(open_shared(name.str(), options));
  const auto words = fell_back(bus);
  // of the control segment nobody expects any
  EXPECT_EQ(words.rfind("own segment: no huge pages: one has ", 0), 0u) << words;
  const SegmentName other;
  auto content = value_or_stop(open_shared(other.str()));
  EXPECT_EQ(fell_back(content), "");
}

/// Checks that what a segment says of huge pages is so. \return false if it is not
bool tells_the_truth(const Segment& segment) {
  const auto& words = segment.fell_back();
  const auto size = HugePages::bytes();
  const auto begin = reinterpret_cast<std::uintptr_t>(segment.contents().data());
  const auto first = (begin - Segment::kContents + size - 1) / size * size;
  const auto last = (begin + segment.contents().size()) / size * size;
  const auto huge = smaps(segment, "ShmemPmdMapped");
  std::printf("  %zu KiB in huge pages; \"%s\"\n", huge >> 10U, words.c_str());
  if (words.empty()) return first < last && huge == last - first;
  // a kernel that makes none on demand may still have had some
  return !contains(words, "no huge pages: ") || huge == 0;
}
bool huge_segments_tell_the_truth(const std::string& folder) {
  auto options = of((std::size_t{6} << 20) + 4096, folder);
  options.huge_pages = true;
  const SegmentName name(folder);
  const auto segment = made(name, options);
  if (!tells_the_truth(segment)) return false;
  for (const auto access : {Segment::Access::kReadWrite, Segment::Access::kRead}) {
    const auto opened = value_or_stop(Segment::open(name.str(), options, kPurpose, access));
    if (!tells_the_truth(opened)) return false;
  }
  // one whose maker did not ask
  const SegmentName small(folder);
  const auto plain = made(small, of(std::size_t{6} << 20, folder));
  const auto opened = value_or_stop(Segment::open(small.str(), options, kPurpose));
  return tells_the_truth(opened);
}

TEST(Segment, HugePagesAreThereOrTheReasonIsTold) {
  EXPECT_TRUE(huge_segments_tell_the_truth("/dev/shm"));
  auto options = of(std::size_t{6} << 20);
  options.huge_pages = true;
  EXPECT_TRUE(tells_the_truth(value_or_stop(Segment::make_anonymous(options, kPurpose))));
}

TEST(Segment, MountSaysWhetherThereAreHugePages) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a tmpfs";
  char folder[] = "/tmp/ringway-huge-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  for (const char* wish : {"never", "advise", "within_size", "always"}) {
    const int code = test::in_child([&] {  // the mount is this child's alone
      const auto data = std::string("size=64m,huge=") + wish;
      if (::unshare(CLONE_NEWNS) != 0 ||
          ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("tmpfs", folder, "tmpfs", 0, data.c_str()) != 0) {
        return 9;
      }
      struct stat facts {};
      if (::stat(folder, &facts) != 0) return 8;
      const auto rule = HugePages::rule(facts.st_dev);
      // the machine's own setting may forbid or force them
      if (!rule.mount.empty() && (rule.mount != folder || rule.value != wish)) return 2;
      std::printf("huge=%s:\n", wish);
      const bool right = huge_segments_tell_the_truth(folder);
      std::fflush(stdout);
      return right ? 0 : 1;
    });
    if (code == 9) {
      ::rmdir(folder);
      GTEST_SKIP() << "may not mount, or this kernel knows no huge=";
    }
    EXPECT_EQ(code, 0) << wish;
  }
  ::rmdir(folder);
}

TEST(Segment, WhoDecidesOnHugePagesIsFoundInTheMounts) {
  const std::string mounts =
      "22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
      "25 22 0:23 / /dev/shm rw,nosuid - tmpfs tmpfs rw,size=1024k\n"
      "26 22 0:24 / /run/bus rw shared:7 - tmpfs tmpfs rw,size=8m,huge=advise,inode64\n";
  const auto rule = [&](const char* setting, unsigned minor) {
    return HugePages::rule(setting, mounts, ::gnu_dev_makedev(0, minor));
  };
  constexpr const char* kNever = "always within_size advise [never] deny force\n";
  constexpr const char* kAdvise = "always within_size [advise] never deny force\n";
  EXPECT_EQ(rule(kAdvise, 23).value, "never") << "the mount decides, and does not write it out";
  EXPECT_EQ(rule(kAdvise, 23).mount, "/dev/shm");
  EXPECT_FALSE(rule(kAdvise, 23).grants());
  EXPECT_TRUE(contains(rule(kAdvise, 23).refusal(), "remount,huge=advise /dev/shm"));
  EXPECT_EQ(rule(kNever, 24).value, "advise");
  EXPECT_TRUE(rule(kNever, 24).grants());
  EXPECT_EQ(rule(kNever, 99).value, "never") << "without a file";
  EXPECT_TRUE(contains(rule(kNever, 99).refusal(), "shmem_enabled says never"));
  EXPECT_TRUE(rule(kAdvise, 99).grants());
  EXPECT_FALSE(rule("always within_size advise never [deny] force", 24).grants());
  EXPECT_TRUE(rule("always within_size advise never deny [force]", 23).grants());
  EXPECT_FALSE(rule("", 24).grants());
  EXPECT_TRUE(contains(rule("", 24).refusal(), "no transparent ones"));
  const auto of_a_disk = HugePages::rule(kNever, mounts, ::gnu_dev_makedev(254, 0));
  EXPECT_EQ(of_a_disk.mount, "") << "no tmpfs";
}

TEST(Segment, IsClosedByExec) {
  auto segment = value_or_stop(Segment::make_anonymous(of(4096), kPurpose));
  EXPECT_NE(::fcntl(segment.fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(segment.fd_to_hand_on(), F_GETFD) & FD_CLOEXEC, 0);
}

}  // namespace
}  // namespace ringway
