// SPDX-License-Identifier: Apache-2.0
// What a forked child has of its parent's bus: handles of every kind, all of which answer with an
// error and harm nobody. (segment_home_test.cpp has the participant's side.)
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "bus_kill_support.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"

namespace ringway {
namespace {

using namespace std::chrono_literals;
using test::Ask;
using test::contains;
using test::eventually;
using test::few;
using test::kMany;
using test::kNext;
using test::kWords;
using test::message_of;
using test::Places;
using test::Process;
using test::SegmentName;
using test::Tell;
using test::Word;

constexpr Topic<Word> kLossy{"lossy", {.capacity = 16, .admits_lossy = true}};
constexpr ByteTopic kBytes{"bytes", {.capacity = 1000, .largest = 100, .encoding = "test/1"}};
constexpr std::uint64_t kSlow = 7;  // a question that is not answered before go

/// One of everything, and what came of it.
struct Everything {
  explicit Everything(SharedBus made) : bus(std::move(made)) {
    words.emplace(bus.publisher(kWords));
    lossy.emplace(bus.publisher(kLossy));
    family.emplace(bus.family_publisher(kMany));
    topic.emplace(family->topic("many.a"));
    bytes.emplace(bus.publisher(kBytes));
    asker.emplace(bus.requester(kNext));
  }

  /// One message each, from every publisher.
  [[nodiscard]] bool publish() {
    const auto word = Word::of(1, ++published);
    return words->publish_for(word, 60s) == PublishStatus::kPublished &&
           lossy->publish_for(word, 60s) == PublishStatus::kPublished &&
           family->publish_for(*topic, word, 60s) == PublishStatus::kPublished &&
           bytes->publish_for(std::as_bytes(std::span("message")), 60s) ==
               PublishStatus::kPublished;
  }
  /// Everybody has found everybody: no lane is made from now on.
  [[nodiscard]] bool has_settled() {
    return publish() && all_came() && eventually([&] { return asker->request({1}).has_value(); });
  }
  [[nodiscard]] bool all_came() const {
    return eventually([&] { return received == 4 * published; });
  }

  SharedBus bus;
  std::atomic<std::uint64_t> received{0};
  std::uint64_t published = 0;
  std::atomic<bool> go{false};
  Dispatcher<SegmentHome> feed{bus, {.name = "feed"}};
  Subscription of_words = feed.subscribe(kWords, [&](const Word&) { ++received; });
  Subscription of_lossy = feed.subscribe(kLossy, [&](const Word&) { ++received; });
  Subscription of_family = feed.subscribe(kMany, [&](const Word&) { ++received; });
  Subscription of_bytes = feed.subscribe(kBytes, [&](std::span<const std::byte>) { ++received; });
  Dispatcher<SegmentHome> server{bus, {.name = "server"}};
  Replier replier = server.reply(kNext, [&](const Ask& ask) {
    if (ask.value == kSlow) static_cast<void>(eventually([&] { return go.load(); }));
    return Tell{ask.value + 1};
  });
  std::optional<Publisher<Word, SegmentHome>> words;
  std::optional<Publisher<Word, SegmentHome>> lossy;
  std::optional<FamilyPublisher<Word, SegmentHome>> family;
  std::optional<TopicNumber> topic;
  std::optional<BytePublisher<SegmentHome>> bytes;
  std::optional<Requester<Tell(Ask), SegmentHome>> asker;
};

/// A named bus, and one without a name, whose lanes lie in its one segment.
class SharedBusFork : public testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] static SharedBus open(const SegmentName& name) {
    return (GetParam() ? open_shared(name.str(), few()) : make_anonymous_shared(few())).value();
  }
};

template <class T>
bool refused(const absl::StatusOr<T>& result) {
  return !result.ok() && contains(message_of(result), "forked");
}

