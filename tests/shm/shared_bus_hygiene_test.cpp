// SPDX-License-Identifier: Apache-2.0
// labels: nosan
// What a message between processes costs the kernel, and what happens where the kernel refuses.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"
#include "wait/child_process.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;
using test::SegmentName;
using test::Witness;

struct Item {
  std::uint64_t number;
};
constexpr std::size_t kCount = 4096;
constexpr Topic<Item> kItems{"items", {.capacity = kCount}};

struct Seen {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> wrong{0};
};

int receive_all(const std::string& name, Seen& seen, Idle idle, bool refuse = false) {
  if (refuse && !test::refuse_system_call(SYS_membarrier, EPERM)) return 9;
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  Dispatcher feed{*bus, {.name = "feed", .idle = idle}};
  std::uint64_t next = 0;
  auto subscription = feed.try_subscribe(kItems, [&](const Item& item) {
    if (item.number != next++) ++seen.wrong;
    ++seen.received;
  });
  if (!subscription.ok()) {
    return test::contains(std::string(subscription.status().message()), "membarrier") ? 7 : 2;
  }
  ++seen.ready;
  return eventually([&] { return seen.received == kCount; }) ? 0 : 3;
}

// Any system call but the exit kills the publisher.
TEST(SharedBusHygiene, PublishingMakesNoSystemCallWhileNobodySleeps) {
  const SegmentName name;
  Witness<Seen> seen;
  Process reader([&] { return receive_all(name.str(), *seen, Idle::kSpin); });
  ASSERT_TRUE(eventually([&] { return seen->ready == 1; }));
  EXPECT_EQ(test::in_child([&] {
              auto bus = open_shared(name.str());
              if (!bus.ok()) return 1;
              auto publisher = bus->publisher(kItems);
              if (publisher.publish(Item{0}) != PublishStatus::kPublished) return 4;
              // its reader has picked the lane up, and spins
              if (!eventually([&] { return seen->received == 1; })) return 5;
              if (!test::forbid_system_calls()) return 2;
              for (std::uint64_t i = 1; i < kCount; ++i) {
                if (publisher.publish(Item{i}) != PublishStatus::kPublished) ::_exit(3);
              }
              ::_exit(0);
            }),
            0);
  // the publisher died without detaching: what it had published is read all the same
  EXPECT_EQ(reader.wait(), 0);
  EXPECT_EQ(seen->wrong, 0u);
}

/// What one thread asks of the kernel, in memory that others see.
struct Calls {
  std::atomic<std::uint64_t> looks{0};  // whether a process has died; by the clock, not by messages
  std::atomic<std::uint64_t> others{0};  // anything else
  std::atomic<std::uint64_t> last{0};    // which that was
  std::chrono::steady_clock::time_point since;

  /// True if there was no other call than two processes can be looked at in the time.
  [[nodiscard]] bool none_by_message() const {
    const auto looked = std::chrono::steady_clock::now() - since;
    const auto most = 2 * (looked / SegmentAttachment::kLookEvery + 2);
    return others == 0 && looks <= static_cast<std::uint64_t>(most);
  }
  friend std::ostream& operator<<(std::ostream& out, const Calls& calls) {
    return out << calls.looks << " looks, " << calls.others << " other system calls, the last is "
               << calls.last;
  }
};
Calls* counted = nullptr;  // those of the one thread in this process that counts

/// From now on no system call of this thread is made; each fails, and is counted. So to a look
/// everybody is alive. (The clock is free, where reading it is a call.)
bool count_system_calls(Calls& calls) {
  counted = &calls;
  calls.since = std::chrono::steady_clock::now();
  constexpr unsigned kLook = 1;
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int, ::siginfo_t* info, void*) {
    if (info->si_errno == kLook) {
      ++counted->looks;
    } else {
      counted->last = static_cast<std::uint64_t>(info->si_syscall);
      ++counted->others;
    }
  };
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return false;
  const bool installed = test::install_filter({
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_OFD_GETLK, 0, 2),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP | kLook),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  });
  if (!installed) return false;
  ::syscall(SYS_getppid);  // it counts
  return calls.others.exchange(0) == 1;
}

/// Waits without a system call; a minute means a hang.
template <class Predicate>
bool spin_until(Predicate&& ready) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!ready()) {
    if (std::chrono::steady_clock::now() > limit) return false;
  }
  return true;
}

constexpr ByteTopic kBytes{
    "bytes", {.capacity = 64 * kCount, .largest = 16, .encoding = "test/1", .max_readers = 2}};

