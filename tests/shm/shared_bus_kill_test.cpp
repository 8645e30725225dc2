// SPDX-License-Identifier: Apache-2.0
// labels: kill
// kill -9 at every system call of attaching, binding and detaching, and at random moments under
// load: survivors go on, nothing committed is lost, nothing stays.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "bus_kill_support.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"
#include "support/sanitized.hpp"
#include "traced_process.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Ask;
using test::attach;
using test::child_bus;
using test::eventually;
using test::expect_sound;
using test::few;
using test::kCapacity;
using test::kMany;
using test::kNext;
using test::kWords;
using test::nothing;
using test::Places;
using test::Process;
using test::SegmentName;
using test::Tell;
using test::TracedProcess;
using test::Witness;
using test::Word;

/// Kills a child at each of the system calls of `operation`, and looks at what is left.
/// \return at how many stops it was killed
int kill_at_every_system_call(const std::function<void(const std::string& name)>& prepare,
                              const std::function<void(const std::string& name)>& operation,
                              int every = 1) {
  for (int stop = 1;; stop += every) {
    const SegmentName name;
    bool ended = false;
    {
      auto survivor = open_shared(name.str(), few());
      EXPECT_TRUE(survivor.ok()) << survivor.status();
      if (!survivor.ok()) return 0;
      auto held = survivor->publisher(kWords);  // a lane that the child's readers hold back
      const auto lanes = survivor->lanes();
      TracedProcess child([&] { prepare(name.str()); }, [&] { operation(name.str()); });
      if (child.refused()) return -1;
      ended = !child.run_to(stop);
      if (ended) {
        EXPECT_EQ(child.exit_code(), 0);
      }
      child.kill();
      expect_sound(name.str(), *survivor, lanes);
      // whoever died as a reader holds nothing back
      for (std::size_t i = 0; i < 3 * kCapacity; ++i) {
        EXPECT_EQ(held.try_publish(Word::of(0, i)), PublishStatus::kPublished) << "stop " << stop;
      }
    }
    EXPECT_FALSE(name.exists()) << "stop " << stop;
    if (ended || testing::Test::HasFailure()) {
      if (!ended) ADD_FAILURE() << "killed at stop " << stop;
      return stop - 1;
    }
  }
}

#define RINGWAY_SKIP_WITHOUT_PTRACE(stops) \
  if ((stops) < 0) GTEST_SKIP() << "the kernel refuses ptrace"

TEST(KilledAtEverySystemCall, CreatorLeavesNothing) {
  int stop = 1;
  for (bool ended = false; !ended; ++stop) {
    const SegmentName name;
    {
      TracedProcess child([] {}, [&] { attach(name.str()); });
      if (child.refused()) GTEST_SKIP() << "the kernel refuses ptrace";
      ended = !child.run_to(stop);
      child.kill();
    }
    {
      auto bus = open_shared(name.str(), few());
      ASSERT_TRUE(bus.ok()) << "stop " << stop << ": " << bus.status();
      ASSERT_EQ(participants(*bus).size(), 1u) << stop;
      ASSERT_EQ(bus->lanes(), 0u);
      auto publisher = bus->publisher(kWords);
      ASSERT_EQ(publisher.publish(Word::of(1, 1)), PublishStatus::kPublished);
    }
    ASSERT_FALSE(name.exists()) << "stop " << stop;
  }
  EXPECT_GT(stop, 10);
}

TEST(KilledAtEverySystemCall, AttachingProcessLeavesNothing) {
  const int stops = kill_at_every_system_call(nothing, attach);
  RINGWAY_SKIP_WITHOUT_PTRACE(stops);
  EXPECT_GT(stops, 10);
}

TEST(KilledAtEverySystemCall, DetachingProcessLeavesNothing) {
  const int stops =
      kill_at_every_system_call(attach, [](const std::string&) { child_bus().reset(); });
  RINGWAY_SKIP_WITHOUT_PTRACE(stops);
  EXPECT_GT(stops, 5);
}

