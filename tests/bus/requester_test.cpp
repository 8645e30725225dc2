// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bus_support.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Door;
using test::eventually;

struct Question {
  std::uint32_t number;
};
struct Reply {
  std::uint32_t number;
};

inline constexpr Service<Reply(Question)> kTwice{"twice", {.timeout = 60s}};

Reply twice(const Question& question) {
  return {question.number * 2};
}

TEST(Requester, GetsTheAnswerToItsQuestion) {
  Bus bus;
  Dispatcher server{bus};
  auto replier = server.reply(kTwice, twice);
  auto requester = bus.requester(kTwice);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const auto answer = requester.request({i});
    ASSERT_TRUE(answer.has_value()) << describe(answer.error());
    ASSERT_EQ(answer->number, 2 * i);
  }
  EXPECT_EQ(requester.pending(), 0u);
  EXPECT_EQ(requester.late_replies(), 0u);
  EXPECT_EQ(replier.delivered(), 5000u);
}

TEST(Requester, FirstRequestWhicheverSideCameFirst) {
  for (int round = 0; round < 300; ++round) {
    Bus bus;
    Dispatcher server{bus};
    if (round % 2 == 0) {
      auto replier = server.reply(kTwice, twice);
      auto requester = bus.requester(kTwice);
      EXPECT_TRUE(requester.served());
      const auto answer = requester.request({1});
      ASSERT_TRUE(answer.has_value()) << describe(answer.error());
    } else {
      auto requester = bus.requester(kTwice);
      EXPECT_FALSE(requester.served());
      auto replier = server.reply(kTwice, twice);
      const auto answer = requester.request({1});
      ASSERT_TRUE(answer.has_value()) << describe(answer.error());
    }
  }
}

TEST(Requester, ToNobodySaysSo) {
  Bus bus;
  auto requester = bus.requester(kTwice);
  EXPECT_FALSE(requester.served());
  EXPECT_EQ(requester.request({1}).error(), RequestError::kNoReplier);
  auto pending = requester.request_async({1});
  EXPECT_TRUE(pending.poll());
  EXPECT_EQ(pending.get().error(), RequestError::kNoReplier);
  EXPECT_EQ(requester.pending(), 0u);
}

TEST(Requester, TimesOutAndDiscardsAndCountsTheLateReply) {
  Bus bus;
  Dispatcher server{bus};
  Door door;
  auto replier = server.reply(kTwice, [&](const Question& question) {
    if (question.number == 1) door.pass();
    return twice(question);
  });
  auto requester = bus.requester(kTwice);
  // One that is too old when its turn comes is not handled: longer, if the server had no turn.
  for (auto limit = 20ms; !door.somebody_stands(); limit *= 2) {
    ASSERT_LT(limit, 60s) << "nobody handles the request";
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(requester.request({1}, limit).error(), RequestError::kTimedOut);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, limit);
  }
  EXPECT_EQ(requester.pending(), 0u);
  auto pending = requester.request_async({2});  // in the slot that the late one had
  door.open();
  const auto answer = pending.get();
  ASSERT_TRUE(answer.has_value()) << describe(answer.error());
  EXPECT_EQ(answer->number, 4u);
  EXPECT_EQ(requester.late_replies(), 1u);
}

TEST(Requester, RequestThatIsTooOldWhenItsTurnComesIsNotHandled) {
  Bus bus;
  Dispatcher server{bus};
  Door door;
  std::atomic<int> handled{0};
  auto replier = server.reply(kTwice, [&](const Question& question) {
    if (question.number == 1) door.pass();
    handled.fetch_add(1);
    return twice(question);
  });
  auto requester = bus.requester(kTwice);
  auto first = requester.request_async({1});
  ASSERT_TRUE(door.await_somebody());
  EXPECT_EQ(requester.request({2}, 5ms).error(), RequestError::kTimedOut);
  door.open();
  EXPECT_TRUE(first.get().has_value());
  EXPECT_TRUE(requester.request({3}).has_value());
  EXPECT_EQ(handled.load(), 2);
  EXPECT_EQ(requester.late_replies(), 0u);
}

