// SPDX-License-Identifier: Apache-2.0
// kill -9 at every system call of attaching, binding and detaching, at instructions of publishing,
// and at random moments under load: survivors go on, nothing committed is lost, nothing stays.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"
#include "support/sanitized.hpp"
#include "support/single_step.hpp"
#include "traced_process.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;
using test::SegmentName;
using test::TracedProcess;
using test::Witness;

struct Word {
  std::uint64_t writer;
  std::uint64_t number;
  std::uint64_t check;

  static Word of(std::uint64_t writer, std::uint64_t number) {
    return {writer, number, writer * 0x9e3779b97f4a7c15ULL + number};
  }
  [[nodiscard]] bool whole() const { return check == writer * 0x9e3779b97f4a7c15ULL + number; }
};
struct Ask {
  std::uint64_t value;
};
struct Tell {
  std::uint64_t value;
};

constexpr std::size_t kCapacity = 16;
constexpr Topic<Word> kWords{"words", {.capacity = kCapacity}};
constexpr Topic<Word> kMany{"many.>", {.capacity = kCapacity}};
constexpr Service<Tell(Ask)> kNext{"next", {.timeout = 20s}};

SharedBusOptions few() {
  SharedBusOptions options;
  options.lane_bytes = std::size_t{1} << 20;
  options.tables = {
      .topics = 32, .subscriptions = 16, .endpoints = 16, .lanes = 64, .participants = 4};
  return options;
}

/// What a survivor can still do after somebody died beside it.
void expect_sound(const std::string& name, SharedBus& survivor, std::size_t lanes_before) {
  look_after_others(survivor);
  ASSERT_EQ(participants(survivor).size(), 1u);
  ASSERT_EQ(survivor.lanes(), lanes_before) << "a lane of the dead is still there";
  auto other = open_shared(name, few());
  ASSERT_TRUE(other.ok()) << other.status();
  Dispatcher feed{*other};
  std::atomic<std::uint64_t> received{0};
  auto subscription = feed.subscribe(kWords, [&](const Word&) { ++received; });
  auto family = feed.subscribe(kMany.matching("many.a"), [&](const Word&) { ++received; });
  auto replier = feed.reply(kNext, [](const Ask& ask) { return Tell{ask.value + 1}; });
  auto publisher = survivor.publisher(kWords);
  for (std::uint64_t i = 0; i < 3 * kCapacity; ++i) {
    ASSERT_EQ(publisher.publish_for(Word::of(1, i), 60s), PublishStatus::kPublished);
  }
  auto requester = survivor.requester(kNext);
  const auto answer = requester.request({41});
  ASSERT_TRUE(answer) << describe(answer.error());
  ASSERT_EQ(answer->value, 42u);
  ASSERT_TRUE(eventually([&] { return received == 3 * kCapacity; }));
}

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

// In the child. Not destroyed unless the operation says so.
std::optional<SharedBus>& child_bus() {
  static auto* bus = new std::optional<SharedBus>;
  return *bus;
}
void attach(const std::string& name) {
  auto bus = open_shared(name, few());
  if (!bus.ok()) ::_exit(50);
  child_bus().emplace(*std::move(bus));
}
void nothing(const std::string&) {}

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
    auto bus = open_shared(name.str(), few());
    ASSERT_TRUE(bus.ok()) << "stop " << stop << ": " << bus.status();
    ASSERT_EQ(participants(*bus).size(), 1u) << stop;
    ASSERT_EQ(bus->lanes(), 0u);
    auto publisher = bus->publisher(kWords);
    ASSERT_EQ(publisher.publish(Word::of(1, 1)), PublishStatus::kPublished);
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
        auto* feed = new Dispatcher{*child_bus()};
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

