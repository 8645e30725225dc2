// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What topics of bytes do on whatever bus. \pre bus_support.hpp or shm_support.hpp is included
///
/// A `Pair` is two views of one bus: `writer()` and `reader()`.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ringway/base/at_exit.hpp"
#include "ringway/bus/bus.hpp"
#include "tests/ring/byte_messages.hpp"

namespace ringway::test {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}
inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Holds the handlers that come in until the test lets them go, one by one or all.
class Gatekeeper {
 public:
  ~Gatekeeper() { open(); }
  void open() noexcept { open_.store(true); }
  void pass() noexcept {
    here_.fetch_add(1);
    while (!open_.load()) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  [[nodiscard]] bool somebody_is_here() const noexcept { return here_.load() != 0; }

 private:
  std::atomic<bool> open_{false};
  std::atomic<int> here_{0};
};

/// Publishes message `number` in one of the ways there are.
template <class Publisher>
void publish_message(Publisher& publisher, std::uint64_t number, std::size_t most) {
  const auto size = size_of_message(number, most);
  if (number % 3 == 0) {
    std::vector<std::byte> message(size);
    write_message(number, message);
    ASSERT_EQ(publisher.publish(message), PublishStatus::kPublished);
    return;
  }
  const auto room = number % 3 == 1 ? size : most;  // as one who does not know it beforehand
  const auto claimed = [&] {
    auto claim = publisher.try_claim(room);
    if (!claim) return false;
    EXPECT_EQ(claim.bytes().size(), room);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(claim.bytes().data()) % kFrameAlign, 0u);
    write_message(number, claim.bytes().first(size));
    claim.commit(size);
    return true;
  };
  ASSERT_TRUE(eventually(claimed));
}

template <class Pair>
class ByteTopicConformance : public testing::Test {
 protected:
  using Reader = std::remove_cvref_t<decltype(std::declval<Pair>().reader())>;
  using HomeType = typename Reader::HomeType;

  auto& writer() { return pair_.writer(); }
  auto& reader() { return pair_.reader(); }
  auto make_dispatcher(const char* name = "reader") {
    return Dispatcher<HomeType>(reader(), {.name = name});
  }

  Pair pair_;
};
TYPED_TEST_SUITE_P(ByteTopicConformance);

TYPED_TEST_P(ByteTopicConformance, CarriesMessagesOfEverySizeInOrder) {
  constexpr std::size_t kMost = 60;
  constexpr std::uint64_t kCount = 1200;
  for (const std::size_t capacity :
       {byte_message_cost(kMost), std::size_t{200}, std::size_t{777}}) {
    const ByteTopic topic{"sizes", {.capacity = capacity, .largest = kMost}};
    auto dispatcher = this->make_dispatcher();
    std::uint64_t next = 0;
    std::uint64_t wrong = 0;
    auto subscription =
        dispatcher.subscribe(topic, [&](std::span<const std::byte> bytes, const MessageInfo& info) {
          const bool right = is_message(next, size_of_message(next, kMost), bytes) &&
                             info.sequence == next && info.gap == 0 && info.topic == "sizes";
          wrong += right ? 0 : 1;
          ++next;
        });
    auto publisher = this->writer().publisher(topic);
    EXPECT_EQ(publisher.capacity(), capacity);
    EXPECT_EQ(publisher.largest(), kMost);
    for (std::uint64_t i = 0; i < kCount; ++i) publish_message(publisher, i, kMost);
    EXPECT_EQ(publisher.sequence(), kCount);
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == kCount; }));
    subscription.end();
    EXPECT_EQ(wrong, 0u);
    EXPECT_EQ(subscription.undelivered(), 0u);
    EXPECT_EQ(subscription.lost(), 0u);
  }
}

TYPED_TEST_P(ByteTopicConformance, LargestMessageFitsAndOneByteMoreIsRefused) {
  for (const std::size_t largest : {0u, 1u, 8u, 100u, 5000u}) {
    const ByteTopic topic{"largest",
                          {.capacity = byte_message_cost(largest) + 40, .largest = largest}};
    auto dispatcher = this->make_dispatcher();
    std::atomic<std::size_t> bytes_seen{0};
    auto subscription = dispatcher.subscribe(
        topic, [&](std::span<const std::byte> bytes) { bytes_seen += bytes.size(); });
    auto publisher = this->writer().publisher(topic);
    const std::vector<std::byte> message(largest + 1);
    EXPECT_EQ(publisher.publish(message), PublishStatus::kTooLarge);
    EXPECT_EQ(publisher.try_publish(message), PublishStatus::kTooLarge);
    EXPECT_EQ(publisher.publish_for(message, 60s), PublishStatus::kTooLarge);
    EXPECT_FALSE(publisher.try_claim(largest + 1));
    EXPECT_FALSE(publisher.try_claim(~std::size_t{0}));
    EXPECT_EQ(publisher.sequence(), 0u);
    EXPECT_EQ(publisher.publish(std::span(message).first(largest)), PublishStatus::kPublished);
    EXPECT_EQ(publisher.publish({}), PublishStatus::kPublished) << "no bytes are a message, too";
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == 2; }));
    EXPECT_EQ(bytes_seen, largest);
  }
}

