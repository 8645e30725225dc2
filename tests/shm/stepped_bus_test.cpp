// SPDX-License-Identifier: Apache-2.0
// labels: kill
// Processes of a shared bus are killed and stopped between any two instructions of publishing,
// receiving, asking and answering, and killed at every 16th of creating, attaching, detaching and
// cleaning up. The short form looks at some of these places, others each time; RINGWAY_KILLS above
// 200 asks for all.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "ringway/base/at_exit.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"
#include "stepped_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Ask;
using test::attach;
using test::Boundaries;
using test::child_bus;
using test::eventually;
using test::expect_sound;
using test::few;
using test::kCapacity;
using test::kNext;
using test::kWords;
using test::Notes;
using test::nothing;
using test::Places;
using test::SegmentName;
using test::StepMarks;
using test::SteppedChild;
using test::SteppedRounds;
using test::Tell;
using test::Word;

enum class How : unsigned char { kKilled, kStopped };

/// Kills the child, or stops it and lets it go on when `meanwhile` has looked at the others.
template <class Meanwhile>
void strike(How how, SteppedChild& child, Meanwhile&& meanwhile) {
  if (how == How::kKilled) {
    child.kill();
    meanwhile();
  } else {
    child.suspend();
    meanwhile();
    child.resume();
  }
}

class SteppedBus : public testing::TestWithParam<How> {};

/// What the reader does when the stepped message is published. One that handles the message before
/// it asks for no signal.
enum class Reader : unsigned char { kBusy, kAsleep };

/// In the child: true if a dispatcher sleeps.
bool somebody_sleeps() {
  auto& directory = child_bus()->core()->directory();
  for (std::uint32_t i = 0; i < directory.endpoints_used(); ++i) {
    const auto& endpoint = directory.endpoint(i);
    if (endpoint.used != 0 && endpoint.event.waiters_approx() != 0) return true;
  }
  return false;
}

/// A message is published or it does not exist; the others' go on.
template <class Messages>
void step_publisher(const char* what, How how, Reader reader = Reader::kBusy) {
  constexpr std::uint64_t kStepped = Messages::kStepped;
  std::size_t published = 0;
  for (SteppedRounds rounds(what); rounds.next();) {
    SCOPED_TRACE(rounds);
    const SegmentName name;
    const test::Witness<Notes> notes;
    auto survivor = open_shared(name.str(), few());
    ASSERT_TRUE(survivor.ok()) << survivor.status();
    Dispatcher feed{*survivor, {.pauses = 1}};  // sleeps soon
    std::atomic<std::uint64_t> others{0};
    std::atomic<std::uint64_t> wrong{0};
    auto subscription = feed.subscribe(
        Messages::kTopic,
        Messages::handler([&](std::uint64_t writer, std::uint64_t number, bool whole) {
          if (!whole) ++wrong;
          if (writer == 2) {
            ++others;
            return;
          }
          if (number != notes->seen++) ++wrong;
          if (reader == Reader::kAsleep || number + 1 != kStepped) return;
          while (notes->go == 0) std::this_thread::sleep_for(100us);
        }));
    const AtExit let_go([&] { notes->go = 1; });
    auto other = survivor->publisher(Messages::kTopic);
    SteppedChild child([&](StepMarks& marks) {
      attach(name.str());
      auto publisher = child_bus()->publisher(Messages::kTopic);
      for (std::uint64_t i = 0; i < kStepped; ++i) {
        if (Messages::publish(publisher, Messages::make(1, i)) != PublishStatus::kPublished)
          ::_exit(3);
      }
      const auto message = Messages::make(1, kStepped);
      while (notes->seen < kStepped) std::this_thread::yield();
      if (reader == Reader::kAsleep && !eventually(somebody_sleeps)) ::_exit(5);
      marks.begin();
      const auto status = Messages::try_publish(publisher, message);
      marks.end();
      if (status != PublishStatus::kPublished) ::_exit(4);
      ::pause();
      return true;
    });
    if (rounds.counting()) {
      rounds.counted(child.step_to_end());
      EXPECT_GT(rounds.instructions(), 10u);
      child.kill();
      continue;
    }
    const bool inside = child.step_to(rounds.boundary());
    strike(how, child, [&] {
      notes->go = 1;
      for (std::uint64_t i = 0; i < 2 * kCapacity; ++i) {
        ASSERT_EQ(Messages::publish(other, Messages::make(2, i)), PublishStatus::kPublished);
      }
      ASSERT_TRUE(eventually([&] { return others == 2 * kCapacity; })) << others;
    });
    if (how == How::kKilled) {
      look_after_others(*survivor);
      // its lane goes once it is read
      ASSERT_TRUE(eventually([&] { return survivor->lanes() == 1; }));
      EXPECT_EQ(participants(*survivor).size(), 1u);
      ASSERT_TRUE(notes->seen == kStepped || notes->seen == kStepped + 1) << notes->seen;
      if (!inside) {
        EXPECT_EQ(notes->seen, kStepped + 1);
      }
    } else {
      ASSERT_TRUE(eventually([&] { return notes->seen == kStepped + 1; })) << notes->seen;
    }
    EXPECT_EQ(wrong, 0u);
    published += notes->seen == kStepped + 1 ? 1 : 0;
  }
  EXPECT_GT(published, 0u);
}