struct Spun {
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> unfiltered{0};
  std::atomic<std::uint64_t> judged{0};
  Calls calls;
  Calls of_asker;
};

/// In a child, and its end: a spinning dispatcher whose thread makes no more system calls once it
/// has had its first message.
template <class AnyTopic, class Message>
int receive_without_calls(const std::string& name, Spun& spun, const AnyTopic& topic,
                          std::uint64_t (*number_of)(Message)) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  Dispatcher feed{*bus, {.name = "feed", .idle = Idle::kSpin}};
  std::uint64_t next = 0;
  auto subscription = feed.try_subscribe(topic, [&](Message message) {
    if (number_of(message) != next++) ++spun.wrong;
    if (next == 1 && !count_system_calls(spun.calls)) ++spun.unfiltered;
    if (next == kCount) spun.judged = spun.calls.none_by_message() ? 1 : 2;
    ++spun.received;
  });
  if (!subscription.ok()) return 2;
  ++spun.ready;
  // not destroyed: its thread could end nothing any more
  ::_exit(eventually([&] { return spun.received == kCount; }) ? 0 : 3);
}

/// In a child, and its end: publishes by `publish(bus)(number)`; any system call on the way kills
/// it.
template <class MakePublisher>
int publish_without_calls(const std::string& name, Spun& spun, MakePublisher&& make_publisher) {
  auto bus = open_shared(name);
  if (!bus.ok()) return 1;
  auto publisher = make_publisher(*bus);
  if (publisher(0) != PublishStatus::kPublished) return 4;
  if (!eventually([&] { return spun.received == 1; })) return 5;  // picked up
  if (!test::forbid_system_calls()) return 2;
  for (std::uint64_t i = 1; i < kCount; ++i) {
    if (publisher(i) != PublishStatus::kPublished) ::_exit(3);
  }
  // not before the reader has read all: it would let go of the lane
  ::_exit(spin_until([&] { return spun.received == kCount; }) ? 0 : 6);
}

TEST(SharedBusHygiene, ReceivingMakesNoSystemCallWhileTheDispatcherSpins) {
  const SegmentName name;
  Witness<Spun> spun;
  Process reader([&] {
    return receive_without_calls<Topic<Item>, const Item&>(
        name.str(), *spun, kItems, [](const Item& item) { return item.number; });
  });
  ASSERT_TRUE(eventually([&] { return spun->ready == 1; }));
  EXPECT_EQ(test::in_child([&] {
              return publish_without_calls(name.str(), *spun, [](SharedBus& bus) {
                return [publisher = bus.publisher(kItems)](std::uint64_t i) mutable {
                  return publisher.publish(Item{i});
                };
              });
            }),
            0);
  EXPECT_EQ(reader.wait(), 0);
  EXPECT_EQ(spun->unfiltered, 0u);
  EXPECT_EQ(spun->wrong, 0u);
  EXPECT_EQ(spun->judged, 1u) << spun->calls;
}

TEST(SharedBusHygiene, MessagesOfBytesMakeNoSystemCallOnEitherSide) {
  const SegmentName name;
  Witness<Spun> spun;
  using Message = std::span<const std::byte>;
  Process reader([&] {
    return receive_without_calls<ByteTopic, Message>(
        name.str(), *spun, kBytes, [](Message message) {
          std::uint64_t number = ~std::uint64_t{0};
          std::memcpy(&number, message.data(), std::min(sizeof(number), message.size()));
          return number;
        });
  });
  ASSERT_TRUE(eventually([&] { return spun->ready == 1; }));
  EXPECT_EQ(test::in_child([&] {
              return publish_without_calls(name.str(), *spun, [](SharedBus& bus) {
                return [publisher = bus.publisher(kBytes)](std::uint64_t i) mutable {
                  const std::uint64_t words[] = {i, ~i};
                  const auto bytes = std::as_bytes(std::span(words));
                  return publisher.publish(bytes.first(8 + i % 9));
                };
              });
            }),
            0);
  EXPECT_EQ(reader.wait(), 0);
  EXPECT_EQ(spun->unfiltered, 0u);
  EXPECT_EQ(spun->wrong, 0u);
  EXPECT_EQ(spun->judged, 1u) << spun->calls;
}

struct Question {
  std::uint64_t value;
};
constexpr Service<Item(Question)> kDouble{"double", {.timeout = 60s}};

