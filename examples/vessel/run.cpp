// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <chrono>
#include <future>
#include <thread>

#include "participants.hpp"

namespace vessel {
namespace {

using std::chrono_literals::operator""ms;

/// How long a listener may take over what is left once the feed has ended. It finds a hang; nobody
/// needs a fraction of it.
constexpr std::chrono::seconds kDrainLimit{30};

/// Waits until the recorder has accounted for every message.
void wait_for(const Tally& recorder, std::uint64_t published) {
  const auto limit = std::chrono::steady_clock::now() + kDrainLimit;
  while (recorder.accounted_for() < published && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

}  // namespace

RunResult run(const RunPlan& plan, const Progress& progress) {
  RunResult result;
  Tally published;
  Tally navigated;
  Tally watched;
  Tally recorded;
  Tally asked;
  ringway::Bus bus;
  Navigation navigation(bus, navigated);
  AlarmPanel alarms(bus, plan.depth_alarm_m, plan.battery_alarm_v, watched);
  Recorder recorder(bus, recorded);
  Feed feed(bus, plan.feed, published);
  Console console(bus, plan.request_interval_ns, asked);

  auto fed = std::async(std::launch::async, [&] {
    const std::int64_t started_ns = now_ns();
    feed.run();
    wait_for(recorded, feed.published());
    result.seconds = static_cast<double>(now_ns() - started_ns) / 1e9;
  });
  while (fed.wait_for(100ms) == std::future_status::timeout) progress(feed.published());
  fed.get();
  result.failure = feed.failure();
  console.stop();
  const ringway::StopReport stopped = bus.stop({.drain = kDrainLimit});

  result.published = feed.published();
  result.published_per_pgn = feed.per_pgn();
  result.malformed = feed.malformed();
  result.passes = feed.passes();
  result.delivered = recorded.messages.read();
  result.lost = recorded.lost.read();
  result.delivered_per_pgn = {recorder.per_pgn().begin(), recorder.per_pgn().end()};
  result.latency = recorder.latency();
  result.state = navigation.state();
  result.depth_alarm = alarms.depth().count();
  result.battery_alarm = alarms.battery().count();
  result.requests_answered = asked.answered.read();
  result.requests_failed = asked.failures();
  result.round_trip = console.round_trip();
  if (result.failure.empty() && !stopped.drained) {
    result.failure = std::to_string(stopped.left) + " messages were left when the bus stopped";
    for (const std::string& name : stopped.in_the_way) result.failure += "; still busy: " + name;
  }
  if (result.failure.empty() && result.published != result.delivered + result.lost) {
    result.failure = "published is not delivered plus lost";
  }
  return result;
}

}  // namespace vessel