TEST_P(SteppedBus, PublisherPublishesOrDoesNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_publisher<test::TypedMessages>("publish", GetParam());
}

TEST_P(SteppedBus, PublisherOfACacheLinePublishesOrDoesNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_publisher<test::WideMessages>("publish a cache line", GetParam());
}

TEST_P(SteppedBus, PublisherOfACacheLineWakesTheReaderOrDoesNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_publisher<test::WideMessages>("publish a cache line to a sleeper", GetParam(),
                                     Reader::kAsleep);
}

TEST_P(SteppedBus, PublisherOfBytesPublishesOrDoesNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_publisher<test::ByteMessages>("publish bytes", GetParam());
}

TEST_P(SteppedBus, PublisherWakesTheReaderOfBytesOrDoesNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_publisher<test::ByteMessages>("publish bytes to a sleeper", GetParam(), Reader::kAsleep);
}

TEST_P(SteppedBus, ClaimOfBytesIsCommittedOrNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_publisher<test::ClaimedByteMessages>("claim and commit bytes", GetParam());
}

TEST_P(SteppedBus, BytesBehindPaddingArePublishedOrNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_publisher<test::PaddedByteMessages>("publish bytes behind padding", GetParam());
}

TEST_P(SteppedBus, BytesForWhichOthersMustGoArePublishedOrNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_publisher<test::RetainedByteMessages>("publish bytes that are retained", GetParam());
}

/// From one handler to the next. A dead reader holds nobody back; a stopped one goes on where it
/// was.
template <class Messages>
void step_receiver(const char* what, How how) {
  for (SteppedRounds rounds(what); rounds.next();) {
    SCOPED_TRACE(rounds);
    const SegmentName name;
    const test::Witness<Notes> notes;
    auto survivor = open_shared(name.str(), few());
    ASSERT_TRUE(survivor.ok()) << survivor.status();
    auto publisher = survivor->publisher(Messages::kTopic);
    const auto before = Places::of(*survivor);
    std::thread two([&] {  // the second is there before the first is done with
      if (!eventually([&] { return notes->ready == 1; })) return;
      static_cast<void>(Messages::try_publish(publisher, Messages::make(1, 0)));
      static_cast<void>(Messages::try_publish(publisher, Messages::make(1, 1)));
      notes->go = 1;
    });
    SteppedChild child([&](StepMarks& marks) {
      attach(name.str());
      Dispatcher feed{*child_bus(), {.name = "feed", .batch = 1}};
      auto subscription = feed.subscribe(
          Messages::kTopic, Messages::handler([&](std::uint64_t, std::uint64_t number, bool whole) {
            if (!whole || number != notes->seen) ::_exit(5);
            if (number == 1) marks.end();
            ++notes->seen;
            if (number != 0) return;
            while (notes->go == 0) std::this_thread::yield();
            marks.begin();
          }));
      notes->ready = 1;
      ::pause();
      return true;
    });
    two.join();
    if (rounds.counting()) {
      rounds.counted(child.step_to_end());
      EXPECT_GT(rounds.instructions(), 50u);
      continue;
    }
    child.step_to(rounds.boundary());
    std::uint64_t sent = 2;
    strike(how, child, [&] {
      if (how == How::kKilled) {
        for (; sent < 3 * kCapacity; ++sent) {
          ASSERT_EQ(Messages::publish(publisher, Messages::make(1, sent)),
                    PublishStatus::kPublished);
        }
      } else {
        while (Messages::try_publish(publisher, Messages::make(1, sent)) ==
               PublishStatus::kPublished)
          ++sent;
        EXPECT_GE(sent, Messages::kLeast);
        EXPECT_LE(sent, Messages::kMost);
      }
    });
    if (how == How::kStopped) {
      EXPECT_TRUE(eventually([&] { return notes->seen == sent; })) << notes->seen << " of " << sent;
      child.kill();
    }
    look_after_others(*survivor);
    EXPECT_EQ(Places::of(*survivor), before);
  }
}

TEST_P(SteppedBus, ReceiverLetsGoOrGoesOn) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_receiver<test::TypedMessages>("receive", GetParam());
}

