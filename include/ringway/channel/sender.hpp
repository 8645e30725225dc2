// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The sending end of a channel, the same for every kind of ring.
///
/// *What.* Got from channel(), mpmc_channel() or unbounded_channel(). What a thread did before
/// send() returned kSent is visible to the receiver of that message.
///
/// *Protocol.* A send tries the ring, then tells whoever waits for elements. At a full ring it does
/// what the channel's Overflow says.
///
/// *Synchronisation.* None of its own: see channel_core.hpp and the ring's header.
///
/// *Progress.* try_ operations are as the ring's try_push, plus one system call if a receiver
/// sleeps. The others are blocking at a full channel with Overflow::kWait; the deadline, the stop
/// token and a close, whoever closes, end that. With kDropOldest a send waits only while the
/// element to drop is in another thread's hands.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "ringway/channel/channel_core.hpp"

namespace ringway {

template <class Ring, class Wait, class Memory>
class ChannelSender {
  using Core = ChannelCore<Ring, Wait, Memory>;

 public:
  using value_type = typename Ring::value_type;
  using T = value_type;
  class Claim;

  /// For the factories. \pre the ring has this producer role to give
  explicit ChannelSender(Core& core) noexcept
      : core_(&core), producer_(*core.ring().producer()), overflow_(core.overflow()) {}

  /// Another handle, for another thread. Any thread. Channels of many senders only.
  ChannelSender(const ChannelSender& other) noexcept requires SharedRing<Ring>
      : ChannelSender(*other.core_) {}
  ChannelSender(ChannelSender&& other) noexcept
      : core_(std::move(other.core_)),
        producer_(std::move(other.producer_)),
        overflow_(other.overflow_),
        sent_(std::exchange(other.sent_, 0)),
        dropped_(std::exchange(other.dropped_, 0)) {}
  ChannelSender& operator=(ChannelSender&& other) noexcept {
    if (this != &other) {
      std::destroy_at(this);
      std::construct_at(this, std::move(other));
    }
    return *this;
  }
  /// The last sender closes the channel; what was accepted can still be received.
  ~ChannelSender() {
    if (core_ && core_->tally() != nullptr) {
      core_->tally()->sent.fetch_add(sent_, std::memory_order_relaxed);        // relaxed: statistic
      core_->tally()->dropped.fetch_add(dropped_, std::memory_order_relaxed);  // relaxed: statistic
    }
  }

  /// Never waits: kSent, kFull, kClosed or kDropped.
  SendStatus try_send(const T& value) noexcept(std::is_nothrow_copy_constructible_v<T>) {
    return try_it(value);
  }
  SendStatus try_send(T&& value) noexcept { return try_it(std::move(value)); }

  /// Waits for room if the channel's Overflow says so: never kFull or kTimedOut then.
  SendStatus send(const T& value, const std::stop_token& stop = {}) {
    return send_it(value, Deadline::never(), stop);
  }
  SendStatus send(T&& value, const std::stop_token& stop = {}) {
    return send_it(std::move(value), Deadline::never(), stop);
  }

  /// The same, until a deadline (a std::chrono::steady_clock::time_point).
  SendStatus send_until(const T& value, Deadline deadline, const std::stop_token& stop = {}) {
    return send_it(value, deadline, stop);
  }
  SendStatus send_until(T&& value, Deadline deadline, const std::stop_token& stop = {}) {
    return send_it(std::move(value), deadline, stop);
  }

  /// The same, for a time.
  template <class Rep, class Period>
  SendStatus send_for(const T& value, std::chrono::duration<Rep, Period> timeout,
                      const std::stop_token& stop = {}) {
    return push(value) ? SendStatus::kSent : send_it(value, Deadline::after(timeout), stop);
  }
  template <class Rep, class Period>
  SendStatus send_for(T&& value, std::chrono::duration<Rep, Period> timeout,
                      const std::stop_token& stop = {}) {
    if (push(std::move(value))) return SendStatus::kSent;
    return send_it(std::move(value), Deadline::after(timeout), stop);
  }

  /// Constructs a message in place, for commit() to send; dropping the claim takes it back. Empty
  /// if the channel is full or closed, whatever the Overflow. \pre no other claim of this sender is
  /// open, and the sender stays where it is meanwhile
  template <class... Args>
  requires requires { typename Ring::Claim; }
  [[nodiscard]] Claim try_claim(Args&&... args) {
    if (closed_to_me()) {
      return Claim(*this, {});
    }
    return Claim(*this, producer_.try_claim(std::forward<Args>(args)...));
  }

  /// Sends as long a prefix as there is room for, moving from it (copying, if const), and tells the
  /// receivers once. Never waits, never drops. \return how many were sent
  template <class U, std::size_t kExtent>
  requires std::is_same_v<std::remove_const_t<U>, T>
  [[nodiscard]] std::size_t try_send_batch(std::span<U, kExtent> values) {
    if (closed_to_me()) {
      return 0;
    }
    const std::size_t count = producer_.try_push_batch(std::span<U>(values));
    if (count != 0) {
      sent_ += count;
      core_->after_send(count);
    }
    return count;
  }