TEST(KilledAtEverySystemCall, PublisherThatComesAndGoesLeavesNothing) {
  const int stops = kill_at_every_system_call(attach, [](const std::string&) {
    auto publisher = child_bus()->publisher(kWords);
    auto family = child_bus()->family_publisher(kMany);
    const auto topic = family.topic("many.a");
    for (std::uint64_t i = 0; i < 4; ++i) {
      static_cast<void>(publisher.try_publish(Word::of(2, i)));
      static_cast<void>(family.try_publish(topic, Word::of(3, i)));
    }
  });
  RINGWAY_SKIP_WITHOUT_PTRACE(stops);
  EXPECT_GT(stops, 10);
}

TEST(KilledAtEverySystemCall, SubscriberThatComesAndGoesLeavesNothing) {
  const int stops = kill_at_every_system_call(attach, [](const std::string&) {
    Dispatcher feed{*child_bus()};
    auto one = feed.subscribe(kWords, [](const Word&) {});
    auto two = feed.subscribe(kMany.matching(">"), [](const Word&) {});
  });
  RINGWAY_SKIP_WITHOUT_PTRACE(stops);
  EXPECT_GT(stops, 10);
}

TEST(KilledAtEverySystemCall, ReplierThatComesAndGoesLeavesNothing) {
  const int stops = kill_at_every_system_call(
      [](const std::string& name) {
        attach(name);
        static auto* asker =
            new auto(child_bus()->requester(kNext));  // its lane is the child's too
        static_cast<void>(asker);
      },
      [](const std::string&) {
        Dispatcher feed{*child_bus()};
        auto replier = feed.reply(kNext, [](const Ask& ask) { return Tell{ask.value}; });
      });
  RINGWAY_SKIP_WITHOUT_PTRACE(stops);
  EXPECT_GT(stops, 10);
}

TEST(KilledAtEverySystemCall, RequesterThatComesAndGoesLeavesNothing) {
  const int stops = kill_at_every_system_call(
      [](const std::string& name) {
        attach(name);
        static auto* feed = new Dispatcher{*child_bus()};
        static auto* replier =
            new auto(feed->reply(kNext, [](const Ask& ask) { return Tell{ask.value + 1}; }));
        static_cast<void>(replier);
      },
      [](const std::string&) {
        auto requester = child_bus()->requester(kNext);
        for (std::uint64_t i = 0; i < 3; ++i) static_cast<void>(requester.request({i}));
      });
  RINGWAY_SKIP_WITHOUT_PTRACE(stops);
  EXPECT_GT(stops, 10);
}

// Whoever cleans up is killed while cleaning up after somebody else; the survivor does it again.
TEST(KilledAtEverySystemCall, CleanerMayDieToo) {
  const int stops = kill_at_every_system_call(
      [](const std::string& name) {
        attach(name);
        Process dead([&] {
          auto own = open_shared(name, few());
          if (!own.ok()) return 1;
          Dispatcher feed{*own};
          auto subscription = feed.subscribe(kWords, [](const Word&) {});
          auto publisher = own->publisher(kWords);
          auto requester = own->requester(kNext);
          ::raise(SIGKILL);
          return 0;
        });
        if (dead.wait() != 1000 + SIGKILL) ::_exit(51);
      },
      [](const std::string&) {
        if (look_after_others(*child_bus()) != 1) ::_exit(52);
      });
  RINGWAY_SKIP_WITHOUT_PTRACE(stops);
  EXPECT_GT(stops, 5);
}

/// What publishers say of themselves, where a kill can not take it back.
struct Load {
  static constexpr std::size_t kWriters = 16384;  // more than are made
  std::atomic<std::uint64_t> committed[kWriters];
  std::atomic<std::uint64_t> stop{0};
  std::atomic<std::uint64_t> asked{0};
};

