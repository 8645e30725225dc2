// SPDX-License-Identifier: Apache-2.0
/// \file
/// The net has no hole here: each of these mistakes, made in the library's own headers, is reported
/// by the models or by the judge of histories. Without it they report nothing.
///
/// Weak orders are made by the memory policy, as in the mutation run; slips of a protocol by
/// headers that patch.py derives from the real ones.

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "applied.hpp"
#include "models/broadcast_models.hpp"
#include "models/channel_models.hpp"
#include "models/event_count_models.hpp"
#include "models/mpmc_models.hpp"
#include "models/spsc_models.hpp"
#include "tests/stress/judge.hpp"

namespace ringway::negative {
namespace {

using model::Element;
using model::Explorer;
using model::ModelMemory;
using model::Mutant;
using model::Number;
using model::Operations;
using model::Options;
using model::Site;
using model::SiteKind;

constexpr Sequence kWrap = ~Sequence{1};  // 2^64 - 2

/// What the explorer reports: the first line, or "nothing".
std::string report_of(const Explorer::Body& body, bool refused = false) {
  Options options;
  options.seconds = 60;
  options.heavy_refused = refused;
  Explorer explorer;
  const model::Result result = explorer.explore(options, body);
  EXPECT_TRUE(result.finished || !result.failure.empty()) << "the search was not complete";
  return result.failure.empty() ? "nothing"
                                : result.failure.substr(0, result.failure.find_first_of(";\n"));
}

void expect_report(const std::string& report, const std::string& wanted) {
  EXPECT_NE(report.find(wanted), std::string::npos) << report;
}

/// Programs over the real headers, the smallest that show what is wanted.
void send_and_receive(Explorer& world) {
  model::spsc_body<Element<56>>(world, 2, kWrap, 2);
}
void many_to_many(Explorer& world) {
  using Ring = MpmcRing<Element<56>, ModelMemory>;
  auto ring = Ring::create({.capacity = 1, .start = kWrap}).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  std::uint64_t last = 0;
  world.threads(
      [&] {
        for (std::uint64_t i = 1; i <= 2; ++i) {
          world.operation();
          if (!producer.try_emplace(i)) return;
        }
      },
      [&] {
        for (int i = 0; i < 2; ++i) {
          world.operation();
          if (const auto element = consumer.try_pop()) {
            world.check(element->number() == ++last, "in order");
          }
        }
      });
}
void broadcast(Explorer& world) {
  model::broadcast_body<Element<56>>(world, 1, kWrap, 1);
}
void broadcast_handed_back(Explorer& world) {
  model::broadcast_one_body<model::LineNumber>(world, 1, kWrap, 3);
}
void lapping(Explorer& world) {
  model::lossy_body(world, 3, 1, 2, 2, kWrap);
}
/// The sender closes only when the message has arrived, so no close makes up for a lost wake-up.
void one_message_to_a_sleeper(Explorer& world) {
  auto ends = channel<Number, Park, ModelMemory>({.capacity = 1});
  ModelMemory::Atomic<std::uint32_t> arrived{0};
  world.threads(
      [&] {
        auto sender = std::move(ends.sender);
        world.check(sender.send(Number(1)) == SendStatus::kSent, "there is room");
        while (arrived.load(std::memory_order_acquire) == 0) ModelMemory::relax();
      },
      [&] {
        auto receiver = std::move(ends.receiver);
        world.check(receiver.receive().has_value(), "the message came");
        arrived.store(1, std::memory_order_release);
      });
}
void signal_or_sleep(Explorer& world) {
  model::signal_body<BroadcastRing, Element<56>>(world, 2, kWrap);
}
/// From an almost full ring at the wrap.
void fill_across_the_wrap(Explorer& world) {
  auto ring = SpscRing<Number, ModelMemory>::create({.capacity = 4, .start = kWrap}).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  for (std::uint64_t i = 0; i < 4; ++i) world.check(producer.try_push(Number(i)), "there is room");
  world.check(!producer.try_push(Number(4)), "it is full");
  for (std::uint64_t i = 0; i < 4; ++i) {
    const auto element = consumer.try_pop();
    world.check(element && element->number() == i, "it holds what was pushed");
  }
}

/// Makes a mistake for as long as it lives.
class Mistake {
 public:
  explicit Mistake(Slip which) { slip = which; }
  Mistake(const Mistake&) = delete;
  Mistake& operator=(const Mistake&) = delete;
  ~Mistake() { slip = Slip::kNone; }
};

TEST(Net, EveryPatchStillApplies) {
  for (const Patch& patch : kPatches) {
    EXPECT_TRUE(patch.applied) << patch.header << " has changed: mend tests/negative/patch.py";
  }
}

TEST(Net, WithoutAMistakeNothingIsReported) {
  for (const auto& body :
       {send_and_receive, many_to_many, broadcast, broadcast_handed_back, lapping,
        one_message_to_a_sleeper, signal_or_sleep, fill_across_the_wrap}) {
    EXPECT_EQ(report_of(body), "nothing");
  }
}

// Slips of a protocol.

TEST(Net, IndexPublishedBeforeThePayload) {
  const Mistake mistake(Slip::kPublishedFirst);
  expect_report(report_of(send_and_receive), "data race");
  expect_report(report_of(many_to_many), "data race");
}
TEST(Net, LossyReaderThatDoesNotLookAgain) {
  const Mistake mistake(Slip::kNoSecondLook);
  expect_report(report_of(lapping), "check failed");
}
TEST(Net, LineHandedBackAfterItsElementWasPassed) {
  const Mistake mistake(Slip::kPassedFirst);
  expect_report(report_of(broadcast_handed_back), "data race");
}
TEST(Net, ReceiverWokenBeforeThePush) {
  const Mistake mistake(Slip::kWokenFirst);
  expect_report(report_of(one_message_to_a_sleeper), "deadlock");
}
TEST(Net, PositionsComparedAsNumbersAtTheWrap) {
  const Mistake mistake(Slip::kRawComparison);
  expect_report(report_of(fill_across_the_wrap), "check failed");
}

// Weak orders: every site of this kind in the header, one at a time.

/// The sites that `body` executes and `wanted` picks.
std::vector<Site> sites_of(const Explorer::Body& body,
                           const std::function<bool(const Site&)>& wanted) {
  Operations::sites.forget();
  Operations::sites.watch();
  EXPECT_EQ(report_of(body), "nothing");
  std::vector<Site> sites;
  for (const Site& site : Operations::sites.seen()) {
    if (wanted(site)) sites.push_back(site);
  }
  Operations::sites.ignore();
  return sites;
}

/// Weakens each of those sites; `body` must report it.
void expect_needed(const Explorer::Body& body, const std::string& header, SiteKind kind,
                   std::memory_order order, const std::string& report) {
  const auto sites = sites_of(body, [&](const Site& site) {
    return site.file == header && site.kind == kind && site.order == order;
  });
  EXPECT_FALSE(sites.empty()) << header << " has no such site";
  for (const Site& site : sites) {
    for (const Mutant& mutant : model::mutants_of(site)) {
      Operations::sites.forget();
      Operations::sites.watch(&mutant);
      SCOPED_TRACE(mutant.describe());
      expect_report(report_of(body), report);
      Operations::sites.ignore();
    }
  }
}

TEST(Net, RelaxedPublish) {
  using enum SiteKind;
  expect_needed(send_and_receive, "line.hpp", kStore, std::memory_order_release, "data race");
  expect_needed(send_and_receive, "line.hpp", kLoad, std::memory_order_acquire, "data race");
  expect_needed(broadcast, "line.hpp", kStore, std::memory_order_release, "data race");
  expect_needed(many_to_many, "mpmc_ring.hpp", kStore, std::memory_order_release, "data race");
}
TEST(Net, LossyReaderWithoutItsOrder) {
  using enum SiteKind;
  const std::string header = "lossy_broadcast_ring.hpp";
  expect_needed(lapping, header, kLoad, std::memory_order_acquire, "check failed");
  expect_needed(lapping, header, kStore, std::memory_order_release, "check failed");
}
TEST(Net, SleeperWithoutItsFence) {
  const auto in_use = [](const Site& site) {
    return (site.kind == SiteKind::kLightFence || site.kind == SiteKind::kHeavyFence) &&
           site.function.find("Audience(") == std::string::npos;
  };
  const auto sites = sites_of(signal_or_sleep, in_use);
  EXPECT_GE(sites.size(), 2U);
  for (const Site& site : sites) {
    const Mutant mutant{site, true};
    Operations::sites.forget();
    Operations::sites.watch(&mutant);
    SCOPED_TRACE(mutant.describe());
    expect_report(report_of(signal_or_sleep), "deadlock");
    Operations::sites.ignore();
  }
}

// Real threads: the judge of histories sees the payload that was not there yet.
TEST(Net, JudgeOfHistoriesSeesWhatWasPublishedTooEarly) {
  using namespace ringway::stress;
  using Subject = TakingSubject<SpscRing, Wide>;
  const Mistake mistake(Slip::kPublishedFirst);
  Random random(seed_of_this_run());
  std::string finding;
  // One run finds it, or a few; as many as would take minutes.
  for (int run = 0; run < 5000 && finding.empty(); ++run) {
    std::vector<std::unique_ptr<Subject>> subjects;
    subjects.push_back(std::make_unique<Subject>(Shape{1, 0, 1, 1}));
    const auto logs = run_threads(subjects, Placement::kPinned, Budget{}, random);
    finding = judge_queue(logs.front(), 1, {.capacity = 1});
  }
  EXPECT_NE(finding, "");
}

}  // namespace
}  // namespace ringway::negative
