// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Requester`: asks a service, and waits for the answer or comes back for it.
///
/// *What.* request() blocks until the answer, the deadline, or the certainty that none will come;
/// request_async() returns a PendingReply to poll, to wait for, or to hang a callback on. Every
/// request has a deadline; an answer that comes later is discarded and counted; requests under way
/// are bounded by ServiceOptions::max_pending. One thread at a time.
///
/// *Protocol.* The requester writes its lane of requests and reads the replier's lane of answers,
/// which it finds in its lane's record. Only the requester touches its table of pending requests.
/// Callbacks run on the requester's thread, in poll() or while it waits for another answer.
///
/// *Synchronisation.* "reply lane", "lane closed" (bus/directory.hpp), "published" (ring/line.hpp).
///
/// *Progress.* Sending and polling are wait-free; waiting spins briefly, yields, then parks (or
/// spins for ever, if asked to).

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "ringway/bus/dispatcher.hpp"
#include "ringway/bus/pending_table.hpp"
#include "ringway/bus/publisher.hpp"
#include "ringway/bus/replier.hpp"

namespace ringway {

struct RequesterOptions {
  Idle idle = Idle::kPark;  ///< how to wait for an answer
  unsigned pauses = 256;    ///< looks with a pause between them, before the first that yields
  unsigned yields = 8;      ///< looks with a yield between them, before parking
};

template <class Reply, class Request, Home H>
class RequesterCore {
  static_assert(std::is_move_constructible_v<Reply> && std::is_move_constructible_v<Request>);
  using Core = BusCore<H>;
  using Memory = typename H::Memory;
  using Requests = LanePublisher<RequestElement<Request>, H>;
  using AnswerRing = BroadcastRing<ReplyElement<Reply>, Memory>;

 public:
  using Answer = Result<Reply, RequestError>;

  static absl::StatusOr<std::shared_ptr<RequesterCore>> make(std::shared_ptr<Core> bus,
                                                             const Service<Reply(Request)>& service,
                                                             const RequesterOptions& options) {
    if (auto status = names::check(service.name, false); !status.ok()) return status;
    std::uint32_t endpoint = 0;
    {
      auto lock = bus->lock();
      auto made = bus->directory().new_endpoint(bus->participant());
      if (!made.ok()) return made.status();
      endpoint = *made;
    }
    auto requests = Requests::make(bus, LaneKind::kRequest, service.name,
                                   {service_identity<Reply, Request>(), true},
                                   {.capacity = lane_capacity(service.options),
                                    .max_readers = kMostRepliers,
                                    .admits_lossy = false},
                                   endpoint);
    if (!requests.ok()) {
      auto lock = bus->lock();
      bus->directory().free_endpoint(endpoint);
      return requests.status();
    }
    return std::shared_ptr<RequesterCore>(
        new RequesterCore(*std::move(requests), endpoint, service.options, options));
  }

  /// \pre no handle is left. Callbacks that still wait are called.
  ~RequesterCore() {
    give_up();
    leave();
    detach();
    auto bus = requests_->shared_core();
    requests_.reset();
    auto lock = bus->lock();
    bus->directory().free_endpoint(endpoint_);
  }
  RequesterCore(const RequesterCore&) = delete;
  RequesterCore& operator=(const RequesterCore&) = delete;

  /// Keeps the core for as long as a call into it lasts: a callback may drop the last handle. The
  /// requester's thread. (A Handle of the call's own would take two locked instructions.)
  class Use {
   public:
    explicit Use(RequesterCore& core) noexcept : core_(core) { ++core.uses_; }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() {
      if (--core_.uses_ == 0 && core_.kept_ != nullptr) [[unlikely]] {
        const auto last = std::move(core_.kept_);  // not destroyed as its own member
      }
    }
    RequesterCore* operator->() const noexcept { return &core_; }

   private:
    RequesterCore& core_;
  };
  /// A counted reference to the core. Dropped in the middle of a call, it leaves the core until the
  /// call's end. The requester's thread.
  class Handle {
   public:
    explicit Handle(std::shared_ptr<RequesterCore> core) noexcept : core_(std::move(core)) {}
    Handle(const Handle&) = default;
    Handle(Handle&&) noexcept = default;
    Handle& operator=(Handle other) noexcept {
      core_.swap(other.core_);
      return *this;
    }
    ~Handle() {
      if (core_ == nullptr || core_->uses_ == 0) return;
      auto& core = *core_;
      core.kept_ = std::move(core_);
    }

