// SPDX-License-Identifier: Apache-2.0
// Segments that their creator gives to a user or a group: the control segment, and those of the
// processes that attach to it, as whoever they run.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
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

constexpr ::uid_t kOwner = 12345;
constexpr ::uid_t kMember = 12346;
constexpr ::gid_t kGroup = 23456;
constexpr ::gid_t kOther = 65534;

SharedBusOptions of(std::optional<::uid_t> owner, std::optional<::gid_t> group, ::mode_t mode) {
  SharedBusOptions options;
  options.segment.owner = owner;
  options.segment.group = group;
  options.segment.mode = mode;
  return options;
}

/// This process becomes that user, of these groups and no others.
bool become(::uid_t user, ::gid_t group, const std::vector<::gid_t>& more = {}) {
  return ::setgroups(more.size(), more.data()) == 0 && ::setresgid(group, group, group) == 0 &&
         ::setresuid(user, user, user) == 0;
}

/// Owner, group and mode of each of the bus's files.
struct Facts {
  ::uid_t owner;
  ::gid_t group;
  ::mode_t mode;
  bool operator==(const Facts&) const = default;
};
std::vector<Facts> facts_of(const SegmentName& name) {
  std::vector<Facts> found;
  for (const auto& file : name.files()) {
    struct stat facts {};
    EXPECT_EQ(::stat(file.c_str(), &facts), 0) << file;
    found.push_back({facts.st_uid, facts.st_gid, facts.st_mode & 0777U});
  }
  return found;
}

class SegmentOwner : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  }
};

TEST_F(SegmentOwner, ControlAndOwnSegmentsBelongToWhoeverTheCreatorNames) {
  const auto nobody_named = std::optional<unsigned>();
  for (const auto& owner : {nobody_named, std::optional<::uid_t>(kOwner)}) {
    for (const auto& group : {nobody_named, std::optional<::gid_t>(kGroup)}) {
      const SegmentName name;
      auto bus = open_shared(name.str(), of(owner, group, 0660));
      ASSERT_TRUE(bus.ok()) << bus.status();
      // root's own segment too, and that of root who attaches without saying anything
      auto other = open_shared(name.str(), of(owner, {}, 0600));
      ASSERT_TRUE(other.ok()) << other.status();
      const Facts wanted{owner.value_or(0), group.value_or(::getegid()), 0660};
      EXPECT_EQ(facts_of(name), std::vector<Facts>(3, wanted));
    }
  }
}

struct State {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> go{0};
};

/// Publishes one count, and waits for another one of each of two others.
int exchange(const std::string& name, State& state, std::uint64_t number) {
  auto bus = open_shared(name, of(kOwner, {}, 0600));
  if (!bus.ok()) return 1;
  std::atomic<std::uint64_t> sum{0};
  Dispatcher feed{*bus};
  auto subscription = feed.subscribe(kCounts, [&](const Count& count) { sum += count.number; });
  auto publisher = bus->publisher(kCounts);
  ++state.ready;
  if (!eventually([&] { return state.go != 0; })) return 2;
  if (publisher.publish_for(Count{number}, 60s) != PublishStatus::kPublished) return 3;
  if (!eventually([&] { return sum == 111; })) return 4;
  ++state.ready;
  return eventually([&] { return state.go == 2; }) ? 0 : 5;
}

// The creator is root; its owner, a member of its group and root itself hear each other.
TEST_F(SegmentOwner, OwnerAndMembersOfTheGroupHearEachOther) {
  const SegmentName name;
  Witness<State> state;
  std::optional<SharedBus> bus(open_shared(name.str(), of(kOwner, kGroup, 0660)).value());
  Process root([&] { return exchange(name.str(), *state, 100); });
  Process owner(
      [&] { return become(kOwner, kOther, {kGroup}) ? exchange(name.str(), *state, 10) : 9; });
  Process member([&] { return become(kMember, kGroup) ? exchange(name.str(), *state, 1) : 9; });
  ASSERT_TRUE(eventually([&] { return state->ready == 3; }));
  for (const auto& facts : facts_of(name)) {
    EXPECT_TRUE(facts == (Facts{kOwner, kGroup, 0660}) || facts == (Facts{kMember, kGroup, 0660}))
        << facts.owner << " " << facts.group << " " << facts.mode;
  }
  state->go = 1;
  EXPECT_TRUE(eventually([&] { return state->ready == 6; }));
  state->go = 2;
  EXPECT_EQ(root.wait(), 0);
  EXPECT_EQ(owner.wait(), 0);
  EXPECT_EQ(member.wait(), 0);
  // What a process leaves while its lane is still read only its user and root may remove.
  bus.reset();
  EXPECT_FALSE(name.exists());
}