TEST_P(SharedBusFork, HandlesOfEveryKindAnswerWithAnErrorInTheChildAndGoOnInTheParent) {
  const SegmentName name;
  {
    Everything all(open(name));
    ASSERT_TRUE(all.has_settled());
    auto pending = all.asker->request_async({kSlow}, 60s);
    const auto lanes = all.bus.lanes();
    const auto before = Places::of(all.bus);
    const auto files = name.files();
    Process child([&] {
      const auto word = Word::of(2, 0);
      const auto message = std::as_bytes(std::span("message"));
      constexpr auto kClosed = PublishStatus::kClosed;
      if (all.words->try_publish(word) != kClosed || all.words->publish(word) != kClosed) return 1;
      if (all.words->try_claim()) return 2;
      if (all.lossy->try_publish(word) != kClosed || all.lossy->publish(word) != kClosed) return 3;
      if (all.family->try_publish(*all.topic, word) != kClosed) return 4;
      if (all.family->publish(*all.topic, word) != kClosed) return 5;
      if (all.bytes->try_publish(message) != kClosed) return 6;
      if (all.bytes->publish(message) != kClosed || all.bytes->try_claim(10)) return 7;
      const auto closed = [](const auto& answer) {
        return !answer && answer.error() == RequestError::kClosed;
      };
      if (!closed(all.asker->request({1}))) return 8;
      if (!closed(all.asker->request_async({1}).get())) return 9;
      if (!closed(pending.get())) return 10;
      if (!refused(all.feed.try_subscribe(kWords, [](const Word&) {}))) return 11;
      if (!refused(all.feed.try_subscribe(kBytes, [](std::span<const std::byte>) {}))) return 12;
      if (!refused(all.server.try_reply(Service<Tell(Ask)>{"other"},
                                        [](const Ask&) { return Tell{}; }))) {
        return 13;
      }
      if (!refused(Dispatcher<SegmentHome>::make(all.bus))) return 14;
      if (!refused(all.bus.try_publisher(kWords))) return 15;
      if (!refused(all.bus.try_family_publisher(kMany))) return 16;
      if (!refused(all.bus.try_publisher(kBytes))) return 17;
      if (!refused(all.bus.try_requester(kNext))) return 18;
      if (all.bus.lanes() != lanes) return 19;  // as they were
      if (participants(all.bus).size() != 1 || look_after_others(all.bus) != 0) return 20;
      return shared_descriptor(all.bus) == -1 ? 0 : 21;
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(Places::of(all.bus), before);
    EXPECT_EQ(name.files(), files);
    all.go = true;
    const auto answer = pending.get();
    ASSERT_TRUE(answer) << describe(answer.error());
    EXPECT_EQ(answer->value, kSlow + 1);
    const auto next = all.asker->request({41});
    ASSERT_TRUE(next) << describe(next.error());
    EXPECT_EQ(next->value, 42U);
    EXPECT_EQ(all.asker->late_replies(), 0U);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(all.publish());
    EXPECT_TRUE(all.all_came()) << all.received;
  }
  EXPECT_FALSE(name.exists());
}

// Without the threads that the destructors of dispatchers and subscriptions would wait for, the
// others may end in the child: what they let go of is the child's copy.
TEST_P(SharedBusFork, HandlesThatEndInTheChildTakeNothingFromTheParent) {
  const SegmentName name;
  {
    Everything all(open(name));
    ASSERT_TRUE(all.has_settled());
    const auto before = Places::of(all.bus);
    const auto files = name.files();
    Process child([&] {
      all.words.reset();
      all.lossy.reset();
      all.family.reset();
      all.bytes.reset();
      all.asker.reset();
      return 0;
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(Places::of(all.bus), before);
    EXPECT_EQ(name.files(), files);
    const auto answer = all.asker->request({41});
    ASSERT_TRUE(answer) << describe(answer.error());
    EXPECT_EQ(answer->value, 42U);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(all.publish());
    EXPECT_TRUE(all.all_came()) << all.received;
  }
  EXPECT_FALSE(name.exists());
}

// Nor does the bus itself, with nothing else open, end in the child for its parent.
TEST_P(SharedBusFork, BusThatEndsInTheChildStaysTheParents) {
  const SegmentName name;
  {
    std::optional<SharedBus> bus(open(name));
    const auto files = name.files();
    Process child([&] {
      bus->stop();
      bus.reset();
      return name.files() == files ? 0 : 1;
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(name.files(), files);
    EXPECT_EQ(participants(*bus).size(), 1U);
    EXPECT_TRUE(bus->try_publisher(kWords).ok());
  }
  EXPECT_FALSE(name.exists());
}

INSTANTIATE_TEST_SUITE_P(, SharedBusFork, testing::Bool(),
                         [](const auto& param) { return param.param ? "Named" : "Anonymous"; });

}  // namespace
}  // namespace ringway
