// SPDX-License-Identifier: Apache-2.0
// The bus between processes: the same topics and services, whoever comes first.
#include "ringway/shm/shared_bus.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Process;
using test::SegmentName;
using test::Witness;

struct Tick {
  std::uint64_t number;
  std::uint64_t check;
};
struct Question {
  std::uint64_t value;
};
struct Answer {
  std::uint64_t value;
};

constexpr Topic<Tick> kTicks{"ticks", {.capacity = 64}};
constexpr Topic<Tick> kFamily{"family.>", {.capacity = 64}};
constexpr Service<Answer(Question)> kDouble{"double", {.timeout = 20s}};

struct Counts {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> stop{0};
};

/// Runs in a child: counts ticks in their order until it is told to stop.
int subscribe_until_stopped(const std::string& name, Counts& counts) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  Dispatcher feed{*bus, {.name = "feed"}};
  std::uint64_t next = 0;
  auto subscription = feed.subscribe(kTicks, [&](const Tick& tick) {
    if (tick.number != next++ || tick.check != ~tick.number) ++counts.wrong;
    ++counts.received;
  });
  ++counts.ready;
  return test::eventually([&] { return counts.stop != 0; }) ? 0 : 2;
}

TEST(SharedBus, PublishesToAnotherProcess) {
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] { return subscribe_until_stopped(name.str(), *counts); });
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1; }));
  {
    auto bus = open_shared(name.str());
    ASSERT_TRUE(bus.ok()) << bus.status();
    auto publisher = bus->publisher(kTicks);
    constexpr std::uint64_t kCount = 20'000;
    for (std::uint64_t i = 0; i < kCount; ++i) {
      ASSERT_EQ(publisher.publish_for(Tick{i, ~i}, 60s), PublishStatus::kPublished);
    }
    ASSERT_TRUE(test::eventually([&] { return counts->received == kCount; }));
    EXPECT_EQ(counts->wrong, 0u);
    EXPECT_TRUE(name.exists());
  }
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(name.exists()) << "the last one removes the name";
}

TEST(SharedBus, LaterSubscribersMeetEarlierPublishersAndTheOtherWayRound) {
  const SegmentName name;
  Witness<Counts> counts;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto early = bus->publisher(kTicks);
  ASSERT_EQ(early.publish(Tick{77, 0}), PublishStatus::kPublished);  // nobody is there to see it
  Process child([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    Dispatcher feed{*own};
    auto one = feed.subscribe(kTicks.matching(">"), [&](const Tick&) { ++counts->received; });
    auto two = feed.subscribe(kFamily.matching("family.b.*"), [&](const Tick& tick) {
      ++counts->received;
      if (tick.number != 5) ++counts->wrong;
    });
    ++counts->ready;
    return test::eventually([&] { return counts->stop != 0; }) ? 0 : 2;
  });
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1; }));
  ASSERT_EQ(early.publish(Tick{1, 0}), PublishStatus::kPublished);
  auto late = bus->publisher(kTicks);
  ASSERT_EQ(late.publish(Tick{2, 0}), PublishStatus::kPublished);
  auto family = bus->family_publisher(kFamily);
  ASSERT_EQ(family.publish(family.topic("family.b.c"), Tick{5, 0}), PublishStatus::kPublished);
  ASSERT_EQ(family.publish(family.topic("family.c.c"), Tick{6, 0}), PublishStatus::kPublished);
  // ">" sees early's, late's and both of the family's; "family.b.*" one
  EXPECT_TRUE(test::eventually([&] { return counts->received == 5; })) << counts->received;
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(counts->received, 5u);
  EXPECT_EQ(counts->wrong, 0u);
}

TEST(SharedBus, AsksAnotherProcess) {
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    Dispatcher feed{*own};
    auto replier =
        feed.reply(kDouble, [](const Question& question) { return Answer{2 * question.value}; });
    ++counts->ready;
    return test::eventually([&] { return counts->stop != 0; }) ? 0 : 2;
  });
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto asker = bus->requester(kDouble);
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1 && asker.served(); }));
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    auto answer = asker.request({i});
    ASSERT_TRUE(answer) << describe(answer.error());
    ASSERT_EQ(answer->value, 2 * i);
  }
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
  auto answer = asker.request({1});
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error() == RequestError::kNoReplier ||
              answer.error() == RequestError::kReplierGone);
}

