// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Who listens on the vessel's bus: navigation, alarm panel, recorder; and the console, which asks.
///
/// `Home` is where the bus lives: in this process (run.cpp) or between processes (role.cpp). The
/// parts do not care.
///
/// Each listener owns a dispatcher, so its handlers run on one thread and share its members without
/// a lock. What an accessor returns is for the time after stop() of the bus, unless it says
/// otherwise. What is counted in a tally can be read at any time.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "contract.hpp"
#include "histogram.hpp"
#include "tally.hpp"
#include "watch.hpp"

namespace vessel {

/// The parameter groups that navigation follows, and those that the alarm panel does.
inline constexpr std::array kNavigationPgns{
    pgn::kPosition, pgn::kCourseAndSpeed, pgn::kHeading,     pgn::kWaterDepth,
    pgn::kWind,     pgn::kWaterSpeed,     pgn::kEnvironment, pgn::kAisClassAPosition};
inline constexpr std::array kAlarmPgns{pgn::kWaterDepth, pgn::kBatteryStatus};

/// Keeps the vessel's state and answers questions about it.
template <ringway::Home Home>
class Navigation {
 public:
  Navigation(ringway::BasicBus<Home>& bus, Tally& tally);

  [[nodiscard]] const VesselState& state() const noexcept { return state_; }
  [[nodiscard]] ringway::Dispatcher<Home>& dispatcher() noexcept { return dispatcher_; }

 private:
  /// Subscribes to a parameter group, whoever sends it; `update` takes one of its messages.
  void follow(std::uint32_t pgn, std::function<void(const N2kMessage&)> update);

  Tally& tally_;
  VesselState state_;
  std::unordered_set<std::uint32_t> ships_;
  ringway::Dispatcher<Home> dispatcher_;
  std::vector<ringway::Subscription> subscriptions_;
  ringway::Replier replier_;
};

/// Watches depth and battery.
template <ringway::Home Home>
class AlarmPanel {
 public:
  AlarmPanel(ringway::BasicBus<Home>& bus, double depth_limit_m, double battery_limit_v,
             Tally& tally);

  [[nodiscard]] const Watch& depth() const noexcept { return depth_; }
  [[nodiscard]] const Watch& battery() const noexcept { return battery_; }
  [[nodiscard]] ringway::Dispatcher<Home>& dispatcher() noexcept { return dispatcher_; }

 private:
  Tally& tally_;
  Watch depth_;
  Watch battery_;
  ringway::Dispatcher<Home> dispatcher_;
  ringway::Subscription depth_subscription_;
  ringway::Subscription battery_subscription_;
};

/// Counts everything, and times what was published at a pace.
template <ringway::Home Home>
class Recorder {
 public:
  Recorder(ringway::BasicBus<Home>& bus, Tally& tally);

  [[nodiscard]] const std::unordered_map<std::uint32_t, std::uint64_t>& per_pgn() const noexcept {
    return per_pgn_;
  }
  [[nodiscard]] const Histogram& latency() const noexcept { return latency_; }
  [[nodiscard]] ringway::Dispatcher<Home>& dispatcher() noexcept { return dispatcher_; }

 private:
  void record(const N2kMessage& message, const ringway::MessageInfo& info);

  Tally& tally_;
  std::unordered_map<std::uint32_t, std::uint64_t> per_pgn_;
  Histogram latency_;
  ringway::Dispatcher<Home> dispatcher_;
  ringway::Subscription subscription_;
};

/// Asks navigation for the vessel's state at a fixed rate, on a thread of its own. A late question
/// keeps the time it should have been asked at, so that waiting is counted and not hidden.
template <ringway::Home Home>
class Console {
 public:
  Console(ringway::BasicBus<Home>& bus, std::int64_t interval_ns, Tally& tally);
  ~Console() { stop(); }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Ends the questions; blocking until the one under way is answered.
  void stop();

  /// Of the questions that were answered. After stop().
  [[nodiscard]] const Histogram& round_trip() const noexcept { return round_trip_; }

 private:
  void ask(const std::stop_token& stop);
  void note_change(bool answered);

  Tally& tally_;
  ringway::Requester<VesselState(StateRequest), Home> requester_;
  std::int64_t interval_ns_;
  bool answered_before_ = true;
  Histogram round_trip_;
  std::jthread thread_;
};

}  // namespace vessel
