// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the tests that kill processes of a shared bus have in common: topics whose messages show
/// whether they are whole, a bus with small tables, and a look at what is left after a death.

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "ringway/shm/shared_bus.hpp"
#include "shm_support.hpp"
#include "support/bus/messages.hpp"

namespace ringway::test {

using namespace std::chrono_literals;

inline constexpr std::size_t kCapacity = 16;
inline constexpr Topic<Word> kWords{"words", {.capacity = kCapacity}};
inline constexpr Topic<Word> kMany{"many.>", {.capacity = kCapacity}};
inline constexpr Service<Tell(Ask)> kNext{"next", {.timeout = 20s}};

inline SharedBusOptions few() {
  SharedBusOptions options;
  options.lane_bytes = std::size_t{1} << 20;
  options.tables = {.topics = 32,
                    .subscriptions = 16,
                    .endpoints = 16,
                    .lanes = 64,
                    .participants = 4,
                    .types = 8};
  return options;
}

/// What a survivor can still do after somebody died beside it.
inline void expect_sound(const std::string& name, SharedBus& survivor, std::size_t lanes_before) {
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

/// Places of the tables that are taken, and descriptors of this process.
struct Places {
  std::size_t lanes = 0;
  std::size_t subscriptions = 0;
  std::size_t endpoints = 0;
  std::size_t participants = 0;
  std::size_t descriptors = 0;

  static Places of(SharedBus& bus) {
    Places taken;
    {
      const auto lock = bus.core()->lock();
      auto& directory = bus.core()->directory();
      for (std::uint32_t i = 1; i < directory.lanes_used(); ++i) {
        taken.lanes += directory.lane(i).used != 0 ? 1 : 0;
      }
      for (std::uint32_t i = 0; i < directory.subscriptions_used(); ++i) {
        taken.subscriptions += directory.subscription(i).used != 0 ? 1 : 0;
      }
      for (std::uint32_t i = 0; i < directory.endpoints_used(); ++i) {
        taken.endpoints += directory.endpoint(i).used != 0 ? 1 : 0;
      }
    }
    taken.participants = ringway::participants(bus).size();
    const std::filesystem::directory_iterator open("/proc/self/fd");
    taken.descriptors = static_cast<std::size_t>(std::distance(begin(open), end(open)));
    return taken;
  }
  bool operator==(const Places&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Places& places) {
    return out << places.lanes << " lanes, " << places.subscriptions << " subscriptions, "
               << places.endpoints << " endpoints, " << places.participants << " participants, "
               << places.descriptors << " descriptors";
  }
};

// In the child. Not destroyed unless the operation says so.
inline std::optional<SharedBus>& child_bus() {
  static auto* bus = new std::optional<SharedBus>;
  return *bus;
}
inline void attach(const std::string& name) {
  auto bus = open_shared(name, few());
  if (!bus.ok()) ::_exit(50);
  child_bus().emplace(*std::move(bus));
}
inline void nothing(const std::string&) {}

}  // namespace ringway::test