// Who leaves last may not remove the files of another user from a sticky folder: they are used
// anew.
TEST_F(SegmentOwner, BusWhoseFilesTheLastOneMayNotRemoveIsOpenedAgain) {
  struct stat folder {};
  if (::stat("/dev/shm", &folder) != 0 || (folder.st_mode & S_ISVTX) == 0) {
    GTEST_SKIP() << "/dev/shm is not sticky";
  }
  const SegmentName name;
  Witness<State> state;
  Process member([&] {
    if (!eventually([&] { return state->go == 1; })) return 1;
    if (!become(kMember, kGroup)) return 9;
    for (int round = 0; round < 3; ++round) {
      auto bus = open_shared(name.str(), of(kOwner, {}, 0600));
      if (!bus.ok()) return 10 + round;
      if (participants(*bus).size() != (round == 0 ? 2 : 1)) return 20 + round;
      ++state->ready;
      if (round == 0 && !eventually([&] { return state->go == 2; })) return 2;
      std::atomic<std::uint64_t> sum{0};
      Dispatcher feed{*bus};
      auto subscription = feed.subscribe(kCounts, [&](const Count& count) { sum += count.number; });
      auto publisher = bus->publisher(kCounts);
      for (std::uint64_t i = 1; i <= 100; ++i) {
        if (publisher.publish_for(Count{i}, 60s) != PublishStatus::kPublished) return 30 + round;
      }
      if (!eventually([&] { return sum == 5050; })) return 40 + round;
    }
    return 0;
  });
  {
    auto bus = open_shared(name.str(), of(kOwner, kGroup, 0660));
    ASSERT_TRUE(bus.ok()) << bus.status();
    state->go = 1;
    ASSERT_TRUE(eventually([&] { return state->ready == 1 || member.has_ended(); }));
  }
  state->go = 2;
  EXPECT_EQ(member.wait(), 0);
  EXPECT_TRUE(open_shared(name.str(), of(kOwner, {}, 0600)).ok());
  EXPECT_FALSE(name.exists()) << "root may remove it";
}

// The owner may write the control segment, but can not give its own to a group that is not its own:
// members could not read what it publishes.
TEST_F(SegmentOwner, ProcessWhoseLanesTheGroupCouldNotReadIsRefusedInASentence) {
  for (const ::mode_t mode : {0660U, 0640U}) {  // who may publish too, or look on alone
    const SegmentName name;
    auto bus = open_shared(name.str(), of(kOwner, kGroup, mode));
    ASSERT_TRUE(bus.ok()) << bus.status();
    Process outside([&] {
      if (!become(kOwner, kOther)) return 9;
      const auto refused = open_shared(name.str(), of(kOwner, {}, 0600));
      if (refused.ok()) return 1;
      if (!absl::IsPermissionDenied(refused.status())) return 2;
      return contains(message_of(refused), "group 23456") ? 0 : 3;
    });
    EXPECT_EQ(outside.wait(), 0) << std::oct << mode;
    EXPECT_EQ(participants(*bus).size(), 1U);
    EXPECT_EQ(name.files().size(), 2U) << "nothing of it is left";
    EXPECT_TRUE(open_shared(name.str(), of(kOwner, {}, 0600)).ok()) << "and nothing is locked";
  }
}

// The group does not matter where it may not read, or everybody may.
TEST_F(SegmentOwner, GroupOfTheOwnersProcessDoesNotMatterForOtherModes) {
  for (const ::mode_t mode : {0600U, 0644U}) {
    const SegmentName name;
    auto bus = open_shared(name.str(), of(kOwner, kGroup, mode));
    ASSERT_TRUE(bus.ok()) << bus.status();
    Process outside([&] {
      if (!become(kOwner, kOther)) return 9;
      return open_shared(name.str(), of(kOwner, {}, 0600)).ok() ? 0 : 1;
    });
    EXPECT_EQ(outside.wait(), 0) << std::oct << mode;
  }
}

// Where everybody may attach, everybody may read, whatever the group.
TEST_F(SegmentOwner, GroupDoesNotMatterWhereEverybodyMayAttach) {
  const SegmentName name;
  auto bus = open_shared(name.str(), of(kOwner, kGroup, 0666));
  ASSERT_TRUE(bus.ok()) << bus.status();
  Dispatcher feed{*bus};
  std::atomic<std::uint64_t> sum{0};
  auto subscription = feed.subscribe(kCounts, [&](const Count& count) { sum += count.number; });
  Process outside([&] {
    if (!become(kMember, kOther)) return 9;
    auto own = open_shared(name.str(), of(kOwner, {}, 0600));
    if (!own.ok()) return 1;
    auto publisher = own->publisher(kCounts);
    return publisher.publish_for(Count{5}, 60s) == PublishStatus::kPublished ? 0 : 2;
  });
  EXPECT_EQ(outside.wait(), 0);
  EXPECT_TRUE(eventually([&] { return sum == 5; }));
}

// Root in a container may be one who can give nothing away.
TEST_F(SegmentOwner, RootThatMayNotGiveFilesAwayIsRefusedByABusOfAnotherUser) {
  constexpr int kMayNot = 77;
  const SegmentName name;
  auto bus = open_shared(name.str(), of(kOwner, {}, 0600));
  ASSERT_TRUE(bus.ok()) << bus.status();
  Process limited([&] {
    // without CAP_CHOWN (0); with all else that root has
    struct {
      std::uint32_t version = 0x20080522;
      int pid = 0;
    } head;
    struct {
      std::uint32_t effective, permitted, inheritable;
    } sets[2] = {};
    if (::syscall(SYS_capget, &head, sets) != 0) return kMayNot;
    sets[0].effective &= ~1U;
    sets[0].permitted &= ~1U;
    if (::syscall(SYS_capset, &head, sets) != 0) return kMayNot;
    const auto refused = open_shared(name.str(), of(kOwner, {}, 0600));
    if (refused.ok()) return 1;
    return contains(message_of(refused), "user 12345") ? 0 : 2;
  });
  const int code = limited.wait();
  if (code == kMayNot) GTEST_SKIP() << "may not change its capabilities";
  EXPECT_EQ(code, 0);
  EXPECT_EQ(name.files().size(), 2U);
}

}  // namespace
}  // namespace ringway