TYPED_TEST_P(ByteTopicConformance, MessagesThatCostTheCapacityFitAndASlowReaderHoldsMoreBack) {
  constexpr std::size_t kSize = 24;
  constexpr std::size_t kFits = 10;
  const ByteTopic topic{"slow", {.capacity = kFits * byte_message_cost(kSize), .largest = kSize}};
  Gatekeeper gate;
  auto dispatcher = this->make_dispatcher();
  auto subscription = dispatcher.subscribe(topic, [&](std::span<const std::byte>) { gate.pass(); });
  auto publisher = this->writer().publisher(topic);
  const std::array<std::byte, kSize> message{};
  for (std::size_t i = 0; i < kFits; ++i) {
    ASSERT_EQ(publisher.try_publish(message), PublishStatus::kPublished) << i;
  }
  ASSERT_TRUE(eventually([&] { return gate.somebody_is_here(); }));
  std::size_t more = 0;  // a little more may fit: docs/design/byte-ring.md
  while (publisher.try_publish(message) == PublishStatus::kPublished) ASSERT_LT(more++, 2u);
  EXPECT_FALSE(publisher.try_claim(kSize));
  EXPECT_EQ(publisher.publish_for(message, 1ms), PublishStatus::kTimedOut);
  EXPECT_EQ(publisher.sequence(), kFits + more);
  gate.open();
  EXPECT_EQ(publisher.publish(message), PublishStatus::kPublished);
  EXPECT_TRUE(eventually([&] { return subscription.delivered() == kFits + more + 1; }));
}