  /// Sends all, doing at a full channel what its Overflow says. \return how many were sent: fewer
  /// if the channel was closed, the wait ended early, or the rest did not fit (kFail, kDropNewest)
  template <class U, std::size_t kExtent>
  requires std::is_same_v<std::remove_const_t<U>, T>
  [[nodiscard]] std::size_t send_batch(std::span<U, kExtent> values,
                                       Deadline deadline = Deadline::never(),
                                       const std::stop_token& stop = {}) {
    std::size_t sent = 0;
    while (sent < values.size()) {
      sent += try_send_batch(values.subspan(sent));
      if (sent < values.size()) {
        // One message by the rules, then on in bulk.
        const SendStatus status = send_it(std::move(values[sent]), deadline, stop);
        if (status == SendStatus::kDropped) {
          dropped_ += values.size() - sent - 1;
        }
        if (status != SendStatus::kSent) {
          break;
        }
        ++sent;
      }
    }
    return sent;
  }

  /// From now on every send, of any handle, says kClosed; what was accepted can be received. Any
  /// thread.
  void close() noexcept { core_->close(); }
  [[nodiscard]] bool closed() const noexcept { return core_->closed(); }

  /// Messages that this handle has sent.
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  /// Messages that this handle has dropped: its own newest, or others' oldest.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return core_->ring().capacity(); }
  [[nodiscard]] std::size_t size_approx() const noexcept { return core_->ring().size_approx(); }
  /// How often a sender of this channel really slept.
  [[nodiscard]] std::uint64_t parks() const noexcept { return core_->room().parks(); }

 private:
  using Producer = typename Ring::Producer;

  enum class Next : unsigned char { kTryAgain, kWait, kReturn };
  struct Decision {
    Next next;
    SendStatus status = SendStatus::kFull;
  };

  [[nodiscard]] bool closed_to_me() const noexcept {
    if constexpr (SharedRing<Ring>) {
      return false;  // the ring's seal refuses
    } else {
      return core_->closed();
    }
  }

  template <class U>
  [[gnu::always_inline]] bool push(U&& value) {
    if (closed_to_me() || !producer_.try_push(std::forward<U>(value))) {
      return false;
    }
    ++sent_;
    core_->after_send(1);
    return true;
  }

  // Never out of line: a call that takes the handle's address would force the producer's cursors
  // into memory on the fast path too. Only the waiter's steps are calls.
  template <class U>
  [[gnu::always_inline]] SendStatus try_it(U&& value) {
    while (!push(std::forward<U>(value))) {
      const Decision decision = after_refusal();
      if (decision.next != Next::kTryAgain) {
        return decision.status;
      }
    }
    return SendStatus::kSent;
  }

  template <class U>
  [[gnu::always_inline]] SendStatus send_it(U&& value, Deadline deadline,
                                            const std::stop_token& stop) {
    if (push(std::forward<U>(value))) [[likely]] {
      return SendStatus::kSent;
    }
    typename Wait::template Waiter<Memory> waiter{core_->room(), deadline, stop};
    do {
      const Decision decision = after_refusal();
      if (decision.next == Next::kReturn) {
        return decision.status;
      }
      if (decision.next == Next::kWait) {
        const WaitStep step = waiter.step();
        if (step != WaitStep::kLookAgain) {
          return step == WaitStep::kTimedOut ? SendStatus::kTimedOut : SendStatus::kStopped;
        }
      }
    } while (!push(std::forward<U>(value)));
    return SendStatus::kSent;
  }

  /// The ring refused: is it closed, and if it is full, what is this channel's way?
  Decision after_refusal() noexcept {
    if (is_closed()) {
      return {Next::kReturn, SendStatus::kClosed};
    }
    switch (overflow_) {
      case Overflow::kWait: return {Next::kWait};
      case Overflow::kFail: break;
      case Overflow::kDropNewest: ++dropped_; return {Next::kReturn, SendStatus::kDropped};
      case Overflow::kDropOldest: return {drop_oldest() ? Next::kTryAgain : Next::kWait};
    }
    return {Next::kReturn, SendStatus::kFull};
  }

  [[nodiscard]] bool is_closed() const noexcept {
    if constexpr (SharedRing<Ring>) {
      return producer_.sealed();
    } else {
      return core_->closed();
    }
  }

  /// \return false if the oldest element is in another thread's hands, or there is none
  bool drop_oldest() noexcept {
    if constexpr (SharedRing<Ring>) {
      auto consumer = core_->ring().consumer();
      if (consumer->try_pop()) {
        ++dropped_;
        core_->after_take(1);
        return true;
      }
      core_->after_vain_look();
    }
    return false;
  }

  // Destroyed from below: the role goes back to the ring before the ring may go.
  ChannelReference<Core, ChannelRole::kSender> core_;
  Producer producer_;
  Overflow overflow_;
  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;
};

/// A message that is constructed but not sent. Lives no longer than its sender.
template <class Ring, class Wait, class Memory>
class ChannelSender<Ring, Wait, Memory>::Claim {
 public:
  Claim(Claim&&) noexcept = default;
  Claim& operator=(Claim&&) = delete;
  ~Claim() {
    if (claim_) {
      { const auto given_up = std::move(claim_); }
      sender_.core_->after_abort();
    }
  }

  /// False if there was no room.
  explicit operator bool() const noexcept { return static_cast<bool>(claim_); }
  T& operator*() const noexcept { return *claim_; }
  T* operator->() const noexcept { return &*claim_; }

  /// Sends the message; the claim is empty afterwards. \pre not empty
  void commit() noexcept {
    claim_.commit();
    ++sender_.sent_;
    sender_.core_->after_send(1);
  }

 private:
  friend ChannelSender;
  using RingClaim = typename Ring::Claim;
  Claim(ChannelSender& sender, RingClaim claim) noexcept
      : sender_(sender), claim_(std::move(claim)) {}

  ChannelSender& sender_;
  RingClaim claim_;
};

}  // namespace ringway