// The instructions of publish(): a message is published or it does not exist, and its lane goes
// when it is read.
TEST(KilledAtInstructions, PublisherPublishesOrDoesNot) {
  if (test::kSanitized) GTEST_SKIP() << "each instruction of the sanitizer would be a step";
  const auto refusal = test::single_step_refusal();
  if (!refusal.empty()) GTEST_SKIP() << refusal;
  std::size_t published = 0;
  std::size_t not_published = 0;
  std::size_t boundaries = 0;
  for (std::size_t boundary = 0;; ++boundary) {
    const SegmentName name;
    auto survivor = open_shared(name.str(), few());
    ASSERT_TRUE(survivor.ok());
    Dispatcher feed{*survivor};
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> wrong{0};
    auto subscription = feed.subscribe(kWords, [&](const Word& word) {
      if (!word.whole() || word.number != received) ++wrong;
      ++received;
    });
    test::SteppedChild child([&](test::StepMarks& marks) {
      attach(name.str());
      auto publisher = child_bus()->publisher(kWords);
      if (publisher.publish(Word::of(1, 0)) != PublishStatus::kPublished) ::_exit(3);
      marks.begin();
      const auto status = publisher.try_publish(Word::of(1, 1));
      marks.end();
      if (status != PublishStatus::kPublished) ::_exit(4);
      ::pause();
      return true;
    });
    const bool inside = child.step_to(boundary);
    child.kill();
    look_after_others(*survivor);
    // its lane goes once it is read
    ASSERT_TRUE(eventually([&] { return survivor->lanes() == 0; })) << "boundary " << boundary;
    EXPECT_EQ(participants(*survivor).size(), 1u);
    EXPECT_EQ(wrong, 0u);
    ASSERT_TRUE(received == 1 || received == 2) << "boundary " << boundary << " " << received;
    (received == 2 ? published : not_published) += 1;
    boundaries = boundary;
    if (!inside) {
      EXPECT_EQ(received, 2u);
      break;
    }
  }
  EXPECT_GT(published, 0u);
  EXPECT_GT(not_published, 5u);
  EXPECT_GT(boundaries, 10u);
}

/// What publishers say of themselves, where a kill can not take it back.
struct Load {
  static constexpr std::size_t kWriters = 4096;
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

TEST(KilledUnderLoad, NothingCommittedIsLostAndNobodyHangs) {
  if (test::kThreadSanitized) {
    GTEST_SKIP() << "ThreadSanitizer ends what a process with threads forks and has threads itself";
  }
  const char* wanted = std::getenv("RINGWAY_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 60;
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
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> received{0};
    auto subscription = feed.subscribe(kWords, [&](const Word& word) {
      if (!word.whole() || word.writer >= Load::kWriters) {
        ++wrong;
        return;
      }
      // a publisher that attached before this subscription... there is none: it came first
      if (word.number != next[word.writer]++) ++wrong;
      ++received;
    });
    std::uint64_t writer = 0;
    std::vector<std::function<Process()>> roles;
    roles.push_back([&] {
      const auto mine = writer++ % Load::kWriters;
      return Process([&, mine] { return publish_for_ever(name.str(), *load, mine); });
    });
    roles.push_back([&] { return Process([&] { return subscribe_for_ever(name.str(), *load); }); });
    roles.push_back([&] { return Process([&] { return ask_for_ever(name.str(), *load); }); });
    std::vector<std::unique_ptr<Process>> running;
    for (auto& role : roles) running.push_back(std::make_unique<Process>(role()));
    for (int i = 0; i < kills; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      const auto victim = random() % running.size();
      running[victim]->kill();
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
    EXPECT_TRUE(eventually([&] { return look_after_others(*survivor), survivor->lanes() == 0; }))
        << survivor->lanes() << " lanes left";
    subscription.end();
    for (std::uint64_t i = 0; i < Load::kWriters; ++i) {
      committed += load->committed[i];
      EXPECT_GE(next[i], load->committed[i]) << "writer " << i;
      EXPECT_LE(next[i], load->committed[i] + 1) << "writer " << i;
    }
    EXPECT_EQ(wrong, 0u);
    EXPECT_GT(committed, 0u);
    EXPECT_EQ(participants(*survivor).size(), 1u);
  }
  EXPECT_FALSE(name.exists());
}

}  // namespace
}  // namespace ringway
