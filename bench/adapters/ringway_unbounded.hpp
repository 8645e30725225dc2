// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Ringway's unbounded channel for the driver, by the calls that do not wait.

#include <mutex>
#include <span>
#include <utility>

#include "ringway/channel/unbounded_channel.hpp"
#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class RingwayUnbounded {
 public:
  static constexpr AdapterInfo kInfo{.name = "unbounded_channel", .kind = Kind::kRingway};

  explicit RingwayUnbounded(std::size_t) : ends_(unbounded_channel<T>()) {}

  struct Producer {
    explicit Producer(RingwayUnbounded& adapter) : sender(adapter.copy(adapter.ends_.sender)) {}
    bool try_push(const T& message) { return sender.try_send(message) == SendStatus::kSent; }
    std::size_t try_push_batch(std::span<const T> messages) {
      return sender.try_send_batch(messages);
    }
    UnboundedSender<T> sender;
  };

  struct Consumer {
    explicit Consumer(RingwayUnbounded& adapter) : receiver(adapter.copy(adapter.ends_.receiver)) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      return hand_over(receiver.try_receive(), handler);
    }
    template <class Handler>
    std::size_t try_pop_batch(Handler&& handler, std::size_t limit) {
      return receiver.drain(std::forward<Handler>(handler), limit);
    }
    UnboundedReceiver<T> receiver;
  };

 private:
  template <class End>
  End copy(const End& end) {
    const std::lock_guard lock(mutex_);
    return end;
  }

  std::mutex mutex_;
  ChannelEnds<UnboundedQueue<T>, SpinPark, NativeMemory> ends_;
};

}  // namespace ringway::bench