    explicit operator bool() const noexcept { return core_ != nullptr; }
    RequesterCore* operator->() const noexcept { return core_.get(); }
    RequesterCore& operator*() const noexcept { return *core_; }
    void reset() noexcept { *this = Handle(nullptr); }

   private:
    std::shared_ptr<RequesterCore> core_;
  };

  [[nodiscard]] Result<Ticket, RequestError> send(Request request, Deadline deadline) {
    auto& lane = requests_->lane();
    if (lane.closed()) return Failure{RequestError::kClosed};
    if (lane.reply_lane() != answer_lane_) look_around();  // requests to an earlier one are lost
    if (!lane.served()) return Failure{RequestError::kNoReplier};
    if (table_.waiting() == table_.size()) poll();  // some may have been answered, or be too old
    const auto ticket = table_.open(deadline);
    if (!ticket) return Failure{RequestError::kTooMany};
    const auto status = requests_->try_push([&](auto& producer) {
      return producer.try_emplace(*ticket, deadline, std::move(request));
    });
    if (status == PublishStatus::kPublished) return *ticket;
    table_.cancel(*ticket);
    return Failure{status == PublishStatus::kClosed ? RequestError::kClosed
                                                    : RequestError::kTooMany};
  }

  /// Takes in what has been answered. \return answers that came, wanted or not
  std::size_t poll() {
    const auto came = take_in();
    if (came == 0) {
      requests_->core().look_after_others();
      look_around();
    }
    table_.expire();
    return came;
  }

  /// True on the thread of the dispatcher that the replier belongs to.
  [[nodiscard]] bool would_wait_for_itself() { return requests_->waits_for_this_thread(0); }

  /// Waits until the ticket is answered; its deadline sees to it that it will be.
  [[nodiscard]] Answer wait(Ticket ticket) {
    if (would_wait_for_itself()) {
      take_in();
      if (table_.is_answered(ticket)) return table_.take(ticket);
      table_.cancel(ticket);
      return Failure{RequestError::kWouldDeadlock};
    }
    for (unsigned rounds = 0;; ++rounds) {
      take_in();
      if (table_.is_answered(ticket)) return table_.take(ticket);
      if (rounds % kRoundsPerLook == kRoundsPerLook - 1) {
        requests_->core().look_after_others();
        look_around();
        table_.expire();
      }
      if (options_.idle == Idle::kSpin || rounds < options_.pauses) {
        Memory::relax();
      } else if (options_.idle == Idle::kYield || rounds < options_.pauses + options_.yields) {
        Memory::yield();
      } else {
        park(ticket);
      }
    }
  }

  [[nodiscard]] PendingTable<Reply, Memory>& table() noexcept { return table_; }
  [[nodiscard]] std::chrono::nanoseconds timeout() const noexcept { return service_.timeout; }
  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }
  [[nodiscard]] std::uint64_t parks() const noexcept {
    return record().event.parks() - parks_before_;
  }
  [[nodiscard]] bool served() const noexcept { return requests_->lane().served(); }

 private:
  static constexpr std::size_t kMostRepliers = 4;  // one serves, the others are leaving
  static constexpr unsigned kRoundsPerLook = 32;   // rounds of waiting between looks at the clock

  RequesterCore(Requests requests, std::uint32_t endpoint, const ServiceOptions& service,
                const RequesterOptions& options)
      : requests_(std::move(requests)),
        endpoint_(endpoint),
        service_(service),
        options_(options),
        parks_before_(record().event.parks()),
        table_(service.max_pending) {}

  /// None if none may be under way: the ring refuses that in words.
  [[nodiscard]] static std::size_t lane_capacity(const ServiceOptions& service) noexcept {
    return service.max_pending == 0 ? 0 : service.max_pending + kRequestsAtATime;
  }
  [[nodiscard]] EndpointRecord<Memory>& record() const noexcept {
    return requests_->core().directory().endpoint(endpoint_);
  }

  std::size_t take_in() {
    if (!answers_) [[unlikely]] {
      attach();
      if (!answers_) return 0;
    }
    std::size_t taken = 0;
    for (; taken < service_.max_pending && answers_; ++taken) {
      // One at a time, and out of the lane before a callback runs: it may ask again and so come
      // back here, or find the replier replaced.
      Ticket ticket;
      Answer answer = Failure{RequestError::kHandlerFailed};
      const auto came = answers_->drain(
          [&ticket, &answer](const ReplyElement<Reply>& element) {
            ticket = element.ticket;
            // This is the lane's only reader: nobody else looks at the element, and its writer
            // only destroys it.
            auto reply = const_cast<ReplyElement<Reply>&>(element).take();
            if (reply) answer = *std::move(reply);
          },
          1);
      if (came == 0) break;
      if (!table_.answer(ticket, std::move(answer))) ++late_;
    }
    return taken;
  }

