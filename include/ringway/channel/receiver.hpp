// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The receiving end of a channel, the same for every kind of ring.
///
/// *What.* Got from channel(), mpmc_channel() or unbounded_channel(). What a thread did before its
/// send() returned is visible to whoever receives that message.
///
/// *Protocol.* A receive tries the ring, then tells whoever waits for room. An empty ring of a
/// closed channel is looked at once more, since the last message may have come between the look and
/// the close; only then the channel has ended.
///
/// *Synchronisation.* "closed" is acquired here, through ChannelCore::closed(): see
/// channel_core.hpp. The rest is in the ring's header.
///
/// *Progress.* try_receive and drain are as the ring's try_pop, plus one system call if a sender
/// sleeps. The others are blocking at an empty channel; a deadline, a stop token and a close,
/// whoever closes, end that.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "ringway/base/at_exit.hpp"
#include "ringway/channel/channel_core.hpp"

namespace ringway {

template <class Ring, class Wait, class Memory>
class ChannelReceiver {
  using Core = ChannelCore<Ring, Wait, Memory>;

 public:
  using value_type = typename Ring::value_type;
  using T = value_type;
  class Iterator;

  /// For the factories. \pre the ring has this consumer role to give
  explicit ChannelReceiver(Core& core) noexcept
      : core_(&core), consumer_(*core.ring().consumer()) {}

  /// Another handle, for another thread; the two compete for messages. Any thread. Channels of many
  /// receivers only.
  ChannelReceiver(const ChannelReceiver& other) noexcept requires SharedRing<Ring>
      : ChannelReceiver(*other.core_) {}
  ChannelReceiver(ChannelReceiver&& other) noexcept
      : core_(std::move(other.core_)),
        consumer_(std::move(other.consumer_)),
        received_(std::exchange(other.received_, 0)) {}
  ChannelReceiver& operator=(ChannelReceiver&& other) noexcept {
    if (this != &other) {
      std::destroy_at(this);
      std::construct_at(this, std::move(other));
    }
    return *this;
  }
  /// The last receiver closes the channel: senders learn that nobody will receive.
  ~ChannelReceiver() {
    if (core_ && core_->tally() != nullptr) {
      core_->tally()->received.fetch_add(received_,
                                         std::memory_order_relaxed);  // relaxed: a statistic
    }
  }

  /// Never waits. \return nothing if there is no message, closed or not
  [[nodiscard, gnu::always_inline]] std::optional<T> try_receive() noexcept { return take(); }

  /// Waits for a message; can only fail with kClosed, or kStopped if a token is given.
  Result<T, ReceiveError> receive(const std::stop_token& stop = {}) noexcept {
    return receive_until(Deadline::never(), stop);
  }

  /// The same, until a deadline (a std::chrono::steady_clock::time_point).
  [[gnu::always_inline]] Result<T, ReceiveError> receive_until(
      Deadline deadline, const std::stop_token& stop = {}) noexcept {
    if (auto value = take()) [[likely]] {
      return *std::move(value);
    }
    return await_one(deadline, stop);
  }

  /// The same, for a time.
  template <class Rep, class Period>
  Result<T, ReceiveError> receive_for(std::chrono::duration<Rep, Period> timeout,
                                      const std::stop_token& stop = {}) noexcept {
    if (auto value = take()) [[likely]] {
      return *std::move(value);
    }
    return await_one(Deadline::after(timeout), stop);
  }

  /// Calls `handler(T&)` for the messages that are there, in place, at most `limit`; never waits.
  /// If the handler throws, that message counts as received. \return how many
  template <class Handler>
  std::size_t drain(Handler&& handler,
                    std::size_t limit) noexcept(std::is_nothrow_invocable_v<Handler&, T&>) {
    const std::uint64_t before = received_;
    const AtExit tell_senders([&] {  // also when the handler throws
      if (received_ != before) {
        core_->after_take(received_ - before);
      } else {
        core_->after_vain_look();
      }
    });
    return consumer_.drain(
        [&](T& value) noexcept(std::is_nothrow_invocable_v<Handler&, T&>) {
          ++received_;
          handler(value);
        },
        limit);
  }

  /// `for (T& message : receiver)`: waits for each message, ends when closed and drained.
  [[nodiscard]] Iterator begin() noexcept { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// From now on every send, of any handle, says kClosed; what was accepted can still be received.
  /// A send of an SPSC channel that is under way may still succeed: if it is not received, it is
  /// counted as left over. Any thread.
  void close() noexcept { core_->close(); }
  [[nodiscard]] bool closed() const noexcept { return core_->closed(); }

  /// Messages that this handle has received.
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return core_->ring().capacity(); }
  [[nodiscard]] std::size_t size_approx() const noexcept { return core_->ring().size_approx(); }
  /// How often a receiver of this channel really slept.
  [[nodiscard]] std::uint64_t parks() const noexcept { return core_->elements().parks(); }

 private:
  using Consumer = typename Ring::Consumer;

  [[gnu::always_inline]] std::optional<T> take() noexcept {
    auto value = consumer_.try_pop();
    if (value) [[likely]] {
      ++received_;
      core_->after_take(1);
    } else {
      core_->after_vain_look();
    }
    return value;
  }

  // Never out of line: see ChannelSender::try_it.
  [[gnu::always_inline]] Result<T, ReceiveError> await_one(Deadline deadline,
                                                           const std::stop_token& stop) noexcept {
    typename Wait::template Waiter<Memory> waiter{core_->elements(), deadline, stop};
    for (;;) {
      const bool closed = core_->closed();  // before the look: a look in vain after it is final
      if (auto value = take()) {
        return *std::move(value);
      }
      if (closed && core_->ended()) {
        return Failure{ReceiveError::kClosed};
      }
      const WaitStep step = waiter.step();
      if (step != WaitStep::kLookAgain) {
        return Failure{step == WaitStep::kTimedOut ? ReceiveError::kTimedOut
                                                   : ReceiveError::kStopped};
      }
    }
  }

  // Destroyed from below: the role goes back to the ring before the ring may go.
  ChannelReference<Core, ChannelRole::kReceiver> core_;
  Consumer consumer_;
  std::uint64_t received_ = 0;
};

/// An input iterator that receives as it goes. One pass; one at a time.
template <class Ring, class Wait, class Memory>
class ChannelReceiver<Ring, Wait, Memory>::Iterator {
 public:
  using value_type = typename Ring::value_type;
  using difference_type = std::ptrdiff_t;

  explicit Iterator(ChannelReceiver& receiver) noexcept : receiver_(&receiver) { ++*this; }

  [[nodiscard]] value_type& operator*() const noexcept { return *current_; }
  Iterator& operator++() noexcept {
    current_.reset();
    if (auto next = receiver_->receive()) {
      current_.emplace(*std::move(next));
    }
    return *this;
  }
  void operator++(int) noexcept { ++*this; }
  [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return !current_; }

 private:
  ChannelReceiver* receiver_;
  mutable std::optional<value_type> current_;
};

}  // namespace ringway
