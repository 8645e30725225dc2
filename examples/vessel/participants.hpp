// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Who listens on the vessel's bus: navigation, alarm panel, recorder; and the console, which asks.
///
/// Each listener owns a dispatcher, so its handlers run on one thread and share its members without
/// a lock. What an accessor returns is for the time after Bus::stop(), unless it says otherwise.

#include <cstdint>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "contract.hpp"
#include "histogram.hpp"
#include "watch.hpp"

namespace vessel {

/// Keeps the vessel's state and answers questions about it.
class Navigation {
 public:
  explicit Navigation(ringway::Bus& bus);

  [[nodiscard]] const VesselState& state() const noexcept { return state_; }

 private:
  /// Subscribes to a parameter group, whoever sends it; `update` takes one of its messages.
  template <class Update>
  void follow(std::uint32_t pgn, Update update);

  VesselState state_;
  std::unordered_set<std::uint32_t> ships_;
  ringway::Dispatcher<> dispatcher_;
  std::vector<ringway::Subscription> subscriptions_;
  ringway::Replier replier_;
};

/// Watches depth and battery.
class AlarmPanel {
 public:
  AlarmPanel(ringway::Bus& bus, double depth_limit_m, double battery_limit_v);

  [[nodiscard]] const Watch& depth() const noexcept { return depth_; }
  [[nodiscard]] const Watch& battery() const noexcept { return battery_; }

 private:
  Watch depth_;
  Watch battery_;
  ringway::Dispatcher<> dispatcher_;
  ringway::Subscription depth_subscription_;
  ringway::Subscription battery_subscription_;
};

/// Counts everything, and times what was published at a pace.
class Recorder {
 public:
  explicit Recorder(ringway::Bus& bus);

  /// Messages delivered or known to be lost so far. Any thread, at any time.
  [[nodiscard]] std::uint64_t accounted_for() const noexcept { return accounted_for_.read(); }

  [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] const std::unordered_map<std::uint32_t, std::uint64_t>& per_pgn() const noexcept {
    return per_pgn_;
  }
  [[nodiscard]] const Histogram& latency() const noexcept { return latency_; }

 private:
  void record(const N2kMessage& message, const ringway::MessageInfo& info);

  std::uint64_t delivered_ = 0;
  std::uint64_t lost_ = 0;
  std::unordered_map<std::uint32_t, std::uint64_t> per_pgn_;
  Histogram latency_;
  ringway::Counter accounted_for_;
  ringway::Dispatcher<> dispatcher_;
  ringway::Subscription subscription_;
};

/// Asks navigation for the vessel's state at a fixed rate, on a thread of its own. A late question
/// keeps the time it should have been asked at, so that waiting is counted and not hidden.
class Console {
 public:
  Console(ringway::Bus& bus, std::int64_t interval_ns);
  ~Console() { stop(); }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Ends the questions; blocking until the one under way is answered.
  void stop();

  // After stop():
  [[nodiscard]] std::uint64_t answered() const noexcept { return round_trip_.count(); }
  [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }
  [[nodiscard]] const Histogram& round_trip() const noexcept { return round_trip_; }

 private:
  void ask(const std::stop_token& stop);

  ringway::Requester<VesselState(StateRequest)> requester_;
  std::int64_t interval_ns_;
  std::uint64_t failed_ = 0;
  Histogram round_trip_;
  std::jthread thread_;
};

}  // namespace vessel