TYPED_TEST_P(ByteTopicConformance, EverySubscriberSeesEveryPublishersMessagesInTheirOrder) {
  constexpr std::size_t kMost = 100;
  constexpr std::uint64_t kCount = 1500;
  constexpr std::size_t kPublishers = 3;
  const ByteTopic topic{"many", {.capacity = 700, .largest = kMost}};
  auto one = this->make_dispatcher("one");
  auto two = this->make_dispatcher("two");
  struct Seen {
    std::array<std::uint64_t, kPublishers> next{};
    std::uint64_t wrong = 0;
  };
  std::array<Seen, 3> seen;
  const auto check = [&seen](std::size_t which) {
    return [&into = seen[which]](std::span<const std::byte> bytes, const MessageInfo& info) {
      // the first byte tells the publisher, what follows is its next message
      if (bytes.empty() || static_cast<std::size_t>(bytes[0]) >= kPublishers) {
        ++into.wrong;
        return;
      }
      auto& next = into.next[static_cast<std::size_t>(bytes[0])];
      const auto rest = bytes.subspan(1);
      const bool right =
          is_message(next, size_of_message(next, kMost - 1), rest) && info.sequence == next;
      into.wrong += right ? 0 : 1;
      ++next;
    };
  };
  std::vector<Subscription> subscriptions;
  subscriptions.push_back(one.subscribe(topic, check(0)));
  subscriptions.push_back(one.subscribe(topic.matching("many.>"), check(1)));  // of none of them
  subscriptions[1] = one.subscribe(topic.matching("*"), check(1));
  subscriptions.push_back(two.subscribe(topic, check(2)));
  std::vector<std::thread> threads;
  for (std::size_t p = 0; p < kPublishers; ++p) {
    threads.emplace_back([&, p] {
      auto publisher = this->writer().publisher(topic);
      for (std::uint64_t i = 0; i < kCount; ++i) {
        std::vector<std::byte> message(1 + size_of_message(i, kMost - 1));
        message[0] = static_cast<std::byte>(p);
        write_message(i, std::span(message).subspan(1));
        EXPECT_EQ(publisher.publish(message), PublishStatus::kPublished);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto& subscription : subscriptions) {
    ASSERT_TRUE(eventually([&] { return subscription.delivered() == kPublishers * kCount; }))
        << subscription.pattern();
    subscription.end();
  }
  for (const auto& one_seen : seen) {
    EXPECT_EQ(one_seen.wrong, 0u);
    for (const auto next : one_seen.next) EXPECT_EQ(next, kCount);
  }
}

TYPED_TEST_P(ByteTopicConformance, OtherEncodingIsRefusedAndBothAreNamed) {
  const ByteTopic jpeg{"picture", {.encoding = "jpeg/1"}};
  const ByteTopic png{"picture", {.encoding = "png/2"}};
  const auto ignore = [](std::span<const std::byte>) {};
  auto dispatcher = this->make_dispatcher();
  auto publisher = this->writer().publisher(jpeg);
  const auto names_both = [](const std::string& message) {
    return contains(message, "picture") && contains(message, "jpeg/1") &&
           contains(message, "png/2");
  };
  EXPECT_TRUE(names_both(message_of(this->reader().try_publisher(png))));
  EXPECT_TRUE(names_both(message_of(dispatcher.try_subscribe(png, ignore))));
  auto subscription = dispatcher.subscribe(jpeg, ignore);
  EXPECT_EQ(publisher.publish({}), PublishStatus::kPublished) << "it was left alone";
  EXPECT_TRUE(eventually([&] { return subscription.delivered() == 1; }));
}

TYPED_TEST_P(ByteTopicConformance, TypedOnATopicOfBytesIsRefusedAndTheReverse) {
  const ByteTopic bytes{"one.bytes", {.encoding = "cbor"}};
  const Topic<std::uint64_t> typed{"one.typed"};
  const auto take_bytes = [](std::span<const std::byte>) {};
  const auto take_typed = [](const std::uint64_t&) {};
  auto dispatcher = this->make_dispatcher();
  auto byte_publisher = this->writer().publisher(bytes);
  auto typed_publisher = this->writer().publisher(typed);
  const auto names_both = [](const std::string& message) -> testing::AssertionResult {
    if (contains(message, "cbor") && contains(message, "(8 bytes, ")) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << message;
  };
  EXPECT_TRUE(names_both(message_of(this->reader().try_publisher(typed.named("one.bytes")))));
  EXPECT_TRUE(
      names_both(message_of(dispatcher.try_subscribe(typed.named("one.bytes"), take_typed))));
  EXPECT_TRUE(names_both(message_of(this->reader().try_publisher(bytes.named("one.typed")))));
  EXPECT_TRUE(
      names_both(message_of(dispatcher.try_subscribe(bytes.named("one.typed"), take_bytes))));
}

TYPED_TEST_P(ByteTopicConformance, PatternsTakeInTopicsOfTheirEncodingAlone) {
  const ByteTopic jpeg{"cameras.front", {.encoding = "jpeg/1"}};
  const ByteTopic png{"cameras.rear", {.encoding = "png/2"}};
  auto dispatcher = this->make_dispatcher();
  auto early = this->writer().publisher(jpeg);
  std::vector<std::string> seen;
  std::uint64_t numbers = 0;
  auto pictures = dispatcher.subscribe(
      jpeg.matching("cameras.>"), [&](std::span<const std::byte> bytes, const MessageInfo& info) {
        seen.push_back(std::string(info.topic) + ":" + text_of(bytes));
      });
  auto typed = dispatcher.subscribe(Topic<std::uint64_t>{"cameras.>"},
                                    [&](const std::uint64_t&) { ++numbers; });
  auto other = this->writer().publisher(png);
  auto late = this->writer().publisher(jpeg.named("cameras.side"));
  auto count = this->writer().publisher(Topic<std::uint64_t>{"cameras.count"});
  EXPECT_EQ(early.publish(bytes_of("a")), PublishStatus::kPublished);
  EXPECT_EQ(other.publish(bytes_of("b")), PublishStatus::kPublished);
  EXPECT_EQ(count.publish(7), PublishStatus::kPublished);
  ASSERT_TRUE(eventually([&] { return pictures.delivered() == 1 && typed.delivered() == 1; }));
  EXPECT_EQ(late.publish(bytes_of("c")), PublishStatus::kPublished);
  ASSERT_TRUE(eventually([&] { return pictures.delivered() == 2; }));
  pictures.end();
  typed.end();
  EXPECT_EQ(seen, (std::vector<std::string>{"cameras.front:a", "cameras.side:c"}));
  EXPECT_EQ(numbers, 1u);
}

TYPED_TEST_P(ByteTopicConformance, EncodingMayBeAStringOfTheMoment) {
  auto dispatcher = this->make_dispatcher();
  std::string text;
  auto name = std::make_unique<std::string>("moment");
  auto encoding = std::make_unique<std::string>("schema/" + std::to_string(4711));
  const auto topic = [&] { return ByteTopic{*name, {.encoding = *encoding}}; };
  auto subscription = dispatcher.subscribe(
      topic(), [&](std::span<const std::byte> bytes) { text = text_of(bytes); });
  auto publisher = this->writer().publisher(topic());
  name.reset();  // nothing refers to the strings any more
  encoding.reset();
  EXPECT_EQ(publisher.publish(bytes_of("now")), PublishStatus::kPublished);
  ASSERT_TRUE(eventually([&] { return subscription.delivered() == 1; }));
  subscription.end();
  EXPECT_EQ(text, "now");
  EXPECT_EQ(publisher.topic(), "moment");
  const auto other = this->reader().try_publisher(ByteTopic{"moment", {.encoding = "schema/4712"}});
  EXPECT_TRUE(contains(message_of(other), "schema/4711") &&
              contains(message_of(other), "schema/4712"));
}

TYPED_TEST_P(ByteTopicConformance, ImpossibleOptionsAreRefusedWithAdvice) {
  auto dispatcher = this->make_dispatcher();
  const auto reason = [&](const ByteTopicOptions& options) {
    const ByteTopic topic{"impossible", options};
    const auto subscribed = dispatcher.try_subscribe(topic, [](std::span<const std::byte>) {});
    const auto published = this->writer().try_publisher(topic);
    EXPECT_FALSE(published.ok());
    EXPECT_EQ(published.status().code(), absl::StatusCode::kInvalidArgument) << published.status();
    return message_of(published);
  };
  EXPECT_TRUE(contains(reason({.encoding = ""}), "encoding"));
  EXPECT_TRUE(contains(reason({.encoding = "two words"}), "encoding"));
  EXPECT_TRUE(contains(reason({.encoding = "bell\a"}), "encoding"));
  EXPECT_TRUE(contains(reason({.encoding = std::string(121, 'x')}), "encoding"));
  EXPECT_TRUE(contains(reason({.capacity = 0}), "capacity"));
  EXPECT_TRUE(contains(reason({.capacity = 100, .largest = 100}), "byte_message_cost"));
  EXPECT_TRUE(contains(reason({.largest = ~std::size_t{0} - 4}), "largest"));
  EXPECT_TRUE(contains(reason({.capacity = std::size_t{1} << 62}), "capacity"));
  EXPECT_TRUE(contains(reason({.max_readers = 0}), "62"));
  EXPECT_TRUE(contains(reason({.max_readers = 63}), "62"));
  EXPECT_TRUE(contains(reason({.max_readers = 62, .retain = true}), "62"));
  const auto exact = this->writer().try_publisher(
      ByteTopic{"exact", {.capacity = byte_message_cost(100), .largest = 100}});
  EXPECT_TRUE(exact.ok()) << exact.status();
  const auto pattern = this->writer().try_publisher(ByteTopic{"exact.*"});
  EXPECT_FALSE(pattern.ok());
}

TYPED_TEST_P(ByteTopicConformance, LossySubscriptionsAreRefusedInASentence) {
  const ByteTopic topic{"now"};
  auto dispatcher = this->make_dispatcher();
  const auto reason = [&](const SubscribeOptions& options) {
    const auto made = dispatcher.try_subscribe(
        topic, [](std::span<const std::byte>) {}, options);
    EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument) << made.status();
    return message_of(made);
  };
  EXPECT_TRUE(contains(reason({.lossy = true}), "no lossy subscriptions"));
  EXPECT_TRUE(contains(reason({.latest_only = true}), "no lossy subscriptions"));
}

TYPED_TEST_P(ByteTopicConformance, LateSubscriberBeginsWithTheNextMessage) {
  const ByteTopic topic{"late"};
  auto publisher = this->writer().publisher(topic);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(publisher.publish({}), PublishStatus::kPublished);
  auto dispatcher = this->make_dispatcher();
  Sequence first = 99;
  auto subscription =
      dispatcher.subscribe(topic, [&](std::span<const std::byte>, const MessageInfo& info) {
        if (first == 99) first = info.sequence;
      });
  for (int i = 0; i < 2; ++i) ASSERT_EQ(publisher.publish({}), PublishStatus::kPublished);
  ASSERT_TRUE(eventually([&] { return subscription.delivered() == 2; }));
  subscription.end();
  EXPECT_EQ(first, 3u);
}

/// What a handler saw, as text and in order.
class SeenBytes {
 public:
  auto handler() {
    return [this](std::span<const std::byte> bytes, const MessageInfo& info) {
      const std::scoped_lock lock(lock_);
      texts_.push_back(text_of(bytes));
      numbers_.push_back(info.sequence);
    };
  }
  std::vector<std::string> texts() {
    const std::scoped_lock lock(lock_);
    return texts_;
  }
  std::vector<Sequence> numbers() {
    const std::scoped_lock lock(lock_);
    return numbers_;
  }
  /// Waits until there are so many.
  std::vector<std::string> await(std::size_t count) {
    EXPECT_TRUE(eventually([&] { return texts().size() >= count; }));
    return texts();
  }

 private:
  std::mutex lock_;
  std::vector<std::string> texts_;
  std::vector<Sequence> numbers_;
};

using Texts = std::vector<std::string>;

/// Publishes the texts "first", "first + 1", ..., one of them in place.
template <class Publisher>
void publish_texts(Publisher& publisher, int first, int end) {
  for (int i = first; i < end; ++i) {
    const auto text = std::to_string(i);
    if (i % 3 != 0) {
      ASSERT_EQ(publisher.publish(bytes_of(text)), PublishStatus::kPublished);
      continue;
    }
    auto claim = publisher.try_claim(publisher.largest());
    ASSERT_TRUE(claim) << "what is retained holds nobody back";
    std::memcpy(claim.bytes().data(), text.data(), text.size());
    claim.commit(text.size());
  }
}

constexpr ByteTopic kRetained{"retained",
                              {.capacity = 4 * byte_message_cost(8), .largest = 8, .retain = true}};

TYPED_TEST_P(ByteTopicConformance, OldestOfARetainingTopicIsWhatLeavesRoomForTheNext) {
  auto dispatcher = this->make_dispatcher();
  auto publisher = this->writer().publisher(kRetained);
  ASSERT_NO_FATAL_FAILURE(publish_texts(publisher, 0, 50));
  SeenBytes seen;
  auto subscription = dispatcher.subscribe(kRetained, seen.handler(), {.start = Start::kOldest});
  ASSERT_EQ(publisher.publish(bytes_of("50")), PublishStatus::kPublished);
  ASSERT_TRUE(eventually([&] {
    const auto texts = seen.texts();
    return !texts.empty() && texts.back() == "50";
  }));
  subscription.end();
  const auto texts = seen.texts();
  EXPECT_GE(texts.size(), 3u + 1u);
  EXPECT_LE(texts.size(), 6u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(texts[i], std::to_string(51 - texts.size() + i));
    EXPECT_EQ(seen.numbers()[i], 51 - texts.size() + i);
  }
  EXPECT_EQ(subscription.undelivered(), 0u);
}

TYPED_TEST_P(ByteTopicConformance, LastValueComesFirstWhoeverHasReadIt) {
  auto dispatcher = this->make_dispatcher();
  auto publisher = this->writer().publisher(kRetained);
  SeenBytes first;
  auto early = dispatcher.subscribe(kRetained, first.handler());
  ASSERT_EQ(publisher.publish(bytes_of("0")), PublishStatus::kPublished);
  for (int i = 1; i < 6; ++i) {
    ASSERT_EQ(publisher.publish(bytes_of(std::to_string(i))), PublishStatus::kPublished);
  }
  static_cast<void>(first.await(6));
  SeenBytes second;
  auto late = dispatcher.subscribe(kRetained, second.handler(), {.start = Start::kLastValue});
  EXPECT_EQ(second.await(1), (Texts{"5"}));
  ASSERT_EQ(publisher.publish(bytes_of("6")), PublishStatus::kPublished);
  EXPECT_EQ(second.await(2), (Texts{"5", "6"}));
  EXPECT_EQ(second.numbers(), (std::vector<Sequence>{5, 6}));
  EXPECT_EQ(first.await(7).back(), "6");
  EXPECT_EQ(late.delivered(), 2u);
  EXPECT_EQ(late.lost(), 0u);
}

TYPED_TEST_P(ByteTopicConformance, LateSubscriberOfATopicThatRetainsNothingBeginsWithTheNext) {
  for (const Start start : {Start::kNext, Start::kOldest, Start::kLastValue}) {
    const bool retains = start == Start::kNext;  // and asks for none of it
    const ByteTopic topic{"forgets", {.largest = 8, .retain = retains}};
    auto dispatcher = this->make_dispatcher();
    auto publisher = this->writer().publisher(topic);
    ASSERT_NO_FATAL_FAILURE(publish_texts(publisher, 0, 6));
    SeenBytes seen;
    auto subscription = dispatcher.subscribe(topic, seen.handler(), {.start = start});
    ASSERT_EQ(publisher.publish(bytes_of("6")), PublishStatus::kPublished);
    EXPECT_EQ(seen.await(1), (Texts{"6"}));
  }
}

TYPED_TEST_P(ByteTopicConformance, NothingPublishedYetMeansTheNextMessage) {
  for (const Start start : {Start::kOldest, Start::kLastValue}) {
    auto dispatcher = this->make_dispatcher();
    auto publisher = this->writer().publisher(kRetained);
    SeenBytes seen;
    auto subscription = dispatcher.subscribe(kRetained, seen.handler(), {.start = start});
    ASSERT_EQ(publisher.publish(bytes_of("a")), PublishStatus::kPublished);
    ASSERT_EQ(publisher.publish(bytes_of("b")), PublishStatus::kPublished);
    EXPECT_EQ(seen.await(2), (Texts{"a", "b"}));
  }
}

TYPED_TEST_P(ByteTopicConformance, EachPublishersLastValueIsGiven) {
  auto dispatcher = this->make_dispatcher();
  auto one = this->writer().publisher(kRetained);
  auto two = this->writer().publisher(kRetained.named("retained.too"));
  ASSERT_NO_FATAL_FAILURE(publish_texts(one, 0, 9));
  ASSERT_NO_FATAL_FAILURE(publish_texts(two, 100, 105));
  SeenBytes seen;
  auto subscription = dispatcher.subscribe(kRetained.matching("retained.>"), seen.handler(),
                                           {.start = Start::kLastValue});
  auto exact = dispatcher.subscribe(kRetained, seen.handler(), {.start = Start::kLastValue});
  auto texts = seen.await(2);
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(texts, (Texts{"104", "8"}));
}

TYPED_TEST_P(ByteTopicConformance, PublisherThatWaitsForALateReaderIsWoken) {
  auto dispatcher = this->make_dispatcher();
  auto publisher = this->writer().publisher(kRetained);
  ASSERT_NO_FATAL_FAILURE(publish_texts(publisher, 0, 20));
  // each joins a lane that is full for it, and the publisher has to wait until it has read
  for (int round = 0; round < 50; ++round) {
    SeenBytes seen;
    auto subscription = dispatcher.subscribe(kRetained, seen.handler(), {.start = Start::kOldest});
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(publisher.publish_for(bytes_of("x"), 60s), PublishStatus::kPublished);
    }
    ASSERT_GE(seen.await(11).size(), 11u);
  }
}

TYPED_TEST_P(ByteTopicConformance, WhoeverComesLateMissesNothingFromWhereItBegins) {
  constexpr std::size_t kMost = 60;
  const ByteTopic topic{"hurry", {.capacity = 777, .largest = kMost, .retain = true}};
  auto dispatcher = this->make_dispatcher();
  auto publisher = this->writer().publisher(topic);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> published{0};
  std::thread publishes([&] {
    for (; !stop; ++published) publish_message(publisher, published, kMost);
  });
  const AtExit join_it([&] {
    stop = true;
    publishes.join();
  });
  for (int round = 0; round < 200 && !testing::Test::HasFailure(); ++round) {
    const auto start = round % 3 == 0 ? Start::kLastValue : Start::kOldest;
    std::atomic<std::uint64_t> wrong{0};
    std::uint64_t next = 0;
    std::uint64_t count = 0;
    auto subscription = dispatcher.subscribe(
        topic,
        [&](std::span<const std::byte> bytes, const MessageInfo& info) {
          if (count++ == 0) next = info.sequence;
          const bool right =
              info.sequence == next && is_message(next, size_of_message(next, kMost), bytes);
          wrong += right ? 0 : 1;
          ++next;
        },
        {.start = start});
    EXPECT_TRUE(eventually([&] { return subscription.delivered() >= 20; }));
    subscription.end();
    EXPECT_EQ(wrong, 0u) << "round " << round;
  }
}

TYPED_TEST_P(ByteTopicConformance, SlowReaderCostsNothingOfWhatIsRetained) {
  const ByteTopic topic{"slow.too",
                        {.capacity = 8 * byte_message_cost(8), .largest = 8, .retain = true}};
  auto dispatcher = this->make_dispatcher();
  auto slow_one = this->make_dispatcher("slow");
  auto publisher = this->writer().publisher(topic);
  Gatekeeper gate;
  auto slow = slow_one.subscribe(topic, [&](std::span<const std::byte>) { gate.pass(); });
  int sent = 0;
  while (publisher.try_publish(bytes_of(std::to_string(sent))) == PublishStatus::kPublished) ++sent;
  EXPECT_GE(sent, 8);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(publisher.try_publish(bytes_of("more")), PublishStatus::kFull);
    EXPECT_FALSE(publisher.try_claim(8));
  }
  SeenBytes seen;
  auto subscription = dispatcher.subscribe(topic, seen.handler(), {.start = Start::kOldest});
  const auto texts = seen.await(static_cast<std::size_t>(sent) - 2);
  EXPECT_EQ(texts.back(), std::to_string(sent - 1));
  gate.open();
}