// The server saw the lane of requests empty a moment before another subscription's handler took its
// time: what came meanwhile is old.
TEST(Requester, RequestThatIsTooOldAfterAnotherHandlerIsNotHandled) {
  Bus bus;
  Dispatcher server{bus};
  Door door;
  std::atomic<int> handled{0};
  auto replier = server.reply(kTwice, [&](const Question& question) {
    handled.fetch_add(1);
    return twice(question);
  });
  constexpr Topic<int> kHoldUp{"hold.up", {.capacity = 4}};
  auto held_up = server.subscribe(kHoldUp, [&](int) { door.pass(); });
  auto publisher = bus.publisher(kHoldUp);
  auto requester = bus.requester(kTwice);
  EXPECT_TRUE(requester.request({1}).has_value());
  EXPECT_EQ(publisher.publish(0), PublishStatus::kPublished);
  ASSERT_TRUE(door.await_somebody());
  EXPECT_EQ(requester.request({2}, 5ms).error(), RequestError::kTimedOut);
  door.open();
  EXPECT_TRUE(requester.request({3}).has_value());
  EXPECT_EQ(handled.load(), 2);
}

TEST(Requester, RequestWithoutTimeIsNotHandled) {
  Bus bus;
  Dispatcher server{bus, {.idle = Idle::kSpin}};
  std::atomic<int> handled{0};
  auto replier = server.reply(kTwice, [&](const Question& question) {
    handled.fetch_add(1);
    return twice(question);
  });
  auto requester = bus.requester(kTwice);
  EXPECT_TRUE(requester.request({1}).has_value());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(requester.request({2}, 0ns).error(), RequestError::kTimedOut);
  }
  EXPECT_TRUE(requester.request({3}).has_value());
  EXPECT_EQ(handled.load(), 2);
}

TEST(Requester, ReplierThatEndsWithRequestsPendingSaysSo) {
  Bus bus;
  Dispatcher server{bus};
  Dispatcher busy{bus};
  Door door;
  std::optional<Replier> replier = server.reply(kTwice, [&](const Question& question) {
    door.pass();
    return twice(question);
  });
  auto requester = bus.requester(kTwice);
  auto handled = requester.request_async({1});
  ASSERT_TRUE(door.await_somebody());
  auto waiting = requester.request_async({2});
  std::thread ender([&] { replier.reset(); });
  std::this_thread::sleep_for(5ms);
  door.open();
  ender.join();
  const auto gone = [](RequestError error) {
    return error == RequestError::kReplierGone || error == RequestError::kNoReplier;
  };
  const auto answer = waiting.get();  // the handler may have come first on a busy machine
  EXPECT_TRUE(answer ? answer->number == 4 : answer.error() == RequestError::kReplierGone);
  const auto first = handled.get();
  EXPECT_TRUE(first.has_value()) << "answered before it left: " << describe(first.error());
  const auto after = requester.request({3});
  ASSERT_FALSE(after.has_value());
  EXPECT_TRUE(gone(after.error())) << describe(after.error());
}

// The requester sleeps in request() when the replier goes: it must be woken, not time out.
TEST(Requester, SleepingOneIsToldThatTheReplierLeft) {
  Bus bus;
  auto requester = bus.requester(kTwice);
  auto pause = 2ms;
  for (int round = 0; round < 20; ++round) {
    Dispatcher server{bus};
    Door door;
    auto blocker = server.subscribe(Topic<int>{"block"}, [&](int) { door.pass(); });
    auto replier = server.reply(kTwice, twice);
    auto publisher = bus.publisher(Topic<int>{"block"});
    publisher.publish(1);
    ASSERT_TRUE(door.await_somebody());
    std::thread ender([&] {
      std::this_thread::sleep_for(pause);
      replier.end();
      door.open();
    });
    const auto error = requester.request({1}, 600s).error();
    ender.join();
    if (error == RequestError::kNoReplier && pause < 60s) {  // it had no turn before: once more
      pause *= 2;
      --round;
      continue;
    }
    EXPECT_EQ(error, RequestError::kReplierGone);
  }
}

