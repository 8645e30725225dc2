// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The answering side of a service: a handler on a dispatcher, with a lane of answers to each
/// requester.
///
/// *Protocol.* Each requester has a lane of requests; a replier has a cursor in each, and for each
/// it owns a lane of answers, which it makes when it picks the request lane up. An answer carries
/// the request's ticket. The replier never waits for a requester: an answer for which there is no
/// room, because the requester does not look, is dropped and counted.
///
/// *Synchronisation.* "reply lane" (bus/directory.hpp): the lane of answers is made before the
/// requester sees its number.
///
/// *Progress.* Answering is wait-free but for the handler.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "ringway/bus/pending_table.hpp"
#include "ringway/bus/publisher.hpp"
#include "ringway/bus/subscription.hpp"

namespace ringway {

/// A replier gives the places of requests back after so many at the latest, also in the middle of
/// a batch. A lane of requests has so many places more than there may be requests under way, so a
/// requester that has been answered always finds room.
inline constexpr std::size_t kRequestsAtATime = 16;

template <class Request>
struct RequestElement {
  RequestElement(Ticket of, Deadline until, Request&& asked)
      : ticket(of), deadline(until), request(std::move(asked)) {}

  Ticket ticket;
  Deadline deadline;
  Request request;
};

template <class Reply>
struct ReplyElement {
  ReplyElement(Ticket to, std::optional<Reply>&& answer) noexcept
      : ticket(to), reply(std::move(answer)) {}

  Ticket ticket;
  std::optional<Reply> reply;  // none: the handler threw

  [[nodiscard]] std::optional<Reply> take() noexcept { return std::move(reply); }
};
/// Of plain bytes, which may lie where others write: a flag that is no bool, and what is there is
/// looked at once.
template <class Reply>
requires std::is_trivially_copyable_v<Reply>
struct ReplyElement<Reply> {
  ReplyElement(Ticket to, const std::optional<Reply>& answer) noexcept
      : ticket(to), answered(answer ? 1 : 0) {
    if (answer) std::memcpy(bytes.data(), &*answer, sizeof(Reply));
  }

  [[nodiscard]] std::optional<Reply> take() const noexcept {
    if (answered == 0) return std::nullopt;
    return std::bit_cast<Reply>(bytes);
  }

  Ticket ticket;
  std::uint32_t answered;
  alignas(Reply) std::array<std::byte, sizeof(Reply)> bytes;
};

template <class Reply, class Request, class Handler, Home H>
class ReplySubscription final : public SubscriptionCore<typename H::Memory> {
  static_assert(std::is_invocable_r_v<Reply, Handler&, const Request&>,
                "Ringway: a replier's handler takes const Request& and returns Reply");
  using Core = BusCore<H>;
  using Memory = typename H::Memory;
  using Base = SubscriptionCore<Memory>;
  using Element = RequestElement<Request>;
  using Ring = BroadcastRing<Element, Memory>;
  using Answers = LanePublisher<ReplyElement<Reply>, H>;

 public:
  ReplySubscription(std::shared_ptr<Core> bus, std::string name, std::uint32_t index,
                    std::uint32_t endpoint, Handler handler)
      : Base(std::move(name), index),
        bus_(std::move(bus)),
        endpoint_(endpoint),
        handler_(std::move(handler)) {}

  bool adopt(std::uint32_t index, std::size_t gate) override {
    auto& lane = bus_->directory().lane(index);
    typename Core::Hold hold{};
    auto ring = bus_->template join_ring<Ring>(lane, hold);
    if (!ring) {
      this->unreadable = ring.error();
      unserve(lane, index);
      bus_->template give_up_gate<Element>(index, gate);
      return false;
    }
    if (gate >= ring->max_cursors()) return false;
    auto opened = this->ended() || lane.closed() ? std::optional<Answers>{}
                                                 : open_answers(lane, 2 * ring->capacity());
    auto cursor = bus_->adopt_cursor(*ring, gate, hold);
    this->readers.push_back(std::make_unique<Reader>(this, index, std::move(hold),
                                                     std::move(cursor), std::move(opened)));
    lane.set_served(true);
    bus_->signal(lane.owner, index);
    return true;
  }

  absl::Status join(std::uint32_t index) override {
    auto& lane = bus_->directory().lane(index);
    typename Core::Hold hold{};
    auto ring = bus_->template join_ring<Ring>(lane, hold);
    bus_->directory().hold(index, bus_->participant());
    auto gate = ring ? ring->reserve_cursor() : Failure{ring.error()};
    if (!gate) {
      bus_->directory().let_go(index, bus_->participant());
      return absl::ResourceExhaustedError(absl::StrCat("no reader's place in a request lane of \"",
                                                       to_absl(this->pattern()),
                                                       "\": ", describe(gate.error())));
    }
    lane.replier = this->record() + 1;
    lane.set_served(true);
    if (!adopt(index, *gate)) {
      return absl::DataLossError(
          absl::StrCat("a request lane of \"", to_absl(this->pattern()), "\" is corrupt"));
    }
    return absl::OkStatus();
  }