TYPED_TEST_P(ByteTopicConformance, DroppedClaimIsNeverDelivered) {
  const ByteTopic topic{"dropped", {.capacity = 300, .largest = 40}};
  auto dispatcher = this->make_dispatcher();
  std::string seen;
  auto subscription = dispatcher.subscribe(
      topic, [&](std::span<const std::byte> bytes) { seen += text_of(bytes); });
  auto publisher = this->writer().publisher(topic);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(eventually([&] {
      auto claim = publisher.try_claim(40);
      if (claim) std::memset(claim.bytes().data(), 0xff, claim.bytes().size());
      return static_cast<bool>(claim);
    }));
    ASSERT_EQ(publisher.publish(bytes_of(i % 2 == 0 ? "x" : "yy")), PublishStatus::kPublished);
  }
  ASSERT_TRUE(eventually([&] { return subscription.delivered() == 30; }));
  subscription.end();
  std::string expected;
  for (int i = 0; i < 15; ++i) expected += "xyy";
  EXPECT_EQ(seen, expected);
}

TYPED_TEST_P(ByteTopicConformance, SubscriptionThatEndsTellsHowManyMessagesItLeft) {
  const ByteTopic topic{"ends", {.capacity = 400, .largest = 40}};
  Gatekeeper gate;
  auto dispatcher = this->make_dispatcher();
  std::optional<Subscription> subscription;
  std::atomic<bool> ended{false};
  subscription = dispatcher.subscribe(topic, [&](std::span<const std::byte>) {
    gate.pass();
    subscription->end();
    ended = true;
  });
  auto publisher = this->writer().publisher(topic);
  for (std::uint64_t i = 0; i < 6; ++i) {
    const std::vector<std::byte> message(7 * i);
    ASSERT_EQ(publisher.try_publish(message), PublishStatus::kPublished);
  }
  gate.open();
  ASSERT_TRUE(eventually([&] { return ended.load() && subscription->undelivered() != 0; }));
  EXPECT_EQ(subscription->delivered(), 1u);
  EXPECT_EQ(subscription->undelivered(), 5u);
  const std::vector<std::byte> message(40);
  for (int i = 0; i < 100; ++i) {  // it holds nobody back any more
    ASSERT_EQ(publisher.publish(message), PublishStatus::kPublished);
  }
}