  /// Notices that the replier came, left or was replaced, and that the bus stopped.
  void look_around() {
    auto& lane = requests_->lane();
    const bool served_now = served();
    const auto lane_now = lane.reply_lane();
    if (lane_now != answer_lane_) {
      take_in();  // what the old one answered still counts
      if (answers_ && lane.reply_lane() != answer_lane_) {
        detach();
        attach();
        table_.fail_all(RequestError::kReplierGone);
      }
    }
    if (!served_now) {
      take_in();
      table_.fail_all(RequestError::kReplierGone);
    }
    if (lane.closed()) {
      take_in();
      table_.fail_all(RequestError::kClosed);
    }
  }

  void attach() {
    auto& core = requests_->core();
    const auto index = requests_->lane().reply_lane();
    if (index == 0) return;
    auto lock = core.lock();
    auto& lane = core.directory().lane(index);
    if (lane.awaited != endpoint_ + 1) return;
    auto ring = core.template join_ring<AnswerRing>(lane, answers_hold_);
    if (!ring) return;
    lane.awaited = 0;
    answers_.emplace(core.adopt_cursor(*ring, 0, answers_hold_));
    answers_->set_address(endpoint_);
    answer_lane_ = index;
  }
  /// What has been answered gets its answer, all other callbacks hear that none will come.
  void give_up() noexcept {
    while (table_.waiting() != 0) {
      try {
        take_in();
        table_.fail_all(RequestError::kCancelled);
      } catch (...) {  // a callback's; the next ones are called all the same
        requests_->core().report_error(name(), std::current_exception());
      }
    }
  }
  [[nodiscard]] std::string_view name() const noexcept {
    return requests_->core().directory().topic(requests_->lane().topic).name.view();
  }

  /// Nobody answers us any more; an answer lane that we never picked up goes.
  void leave() noexcept {
    auto& core = requests_->core();
    auto lock = core.lock();
    auto& lane = requests_->lane();
    lane.close();  // a replier that picks the lane up later opens none
    const auto index = lane.reply_lane();
    if (index == 0 || core.directory().lane(index).awaited != endpoint_ + 1) return;
    core.directory().lane(index).awaited = 0;
    core.template release_lane<ReplyElement<Reply>>(index);
  }
  void detach() noexcept {
    if (!answers_) return;
    answers_.reset();
    answers_hold_ = {};
    auto& core = requests_->core();
    auto lock = core.lock();
    core.template release_lane<ReplyElement<Reply>>(std::exchange(answer_lane_, 0));
  }

  [[gnu::noinline]] void park(Ticket ticket) {
    const auto asked_lane = answer_lane_;
    if (answers_) answers_->ask_for_signal_unfenced();
    const auto key = record().event.prepare();
    const auto signals = record().ready.take([](std::size_t) {});
    look_around();
    take_in();
    table_.expire();
    // A signal that came before our key used our request for one up, maybe for an answer that we
    // had taken already; and a lane that was only now picked up has not been asked: ask again.
    if (signals != 0 || answer_lane_ != asked_lane || !table_.is_waiting(ticket) ||
        (answers_ && answers_->has_news())) {
      record().event.cancel();
    } else {
      record().event.wait(key, requests_->core().nap(table_.deadline(ticket)));
    }
    requests_->core().look_after_others();
  }

  std::optional<Requests> requests_;
  std::uint32_t endpoint_;
  ServiceOptions service_;
  RequesterOptions options_;
  std::uint64_t parks_before_;  // of the endpoint's earlier owners
  PendingTable<Reply, Memory> table_;
  [[no_unique_address]] typename Core::Hold answers_hold_{};
  std::optional<typename AnswerRing::Cursor> answers_;
  std::uint32_t answer_lane_ = 0;
  std::uint64_t late_ = 0;
  unsigned uses_ = 0;                    // calls under way, one inside the other
  std::shared_ptr<RequesterCore> kept_;  // until their end
};

/// A request under way. Dropping it cancels: its answer is discarded when it comes. The requester's
/// thread.
template <class Reply, class Request, Home H>
class PendingReply {
  using Core = RequesterCore<Reply, Request, H>;