  void on_removed() override {
    for (const auto& reader : this->readers) {
      unserve(bus_->directory().lane(reader->lane()), reader->lane());
    }
  }

  Counter expired;  // requests that were too old when their turn came
  Counter dropped;  // answers for which the requester left no room

 private:
  /// We serve the lane of requests no more, if we did: its requester hears that at once.
  void unserve(LaneRecord<Memory>& lane, std::uint32_t index) {
    if (lane.replier != this->record() + 1) return;  // somebody else serves it already
    lane.replier = 0;
    lane.set_served(false);
    bus_->signal(lane.owner, index);
  }

  class Reader final : public LaneReader<Memory> {
   public:
    Reader(ReplySubscription* owner, std::uint32_t lane, typename Core::Hold hold,
           typename Ring::Cursor cursor, std::optional<Answers> answers)
        : LaneReader<Memory>(lane,
                             [](LaneReader<Memory>& reader, std::size_t limit) {
                               return static_cast<Reader&>(reader).drain_requests(limit);
                             }),
          owner_(*owner),
          record_(owner->bus_->directory().lane(lane)),
          hold_(std::move(hold)),
          cursor_(std::move(cursor)),
          answers_(std::move(answers)) {
      cursor_->set_address(owner->endpoint_);
      this->subscription = owner;
    }
    ~Reader() override {
      cursor_.reset();
      record_.room.notify_all();
      answers_.reset();
      auto lock = owner_.bus_->lock();
      owner_.bus_->template release_lane<Element>(this->lane());
    }

    std::size_t drain_requests(std::size_t limit) {
      std::size_t taken = 0;
      while (taken < limit) {
        const auto most = std::min(limit - taken, kRequestsAtATime);
        const auto now =
            cursor_->drain([this](const Element& element) { return answer(element); }, most);
        taken += now;
        if (now < most || owner_.ended()) break;
      }
      if (taken != 0) record_.room.notify_all();
      return taken;
    }
    [[nodiscard]] bool has_news() override { return cursor_->has_news(); }
    [[nodiscard]] bool finished() override { return record_.left() && !cursor_->has_news(); }
    void ask_for_signal_unfenced() override { cursor_->ask_for_signal_unfenced(); }
    [[nodiscard]] std::size_t backlog() override { return cursor_->size_approx(); }

   private:
    bool answer(const Element& element) {
      if (owner_.ended()) [[unlikely]] {
        owner_.undelivered.add(1);
        return false;
      }
      // the clock costs more than all else here: not for what came a moment ago
      const bool fresh = std::exchange(this->just_came, false);
      if (fresh ? element.deadline.never_lay_ahead() : element.deadline.passed()) [[unlikely]] {
        owner_.expired.add(1);
        return true;
      }
      std::optional<Reply> reply;
      try {
        reply.emplace(owner_.handler_(element.request));
      } catch (...) {
        owner_.bus_->report_error(owner_.pattern(), std::current_exception());
      }
      owner_.delivered.add(1);
      const auto status = answers_ ? answers_->try_push([&](auto& producer) {
        return producer.try_emplace(element.ticket, std::move(reply));
      })
                                   : PublishStatus::kFull;
      if (status != PublishStatus::kPublished) owner_.dropped.add(1);
      return !owner_.ended();
    }

    ReplySubscription& owner_;
    LaneRecord<Memory>& record_;
    [[no_unique_address]] typename Core::Hold hold_;
    std::optional<typename Ring::Cursor> cursor_;
    std::optional<Answers> answers_;
  };

  /// A lane of answers whose reader's place waits for the owner of the request lane.
  std::optional<Answers> open_answers(LaneRecord<Memory>& lane, std::size_t capacity) {
    auto& directory = bus_->directory();
    auto answers = Answers::open(bus_, LaneKind::kReply, lane.topic,
                                 {.capacity = capacity, .max_readers = 1, .admits_lossy = false});
    if (!answers.ok()) return std::nullopt;
    answers->lane().awaited = lane.owner + 1;  // first: so that the place is never nobody's
    if (!answers->bind(false, lane.owner)) {
      answers->lane().awaited = 0;
      return std::nullopt;
    }
    if (const auto before = lane.reply_lane(); before != 0) {
      // one of an earlier replier that the requester never looked at
      if (directory.lane(before).awaited == lane.owner + 1) {
        directory.lane(before).awaited = 0;
        bus_->template release_lane_of<ReplyElement<Reply>>(before,
                                                            directory.participant_of(lane.owner));
      }
    }
    lane.set_reply_lane(answers->index());
    return *std::move(answers);
  }

  std::shared_ptr<Core> bus_;
  std::uint32_t endpoint_;
  Handler handler_;
};

/// The handle of a replier: ends it like a Subscription. Requests that were not answered get
/// RequestError::kReplierGone.
class Replier : public Subscription {
 public:
  using Subscription::Subscription;
};

}  // namespace ringway