TEST(SharedBus, OtherTypeUnderANameIsRefusedAndBothAreNamed) {
  const SegmentName name;
  auto one = open_shared(name.str());
  auto two = open_shared(name.str());
  ASSERT_TRUE(one.ok() && two.ok()) << one.status() << two.status();
  auto publisher = one->publisher(kTicks);
  const auto other = two->try_publisher(Topic<Question>{"ticks"});
  ASSERT_FALSE(other.ok());
  EXPECT_TRUE(test::contains(test::message_of(other), "Tick"));
  EXPECT_TRUE(test::contains(test::message_of(other), "Question"));
}

TEST(SharedBus, StoppingEndsOnlyThisProcessesLanes) {
  const SegmentName name;
  auto one = open_shared(name.str());
  auto two = open_shared(name.str());
  ASSERT_TRUE(one.ok() && two.ok());
  auto ours = one->publisher(kTicks);
  auto theirs = two->publisher(kTicks);
  one->stop();
  EXPECT_EQ(ours.try_publish(Tick{}), PublishStatus::kClosed);
  EXPECT_EQ(theirs.try_publish(Tick{}), PublishStatus::kPublished);
  EXPECT_FALSE(one->try_publisher(kTicks).ok());
  EXPECT_TRUE(two->try_publisher(kTicks).ok());
}

TEST(SharedBus, AnonymousBusIsHandedOnByDescriptor) {
  Witness<Counts> counts;
  auto bus = make_anonymous_shared();
  ASSERT_TRUE(bus.ok()) << bus.status();
  const int handed_on = ::dup(shared_descriptor(*bus));  // survives into the child
  ASSERT_GE(handed_on, 0);
  Process child([&] {
    auto own = open_shared(handed_on);
    if (!own.ok()) return 1;
    if (::ftruncate(handed_on, 4096) == 0) return 3;  // sealed
    Dispatcher feed{*own};
    auto subscription = feed.subscribe(kTicks, [&](const Tick&) { ++counts->received; });
    ++counts->ready;
    return test::eventually([&] { return counts->received == 10; }) ? 0 : 2;
  });
  ::close(handed_on);
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1; }));
  auto publisher = bus->publisher(kTicks);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(publisher.publish(Tick{}), PublishStatus::kPublished);
  EXPECT_EQ(child.wait(), 0);
}

/// A message of one byte over a Unix socket, with a descriptor beside it (SCM_RIGHTS).
class DescriptorMessage {
 public:
  DescriptorMessage() {
    message_.msg_iov = &part_;
    message_.msg_iovlen = 1;
    message_.msg_control = control_;
    message_.msg_controllen = sizeof(control_);
  }
  [[nodiscard]] bool send(int socket, int fd) {
    auto* header = CMSG_FIRSTHDR(&message_);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(fd));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    return ::sendmsg(socket, &message_, 0) == 1;
  }
  /// Waits for it. \return a descriptor of this process's own; an empty one if none came
  [[nodiscard]] Descriptor receive(int socket) {
    if (::recvmsg(socket, &message_, MSG_CMSG_CLOEXEC) != 1) return {};
    const auto* header = CMSG_FIRSTHDR(&message_);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return Descriptor(fd);
  }

 private:
  char byte_ = 0;
  ::iovec part_{&byte_, 1};
  ::msghdr message_{};
  alignas(::cmsghdr) char control_[CMSG_SPACE(sizeof(int))] = {};
};

// The receiver was there before the bus, so it has inherited nothing of it.
TEST(SharedBus, AnonymousBusIsHandedOnOverAUnixSocket) {
  constexpr std::uint64_t kCount = 1000;
  constexpr Topic<Tick> kBack{"back", {.capacity = 64}};
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
  Descriptor ours(sockets[0]);
  Descriptor theirs(sockets[1]);
  Witness<Counts> counts;
  Process child([&] {
    ours.close();
    auto received = DescriptorMessage().receive(theirs.get());
    if (!received) return 1;
    auto own = open_shared(received.get());
    if (!own.ok()) return 2;
    received.close();  // the bus has a descriptor of its own
    auto back = own->publisher(kBack);
    Dispatcher feed{*own};
    std::atomic<std::uint64_t> next{0};
    auto subscription = feed.subscribe(kTicks, [&](const Tick& tick) {
      if (tick.number != next++ || tick.check != ~tick.number) ++counts->wrong;
      static_cast<void>(back.publish(Tick{~tick.number, tick.number}));
    });
    ++counts->ready;
    return test::eventually([&] { return counts->stop != 0; }) ? 0 : 3;
  });
  theirs.close();
  auto bus = make_anonymous_shared();
  ASSERT_TRUE(bus.ok()) << bus.status();
  ASSERT_TRUE(DescriptorMessage().send(ours.get(), shared_descriptor(*bus)));
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1 || child.has_ended(); }));
  EXPECT_EQ(participants(*bus).size(), 2u);
  Dispatcher feed{*bus};
  auto subscription = feed.subscribe(kBack, [&](const Tick& tick) {
    if (tick.check != counts->received++ || tick.number != ~tick.check) ++counts->wrong;
  });
  auto publisher = bus->publisher(kTicks);
  for (std::uint64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(publisher.publish_for(Tick{i, ~i}, 60s), PublishStatus::kPublished);
  }
  EXPECT_TRUE(test::eventually([&] { return counts->received == kCount; })) << counts->received;
  EXPECT_EQ(counts->wrong, 0u);
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(test::eventually([&] { return participants(*bus).size() == 1; }));
}