TYPED_TEST_P(ByteTopicConformance, PublisherThatLeavesIsReadToItsEnd) {
  const ByteTopic topic{"leaves"};
  auto dispatcher = this->make_dispatcher();
  Gatekeeper gate;
  std::uint64_t seen = 0;
  auto subscription = dispatcher.subscribe(topic, [&](std::span<const std::byte> bytes) {
    gate.pass();
    seen += bytes.size();
  });
  const auto lanes = this->reader().lanes();
  {
    auto publisher = this->writer().publisher(topic);
    for (int i = 0; i < 5; ++i) {
      ASSERT_EQ(publisher.publish(bytes_of("abc")), PublishStatus::kPublished);
    }
  }
  gate.open();
  ASSERT_TRUE(eventually([&] { return subscription.delivered() == 5; }));
  EXPECT_TRUE(eventually([&] { return this->reader().lanes() == lanes; })) << "its lane is gone";
  subscription.end();
  EXPECT_EQ(seen, 15u);
}

TYPED_TEST_P(ByteTopicConformance, HandlerThatWouldWaitForItselfIsTold) {
  const ByteTopic topic{"self", {.capacity = 200, .largest = 40}};
  auto dispatcher = this->make_dispatcher();
  auto publisher = this->reader().publisher(topic);  // the handler's
  std::atomic<int> status{-1};
  auto subscription = dispatcher.subscribe(topic, [&](std::span<const std::byte> bytes) {
    if (status != -1) return;
    PublishStatus last = PublishStatus::kPublished;
    for (int i = 0; i < 100 && last == PublishStatus::kPublished; ++i) {
      last = publisher.publish(bytes);
    }
    status = static_cast<int>(last);
  });
  const std::vector<std::byte> message(40);
  ASSERT_EQ(this->writer().publisher(topic).publish(message), PublishStatus::kPublished);
  ASSERT_TRUE(eventually([&] { return status != -1; }));
  EXPECT_EQ(status, static_cast<int>(PublishStatus::kWouldDeadlock));
}