 public:
  using Answer = typename Core::Answer;

  PendingReply(typename Core::Handle core, Result<Ticket, RequestError> ticket)
      : core_(std::move(core)), ticket_(std::move(ticket)) {}
  PendingReply(PendingReply&&) noexcept = default;
  PendingReply& operator=(PendingReply&&) = delete;
  ~PendingReply() { cancel(); }

  /// Looks for the answer. \return true if get() will not wait. Wait-free.
  [[nodiscard]] bool poll() {
    if (!core_ || !ticket_) return true;
    const typename Core::Use core(*core_);  // a callback may destroy this object
    const auto ticket = *ticket_;
    core->poll();
    return core->table().is_answered(ticket);
  }

  /// The answer, or why there is none; waits until the deadline at most. \pre neither taken nor
  /// handed to then()
  [[nodiscard]] Answer get() {
    const auto core = std::move(core_);
    if (!ticket_) return Failure{ticket_.error()};
    if (!core) return Failure{RequestError::kCancelled};
    return core->wait(*ticket_);
  }

  /// Runs `callback(Result<Reply, RequestError>)` when there is an answer or an error: on the
  /// requester's thread, in Requester::poll() or while it waits for another answer; at once if it
  /// is there already. It may destroy the requester and its PendingReplies; when the last of them
  /// goes, callbacks that still wait are called with RequestError::kCancelled, and what one of
  /// those throws goes to the bus's error handler.
  template <class Callback>
  void then(Callback&& callback) && {
    const auto core = std::move(core_);
    if (!ticket_) return callback(Answer(Failure{ticket_.error()}));
    if (!core) return callback(Answer(Failure{RequestError::kCancelled}));
    core->table().on_answer(*ticket_, std::forward<Callback>(callback));
  }

  /// Gives the request up. Idempotent.
  void cancel() noexcept {
    if (core_ && ticket_) core_->table().cancel(*ticket_);
    core_.reset();
  }

 private:
  typename Core::Handle core_;
  Result<Ticket, RequestError> ticket_;
};

template <class Signature, Home H = HeapHome>
class Requester;

template <class Reply, class Request, Home H>
class Requester<Reply(Request), H> {
  using Core = RequesterCore<Reply, Request, H>;

 public:
  using Answer = typename Core::Answer;
  using Pending = PendingReply<Reply, Request, H>;

  /// Asks and waits, at most the service's timeout. Blocking.
  [[nodiscard]] Answer request(Request request) {
    return this->request(std::move(request), core_->timeout());
  }
  /// Asks and waits, at most `timeout`. Blocking.
  template <class Rep, class Period>
  [[nodiscard]] Answer request(Request request, std::chrono::duration<Rep, Period> timeout) {
    if (core_->would_wait_for_itself()) return Failure{RequestError::kWouldDeadlock};
    const typename Core::Use core(*core_);  // a callback may destroy this object
    auto ticket = core->send(std::move(request), Deadline::after(timeout));
    if (!ticket) return Failure{ticket.error()};
    return core->wait(*ticket);
  }

  /// Asks; the answer is fetched later. Wait-free. An error shows in the PendingReply.
  [[nodiscard]] Pending request_async(Request request) {
    return request_async(std::move(request), core_->timeout());
  }
  template <class Rep, class Period>
  [[nodiscard]] Pending request_async(Request request, std::chrono::duration<Rep, Period> timeout) {
    auto core = core_;  // a callback may destroy this object
    auto ticket = core->send(std::move(request), Deadline::after(timeout));
    return Pending(std::move(core), std::move(ticket));
  }

  /// Takes in answers and runs callbacks; also finds out who timed out. \return answers that came
  std::size_t poll() {
    const typename Core::Use core(*core_);  // a callback may destroy this object
    return core->poll();
  }

  /// True if somebody serves the name now.
  [[nodiscard]] bool served() const noexcept { return core_->served(); }
  /// Requests under way.
  [[nodiscard]] std::size_t pending() const noexcept { return core_->table().waiting(); }
  /// Answers that came after nobody waited for them any more, and were discarded.
  [[nodiscard]] std::uint64_t late_replies() const noexcept { return core_->late(); }
  /// How often a wait really slept.
  [[nodiscard]] std::uint64_t parks() const noexcept { return core_->parks(); }

 private:
  template <Home>
  friend class BasicBus;
  explicit Requester(std::shared_ptr<Core> core) noexcept : core_(std::move(core)) {}

  typename Core::Handle core_;
};

}  // namespace ringway