/// Returns when the process stands still, or is gone.
void wait_until_stopped(const Process& process) {
  ::siginfo_t info{};
  const auto pid = static_cast<::id_t>(process.pid());
  while (::waitid(P_PID, pid, &info, WSTOPPED | WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

// Stopped in its handler: the request that it is at has been taken on, the others wait in the lane.
TEST(SharedBus, ReplierThatStandsStillAnswersTooLateAndTheNextRequestGetsItsOwnAnswer) {
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    Dispatcher feed{*own};
    auto replier = feed.reply(kDouble, [&](const Question& question) {
      ++counts->received;
      if (question.value == 1) ::raise(SIGSTOP);
      return Answer{2 * question.value};
    });
    ++counts->ready;
    return test::eventually([&] { return counts->stop != 0; }) ? 0 : 2;
  });
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto asker = bus->requester(kDouble);
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 1 && asker.served(); }));
  // One that is too old when its turn comes is not handled: longer, if the replier had no turn.
  for (auto limit = 20ms; counts->received == 0; limit *= 2) {
    ASSERT_LT(limit, 60s) << "nobody handles the request";
    const auto begin = std::chrono::steady_clock::now();
    const auto late = asker.request({1}, limit);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), RequestError::kTimedOut);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, limit);
  }
  wait_until_stopped(child);
  EXPECT_TRUE(asker.served()) << "it is alive";
  const auto waited = asker.request({2}, 20ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error(), RequestError::kTimedOut);
  EXPECT_EQ(asker.pending(), 0u);
  EXPECT_EQ(asker.late_replies(), 0u);
  child.signal(SIGCONT);
  for (std::uint64_t i = 3; i < 20; ++i) {
    const auto answer = asker.request({i});
    ASSERT_TRUE(answer) << describe(answer.error());
    EXPECT_EQ(answer->value, 2 * i);
  }
  EXPECT_EQ(asker.late_replies(), 1u) << "of the request that it was at";
  EXPECT_EQ(counts->received, 1u + 17u) << "those that were too old are not handled";
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
}

// Stopped while it sleeps: what it finds when it goes on, and is too old, it does not handle.
TEST(SharedBus, ReplierThatStoodStillHandlesNothingThatIsTooOld) {
  const SegmentName name;
  Witness<Counts> counts;
  Process child([&] {
    auto own = open_shared(name.str());
    if (!own.ok()) return 1;
    Dispatcher feed{*own};
    auto replier = feed.reply(kDouble, [&](const Question& question) {
      ++counts->received;
      return Answer{2 * question.value};
    });
    // it sleeps, and has nothing to look at until somebody wakes it
    while (counts->ready == 0 || counts->received == 0) std::this_thread::sleep_for(1ms);
    const auto parks = feed.parks();
    if (!test::eventually([&] { return feed.parks() > parks + 1; })) return 2;
    ++counts->ready;
    return test::eventually([&] { return counts->stop != 0; }) ? 0 : 3;
  });
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok()) << bus.status();
  auto asker = bus->requester(kDouble);
  ASSERT_TRUE(test::eventually([&] { return asker.served(); }));
  const auto first = asker.request({1});
  ASSERT_TRUE(first) << describe(first.error());
  counts->ready = 1;
  ASSERT_TRUE(test::eventually([&] { return counts->ready == 2; }));
  child.signal(SIGSTOP);
  wait_until_stopped(child);
  const auto waited = asker.request({2}, 20ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error(), RequestError::kTimedOut);
  child.signal(SIGCONT);
  const auto next = asker.request({3});
  ASSERT_TRUE(next) << describe(next.error());
  EXPECT_EQ(next->value, 6u);
  EXPECT_EQ(asker.late_replies(), 0u);
  EXPECT_EQ(counts->received, 2u);
  counts->stop = 1;
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace ringway
