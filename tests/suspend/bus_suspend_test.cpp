// SPDX-License-Identifier: Apache-2.0
// labels: nosan
/// \file
/// A publisher's thread is suspended behind every instruction of a publication; the other threads
/// of its process go on meanwhile: other publishers publish, the dispatcher delivers, publishers
/// and subscriptions come and go. Then it goes on, and its message is delivered once. Likewise a
/// dispatcher's thread, from one handler to the next.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <thread>

#include "ringway/bus/bus.hpp"
#include "suspend_support.hpp"
#include "tests/bus/bus_support.hpp"

namespace ringway::test {
namespace {

constexpr Topic<Number> kNumbers{"numbers", {.capacity = 16}};
constexpr std::uint64_t kSuspended = 1'000'000;  // messages of the suspended publisher: from here
constexpr std::uint64_t kLate = 2'000'000;       // of one that is made meanwhile

/// Between the child and its parent.
struct Signals {
  std::atomic<bool> go{false};       // the publisher stands still
  std::atomic<int> others_went{-1};  // 1: they did all that they wanted
};

/// What the other threads do while one stands still. \return false if they were held up
bool others_go_on(Bus& bus, Dispatcher<>& dispatcher, Publisher<Number>& publisher,
                  std::atomic<std::uint64_t>& handled) {
  std::uint64_t expected = handled.load();
  for (std::uint64_t i = 0; i < 40; ++i) {  // more than the capacity
    if (publisher.publish_for(Number{i}, std::chrono::seconds(60)) != PublishStatus::kPublished) {
      return false;
    }
  }
  expected += 40;
  std::atomic<std::uint64_t> heard{0};
  auto subscription =
      dispatcher.subscribe(kNumbers, [&](const Number& number) { heard += number.value == kLate; });
  {
    auto late = bus.publisher(kNumbers);
    if (late.try_publish(Number{kLate}) != PublishStatus::kPublished) return false;
  }
  expected += 1;
  // The suspended one's message may have been counted already.
  return eventually([&] { return handled.load() >= expected && heard.load() == 1; });
}

/// The child: a bus, a dispatcher, and two publishers, of which one is stepped.
bool run_bus(StepMarks& marks, Signals& signals, Idle idle) {
  Bus bus;
  Dispatcher dispatcher{bus, {.idle = idle, .pauses = 0, .yields = 0}};
  std::atomic<std::uint64_t> handled{0};
  std::atomic<std::uint64_t> of_suspended{0};
  auto subscription = dispatcher.subscribe(kNumbers, [&](const Number& number) {
    if (number.value >= kSuspended && number.value < kLate) {
      // in order, from the first
      if (number.value == kSuspended + of_suspended.load()) of_suspended.fetch_add(1);
    } else {
      handled.fetch_add(1);
    }
  });
  auto publisher = bus.publisher(kNumbers);
  bool published = true;
  std::thread suspended([&] {
    auto mine = bus.publisher(kNumbers);
    for (std::uint64_t i = 0; i < 3; ++i) {
      published = mine.publish(Number{kSuspended + i}) == PublishStatus::kPublished && published;
    }
    const bool quiet = eventually([&] { return of_suspended.load() == 3; });
    // Time to fall asleep. If it does not, fewer instructions are met, and that is all.
    if (idle == Idle::kPark) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    marks.begin();
    const auto status = mine.try_publish(Number{kSuspended + 3});
    marks.end();
    published = published && quiet && status == PublishStatus::kPublished;
  });
  const bool told = eventually([&] { return signals.go.load(); });
  signals.others_went.store(told && others_go_on(bus, dispatcher, publisher, handled) ? 1 : 0);
  suspended.join();
  const bool all = eventually([&] { return of_suspended.load() == 4; });
  const auto report = bus.stop();
  const bool slept = idle != Idle::kPark || dispatcher.parks() > 0;
  return published && all && slept && handled.load() == 41 && report.drained && report.left == 0;
}

class SuspendedPublisher : public SuspendTest {
 protected:
  static void suspend_everywhere(const char* operation, Idle idle) {
    Findings findings("Bus", operation);
    SharedPages pages(sizeof(Signals));
    bool inside = true;
    for (std::size_t boundary = 0; inside && !HasFailure(); ++boundary) {
      SCOPED_TRACE("boundary " + std::to_string(boundary));
      auto& signals = pages.make<Signals>();
      SteppedChild child([&](StepMarks& marks) { return run_bus(marks, signals, idle); });
      inside = child.step_to(boundary);
      signals.go.store(true);
      const bool answered = eventually([&] { return signals.others_went.load() >= 0; });
      const bool went = answered && signals.others_went.load() == 1;
      if (inside) findings.add(went ? Effect::kNone : Effect::kBlocks);
      if (went) {
        expect_good_end(child);
      } else {
        ADD_FAILURE() << "the other threads were held up";
      }
    }
    EXPECT_GT(findings.boundaries(), 20u);
    EXPECT_EQ(findings.count(Effect::kNone), findings.boundaries());
  }
};

TEST_F(SuspendedPublisher, BlocksNobody) {
  suspend_everywhere("try_publish", Idle::kYield);
}
TEST_F(SuspendedPublisher, BlocksNobodyWhileItWakesASleeper) {
  suspend_everywhere("try_publish to a sleeper", Idle::kPark);
}

constexpr Topic<Number> kOthers{"others", {.capacity = 16}};
constexpr Topic<Number> kNews{"news", {.capacity = 16, .admits_lossy = true}};

/// Publishers of what both dispatchers read, of what only the fast one reads, and of what the slow
/// one reads lossily; what the fast one has heard.
struct Traffic {
  explicit Traffic(Bus& bus)
      : numbers(bus.publisher(kNumbers)),
        others(bus.publisher(kOthers)),
        news(bus.publisher(kNews)) {}

