// SPDX-License-Identifier: Apache-2.0
// labels: notsan
// The bus between processes where the surroundings are hard: other pid namespaces, a tiny tmpfs, no
// descriptors left, another user.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cstdint>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"
#include "wait/child_process.hpp"

namespace ringway {
namespace {

using test::contains;
using test::eventually;
using test::message_of;
using test::Process;
using test::SegmentName;
using test::Witness;

struct Count {
  std::uint64_t number;
};
constexpr Topic<Count> kCounts{"counts", {.capacity = 16}};

struct State {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> kill{0};
};

/// In a pid namespace of its own, as its process 1: publishes one message, and waits.
[[noreturn]] void be_process_one(const std::string& name, State& state) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto bus = open_shared(name);
  if (!bus.ok() || ::getpid() != 1) ::_exit(1);
  auto publisher = bus->publisher(kCounts);
  if (publisher.publish({1}) != PublishStatus::kPublished) ::_exit(2);
  ++state.ready;
  while (true) ::pause();
}

TEST(SharedBusSurroundings, ProcessesOfOtherPidNamespacesShareABusAndTheirDeathIsNoticed) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher feed{*bus, {.name = "feed"}};
  std::atomic<std::uint64_t> received{0};
  auto subscription =
      feed.subscribe(kCounts, [&](const Count& count) { received += count.number; });
  Witness<State> state;
  const auto contain = [&] {
    if (::unshare(CLONE_NEWPID) != 0) {
      ++state->refused;
      return 0;
    }
    const auto first = ::fork();
    if (first == 0) be_process_one(name.str(), *state);
    if (!eventually([&] { return state->kill != 0; })) return 3;
    ::kill(first, SIGKILL);
    int status = 0;
    return ::waitpid(first, &status, 0) == first && WIFSIGNALED(status) ? 0 : 4;
  };
  Process one(contain);
  Process two(contain);
  ASSERT_TRUE(eventually([&] { return state->ready + state->refused == 2; }));
  if (state->refused != 0) GTEST_SKIP() << "may not make a pid namespace";
  EXPECT_TRUE(eventually([&] { return received == 2; }));
  std::size_t process_ones = 0;
  for (const auto& seen : participants(*bus)) {
    EXPECT_TRUE(seen.alive);
    process_ones += seen.pid == 1 ? 1 : 0;
  }
  EXPECT_EQ(process_ones, 2u) << "of different namespaces";
  state->kill = 1;
  EXPECT_EQ(one.wait(), 0);
  EXPECT_EQ(two.wait(), 0);
  EXPECT_TRUE(eventually([&] { return participants(*bus).size() == 1; }));
  EXPECT_EQ(cleaned_up_after(*bus), 2u);
  EXPECT_TRUE(eventually([&] { return bus->lanes() == 0; }));
}

TEST(SharedBusSurroundings, TmpfsOf64KibibytesRefusesABusInASentenceAndKeepsNothingOfIt) {
  constexpr int kMayNot = 77;
  char folder[] = "/tmp/ringway-tiny-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const int code = test::in_child([&] {
    // a mount of this child's own: it goes with the child
    const int spaces = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS;
    if (::unshare(spaces) != 0) return kMayNot;
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kMayNot;
    if (::mount("tmpfs", folder, "tmpfs", 0, "size=64k") != 0) return kMayNot;
    auto usual = SharedBusOptions{};
    usual.segment.folder = folder;
    const auto refused = open_shared("bus", usual);
    if (refused.ok() || refused.status().code() != absl::StatusCode::kResourceExhausted) return 1;
    if (!contains(message_of(refused), "no room for a segment")) return 2;
    return std::filesystem::is_empty(folder) ? 0 : 3;
  });
  ::rmdir(folder);
  if (code == kMayNot) GTEST_SKIP() << "may not mount, not even in a user namespace";
  EXPECT_EQ(code, 0);
}

// A bus that is open needs a descriptor to map the segment of another participant, and for nothing
// else: not to publish, not to bind, not to clean up.
TEST(SharedBusSurroundings, WithoutDescriptorsARunningBusGoesOnAndANewOneIsRefused) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan opens a pipe to see whether it may read an object's type, and reports the "
                  "object where there are no descriptors";
#endif
  const SegmentName name;
  Witness<State> state;
  Process other([&] {
    auto bus = open_shared(name.str());
    if (!bus.ok()) return 1;
    auto publisher = bus->publisher(kCounts);
    ++state->ready;
    return eventually([] { return false; }) ? 0 : 2;
  });
  ASSERT_TRUE(eventually([&] { return state->ready == 1; }));
  Process limited([&] {
    auto bus = open_shared(name.str());
    if (!bus.ok()) return 1;
    std::atomic<std::uint64_t> sum{0};
    Dispatcher feed{*bus};  // it maps the other's segment; without descriptors it could not
    auto subscription = feed.subscribe(kCounts, [&](const Count& count) { sum += count.number; });
    const rlimit limit{0, 0};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 9;
    const auto refused = open_shared(name.str());
    if (refused.ok() || !contains(message_of(refused), "ulimit -n")) return 2;
    auto publisher = bus->publisher(kCounts);
    for (std::uint64_t i = 1; i <= 100; ++i) {
      if (publisher.publish({i}) != PublishStatus::kPublished) return 3;
    }
    if (!eventually([&] { return sum == 5050; })) return 4;
    ++state->kill;
    return eventually([&] { return participants(*bus).size() == 1; }) ? 0 : 5;
  });
  EXPECT_TRUE(eventually([&] { return state->kill == 1; }));
  other.kill();
  EXPECT_EQ(limited.wait(), 0);
  EXPECT_FALSE(name.exists());
}

TEST(SharedBusSurroundings, AnotherUserIsRefusedInASentenceUnlessTheModeAdmitsIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  constexpr ::uid_t kOther = 65534;
  for (const ::mode_t mode : {0600U, 0666U}) {
    const SegmentName name;
    SharedBusOptions options;
    options.segment.mode = mode;
    auto bus = open_shared(name.str(), options);
    ASSERT_TRUE(bus.ok()) << bus.status();
    // Forked before there are threads: AddressSanitizer's allocator does not survive it otherwise.
    Witness<std::atomic<bool>> subscribed;
    Process child([&] {
      while (!*subscribed) std::this_thread::yield();
      if (::setresuid(kOther, kOther, kOther) != 0) return 9;
      auto own = open_shared(name.str());
      if (!own.ok()) {
        return absl::IsPermissionDenied(own.status()) && contains(message_of(own), "mode 600") ? 1
                                                                                               : 2;
      }
      auto publisher = own->publisher(kCounts);
      return publisher.publish({5}) == PublishStatus::kPublished ? 0 : 3;
    });
    Dispatcher feed{*bus};
    std::atomic<std::uint64_t> sum{0};
    auto subscription = feed.subscribe(kCounts, [&](const Count& count) { sum += count.number; });
    *subscribed = true;
    const int code = child.wait();
    EXPECT_EQ(code, mode == 0600 ? 1 : 0);
    EXPECT_TRUE(eventually([&] { return sum == (mode == 0666 ? 5 : 0); }));
    EXPECT_TRUE(eventually([&] { return participants(*bus).size() == 1; }));
  }
}

}  // namespace
}  // namespace ringway