TEST(SharedBusHygiene, RequestAndReplyMakeNoSystemCallWhileBothSpin) {
  constexpr std::uint64_t kRequests = 200;
  const SegmentName name;
  Witness<Spun> spun;
  Process replying([&] {
    auto bus = open_shared(name.str());
    if (!bus.ok()) return 1;
    Dispatcher feed{*bus, {.name = "feed", .idle = Idle::kSpin}};
    auto replier = feed.reply(kDouble, [&](const Question& question) {
      if (question.value == 0 && !count_system_calls(spun->calls)) ++spun->unfiltered;
      if (question.value == kRequests) spun->judged += spun->calls.none_by_message() ? 1 : 10;
      return Item{2 * question.value};
    });
    ++spun->ready;
    ::_exit(eventually([&] { return spun->received == kRequests; }) ? 0 : 3);
  });
  ASSERT_TRUE(eventually([&] { return spun->ready == 1; }));
  EXPECT_EQ(test::in_child([&] {
              auto bus = open_shared(name.str());
              if (!bus.ok()) return 1;
              auto asker = bus->requester(kDouble, {.idle = Idle::kSpin});
              if (!eventually([&] { return asker.served(); })) return 2;
              if (!asker.request({0})) return 3;
              if (!count_system_calls(spun->of_asker)) return 4;
              for (std::uint64_t i = 1; i <= kRequests; ++i) {
                const auto answer = asker.request({i});
                if (!answer) ::_exit(5);
                if (answer->number != 2 * i) ++spun->wrong;
              }
              spun->judged += spun->of_asker.none_by_message() ? 1 : 10;
              spun->received = kRequests;
              ::_exit(0);
            }),
            0);
  EXPECT_EQ(replying.wait(), 0);
  EXPECT_EQ(spun->unfiltered, 0u);
  EXPECT_EQ(spun->wrong, 0u);
  EXPECT_EQ(spun->judged, 2u) << "replier: " << spun->calls << "; requester: " << spun->of_asker;
}

TEST(SharedBusHygiene, PublisherWithoutMembarrierIsStillHeardBySleepers) {
  const SegmentName name;
  Witness<Seen> seen;
  Process reader([&] { return receive_all(name.str(), *seen, Idle::kPark); });
  ASSERT_TRUE(eventually([&] { return seen->ready == 1; }));
  EXPECT_EQ(test::in_child([&] {
              if (!test::refuse_system_call(SYS_membarrier, EPERM)) return 9;
              auto bus = open_shared(name.str());
              if (!bus.ok()) return 1;
              auto publisher = bus->publisher(kItems);
              for (std::uint64_t i = 0; i < kCount; ++i) {
                if (i % 64 == 0) std::this_thread::sleep_for(1ms);
                if (publisher.publish(Item{i}) != PublishStatus::kPublished) return 2;
              }
              return 0;
            }),
            0);
  EXPECT_EQ(reader.wait(), 0);
  EXPECT_EQ(seen->wrong, 0u);
}

TEST(SharedBusHygiene, WithoutMembarrierAnywhereTheBusStillWorks) {
  const SegmentName name;
  Witness<Seen> seen;
  Process reader([&] { return receive_all(name.str(), *seen, Idle::kPark, true); });
  ASSERT_TRUE(eventually([&] { return seen->ready == 1; }));
  EXPECT_EQ(test::in_child([&] {
              if (!test::refuse_system_call(SYS_membarrier, EPERM)) return 9;
              auto bus = open_shared(name.str());
              if (!bus.ok()) return 1;
              auto publisher = bus->publisher(kItems);
              for (std::uint64_t i = 0; i < kCount; ++i) {
                if (publisher.publish(Item{i}) != PublishStatus::kPublished) return 2;
              }
              return 0;
            }),
            0);
  EXPECT_EQ(reader.wait(), 0);
  EXPECT_EQ(seen->wrong, 0u);
}

// A publisher that relies on its readers' fences, and a reader that may not run one.
TEST(SharedBusHygiene, ReaderWithoutMembarrierIsRefusedByPublishersWithIt) {
  const SegmentName name;
  auto bus = open_shared(name.str());
  ASSERT_TRUE(bus.ok());
  auto publisher = bus->publisher(kItems);
  Witness<Seen> seen;
  Process reader([&] { return receive_all(name.str(), *seen, Idle::kPark, true); });
  EXPECT_EQ(reader.wait(), 7) << "and told why";
  for (std::uint64_t i = 0; i < 2 * kCount; ++i) {
    ASSERT_EQ(publisher.try_publish(Item{i}), PublishStatus::kPublished) << "held back by nobody";
  }
}

}  // namespace
}  // namespace ringway