  Publisher<Number> numbers, others, news;
  std::uint64_t sent = 0;  // numbers
  std::atomic<std::uint64_t> heard{0};
  std::atomic<std::uint64_t> others_heard{0};
};

/// While the slow dispatcher stands still. \return false if anybody else was held up
bool all_but_one_go_on(Traffic& traffic) {
  // What the slow one reads too: until it withholds everything that it has not read.
  const auto before = traffic.sent;
  while (traffic.sent < before + 1000 &&
         traffic.numbers.try_publish(Number{traffic.sent}) == PublishStatus::kPublished) {
    ++traffic.sent;
  }
  if (traffic.sent < before + 14 || traffic.sent > before + 16) return false;
  // What it does not read, and what it reads lossily: more than the capacity.
  const auto others_before = traffic.others_heard.load();
  for (std::uint64_t i = 0; i < 40; ++i) {
    if (traffic.others.publish_for(Number{i}, std::chrono::seconds(60)) !=
            PublishStatus::kPublished ||
        traffic.news.try_publish(Number{i}) != PublishStatus::kPublished) {
      return false;
    }
  }
  return eventually([&] {
    return traffic.others_heard.load() == others_before + 40 &&
           traffic.heard.load() == traffic.sent;
  });
}

/// Tells both dispatchers that each of the lanes has news. Some of it is none.
void signal_all(Bus& bus) {
  for (std::uint32_t lane = 1; lane <= 3; ++lane) {
    for (std::uint32_t endpoint = 0; endpoint < 2; ++endpoint) bus.core()->signal(endpoint, lane);
  }
}

/// Whether the stepped dispatcher finds signals between its handlers, as if it had asked for them
/// shortly before.
enum class Signalled : bool { kNo, kYes };

/// The child: a bus and two dispatchers, of which one is stepped.
bool run_dispatchers(StepMarks& marks, Signals& signals, Signalled signalled) {
  Bus bus;
  Traffic traffic(bus);
  Dispatcher fast{bus, {.batch = 1}};
  Dispatcher slow{bus, {.batch = 1}};
  std::atomic<std::uint64_t> heard_by_slow{0};
  std::atomic<std::uint64_t> news_heard{0};
  std::atomic<bool> second_is_there{false};
  auto fast_one = fast.subscribe(kNumbers, [&](const Number&) { ++traffic.heard; });
  auto others_one = fast.subscribe(kOthers, [&](const Number&) { ++traffic.others_heard; });
  auto slow_one = slow.subscribe(kNumbers, [&](const Number& number) {
    if (number.value == 2) marks.end();
    if (number.value == heard_by_slow.load()) ++heard_by_slow;
    if (number.value != 1) return;
    while (!second_is_there.load()) std::this_thread::yield();
    if (signalled == Signalled::kYes) signal_all(bus);
    marks.begin();
  });
  auto lossy_one = slow.subscribe(kNews, [&](const Number&) { ++news_heard; }, {.lossy = true});
  const auto publish = [&] {
    return traffic.numbers.try_publish(Number{traffic.sent++}) == PublishStatus::kPublished;
  };
  // Who comes and goes waits for the directory's lock, and so does a dispatcher that hears of it.
  // So each lane is taken up before it begins, and each dispatcher has gone round twice more since:
  // it takes one message of a lane at a time, and looks for what is new before the next.
  if (!publish()) return false;
  for (std::uint64_t round = 1; round <= 3; ++round) {
    if (traffic.others.try_publish(Number{0}) != PublishStatus::kPublished ||
        traffic.news.try_publish(Number{0}) != PublishStatus::kPublished || !eventually([&] {
          return traffic.heard == 1 && traffic.others_heard == round && heard_by_slow == 1 &&
                 news_heard == round;
        })) {
      return false;
    }
  }
  const bool both = publish() && publish();
  second_is_there.store(true);
  if (!both) return false;
  const bool told = eventually([&] { return signals.go.load(); });
  signals.others_went.store(told && all_but_one_go_on(traffic) ? 1 : 0);
  return eventually([&] { return heard_by_slow.load() == traffic.sent; });
}

class SuspendedDispatcher : public SuspendTest {
 protected:
  /// Each child is a whole bus: all boundaries in the long run, some usually.
  static std::size_t stride() { return std::getenv("RINGWAY_STRESS") != nullptr ? 1 : 61; }

