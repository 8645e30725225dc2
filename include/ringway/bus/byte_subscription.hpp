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
#include "ringway/bus/lane_keeper.hpp"
#include "ringway/bus/topic_subscription.hpp"

namespace ringway {

/// A subscription's cursors in lanes of bytes, whatever its handler.
template <Home H>
class ByteLanes : public LaneCursors<H> {
  using Base = LaneCursors<H>;
  using Base::bus_;
  using Ring = typename LaneRings<Bytes, typename H::Memory>::Reliable;

 public:
  bool adopt(std::uint32_t lane, std::size_t gate) override { return adopt(lane, gate, false); }

  absl::Status join(std::uint32_t lane) override {
    const auto reserve = [&](auto& record,
                             typename Core::Hold& hold) -> Result<std::size_t, SetupError> {
      auto ring = bus_->template join_ring<Ring>(record, hold);
      if (!ring) return Failure{ring.error()};
      if (start_ == Start::kNext || record.retains == 0) return ring->reserve_cursor();
      auto gate = LaneKeeper<H>::reserve_oldest(*ring, audience_of(record));
      // a publisher may have found the gate where it was before it was known where it begins
      record.room.notify_all();
      return gate;
    };
    return this->template join_lane<Bytes>(lane, reserve, [&](std::size_t gate) {
      return adopt(lane, gate, start_ == Start::kLastValue);
    });
  }

 protected:
  using typename Base::Core;
  using typename Base::Drain;

  class Reader final : public Base::template CursorReader<Bytes, typename Ring::Cursor, ByteLanes> {
    using Place = typename Base::template CursorReader<Bytes, typename Ring::Cursor, ByteLanes>;
    using Place::cursor_;
    using Place::owner_;
    using Place::record_;
    using Place::topic_;

   public:
    /// \param last_first it begins in the past, of which the last message alone is wanted
    Reader(ByteLanes* owner, std::uint32_t lane, typename Core::Hold hold,
           typename Ring::Cursor cursor, bool last_first)
        : Place(owner, lane, std::move(hold), std::move(cursor), owner->drain_) {
      if (last_first && record_.skipped() != 0) first_wanted_ = record_.skipped() - 1;
    }

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
    [[nodiscard]] std::size_t backlog() override {
      // reads them, to see how many there are; no more than the ring can hold
      if (broken_) return left_;
      const Sequence end = cursor_->sequence() + cursor_->size_approx();
      const auto most = (cursor_->capacity() + frame_bytes(cursor_->max_frame())) / kFrameAlign;
      for (std::size_t i = 0; i < most && precedes(cursor_->sequence(), end); ++i) {
        const auto count = [this](std::span<const std::byte> frame) {
          left_ += frame.size() >= kByteMessageHeader && wants(frame) ? 1 : 0;
        };
        if (cursor_->drain(count, 1) == 0) break;
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
      if (!wants(frame)) [[unlikely]]
        return !owner_.ended();
      const MessageInfo info{topic_, number_in(frame), 0};
      owner_.delivered.add(1);
      call_handler(handler, frame.subspan(kByteMessageHeader), info);
      return !owner_.ended();
    }
    /// \pre the frame is large enough
    [[nodiscard]] bool wants(std::span<const std::byte> frame) const noexcept {
      return first_wanted_ == 0 || !precedes(number_in(frame), first_wanted_);
    }
    void tell_broken() noexcept {
      owner_.bus_->report_error(owner_.pattern(),
                                std::make_exception_ptr(LaneError(SetupError::kCorruptFrames)));
    }

    Sequence first_wanted_ = 0;  // the last message that was there when this reader came
    std::size_t left_ = 0;       // of what backlog() has read
    bool broken_ = false;        // what was found is no message: nothing more is read
  };

  ByteLanes(std::shared_ptr<Core> bus, std::string pattern, std::uint32_t index,
            std::uint32_t endpoint, Start start, Drain drain)
      : Base(std::move(bus), std::move(pattern), index, endpoint), start_(start), drain_(drain) {}

 private:
  /// \param last_first as in Reader
  bool adopt(std::uint32_t lane, std::size_t gate, bool last_first) {
    typename Core::Hold hold{};
    auto ring = bus_->template join_ring<Ring>(bus_->directory().lane(lane), hold);
    if (!this->template can_adopt<Bytes>(ring, lane, gate)) return false;
    auto cursor = bus_->adopt_cursor(*ring, gate, hold);
    this->readers.push_back(
        std::make_unique<Reader>(this, lane, std::move(hold), std::move(cursor), last_first));
    return true;
  }
  /// \pre there is such a ring
  [[nodiscard]] Audience<typename H::Memory>& audience_of(
      const LaneRecord<typename H::Memory>& lane) const noexcept {
    auto* memory = bus_->directory().ring_memory(lane).data();
    if (lane.segment == 0) memory += Ring::audience_offset();
    return *std::launder(reinterpret_cast<Audience<typename H::Memory>*>(memory));
  }

  const Start start_;
  const Drain drain_;
};

template <class Handler, Home H>
class ByteSubscription final : public ByteLanes<H> {
  using Lanes = ByteLanes<H>;
  using AnyReader = LaneReader<typename H::Memory>;

 public:
  ByteSubscription(std::shared_ptr<BusCore<H>> bus, std::string pattern, std::uint32_t index,
                   std::uint32_t endpoint, Start start, Handler handler)
      : Lanes(std::move(bus), std::move(pattern), index, endpoint, start, &drain),
        handler_(std::move(handler)) {}

 private:
  static std::size_t drain(AnyReader& any, std::size_t limit) {
    auto& reader = static_cast<typename Lanes::Reader&>(any);
    return reader.drain_to(static_cast<ByteSubscription&>(reader.owner()).handler_, limit);
  }

  Handler handler_;
};

}  // namespace ringway