TEST_P(SteppedBus, ReceiverOfACacheLineLetsGoOrGoesOn) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_receiver<test::WideMessages>("receive a cache line", GetParam());
}

TEST_P(SteppedBus, ReceiverOfBytesLetsGoOrGoesOn) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_receiver<test::ByteMessages>("receive bytes", GetParam());
}

/// Steps `operation(requester, marks)` of a child that asks; a survivor answers.
template <class Operation>
void step_requester(const char* what, How how, const Operation& operation) {
  for (SteppedRounds rounds(what); rounds.next();) {
    SCOPED_TRACE(rounds);
    const SegmentName name;
    auto survivor = open_shared(name.str(), few());
    ASSERT_TRUE(survivor.ok()) << survivor.status();
    Dispatcher feed{*survivor};
    auto replier = feed.reply(kNext, [](const Ask& ask) { return Tell{ask.value + 1}; });
    auto other = survivor->requester(kNext);
    ASSERT_TRUE(other.request({1}).has_value());
    const auto before = Places::of(*survivor);
    SteppedChild child([&](StepMarks& marks) {
      attach(name.str());
      auto requester = child_bus()->requester(kNext);
      const auto first = requester.request({10});
      if (!first || first->value != 11) ::_exit(3);
      const bool right = operation(requester, marks);
      child_bus().reset();
      return right;
    });
    if (rounds.counting()) {
      rounds.counted(child.step_to_end());
      EXPECT_GT(rounds.instructions(), 50u);
      EXPECT_TRUE(child.finish());
      continue;
    }
    child.step_to(rounds.boundary());
    if (how == How::kKilled) {
      child.kill();
    } else {
      child.suspend();
    }
    for (std::uint64_t i = 0; i < 40; ++i) {  // more than may be under way at a time
      const auto answer = other.request({i});
      ASSERT_TRUE(answer) << describe(answer.error());
      ASSERT_EQ(answer->value, i + 1);
    }
    if (how == How::kStopped) {
      child.resume();
      EXPECT_TRUE(child.finish()) << "the child's answer";
    }
    EXPECT_TRUE(eventually([&] {
      look_after_others(*survivor);
      return Places::of(*survivor) == before;
    })) << Places::of(*survivor)
        << " instead of " << before;
  }
}

TEST_P(SteppedBus, RequesterAsksOrDoesNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_requester("request", GetParam(), [](auto& requester, StepMarks& marks) {
    marks.begin();
    auto pending = requester.request_async({40});
    marks.end();
    const auto answer = pending.get();
    return answer && answer->value == 41;
  });
}

TEST_P(SteppedBus, RequesterTakesItsAnswerOrDoesNot) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  step_requester("the answer's taking", GetParam(), [](auto& requester, StepMarks& marks) {
    auto pending = requester.request_async({40});
    std::this_thread::sleep_for(5ms);  // it is there by then, or else the look finds nothing
    marks.begin();
    static_cast<void>(pending.poll());
    marks.end();
    const auto answer = pending.get();
    return answer && answer->value == 41;
  });
}

// From the handler of one request to that of the next, with the answer to the first in between.
TEST_P(SteppedBus, ReplierAnswersOrIsGone) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  std::size_t answered = 0;
  for (SteppedRounds rounds("reply"); rounds.next();) {
    SCOPED_TRACE(rounds);
    const SegmentName name;
    const test::Witness<Notes> notes;
    auto survivor = open_shared(name.str(), few());
    ASSERT_TRUE(survivor.ok()) << survivor.status();
    const auto before = Places::of(*survivor);
    std::optional<Requester<Tell(Ask), SegmentHome>> asker(survivor->requester(kNext));
    auto& requester = *asker;
    std::atomic<std::uint64_t> came{0};
    std::atomic<std::uint64_t> gone{0};
    std::atomic<std::uint64_t> wrong{0};
    std::thread asking([&] {
      // until the replier is bound
      if (!eventually([&] { return requester.request({0}).has_value(); })) return;
      auto first = requester.request_async({100}, 10min);
      auto second = requester.request_async({101}, 10min);
      notes->go = 1;
      for (const auto value : {100U, 101U}) {
        const auto answer = value == 100 ? first.get() : second.get();
        if (answer) {
          ++(answer->value == value + 1 ? came : wrong);
        } else {
          ++(answer.error() == RequestError::kReplierGone ? gone : wrong);
        }
      }
    });
    SteppedChild child([&](StepMarks& marks) {
      attach(name.str());
      Dispatcher feed{*child_bus(), {.name = "feed", .batch = 1}};
      auto replier = feed.reply(kNext, [&](const Ask& ask) {
        if (ask.value == 101) marks.end();
        if (ask.value == 100) {
          while (notes->go == 0) std::this_thread::yield();
          marks.begin();
        }
        return Tell{ask.value + 1};
      });
      ::pause();
      return true;
    });
    if (rounds.counting()) {
      rounds.counted(child.step_to_end());
      EXPECT_GT(rounds.instructions(), 50u);
      child.kill();
      asking.join();
      continue;
    }
    child.step_to(rounds.boundary());
    strike(GetParam(), child, [&] {
      if (GetParam() == How::kKilled) asking.join();  // a replier that stands still is waited for
    });
    if (asking.joinable()) asking.join();
    EXPECT_EQ(wrong, 0u);
    if (GetParam() == How::kStopped) {
      EXPECT_EQ(came, 2u);
      child.kill();
    }
    answered += came;
    look_after_others(*survivor);
    asker.reset();  // had the lane of answers until now
    EXPECT_EQ(Places::of(*survivor), before);
  }
  EXPECT_GT(answered, 0u);
}