int publish_for_ever(const std::string& name, Load& load, std::uint64_t writer) {
  auto bus = open_shared(name, few());
  if (!bus.ok()) return 1;
  auto publisher = bus->publisher(kWords);
  for (std::uint64_t i = 0; load.stop == 0; ++i) {
    if (publisher.publish_for(Word::of(writer, i), 60s) != PublishStatus::kPublished) return 2;
    load.committed[writer] = i + 1;
  }
  return 0;
}
int subscribe_for_ever(const std::string& name, Load& load) {
  auto bus = open_shared(name, few());
  if (!bus.ok()) return 1;
  Dispatcher feed{*bus};
  auto subscription = feed.subscribe(kWords, [](const Word& word) {
    if (!word.whole()) ::_exit(3);
  });
  auto replier = feed.reply(kNext, [](const Ask& ask) { return Tell{ask.value + 1}; });
  return eventually([&] { return load.stop != 0; }) ? 0 : 2;
}
int ask_for_ever(const std::string& name, Load& load) {
  auto bus = open_shared(name, few());
  if (!bus.ok()) return 1;
  auto requester = bus->requester(kNext);
  while (load.stop == 0) {
    const auto answer = requester.request({load.asked}, 30s);
    if (answer) ++load.asked;
    if (!answer && answer.error() == RequestError::kTimedOut) return 2;
    if (!answer) std::this_thread::yield();
  }
  return 0;
}

bool is_listed(SharedBus& bus, std::uint32_t pid) {
  for (const auto& participant : participants(bus)) {
    if (participant.pid == pid) return true;
  }
  return false;
}

/// What is known of the lanes that are there, for a failure's message.
std::string lanes_of(SharedBus& bus) {
  std::ostringstream text;
  const auto lock = bus.core()->lock();
  auto& directory = bus.core()->directory();
  for (std::uint32_t i = 1; i < directory.lanes_used(); ++i) {
    const auto& lane = directory.lane(i);
    if (lane.used == 0) continue;
    text << "lane " << i << ": kind " << static_cast<unsigned>(lane.kind) << ", publisher "
         << lane.publisher << ", owner " << lane.owner << ", replier " << lane.replier
         << ", awaited " << lane.awaited << (lane.closed() ? ", closed" : "")
         << (lane.left() ? ", left" : "") << ", bound";
    for (const auto bound : lane.bound) {
      if (bound != 0) text << " " << bound;
    }
    text << '\n';
  }
  return text.str();
}

/// How long the others took to clean up after one death.
struct Recovery {
  double ms = 0;
  int looks = 0;  ///< of the test's own, 1 ms apart: none while the machine lets it not run
};

/// What became of the recoveries after each kind of death; tests/kill/tables.py reads the long
/// form.
class Recoveries {
 public:
  void add(const char* who, Recovery recovery) { of_[who].push_back(recovery); }

  void print(bool each) {
    for (auto& [who, all] : of_) {
      std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.ms < b.ms; });
      const auto part = [&all = all](double share) {
        return all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))].ms;
      };
      std::printf(
          "%zu kills of a %s: cleaned up after half within %.1f ms, 99%% within %.1f ms, "
          "all within %.1f ms\n",
          all.size(), who.c_str(), part(0.5), part(0.99), all.back().ms);
      if (!each) continue;
      std::printf("recoveries of a %s, ms:looks", who.c_str());
      for (const auto& [ms, looks] : all) std::printf(" %.1f:%d", ms, looks);
      std::printf("\n");
    }
  }

 private:
  std::map<std::string, std::vector<Recovery>> of_;
};

// In parts, so that none of them takes long. No limit is set to the time of a recovery: it is the
// machine's. That one look of anybody is enough, the tests above say.
constexpr int kParts = 4;
class KilledUnderLoad : public testing::TestWithParam<int> {};

