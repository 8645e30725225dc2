// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The half of a subscription that knows lanes of bytes: what bus/topic_subscription.hpp is for
/// typed ones. Dispatcher's thread only, but for join() and adopt() during subscribe(). Not for
/// users.
///
/// *Distrust.* A reader that finds something in its lane that is no message reads it no more: the
/// bus's error handler hears of it once (LaneError, kCorruptFrames), and the lane is let go of.

#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "ringway/bus/byte_lane.hpp"
#include "ringway/bus/topic_subscription.hpp"

namespace ringway {

/// A subscription's cursors in lanes of bytes, whatever its handler.
template <Home H>
class ByteLanes : public SubscriptionCore<typename H::Memory> {
  using Base = SubscriptionCore<typename H::Memory>;

 public:
  bool adopt(std::uint32_t lane, std::size_t gate) override {
    typename Core::Hold hold{};
    auto ring = bus_->template join_ring<Ring>(bus_->directory().lane(lane), hold);
    if (!ring) {
      this->unreadable = ring.error();
      bus_->template give_up_gate<Bytes>(lane, gate);
      return false;
    }
    if (gate >= ring->max_cursors()) return false;
    auto cursor = bus_->adopt_cursor(*ring, gate, hold);
    this->readers.push_back(
        std::make_unique<Reader>(this, lane, std::move(hold), std::move(cursor)));
    return true;
  }

  absl::Status join(std::uint32_t lane) override {
    auto& directory = bus_->directory();
    auto& record = directory.lane(lane);
    const auto name = to_absl(directory.topic(record.topic).name.view());
    directory.hold(lane, bus_->participant());  // first: a place without a hold would be nobody's
    typename Core::Hold hold{};                 // so that what it maps is found again by adopt()
    auto ring = bus_->template join_ring<Ring>(record, hold);
    auto gate =
        ring ? ring->reserve_cursor() : Result<std::size_t, SetupError>(Failure{ring.error()});
    if (!gate) {
      directory.let_go(lane, bus_->participant());
      if (gate.error() == SetupError::kOutOfReach) return lane_out_of_reach(name);
      return absl::ResourceExhaustedError(absl::StrCat("no reader's place in a lane of \"", name,
                                                       "\": ", describe(gate.error()),
                                                       " (ByteTopicOptions::max_readers)"));
    }
    if (!adopt(lane, *gate)) {
      if (std::exchange(this->unreadable, {}) == SetupError::kOutOfReach)
        return lane_out_of_reach(name);
      return absl::DataLossError(absl::StrCat("a lane of \"", name, "\" is corrupt"));
    }
    return absl::OkStatus();
  }

 protected:
  using Core = BusCore<H>;
  using Memory = typename H::Memory;
  using Ring = typename LaneRings<Bytes, Memory>::Reliable;
  using Drain = typename LaneReader<Memory>::Drain;

  class Reader final : public LaneReader<Memory> {
   public:
    Reader(ByteLanes* owner, std::uint32_t lane, typename Core::Hold hold,
           typename Ring::Cursor cursor)
        : LaneReader<Memory>(lane, owner->drain_),
          owner_(*owner),
          record_(owner->bus_->directory().lane(lane)),
          topic_(owner->bus_->directory().topic(record_.topic).name.view()),
          hold_(std::move(hold)),
          cursor_(std::move(cursor)) {
      cursor_->set_address(owner->endpoint_);
      this->subscription = owner;
    }
    ~Reader() override {
      cursor_.reset();            // leaves the ring before the lane may go
      record_.room.notify_all();  // it may have been the one that held the publisher back
      auto lock = owner_.bus_->lock();
      owner_.bus_->template release_lane<Bytes>(this->lane(), lock);
    }

    [[nodiscard]] ByteLanes& owner() const noexcept { return owner_; }

    template <class Handler>
    std::size_t drain_to(Handler& handler, std::size_t limit) {
      std::size_t taken = 0;
      while (taken < limit && !broken_) {
        try {
          taken += cursor_->drain(
              [&](std::span<const std::byte> frame) { return handle(handler, frame); },
              limit - taken);
          break;
        } catch (...) {
          ++taken;
          owner_.bus_->report_error(owner_.pattern(), std::current_exception());
          if (owner_.ended()) break;
        }
      }
      if (broken_) tell_broken();
      if (taken != 0) record_.room.notify_all();
      return taken;
    }
    [[nodiscard]] bool has_news() override {
      if (broken_) return false;
      if (cursor_->has_news()) return true;
      if (cursor_->corrupt()) {
        broken_ = true;
        tell_broken();
      }
      return false;
    }
    [[nodiscard]] bool finished() override {
      const bool left = record_.left();  // before the look: nothing comes behind it
      return !has_news() && (left || broken_);
    }
    void ask_for_signal_unfenced() override { cursor_->ask_for_signal_unfenced(); }
    [[nodiscard]] std::size_t backlog() override {
      // reads them, to see how many there are; no more than the ring can hold
      if (broken_) return left_;
      const Sequence end = cursor_->sequence() + cursor_->size_approx();
      const auto most = (cursor_->capacity() + frame_bytes(cursor_->max_frame())) / kFrameAlign;
      for (std::size_t i = 0; i < most && precedes(cursor_->sequence(), end); ++i) {
        if (cursor_->drain([](std::span<const std::byte>) {}, 1) == 0) break;
        ++left_;
      }
      return left_;
    }

   private:
    /// \return false if the subscription was ended: then the cursor stops behind this message
    template <class Handler>
    bool handle(Handler& handler, std::span<const std::byte> frame) {
      if (frame.size() < kByteMessageHeader) {
        broken_ = true;
        return false;
      }
      const MessageInfo info{topic_, number_in(frame), 0};
      owner_.delivered.add(1);
      call_handler(handler, frame.subspan(kByteMessageHeader), info);
      return !owner_.ended();
    }
    void tell_broken() noexcept {
      owner_.bus_->report_error(owner_.pattern(),
                                std::make_exception_ptr(LaneError(SetupError::kCorruptFrames)));
    }

    ByteLanes& owner_;
    LaneRecord<Memory>& record_;
    std::string_view topic_;
    [[no_unique_address]] typename Core::Hold hold_;
    std::optional<typename Ring::Cursor> cursor_;
    std::size_t left_ = 0;  // of what backlog() has read
    bool broken_ = false;   // what was found is no message: nothing more is read
  };

  ByteLanes(std::shared_ptr<Core> bus, std::string pattern, std::uint32_t index,
            std::uint32_t endpoint, Drain drain)
      : Base(std::move(pattern), index), bus_(std::move(bus)), endpoint_(endpoint), drain_(drain) {}

 private:
  std::shared_ptr<Core> bus_;
  std::uint32_t endpoint_;
  const Drain drain_;
};

template <class Handler, Home H>
class ByteSubscription final : public ByteLanes<H> {
  using Lanes = ByteLanes<H>;
  using AnyReader = LaneReader<typename H::Memory>;

 public:
  ByteSubscription(std::shared_ptr<BusCore<H>> bus, std::string pattern, std::uint32_t index,
                   std::uint32_t endpoint, Handler handler)
      : Lanes(std::move(bus), std::move(pattern), index, endpoint, &drain),
        handler_(std::move(handler)) {}

 private:
  static std::size_t drain(AnyReader& any, std::size_t limit) {
    auto& reader = static_cast<typename Lanes::Reader&>(any);
    return reader.drain_to(static_cast<ByteSubscription&>(reader.owner()).handler_, limit);
  }

  Handler handler_;
};

}  // namespace ringway