TEST(Requester, ReplierMayBeReplacedAtOnce) {
  Bus bus;
  Dispatcher one{bus};
  Dispatcher other{bus};
  auto requester = bus.requester(kTwice);
  std::optional<Replier> replier;
  for (std::uint32_t round = 0; round < 300; ++round) {
    auto& server = round % 3 == 0 ? one : other;
    replier.reset();
    auto made = server.try_reply(
        kTwice, [round](const Question& question) { return Reply{question.number + round}; });
    ASSERT_TRUE(made.ok()) << made.status();
    replier.emplace(*std::move(made));
    for (std::uint32_t i = 0; i < 3; ++i) {
      const auto answer = requester.request({i});
      ASSERT_TRUE(answer.has_value()) << round << ": " << describe(answer.error());
      ASSERT_EQ(answer->number, i + round);
    }
  }
}

TEST(Requester, RequestsToAReplacedReplierFailAndTheNewOneAnswers) {
  Bus bus;
  Dispatcher one{bus};
  Dispatcher other{bus};
  Door door;
  auto first = one.reply(kTwice, [&](const Question& question) {
    if (question.number == 1) door.pass();
    return twice(question);
  });
  auto requester = bus.requester(kTwice);
  auto held = requester.request_async({1});
  ASSERT_TRUE(door.await_somebody());
  auto behind = requester.request_async({2});
  std::thread ender([&] { first.end(); });
  ASSERT_TRUE(eventually([&] {
    door.open();
    return true;
  }));
  ender.join();
  auto second =
      other.reply(kTwice, [](const Question& question) { return Reply{question.number * 3}; });
  const auto fresh = requester.request({5});
  ASSERT_TRUE(fresh.has_value()) << describe(fresh.error());
  EXPECT_EQ(fresh->number, 15u);
  const auto lost = behind.get();
  EXPECT_TRUE(!lost.has_value() ? lost.error() == RequestError::kReplierGone : lost->number == 4);
  const auto answered = held.get();
  EXPECT_TRUE(answered.has_value() ? answered->number == 2
                                   : answered.error() == RequestError::kReplierGone);
}

TEST(Requester, BoundedTableWithAReplierThatNeverAnswers) {
  Bus bus;
  Dispatcher server{bus};
  Door door;
  auto replier = server.reply(kTwice, [&](const Question& question) {
    door.pass();
    return twice(question);
  });
  const Service<Reply(Question)> service{"twice", {.timeout = 1h, .max_pending = 8}};
  auto requester = bus.requester(service);
  const auto resident_kib = [] {
    std::ifstream file("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    file >> total >> resident;
    return resident * 4;
  };
  std::vector<Requester<Reply(Question)>::Pending> kept;
  for (std::uint32_t i = 0; i < 8; ++i) kept.push_back(requester.request_async({i}));
  std::size_t before = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    auto pending = requester.request_async({i});
    ASSERT_TRUE(pending.poll());
    ASSERT_EQ(pending.get().error(), RequestError::kTooMany);
    if (i == 1000) before = resident_kib();
  }
  EXPECT_LT(resident_kib(), before + 4096);
  EXPECT_EQ(requester.pending(), 8u);
  door.open();
  for (std::uint32_t i = 0; i < 8; ++i) {
    const auto answer = kept[i].get();
    ASSERT_TRUE(answer.has_value()) << describe(answer.error());
    EXPECT_EQ(answer->number, 2 * i);
  }
}