INSTANTIATE_TEST_SUITE_P(, SteppedBus, testing::Values(How::kKilled, How::kStopped),
                         [](const auto& how) {
                           return how.param == How::kKilled ? "Killed" : "Stopped";
                         });

/// Kills a child behind every 16th instruction of `operation`, and looks at what is left.
/// \param creates no survivor: the child makes the segment
void kill_at_every_16th(const char* what,
                        const std::function<void(const std::string& name)>& prepare,
                        const std::function<void(const std::string& name)>& operation,
                        bool creates = false) {
  // To step the whole of it takes minutes where many processes share few processors: the short form
  // looks near the beginning; tests at every system call look at all of it.
  constexpr std::size_t kShortWay = 2'000;
  const std::size_t most =
      test::all_boundaries_wanted() ? std::numeric_limits<std::size_t>::max() : 4;
  std::mt19937_64 random(std::random_device{}());
  std::size_t instructions = 0;
  std::size_t places = 0;
  SteppedChild::Path path;
  std::unique_ptr<Boundaries> boundaries;
  while (places < most) {
    std::size_t boundary = random() % kShortWay;
    if (test::all_boundaries_wanted() && boundaries != nullptr && !boundaries->take(boundary))
      break;
    SCOPED_TRACE(testing::Message() << "boundary " << boundary << " of " << what);
    const SegmentName name;
    std::optional<SharedBus> survivor;
    if (!creates) {
      auto opened = open_shared(name.str(), few());
      ASSERT_TRUE(opened.ok()) << opened.status();
      survivor.emplace(*std::move(opened));
    }
    SteppedChild child([&](StepMarks& marks) {
      prepare(name.str());
      marks.begin();
      operation(name.str());
      marks.end();
      return true;  // ends like a killed one: nothing is destroyed
    });
    ASSERT_TRUE(child.alive());
    if (test::all_boundaries_wanted() && boundaries == nullptr) {
      path = child.step_path();
      instructions = child.boundary();
      boundaries = std::make_unique<Boundaries>(instructions, 16);
      continue;
    }
    child.run_to(boundary, path);
    child.kill();
    if (creates) {
      auto opened = open_shared(name.str(), few());
      ASSERT_TRUE(opened.ok()) << opened.status();
      survivor.emplace(*std::move(opened));
    }
    expect_sound(name.str(), *survivor, 0);
    EXPECT_EQ(participants(*survivor).size(), 1u);
    survivor.reset();
    EXPECT_FALSE(name.exists());
    ++places;
    if (testing::Test::HasFailure()) break;
  }
  if (test::all_boundaries_wanted()) {
    EXPECT_GT(instructions, 1000u);
  }
  std::printf("%s: %zu instructions, killed at %zu places\n", what, instructions, places);
}

TEST(KilledAtEvery16thInstruction, CreatorLeavesNothing) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  kill_at_every_16th("create", nothing, attach, true);
}

TEST(KilledAtEvery16thInstruction, AttachingProcessLeavesNothing) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  kill_at_every_16th("attach", nothing, attach);
}

TEST(KilledAtEvery16thInstruction, DetachingProcessLeavesNothing) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  kill_at_every_16th("detach", attach, [](const std::string&) { child_bus().reset(); });
}

// Whoever cleans up after somebody else.
TEST(KilledAtEvery16thInstruction, CleanerLeavesNothing) {
  RINGWAY_SKIP_WITHOUT_STEPS();
  kill_at_every_16th(
      "clean up",
      [](const std::string& name) {
        attach(name);
        test::Process dead([&] {
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
      [](const std::string&) { static_cast<void>(look_after_others(*child_bus())); });
}

}  // namespace
}  // namespace ringway