  static void suspend_everywhere(const char* operation, Signalled signalled) {
    Findings findings("Bus", operation);
    SharedPages pages(sizeof(Signals));
    bool inside = true;
    for (std::size_t boundary = 0; inside && !HasFailure(); boundary += stride()) {
      SCOPED_TRACE("boundary " + std::to_string(boundary));
      auto& signals = pages.make<Signals>();
      SteppedChild child(
          [&](StepMarks& marks) { return run_dispatchers(marks, signals, signalled); });
      inside = child.step_to(boundary);
      signals.go.store(true);
      const bool answered = eventually([&] { return signals.others_went.load() >= 0; });
      const bool went = answered && signals.others_went.load() == 1;
      if (inside) findings.add(went ? Effect::kNone : Effect::kBlocks);
      // Behind the operation the dispatcher goes on, and nothing is withheld.
      if (went || !inside) {
        expect_good_end(child);
      } else {
        ADD_FAILURE() << "others were held up";
      }
    }
    EXPECT_GT(findings.boundaries(), 3u);
    EXPECT_EQ(findings.count(Effect::kNone), findings.boundaries());
  }
};

TEST_F(SuspendedDispatcher, WithholdsItsUnreadMessagesOnly) {
  suspend_everywhere("dispatcher, to next handler", Signalled::kNo);
}
TEST_F(SuspendedDispatcher, WithholdsItsUnreadMessagesOnlyWhileItTakesSignals) {
  suspend_everywhere("dispatcher, with signals", Signalled::kYes);
}

}  // namespace
}  // namespace ringway::test