// Requests that time out against a replier that never answers: the table comes free each time.
TEST(Requester, TimedOutRequestsFreeTheTableThoughTheLaneStaysFull) {
  Bus bus;
  Dispatcher server{bus};
  Door door;
  auto replier = server.reply(kTwice, [&](const Question& question) {
    door.pass();
    return twice(question);
  });
  const Service<Reply(Question)> service{"twice", {.timeout = 100us, .max_pending = 4}};
  auto requester = bus.requester(service);
  for (std::uint32_t i = 0; i < 200; ++i) {
    const auto error = requester.request({i}).error();
    ASSERT_TRUE(error == RequestError::kTimedOut || error == RequestError::kTooMany);
    ASSERT_EQ(requester.pending(), 0u);
  }
  door.open();
  const auto last = [&] {
    auto answer = requester.request({7}, 60s);
    return answer.has_value() && answer->number == 14;
  };
  EXPECT_TRUE(eventually(last));
}

// The replier answers request after request of one batch; the requester asks again for every
// answer.
TEST(Requester, MayAskAgainForEveryAnswerAlsoInTheMiddleOfABatch) {
  constexpr std::uint32_t kUnderWay = 100;
  const Service<Reply(Question)> service{"twice", {.timeout = 60s, .max_pending = kUnderWay}};
  for (const std::uint32_t stop_at : {1u, 15u, 16u, 17u, 64u, 99u}) {
    Bus bus;
    Dispatcher server{bus, {.batch = 1000}};
    Door first;
    Door later;
    auto replier = server.reply(service, [&](const Question& question) {
      if (question.number == 0) first.pass();
      if (question.number == stop_at) later.pass();
      return twice(question);
    });
    auto requester = bus.requester(service);
    std::uint32_t answered = 0;
    std::uint32_t refused = 0;
    const auto ask = [&](std::uint32_t number) {
      requester.request_async({number}).then([&](const Result<Reply, RequestError>& answer) {
        if (answer) return static_cast<void>(++answered);
        EXPECT_EQ(answer.error(), RequestError::kTooMany);
        ++refused;
      });
    };
    for (std::uint32_t i = 0; i < kUnderWay; ++i) ask(i);
    ASSERT_TRUE(first.await_somebody());
    first.open();
    ASSERT_TRUE(later.await_somebody());  // inside the batch, `stop_at` answers have been given
    ASSERT_TRUE(eventually([&] { return requester.poll() == 0 && answered == stop_at; }));
    for (std::uint32_t i = 0; i < stop_at; ++i) ask(1000 + i);
    EXPECT_EQ(refused, 0u) << "max_pending requests may be under way";
    EXPECT_EQ(requester.pending(), kUnderWay);
    ask(2000);
    EXPECT_EQ(refused, 1u) << "and no more";
    later.open();
    ASSERT_TRUE(eventually([&] { return requester.poll() == 0 && requester.pending() == 0; }));
    EXPECT_EQ(answered, kUnderWay + stop_at);
    EXPECT_EQ(replier.delivered(), kUnderWay + stop_at);
  }
}

TEST(Requester, FromTheRepliersOwnDispatcherWouldDeadlock) {
  Bus bus;
  Dispatcher server{bus};
  int handled = 0;
  auto replier = server.reply(kTwice, [&](const Question& question) {
    ++handled;
    return twice(question);
  });
  auto requester = bus.requester(kTwice);
  std::atomic<int> outcome{-1};
  std::atomic<int> async_outcome{-1};
  std::optional<Requester<Reply(Question)>::Pending> pending;
  auto subscription = server.subscribe(Topic<int>{"go"}, [&](int step) {
    if (step == 0) {
      const auto answer = requester.request({1});
      outcome.store(answer ? 1000 : static_cast<int>(answer.error()));
      pending.emplace(requester.request_async({4}));
    } else if (async_outcome.load() == -1 && pending->poll()) {
      auto answer = pending->get();
      async_outcome.store(answer ? static_cast<int>(answer->number) : 1000);
    }
  });
  auto publisher = bus.publisher(Topic<int>{"go"});
  publisher.publish(0);
  ASSERT_TRUE(eventually([&] { return outcome.load() != -1; }));
  EXPECT_EQ(outcome.load(), static_cast<int>(RequestError::kWouldDeadlock));
  ASSERT_TRUE(eventually([&] {
    publisher.publish(1);
    return async_outcome.load() != -1;
  }));
  EXPECT_EQ(async_outcome.load(), 8) << "asynchronously it works";
  bus.stop();
  EXPECT_EQ(handled, 1) << "a request that is refused is not sent";
}

