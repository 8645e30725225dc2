// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What subscriptions to topics have in common, typed ones (bus/topic_subscription.hpp) and those
/// of bytes (bus/byte_subscription.hpp): how they come by a cursor in a lane, and how they let go
/// of it. Dispatcher's thread only, but for join() and adopt() during subscribe(). Not for users.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ringway/bus/subscription.hpp"

namespace ringway {

/// A subscription's cursors, whatever their rings.
template <Home H>
class LaneCursors : public SubscriptionCore<typename H::Memory> {
 protected:
  using Core = BusCore<H>;
  using Memory = typename H::Memory;
  using Drain = typename LaneReader<Memory>::Drain;

  LaneCursors(std::shared_ptr<Core> bus, std::string pattern, std::uint32_t index,
              std::uint32_t endpoint)
      : SubscriptionCore<Memory>(std::move(pattern), index),
        bus_(std::move(bus)),
        endpoint_(endpoint) {}

  /// A cursor in a lane of elements `E`, and what it holds on to. `Subscription` is whose it is.
  template <class E, class Cursor, class Subscription>
  class CursorReader : public LaneReader<Memory> {
   public:
    CursorReader(Subscription* owner, std::uint32_t lane, typename Core::Hold hold, Cursor cursor,
                 Drain how)
        : LaneReader<Memory>(lane, how),
          owner_(*owner),
          record_(core().directory().lane(lane)),
          topic_(core().directory().topic(record_.topic).name.view()),
          hold_(std::move(hold)),
          cursor_(std::move(cursor)) {
      cursor_->set_address(static_cast<LaneCursors&>(owner_).endpoint_);
      this->subscription = owner;
    }
    ~CursorReader() override {
      cursor_.reset();            // leaves the ring before the lane may go
      record_.room.notify_all();  // it may have been the one that held the publisher back
      auto lock = core().lock();
      core().template release_lane<E>(this->lane(), lock);
    }

    [[nodiscard]] Subscription& owner() const noexcept { return owner_; }
    void ask_for_signal_unfenced() override { cursor_->ask_for_signal_unfenced(); }

   protected:
    [[nodiscard]] Core& core() const noexcept { return *static_cast<LaneCursors&>(owner_).bus_; }

    Subscription& owner_;
    LaneRecord<Memory>& record_;
    std::string_view topic_;
    [[no_unique_address]] typename Core::Hold hold_;
    std::optional<Cursor> cursor_;
  };

  /// join() of a subscription. `reserve(record, hold)` reserves a gate in the lane's ring or says
  /// why not; `pick_up(gate)` is adopt().
  template <class E, class Reserve, class PickUp>
  absl::Status join_lane(std::uint32_t lane, const Reserve& reserve, const PickUp& pick_up) {
    auto& directory = bus_->directory();
    auto& record = directory.lane(lane);
    const auto name = to_absl(directory.topic(record.topic).name.view());
    directory.hold(lane, bus_->participant());  // first: a place without a hold would be nobody's
    typename Core::Hold hold{};                 // so that what it maps is found again by adopt()
    const Result<std::size_t, SetupError> gate = reserve(record, hold);
    if (!gate) {
      directory.let_go(lane, bus_->participant());
      if (gate.error() == SetupError::kOutOfReach) return lane_out_of_reach(name);
      return absl::ResourceExhaustedError(
          absl::StrCat("no reader's place in a lane of \"", name, "\": ", describe(gate.error()),
                       " (", LaneRings<E, Memory>::kMaxReadersOption, ")"));
    }
    if (!pick_up(*gate)) {
      if (std::exchange(this->unreadable, {}) == SetupError::kOutOfReach)
        return lane_out_of_reach(name);
      return absl::DataLossError(absl::StrCat("a lane of \"", name, "\" is corrupt"));
    }
    return absl::OkStatus();
  }
  /// Whether adopt() found a ring of elements `E` with such a gate. If there is none, the gate is
  /// given up and `unreadable` says why.
  template <class E, class Ring>
  [[nodiscard]] bool can_adopt(const Result<Ring, SetupError>& ring, std::uint32_t lane,
                               std::size_t gate) {
    if (ring) return gate < ring->max_cursors();
    this->unreadable = ring.error();
    bus_->template give_up_gate<E>(lane, gate);
    return false;
  }

  std::shared_ptr<Core> bus_;
  std::uint32_t endpoint_;
};

}  // namespace ringway