TYPED_TEST_P(ByteTopicConformance, EveryMessageToASleeperWakesIt) {
  const ByteTopic topic{"wakes"};
  Dispatcher<typename TestFixture::HomeType> dispatcher(this->reader(),
                                                        {.name = "sleeper", .pauses = 1});
  auto subscription = dispatcher.subscribe(topic, [](std::span<const std::byte>) {});
  auto publisher = this->writer().publisher(topic);
  // longer and longer pauses, until it has slept before some of the messages
  std::uint64_t sent = 0;
  for (auto pause = 1ms; dispatcher.parks() < 5 && pause < std::chrono::minutes(1);
       pause += pause) {
    for (int i = 0; i < 5; ++i) {
      std::this_thread::sleep_for(pause);
      ASSERT_EQ(publisher.publish(bytes_of("wake up")), PublishStatus::kPublished);
      ++sent;
      ASSERT_TRUE(eventually([&] { return subscription.delivered() == sent; }));
    }
  }
  EXPECT_GE(dispatcher.parks(), 5u);
}

TYPED_TEST_P(ByteTopicConformance, MoreReadersThanAskedForAreRefused) {
  const ByteTopic topic{"crowded", {.max_readers = 2}};
  auto publisher = this->writer().publisher(topic);
  auto dispatcher = this->make_dispatcher();
  const auto ignore = [](std::span<const std::byte>) {};
  auto one = dispatcher.subscribe(topic, ignore);
  {
    auto two = dispatcher.subscribe(topic, ignore);
    const auto three = dispatcher.try_subscribe(topic, ignore);
    ASSERT_FALSE(three.ok());
    EXPECT_TRUE(contains(message_of(three), "ByteTopicOptions::max_readers")) << three.status();
  }
  EXPECT_TRUE(dispatcher.try_subscribe(topic, ignore).ok()) << "a place came free";
  auto two = dispatcher.subscribe(topic, ignore);
  const auto late = this->writer().try_publisher(ByteTopic{"crowded", {.max_readers = 1}});
  ASSERT_FALSE(late.ok());
  EXPECT_TRUE(contains(message_of(late), "raise ByteTopicOptions::max_readers")) << late.status();
}