TEST(PendingReply, PollGetThenCancel) {
  Bus bus;
  Dispatcher server{bus};
  auto replier = server.reply(kTwice, twice);
  auto requester = bus.requester(kTwice);

  auto polled = requester.request_async({1});
  EXPECT_TRUE(eventually([&] { return polled.poll(); }));
  EXPECT_EQ(polled.get()->number, 2u);
  EXPECT_EQ(polled.get().error(), RequestError::kCancelled) << "taken already";

  std::uint32_t got = 0;
  requester.request_async({2}).then([&](auto answer) { got = answer ? answer->number : 1; });
  EXPECT_TRUE(eventually([&] {
    requester.poll();
    return got != 0;
  }));
  EXPECT_EQ(got, 4u);

  auto ready = requester.request_async({3});
  EXPECT_TRUE(eventually([&] { return ready.poll(); }));
  std::move(ready).then([&](auto answer) { got = answer->number; });
  EXPECT_EQ(got, 6u) << "at once if the answer is there";

  auto cancelled = requester.request_async({4});
  cancelled.cancel();
  cancelled.cancel();
  EXPECT_TRUE(cancelled.poll());
  EXPECT_EQ(cancelled.get().error(), RequestError::kCancelled);
  int error = -1;
  std::move(cancelled).then([&](auto answer) { error = static_cast<int>(answer.error()); });
  EXPECT_EQ(error, static_cast<int>(RequestError::kCancelled));
  EXPECT_EQ(requester.request({5})->number, 10u);
  EXPECT_EQ(requester.late_replies(), 1u) << "the cancelled one's";
  EXPECT_EQ(requester.pending(), 0u);
}

TEST(PendingReply, DroppingCancels) {
  Bus bus;
  Dispatcher server{bus};
  Door door;
  auto replier = server.reply(kTwice, [&](const Question& question) {
    if (question.number == 0) door.pass();
    return twice(question);
  });
  auto requester = bus.requester(kTwice);
  static_cast<void>(requester.request_async({0}));
  EXPECT_EQ(requester.pending(), 0u);
  door.open();
  EXPECT_EQ(requester.request({5})->number, 10u);
}

// Several small answers lie in one line; the callback of the first asks again and waits, and so
// takes the others in: the outer look must not go on behind what the inner one has read.
TEST(PendingReply, CallbackMayAskAgainAndWait) {
  Bus bus;
  Dispatcher server{bus};
  auto replier = server.reply(kTwice, twice);
  auto requester = bus.requester(kTwice);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> inner;
    std::vector<std::uint32_t> outer;
    constexpr std::uint32_t kMany = 6;
    for (std::uint32_t i = 1; i <= kMany; ++i) {
      requester.request_async({i}).then([&, i](auto answer) {
        ASSERT_TRUE(answer.has_value());
        outer.push_back(answer->number);
        const auto more = requester.request({100 + i});
        ASSERT_TRUE(more.has_value()) << describe(more.error());
        inner.push_back(more->number);
      });
    }
    if (round % 2 == 0) std::this_thread::sleep_for(200us);
    ASSERT_TRUE(eventually([&] {
      requester.poll();
      return inner.size() == kMany;
    })) << "callbacks that ran: "
        << outer.size();
    ASSERT_EQ(outer.size(), kMany);
    for (std::uint32_t i = 0; i < kMany; ++i) EXPECT_EQ(outer[i], 2 * (i + 1));
    EXPECT_EQ(requester.pending(), 0u);
    EXPECT_EQ(requester.late_replies(), 0u);
  }
}

