// SPDX-License-Identifier: Apache-2.0
#include "participants.hpp"

#include <algorithm>
#include <utility>

#include "pacing.hpp"
#include "ringway/shm/shared_bus.hpp"

namespace vessel {
namespace {

/// The topics of a parameter group, whoever sends it.
std::string topics_of(std::uint32_t pgn) {
  return "n2k.*." + std::to_string(pgn);
}

}  // namespace

template <ringway::Home Home>
Navigation<Home>::Navigation(ringway::BasicBus<Home>& bus, Tally& tally)
    : tally_(tally), dispatcher_(bus, {.name = "navigation"}) {
  follow(pgn::kPosition, [this](const N2kMessage& message) {
    const auto position = decode_position(message);
    if (!position) return;
    if (!state_.first_position) state_.first_position = position;
    state_.position = position;
  });
  follow(pgn::kCourseAndSpeed, [this](const N2kMessage& message) {
    const CourseAndSpeed now = decode_course_and_speed(message);
    if (now.course_rad) {
      state_.over_ground.course_rad = now.course_rad;
      state_.over_ground.magnetic = now.magnetic;
    }
    if (now.speed_mps) state_.over_ground.speed_mps = now.speed_mps;
  });
  follow(pgn::kHeading, [this](const N2kMessage& message) {
    if (const auto heading = decode_heading_rad(message)) state_.heading_rad = heading;
  });
  follow(pgn::kWaterDepth, [this](const N2kMessage& message) {
    const auto depth = decode_depth_m(message);
    if (!depth) return;
    state_.depth_m = depth;
    state_.depth_min_m = std::min(state_.depth_min_m.value_or(*depth), *depth);
    state_.depth_max_m = std::max(state_.depth_max_m.value_or(*depth), *depth);
  });
  follow(pgn::kWind, [this](const N2kMessage& message) {
    const Wind now = decode_wind(message);
    if (now.speed_mps) state_.wind.speed_mps = now.speed_mps;
    if (now.angle_rad) state_.wind.angle_rad = now.angle_rad;
    state_.wind.reference = now.reference;
  });
  follow(pgn::kWaterSpeed, [this](const N2kMessage& message) {
    if (const auto speed = decode_water_speed_mps(message)) state_.water_speed_mps = speed;
  });
  follow(pgn::kEnvironment, [this](const N2kMessage& message) {
    if (const auto temperature = decode_temperature_k(message)) state_.temperature_k = temperature;
  });
  follow(pgn::kAisClassAPosition, [this](const N2kMessage& message) {
    if (const auto ship = decode_ais_position(message)) ships_.insert(ship->mmsi);
    state_.ships_heard = static_cast<std::uint32_t>(ships_.size());
  });
  replier_ = dispatcher_.reply(kStateService, [this](const StateRequest&) { return state_; });
}

template <ringway::Home Home>
void Navigation<Home>::follow(std::uint32_t pgn, std::function<void(const N2kMessage&)> update) {
  subscriptions_.push_back(dispatcher_.subscribe(
      kN2k.matching(topics_of(pgn)), [this, update = std::move(update)](const N2kMessage& message) {
        ++state_.updates;
        state_.time_ms = message.time_ms;
        update(message);
        tally_.messages.add(1);
      }));
}

template <ringway::Home Home>
AlarmPanel<Home>::AlarmPanel(ringway::BasicBus<Home>& bus, double depth_limit_m,
                             double battery_limit_v, Tally& tally)
    : tally_(tally),
      depth_(depth_limit_m),
      battery_(battery_limit_v),
      dispatcher_(bus, {.name = "alarms"}) {
  depth_subscription_ = dispatcher_.subscribe(
      kN2k.matching(topics_of(pgn::kWaterDepth)), [this](const N2kMessage& message) {
        if (const auto depth = decode_depth_m(message)) {
          depth_.observe(message.source, *depth, message.time_ms);
        }
        tally_.messages.add(1);
      });
  battery_subscription_ = dispatcher_.subscribe(
      kN2k.matching(topics_of(pgn::kBatteryStatus)), [this](const N2kMessage& message) {
        const BatteryStatus status = decode_battery_status(message);
        const std::uint32_t battery = std::uint32_t{message.source} << 8U | status.instance;
        if (status.voltage_v) battery_.observe(battery, *status.voltage_v, message.time_ms);
        tally_.messages.add(1);
      });
}

template <ringway::Home Home>
Recorder<Home>::Recorder(ringway::BasicBus<Home>& bus, Tally& tally)
    : tally_(tally), dispatcher_(bus, {.name = "recorder"}) {
  subscription_ = dispatcher_.subscribe(
      kN2k, [this](const N2kMessage& message, const ringway::MessageInfo& info) {
        record(message, info);
      });
}

template <ringway::Home Home>
void Recorder<Home>::record(const N2kMessage& message, const ringway::MessageInfo& info) {
  if (message.due_ns != 0) latency_.record(now_ns() - message.due_ns);
  ++per_pgn_[message.pgn];
  if (info.gap != 0) tally_.lost.add(info.gap);
  tally_.messages.add(1);
}

template <ringway::Home Home>
Console<Home>::Console(ringway::BasicBus<Home>& bus, std::int64_t interval_ns, Tally& tally)
    : tally_(tally),
      requester_(bus.requester(kStateService)),
      interval_ns_(interval_ns),
      thread_([this](const std::stop_token& stop) { ask(stop); }) {}

template <ringway::Home Home>
void Console<Home>::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

template <ringway::Home Home>
void Console<Home>::ask(const std::stop_token& stop) {
  sleep_precisely();
  for (std::int64_t due_ns = now_ns(); !stop.stop_requested(); due_ns += interval_ns_) {
    wait_until(due_ns);
    const auto state = requester_.request(StateRequest{.console = 1});
    if (state) {
      round_trip_.record(now_ns() - due_ns);
      tally_.answered.add(1);
    } else {
      tally_.failed[static_cast<std::size_t>(state.error())].add(1);
    }
    note_change(state.has_value());
  }
}

/// When answers stop coming, and when they come again.
template <ringway::Home Home>
void Console<Home>::note_change(bool answered) {
  if (std::exchange(answered_before_, answered) == answered) return;
  (answered ? tally_.answered_ns : tally_.failed_ns) = now_ns();
}

template class Navigation<ringway::HeapHome>;  // between threads
template class AlarmPanel<ringway::HeapHome>;
template class Recorder<ringway::HeapHome>;
template class Console<ringway::HeapHome>;
template class Navigation<ringway::SegmentHome>;  // between processes
template class AlarmPanel<ringway::SegmentHome>;
template class Recorder<ringway::SegmentHome>;
template class Console<ringway::SegmentHome>;

}  // namespace vessel