TYPED_TEST_P(ByteTopicConformance, StoppedBusDeliversWhatItAcceptedAndTakesNoMore) {
  const ByteTopic topic{"stops", {.capacity = 1000, .largest = 40}};
  auto dispatcher = this->make_dispatcher();
  std::atomic<std::uint64_t> seen{0};
  auto subscription = dispatcher.subscribe(topic, [&](std::span<const std::byte>) { ++seen; });
  auto publisher = this->reader().publisher(topic);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(publisher.publish(bytes_of("accepted")), PublishStatus::kPublished);
  }
  const auto report = this->reader().stop({.drain = 60s});
  EXPECT_TRUE(report.drained);
  EXPECT_EQ(report.left, 0u);
  EXPECT_EQ(seen, 20u);
  EXPECT_EQ(publisher.publish(bytes_of("late")), PublishStatus::kClosed);
  EXPECT_EQ(publisher.try_publish(bytes_of("late")), PublishStatus::kClosed);
  EXPECT_FALSE(publisher.try_claim(1));
}

TYPED_TEST_P(ByteTopicConformance, SubscriptionEndedInsideItsOwnHandlerHandlesNothingMore) {
  const ByteTopic topic{"ends", {.capacity = 400, .largest = 40}};
  Gatekeeper gate;  // the handler finds its subscription in its place
  auto dispatcher = this->make_dispatcher();
  auto publisher = this->writer().publisher(topic);
  int calls = 0;
  std::optional<Subscription> subscription;
  std::atomic<bool> ended{false};
  subscription.emplace(dispatcher.subscribe(topic, [&](std::span<const std::byte>) {
    gate.pass();
    ++calls;
    subscription.reset();
    ended.store(true);
  }));
  gate.open();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(publisher.publish(bytes_of("now")), PublishStatus::kPublished);
  }
  ASSERT_TRUE(eventually([&] { return ended.load(); }));
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(publisher.publish(bytes_of("later")), PublishStatus::kPublished);
  }
  EXPECT_TRUE(this->reader().stop({.drain = 60s}).drained);
  EXPECT_EQ(calls, 1);
}