TEST(PendingReply, CallbackMayDestroyTheRequester) {
  for (const int how : {0, 1, 2, 3}) {
    Bus bus;
    Dispatcher server{bus};
    auto replier = server.reply(kTwice, twice);
    auto requester = std::make_unique<Requester<Reply(Question)>>(bus.requester(kTwice));
    auto second =
        std::make_unique<Requester<Reply(Question)>::Pending>(requester->request_async({2}));
    int called = 0;
    requester->request_async({1}).then([&](const Result<Reply, RequestError>& answer) {
      ++called;
      EXPECT_TRUE(answer.has_value() && answer->number == 2);
      requester.reset();
      second.reset();
    });
    if (how == 0) {
      const auto answer = requester->request({3});
      ASSERT_TRUE(answer.has_value()) << describe(answer.error());
      EXPECT_EQ(answer->number, 6u);
    } else if (how == 1) {
      EXPECT_TRUE(eventually([&] { return called == 1 || (requester->poll(), called == 1); }));
    } else if (how == 2) {
      EXPECT_TRUE(eventually([&] {
        if (called == 0) static_cast<void>(second->poll());
        return called == 1;
      }));
    } else {
      EXPECT_TRUE(eventually([&] {
        if (called == 0) static_cast<void>(requester->request_async({4}));
        if (called == 0) requester->poll();
        return called == 1;
      }));
    }
    EXPECT_EQ(called, 1);
  }
}

TEST(PendingReply, CallbackMayAskAgainAndThenDestroyTheRequester) {
  Bus bus;
  {
    Dispatcher server{bus};
    auto replier = server.reply(kTwice, twice);
    auto requester = std::make_unique<Requester<Reply(Question)>>(bus.requester(kTwice));
    std::uint32_t inner = 0;
    requester->request_async({1}).then([&](const Result<Reply, RequestError>&) {
      inner = requester->request({5})->number;
      Requester<Reply(Question)> moved = std::move(*requester);
      requester.reset();
      moved = bus.requester(kTwice);  // drops the one whose calls are under way
      inner += moved.request({6})->number;
    });
    const auto answer = requester->request({3});
    ASSERT_TRUE(answer.has_value()) << describe(answer.error());
    EXPECT_EQ(answer->number, 6u);
    EXPECT_EQ(inner, 10u + 12u);
  }
  EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; })) << "all of it went";
}

TEST(PendingReply, CallbackMayUseUpTheLastHandle) {
  for (const bool gets : {true, false}) {
    Bus bus;
    {
      Dispatcher server{bus};
      auto replier = server.reply(kTwice, twice);
      std::optional<Requester<Reply(Question)>> requester = bus.requester(kTwice);
      int called = 0;
      std::uint32_t inner = 0;
      std::optional<Requester<Reply(Question)>::Pending> last;
      requester->request_async({1}).then([&](const Result<Reply, RequestError>&) {
        if (gets) {
          inner = last->get()->number;
        } else {
          std::move(*last).then([&](const Result<Reply, RequestError>&) { inner = 4; });
        }
        ++called;
      });
      last.emplace(requester->request_async({2}));
      requester.reset();
      EXPECT_TRUE(eventually([&] {
        static_cast<void>(last->poll());
        return called != 0;
      }));
      EXPECT_EQ(called, 1);
      EXPECT_EQ(inner, 4u) << "gets: " << gets;
    }
    EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; }));
  }
}

TEST(Requester, MovedOntoItselfStaysWhatItIs) {
  Bus bus;
  Dispatcher server{bus};
  auto replier = server.reply(kTwice, twice);
  auto requester = bus.requester(kTwice);
  auto& same = requester;
  requester = std::move(same);
  EXPECT_EQ(requester.request({4})->number, 8u);
}

