// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Ringway's bounded channels for the driver, by the calls that wait.

#include <mutex>
#include <utility>

#include "adapters/channel_kinds.hpp"
#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T, class ChannelKind>
class RingwayChannel {
  using Ends = decltype(ChannelKind::make(1));
  using Sender = decltype(Ends::sender);
  using Receiver = decltype(Ends::receiver);

 public:
  static constexpr AdapterInfo kInfo{
      .name = ChannelKind::kName, .kind = Kind::kRingway, .pop_waits = true};

  explicit RingwayChannel(std::size_t capacity) : ends_(ChannelKind::make(capacity)) {}

  struct Producer {
    explicit Producer(RingwayChannel& adapter) : sender(adapter.take(adapter.ends_.sender)) {}
    bool try_push(const T& message) { return sender.send(message) == SendStatus::kSent; }
    Sender sender;
  };

  struct Consumer {
    explicit Consumer(RingwayChannel& adapter) : receiver(adapter.take(adapter.ends_.receiver)) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      const auto message = receiver.receive();
      if (!message) return false;
      handler(*message);
      return true;
    }
    /// How often a consumer really slept.
    [[nodiscard]] std::uint64_t sleeps() const { return receiver.parks(); }
    Receiver receiver;
  };

 private:
  /// A copy of an end that several may have, otherwise the end itself.
  template <class End>
  End take(End& end) {
    const std::lock_guard lock(mutex_);
    if constexpr (std::is_copy_constructible_v<End>) return end;
    return std::move(end);
  }

  std::mutex mutex_;
  Ends ends_;
};

}  // namespace ringway::bench
