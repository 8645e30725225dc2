// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bus_support.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Door;
using test::eventually;

inline constexpr Service<int(int)> kNext{"next", {.timeout = 60s}};

TEST(Replier, SecondOneIsRefusedUntilTheFirstHasEnded) {
  Bus bus;
  Dispatcher one{bus};
  Dispatcher other{bus};
  auto first = one.reply(kNext, [](int i) { return i + 1; });
  for (auto* dispatcher : {&one, &other}) {
    auto second = dispatcher->try_reply(kNext, [](int i) { return i + 2; });
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
    EXPECT_TRUE(test::contains(test::message_of(second), "next"));
  }
  first.end();
  EXPECT_TRUE(other.try_reply(kNext, [](int i) { return i + 2; }).ok());
  EXPECT_TRUE(one.try_reply(kNext.named("another"), [](int i) { return i; }).ok());
}

TEST(Replier, PatternOrBadNameOrOtherTypeIsRefused) {
  Bus bus;
  Dispatcher server{bus};
  EXPECT_FALSE(server.try_reply(kNext.named("next.*"), [](int i) { return i; }).ok());
  EXPECT_FALSE(server.try_reply(kNext.named(""), [](int i) { return i; }).ok());
  auto requester = bus.requester(kNext);
  auto wrong = server.try_reply(Service<double(int)>{"next"}, [](int) { return 1.0; });
  ASSERT_FALSE(wrong.ok());
  EXPECT_TRUE(test::contains(test::message_of(wrong), "double")) << wrong.status();
  EXPECT_TRUE(test::contains(test::message_of(wrong), "int(int)") ||
              test::contains(test::message_of(wrong), "int (int)"))
      << wrong.status();
  auto publisher = bus.publisher(Topic<int>{"topic"});
  EXPECT_FALSE(server.try_reply(kNext.named("topic"), [](int i) { return i; }).ok());
}

TEST(Replier, HandlerThatThrowsFailsItsRequestAlone) {
  std::mutex lock;
  std::vector<std::string> told;
  Bus bus{{.on_error = [&](std::string_view name, const std::exception_ptr& error) {
    const std::scoped_lock guard(lock);
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      told.push_back(std::string(name) + ": " + exception.what());
    }
  }}};
  Dispatcher server{bus};
  auto replier = server.reply(kNext, [](int i) {
    if (i % 2 == 1) throw std::runtime_error("odd");
    return i + 1;
  });
  auto requester = bus.requester(kNext);
  for (int i = 0; i < 20; ++i) {
    const auto answer = requester.request(i);
    if (i % 2 == 1) {
      EXPECT_EQ(answer.error(), RequestError::kHandlerFailed);
    } else {
      EXPECT_EQ(*answer, i + 1);
    }
  }
  const std::scoped_lock guard(lock);
  EXPECT_EQ(told, std::vector<std::string>(10, "next: odd"));
}

TEST(Replier, ServesSeveralRequestersEachWithItsOwnAnswers) {
  Bus bus;
  Dispatcher server{bus};
  auto replier = server.reply(kNext, [](int i) { return i + 1; });
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      auto requester = bus.requester(kNext);
      for (int i = 0; i < 1000; ++i) {
        const auto answer = requester.request(t * 10'000 + i);
        if (!answer || *answer != t * 10'000 + i + 1) wrong.fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; }));
}

TEST(Replier, MayEndItselfInItsHandlerAndTheAnswerStillGoesOut) {
  Bus bus;
  Dispatcher server{bus};
  std::optional<Replier> replier;
  replier.emplace(server.reply(kNext, [&](int i) {
    replier->end();
    return i + 1;
  }));
  auto requester = bus.requester(kNext);
  const auto answer = requester.request(1);
  ASSERT_TRUE(answer.has_value()) << describe(answer.error());
  EXPECT_EQ(*answer, 2);
  const auto again = requester.request(2);
  EXPECT_TRUE(again.error() == RequestError::kReplierGone ||
              again.error() == RequestError::kNoReplier)
      << describe(again.error());
}

TEST(Replier, HandlerMayAskAnotherService) {
  Bus bus;
  Dispatcher front{bus};
  Dispatcher back{bus};
  auto inner = back.reply(kNext, [](int i) { return i + 1; });
  auto ask = bus.requester(kNext);
  auto outer = front.reply(kNext.named("outer"), [&](int i) {
    const auto answer = ask.request(i);
    return answer ? 10 * *answer : -1;
  });
  auto requester = bus.requester(kNext.named("outer"));
  for (int i = 0; i < 500; ++i) {
    const auto answer = requester.request(i);
    ASSERT_TRUE(answer.has_value()) << describe(answer.error());
    EXPECT_EQ(*answer, 10 * (i + 1));
  }
}

// Two services that ask each other, one request of room each: the deadline ends it, nobody hangs.
TEST(Replier, CapacityOneBothWaysStormEnds) {
  Bus bus;
  Dispatcher left{bus, {.name = "left"}};
  Dispatcher right{bus, {.name = "right"}};
  const Service<int(int)> kLeft{"left", {.timeout = 2ms, .max_pending = 1}};
  const Service<int(int)> kRight{"right", {.timeout = 2ms, .max_pending = 1}};
  auto ask_left = bus.requester(kLeft);
  auto ask_right = bus.requester(kRight);
  auto at_left = left.reply(kLeft, [&](int i) {
    const auto answer = ask_right.request(i - 1);
    return answer ? *answer : -1;
  });
  auto at_right = right.reply(kRight, [&](int i) {
    if (i <= 0) return 0;
    const auto answer = ask_left.request(i - 1);
    return answer ? *answer : -1;
  });
  std::atomic<int> ended{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      auto requester = bus.requester(t == 0 ? kLeft : kRight);
      for (int i = 0; i < 150; ++i) {
        const auto answer = requester.request(i % 6);
        static_cast<void>(answer);
        ended.fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ended.load(), 300);
  bool answered = false;
  auto requester = bus.requester(kRight);
  EXPECT_TRUE(eventually([&] {
    const auto answer = requester.request(0, 10s);
    answered = answer.has_value();
    return answered;
  })) << "the services still serve";
}

TEST(Replier, ComesAndGoesUnderLoad) {
  Bus bus;
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> answered{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> timed_out{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      auto requester = bus.requester(kNext);
      for (int i = t; !over.load(); i += 2) {
        const auto answer = requester.request(i, 60s);
        if (answer) {
          answered.fetch_add(1);
          if (*answer != i + 1) wrong.fetch_add(1);
        } else if (answer.error() == RequestError::kTimedOut) {
          timed_out.fetch_add(1);
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  {
    Dispatcher one{bus};
    Dispatcher other{bus};
    for (int round = 0; (round < 200 || answered.load() == 0) && round < 1000; ++round) {
      auto made = (round % 2 == 0 ? one : other).try_reply(kNext, [](int i) { return i + 1; });
      EXPECT_TRUE(made.ok()) << made.status();
      if (round % 4 == 0) std::this_thread::sleep_for(500us);
      if (round > 200) std::this_thread::sleep_for((round - 200) * 1ms);  // a busy machine
    }
  }
  over.store(true);
  for (auto& thread : threads) thread.join();
  EXPECT_GT(answered.load(), 0u);
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(timed_out.load(), 0u) << "a replier that goes says so";
  EXPECT_TRUE(eventually([&] { return bus.lanes() == 0; })) << bus.lanes();
}

}  // namespace
}  // namespace ringway
