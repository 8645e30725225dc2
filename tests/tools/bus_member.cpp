// SPDX-License-Identifier: Apache-2.0
/// \file
/// A process on a bus that does what it is told, a line at a time, and answers "ok".
///
///   bus_member FOLDER NAME PARTICIPANT
///   publish N     N ticks to "md.ticks" (64 fit; admits lossy readers)
///   family N      N ticks to "md.family.a", of the family "md.family.>"
///   plain N       N ticks to "md.plain" (16 fit; nobody waits for room)
///   again N       the same by another publisher, in place of the first
///   bytes N       N messages of 0, 1, 2 ... bytes to "md.bytes" (encoding "text/1")
///   watched N     N ticks to "md.watched" (16 fit; waits for observers, but not for room)
///   observe       begins to observe md.watched, reliably, without reading anything
///   subscribe / lossy      to md.ticks; the handler stops while it is held
///   hold / release
///   entered       waits until the handler was entered
///   drained       waits until the handler has returned from everything

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "ringway/shm/observer.hpp"
#include "ringway/shm/shared_bus.hpp"

namespace {

using namespace std::chrono_literals;

struct Tick {
  std::uint64_t number;
  std::uint64_t check;
  char text[8];
};
constexpr ringway::Topic<Tick> kTicks{"md.ticks", {.capacity = 64, .admits_lossy = true}};
constexpr ringway::Topic<Tick> kFamily{"md.family.>", {.capacity = 16}};
constexpr ringway::Topic<Tick> kPlain{"md.plain", {.capacity = 16}};
constexpr ringway::Topic<Tick> kWatched{"md.watched", {.capacity = 16, .observer_lag_limit = 1h}};
constexpr ringway::ByteTopic kBytes{"md.bytes", {.encoding = "text/1"}};

Tick tick(std::uint64_t number) {
  return {number, ~number, "hello"};
}

int run(const std::string& folder, const std::string& name, const std::string& participant) {
  ringway::SharedBusOptions options;
  options.participant_name = participant;
  options.segment.folder = folder;
  auto bus = ringway::open_shared(name, options);
  if (!bus.ok()) {
    std::cout << bus.status() << std::endl;
    return 1;
  }
  std::atomic<bool> held{false};
  std::atomic<std::uint64_t> entered{0};
  std::atomic<std::uint64_t> done{0};
  const auto handle = [&](const Tick&) {
    ++entered;
    while (held) std::this_thread::sleep_for(1ms);
    ++done;
  };
  std::optional<decltype(bus->publisher(kTicks))> ticks;
  std::optional<decltype(bus->publisher(kPlain))> plain;
  std::optional<decltype(bus->publisher(kWatched))> watched;
  std::optional<decltype(bus->publisher(kBytes))> bytes;
  std::optional<decltype(bus->family_publisher(kFamily))> family;
  ringway::Dispatcher dispatcher{*bus, {.name = "member"}};
  using SubscriptionType = decltype(dispatcher.subscribe(kTicks, handle));
  std::optional<SubscriptionType> subscription;
  std::optional<absl::StatusOr<ringway::Observer>> observer;
  std::optional<ringway::Observation> observation;

  std::uint64_t number = 0;
  std::cout << "ok" << std::endl;
  std::string word;
  while (std::cin >> word) {
    std::uint64_t count = 0;
    if (word == "publish" || word == "family" || word == "plain" || word == "again" ||
        word == "bytes" || word == "watched") {
      std::cin >> count;
    }
    if (word == "publish") {
      if (!ticks) ticks.emplace(bus->publisher(kTicks));
      for (std::uint64_t i = 0; i < count; ++i) static_cast<void>(ticks->publish(tick(number++)));
    } else if (word == "family") {
      if (!family) family.emplace(bus->family_publisher(kFamily));
      const auto topic = family->topic("md.family.a");
      for (std::uint64_t i = 0; i < count; ++i) static_cast<void>(family->publish(topic, tick(i)));
    } else if (word == "plain" || word == "again") {
      if (word == "again") plain.reset();
      if (!plain) plain.emplace(bus->publisher(kPlain));
      for (std::uint64_t i = 0; i < count; ++i) static_cast<void>(plain->try_publish(tick(i)));
    } else if (word == "bytes") {
      if (!bytes) bytes.emplace(bus->publisher(kBytes));
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::string text(static_cast<std::size_t>(i), 'x');
        static_cast<void>(bytes->publish(std::as_bytes(std::span(text))));
      }
    } else if (word == "watched") {
      if (!watched) watched.emplace(bus->publisher(kWatched));
      for (std::uint64_t i = 0; i < count; ++i) static_cast<void>(watched->try_publish(tick(i)));
    } else if (word == "observe") {
      ringway::ObserverOptions observer_options;
      observer_options.folder = folder;
      observer.emplace(ringway::observe_shared(name, observer_options));
      if (!observer->ok()) {
        std::cout << observer->status() << std::endl;
        return 1;
      }
      observation.emplace((*observer)->subscribe(
          kWatched, [](const Tick&, const ringway::MessageInfo&) {}, {.reliable = true}));
    } else if (word == "subscribe") {
      subscription.emplace(dispatcher.subscribe(kTicks, handle));
    } else if (word == "lossy") {
      subscription.emplace(dispatcher.subscribe(kTicks, handle, {.lossy = true}));
    } else if (word == "hold") {
      held = true;
    } else if (word == "release") {
      held = false;
    } else if (word == "entered") {
      while (entered == 0) std::this_thread::sleep_for(1ms);
    } else if (word == "drained") {
      while (entered == 0 || done != entered) std::this_thread::sleep_for(1ms);
    } else {
      std::cout << "what is " << word << "?" << std::endl;
      return 2;
    }
    std::cout << "ok" << std::endl;
  }
  held = false;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return run(argv[1], argv[2], argv[3]);
}