TYPED_TEST_P(ByteTopicConformance,
             PublishersAndSubscribersComeAndGoAndTheOneThatStaysMissesNothing) {
  constexpr std::size_t kMost = 60;
  constexpr std::uint32_t kRounds = 25;
  constexpr std::uint64_t kEach = 40;
  const ByteTopic topic{"busy", {.capacity = 500, .largest = 4 + kMost, .max_readers = 8}};
  auto steady = this->make_dispatcher("steady");
  auto restless = this->make_dispatcher("restless");
  std::map<std::uint32_t, std::uint64_t> next;  // by publisher
  std::uint64_t wrong = 0;
  auto stays = steady.subscribe(topic, [&](std::span<const std::byte> bytes) {
    std::uint32_t who = 0;
    if (bytes.size() < sizeof(who)) {
      ++wrong;
      return;
    }
    std::memcpy(&who, bytes.data(), sizeof(who));
    const auto number = next[who]++;
    const bool right =
        is_message(number, size_of_message(number, kMost), bytes.subspan(sizeof(who)));
    wrong += right ? 0 : 1;
  });
  std::vector<std::thread> threads;
  for (const std::uint32_t thread : {0U, 1U}) {
    threads.emplace_back([&, thread] {
      for (std::uint32_t round = 0; round < kRounds; ++round) {
        const std::uint32_t who = thread * kRounds + round;
        auto publisher = this->writer().publisher(topic);
        for (std::uint64_t i = 0; i < kEach; ++i) {
          std::vector<std::byte> message(sizeof(who) + size_of_message(i, kMost));
          std::memcpy(message.data(), &who, sizeof(who));
          write_message(i, std::span(message).subspan(sizeof(who)));
          EXPECT_EQ(publisher.publish(message), PublishStatus::kPublished);
        }
      }
    });
  }
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> seen_by_others{0};
  threads.emplace_back([&] {
    while (!over.load()) {
      auto comes = restless.subscribe(topic, [&](std::span<const std::byte>) { ++seen_by_others; });
      std::this_thread::yield();
    }
  });
  threads[0].join();
  threads[1].join();
  over.store(true);
  threads[2].join();
  ASSERT_TRUE(eventually([&] { return stays.delivered() == 2 * kRounds * kEach; }))
      << stays.delivered();
  stays.end();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(next.size(), 2 * kRounds);
  for (const auto& [who, count] : next) EXPECT_EQ(count, kEach) << who;
}

REGISTER_TYPED_TEST_SUITE_P(
    ByteTopicConformance, CarriesMessagesOfEverySizeInOrder,
    LargestMessageFitsAndOneByteMoreIsRefused,
    MessagesThatCostTheCapacityFitAndASlowReaderHoldsMoreBack,
    EverySubscriberSeesEveryPublishersMessagesInTheirOrder, OtherEncodingIsRefusedAndBothAreNamed,
    TypedOnATopicOfBytesIsRefusedAndTheReverse, PatternsTakeInTopicsOfTheirEncodingAlone,
    EncodingMayBeAStringOfTheMoment, ImpossibleOptionsAreRefusedWithAdvice,
    LossySubscriptionsAreRefusedInASentence, LateSubscriberBeginsWithTheNextMessage,
    OldestOfARetainingTopicIsWhatLeavesRoomForTheNext, LastValueComesFirstWhoeverHasReadIt,
    LateSubscriberOfATopicThatRetainsNothingBeginsWithTheNext,
    NothingPublishedYetMeansTheNextMessage, EachPublishersLastValueIsGiven,
    PublisherThatWaitsForALateReaderIsWoken, WhoeverComesLateMissesNothingFromWhereItBegins,
    SlowReaderCostsNothingOfWhatIsRetained, DroppedClaimIsNeverDelivered,
    SubscriptionThatEndsTellsHowManyMessagesItLeft, PublisherThatLeavesIsReadToItsEnd,
    HandlerThatWouldWaitForItselfIsTold, EveryMessageToASleeperWakesIt,
    MoreReadersThanAskedForAreRefused, SubscriptionEndedInsideItsOwnHandlerHandlesNothingMore,
    PublishersAndSubscribersComeAndGoAndTheOneThatStaysMissesNothing,
    StoppedBusDeliversWhatItAcceptedAndTakesNoMore);

}  // namespace ringway::test