TEST(PendingReply, CallbacksThatWaitWhenTheRequesterGoesAreCalled) {
  std::vector<std::string> errors;
  Bus bus{{.on_error = [&](std::string_view name, const std::exception_ptr&) {
    errors.emplace_back(name);
  }}};
  Dispatcher server{bus};
  Door door;
  auto replier = server.reply(kTwice, [&](const Question& question) {
    if (question.number == 1) door.pass();
    return twice(question);
  });
  std::vector<RequestError> heard;
  int answered = 0;
  {
    auto requester = bus.requester(kTwice);
    requester.request_async({0}).then(
        [&](const Result<Reply, RequestError>& answer) { answered += answer.has_value() ? 1 : 0; });
    for (std::uint32_t i = 1; i < 6; ++i) {
      requester.request_async({i}).then([&heard, i](const Result<Reply, RequestError>& answer) {
        heard.push_back(answer.error());
        if (i == 2) throw std::runtime_error("of a callback");
      });
    }
    ASSERT_TRUE(door.await_somebody());  // 0 is answered, though nobody has looked
  }
  door.open();
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(heard, std::vector<RequestError>(5, RequestError::kCancelled));
  EXPECT_EQ(errors, std::vector<std::string>{"twice"});
}

TEST(PendingReply, CallbackChainAsynchronously) {
  Bus bus;
  Dispatcher server{bus};
  auto replier = server.reply(kTwice, twice);
  auto requester = bus.requester(kTwice);
  std::uint32_t left = 2000;
  std::function<void(Requester<Reply(Question)>::Answer)> next = [&](auto answer) {
    ASSERT_TRUE(answer.has_value());
    ASSERT_EQ(answer->number, 2 * left);
    if (--left != 0) requester.request_async({left}).then(next);
  };
  requester.request_async({left}).then(next);
  EXPECT_TRUE(eventually([&] {
    requester.poll();
    return left == 0;
  }));
}

TEST(Requester, MayGoBeforeItsPendingReplyAndBeforeTheReplier) {
  for (int order = 0; order < 4; ++order) {
    Bus bus;
    {
      Dispatcher server{bus};
      std::optional<Replier> replier = server.reply(kTwice, twice);
      std::optional<Requester<Reply(Question)>> requester = bus.requester(kTwice);
      std::optional<Requester<Reply(Question)>::Pending> pending;
      pending.emplace(requester->request_async({4}));
      switch (order) {
        case 0:
          requester.reset();
          EXPECT_EQ(pending->get()->number, 8u);
          pending.reset();
          replier.reset();
          break;
        case 1:
          requester.reset();
          pending.reset();
          break;
        case 2:
          replier.reset();
          requester.reset();
          {
            const auto answer = pending->get();
            EXPECT_TRUE(answer ? answer->number == 8
                               : answer.error() == RequestError::kReplierGone);
          }
          break;
        default: break;
      }
    }
    EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; })) << order;
  }
}

TEST(Requester, GivesItsLanesBackHoweverItIsUsed) {
  Bus bus;
  Dispatcher server{bus};
  std::optional<Replier> replier;
  for (int round = 0; round < 200; ++round) {
    if (round % 2 == 0) replier.emplace(server.reply(kTwice, twice));
    auto requester = bus.requester(kTwice);
    if (round % 3 == 0 && replier) {
      EXPECT_TRUE(requester.request({1}).has_value());
    }
    if (round % 5 == 0) replier.reset();
    if (round % 2 == 1) replier.reset();
  }
  replier.reset();
  EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; })) << bus.lanes() << " lanes are left";
}