TEST_P(KilledUnderLoad, NothingCommittedIsLostAndNobodyHangs) {
  if (test::kThreadSanitized) {
    GTEST_SKIP() << "ThreadSanitizer ends what a process with threads forks and has threads itself";
  }
  const char* wanted = std::getenv("RINGWAY_KILLS");
  const int kills = (wanted != nullptr ? std::atoi(wanted) : 60) / kParts;
  ASSERT_LT(static_cast<std::size_t>(kills), Load::kWriters);
  std::random_device device;
  const auto seed = device();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const SegmentName name;
  Witness<Load> load;
  {
    auto survivor = open_shared(name.str(), few());
    ASSERT_TRUE(survivor.ok());
    Dispatcher feed{*survivor};
    std::vector<std::uint64_t> next(Load::kWriters, 0);
    std::atomic<std::uint64_t> torn{0};
    std::atomic<std::uint64_t> missed{0};  // gaps, and what came twice
    std::atomic<std::uint64_t> received{0};
    auto subscription = feed.subscribe(kWords, [&](const Word& word) {
      if (!word.whole() || word.writer >= Load::kWriters) {
        ++torn;
        return;
      }
      // a publisher that attached before this subscription... there is none: it came first
      if (word.number != next[word.writer]++) ++missed;
      ++received;
    });
    std::uint64_t writer = 0;
    std::vector<std::function<Process()>> roles;
    roles.push_back([&] {
      const auto mine = writer++;
      return Process([&, mine] { return publish_for_ever(name.str(), *load, mine); });
    });
    roles.push_back([&] { return Process([&] { return subscribe_for_ever(name.str(), *load); }); });
    roles.push_back([&] { return Process([&] { return ask_for_ever(name.str(), *load); }); });
    constexpr const char* kNames[] = {"publisher", "subscriber and replier", "requester"};
    const auto before = Places::of(*survivor);
    Recoveries recoveries;
    std::vector<std::unique_ptr<Process>> running;
    for (auto& role : roles) running.push_back(std::make_unique<Process>(role()));
    for (int i = 0; i < kills; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      const auto victim = random() % running.size();
      const auto pid = static_cast<std::uint32_t>(running[victim]->pid());
      running[victim]->kill();
      const auto died = std::chrono::steady_clock::now();
      // those who are left notice by themselves
      int looks = 0;
      ASSERT_TRUE(eventually([&] { return ++looks, !is_listed(*survivor, pid); }))
          << "nobody cleaned up";
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - died;
      recoveries.add(kNames[victim], {took.count(), looks});
      running[victim] = std::make_unique<Process>(roles[victim]());
    }
    // everybody still works: each count moves on
    const auto asked = load->asked.load();
    const auto seen = received.load();
    EXPECT_TRUE(eventually([&] { return load->asked > asked && received > seen; }))
        << "hung: asked " << asked << ", received " << seen;
    load->stop = 1;
    for (auto& process : running) EXPECT_EQ(process->wait(), 0);
    std::uint64_t committed = 0;
    std::uint64_t lost = 0;
    EXPECT_TRUE(eventually([&] { return look_after_others(*survivor), survivor->lanes() == 0; }))
        << survivor->lanes() << " lanes left\n"
        << lanes_of(*survivor);
    EXPECT_TRUE(eventually([&] { return Places::of(*survivor) == before; }))
        << Places::of(*survivor) << " instead of " << before;
    subscription.end();
    for (std::uint64_t i = 0; i < Load::kWriters; ++i) {
      committed += load->committed[i];
      if (next[i] < load->committed[i]) lost += load->committed[i] - next[i];
      EXPECT_LE(next[i], load->committed[i] + 1) << "writer " << i;
    }
    EXPECT_EQ(torn, 0u);
    EXPECT_EQ(missed, 0u);
    EXPECT_EQ(lost, 0u);
    EXPECT_GT(committed, 0u);
    EXPECT_EQ(participants(*survivor).size(), 1u);
    std::printf(
        "%d kills under load: %llu messages committed, %llu requests answered, %llu lost, %llu "
        "torn, %llu out of order\n",
        kills, static_cast<unsigned long long>(committed),
        static_cast<unsigned long long>(load->asked), static_cast<unsigned long long>(lost),
        static_cast<unsigned long long>(torn), static_cast<unsigned long long>(missed));
    recoveries.print(kills > 200);
  }
  EXPECT_FALSE(name.exists());
}
INSTANTIATE_TEST_SUITE_P(, KilledUnderLoad, testing::Range(0, kParts));

}  // namespace
}  // namespace ringway