TEST(Requester, LanesOfRepliersThatComeAndGoUnseenAreGivenBack) {
  Bus bus;
  Dispatcher server{bus};
  auto requester = bus.requester(kTwice);
  for (int round = 0; round < 200; ++round) auto replier = server.reply(kTwice, twice);
  EXPECT_TRUE(eventually([&] { return bus.lanes() <= 2; })) << bus.lanes() << " lanes";
  auto replier = server.reply(kTwice, twice);
  const auto answer = requester.request({4});
  ASSERT_TRUE(answer.has_value()) << describe(answer.error());
  EXPECT_EQ(answer->number, 8u);
}

TEST(Requester, TypeMismatchShowsBothSides) {
  Bus bus;
  Dispatcher server{bus};
  auto replier = server.reply(kTwice, twice);
  auto wrong = bus.try_requester(Service<Question(Question)>{"twice"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_TRUE(test::contains(test::message_of(wrong), "Reply")) << wrong.status();
  EXPECT_TRUE(test::contains(test::message_of(wrong), "Question")) << wrong.status();
  EXPECT_FALSE(bus.try_publisher(Topic<Question>{"twice"}).ok()) << "a service's name";
  EXPECT_FALSE(bus.try_requester(kTwice.named("tw*")).ok());
  EXPECT_FALSE(bus.try_requester(kTwice.named("twice.*")).ok());
  EXPECT_FALSE(bus.try_requester(Service<Reply(Question)>{"none", {.max_pending = 0}}).ok());
  EXPECT_EQ(bus.lanes(), 0u) << "refusals leave nothing behind";
}

TEST(Requester, StopWithRequestsPendingSaysClosed) {
  Bus bus;
  Dispatcher server{bus, {.name = "server"}};
  Door door;
  auto replier = server.reply(kTwice, [&](const Question& question) {
    door.pass();
    return twice(question);
  });
  auto requester = bus.requester(kTwice);
  auto other = bus.requester(kTwice);
  auto pending = requester.request_async({1});
  ASSERT_TRUE(door.await_somebody());
  std::atomic<int> outcome{-1};
  std::thread sleeper([&] {
    const auto answer = other.request({2}, 600s);
    outcome.store(answer ? 1000 : static_cast<int>(answer.error()));
  });
  std::this_thread::sleep_for(10ms);
  const auto report = bus.stop({.drain = 20ms});
  EXPECT_FALSE(report.drained);
  ASSERT_EQ(report.in_the_way.size(), 1u);
  EXPECT_TRUE(test::contains(report.in_the_way[0], "server")) << report.in_the_way[0];
  EXPECT_TRUE(test::contains(report.in_the_way[0], "twice")) << report.in_the_way[0];
  sleeper.join();
  EXPECT_EQ(outcome.load(), static_cast<int>(RequestError::kClosed));
  EXPECT_EQ(pending.get().error(), RequestError::kClosed);
  EXPECT_EQ(requester.request({3}).error(), RequestError::kClosed);
  door.open();
}

TEST(Requester, MoveOnlyQuestionsAndAnswersLeaveNothingBehind) {
  const auto before = test::Parcel::living.load();
  {
    Bus bus;
    Dispatcher server{bus};
    const Service<test::Parcel(test::Parcel)> service{"parcel", {.timeout = 60s, .max_pending = 3}};
    auto replier = server.reply(
        service, [](const test::Parcel& parcel) { return test::Parcel(parcel.value() + 1); });
    auto requester = bus.requester(service);
    for (std::uint64_t i = 0; i < 100; ++i) {
      const auto answer = requester.request(test::Parcel(i));
      ASSERT_TRUE(answer.has_value());
      EXPECT_EQ(answer->value(), i + 1);
    }
    static_cast<void>(requester.request_async(test::Parcel(1)));
    auto kept = requester.request_async(test::Parcel(1));
    EXPECT_TRUE(eventually([&] { return kept.poll(); }));
  }
  EXPECT_EQ(test::Parcel::living.load(), before);
}

}  // namespace
}  // namespace ringway
