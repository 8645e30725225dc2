// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// atomic_queue by push and pop, its fastest calls, which wait inside; capacities are template
/// arguments there. `Queue` is one of the aliases below. https://github.com/max0x7ba/atomic_queue

#include <atomic_queue/atomic_queue.h>

#include <memory>

#include "workload/adapter.hpp"

namespace ringway::bench {

/// For elements that fit an atomic; 0 means empty there, so 0 cannot be sent.
template <class T, unsigned kSize>
using AtomicSpsc = atomic_queue::AtomicQueue<T, kSize, T{}, false, true, false, true>;
template <class T, unsigned kSize>
using AtomicMpmc = atomic_queue::AtomicQueue<T, kSize>;
template <class T, unsigned kSize>
using AtomicOptimist = atomic_queue::AtomicQueue<T, kSize, T{}, true, false>;
/// For elements of any size, a state byte beside each.
template <class T, unsigned kSize>
using AtomicSpsc2 = atomic_queue::AtomicQueue2<T, kSize, false, true, false, true>;
template <class T, unsigned kSize>
using AtomicMpmc2 = atomic_queue::AtomicQueue2<T, kSize>;

template <class T, class Queue, bool kTry>
class AtomicQueueAdapter {
 public:
  static constexpr AdapterInfo kInfo{.name = "atomic_queue", .pop_waits = !kTry};

  explicit AtomicQueueAdapter(std::size_t) : queue_(std::make_unique<Queue>()) {}

  class Producer {
   public:
    explicit Producer(AtomicQueueAdapter& adapter) : queue_(*adapter.queue_) {}
    bool try_push(const T& message) {
      if constexpr (kTry) return queue_.try_push(message);
      queue_.push(message);
      return true;
    }

   private:
    Queue& queue_;
  };

  class Consumer {
   public:
    explicit Consumer(AtomicQueueAdapter& adapter) : queue_(*adapter.queue_) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      if constexpr (kTry) {
        T message;
        if (!queue_.try_pop(message)) return false;
        handler(message);
      } else {
        handler(queue_.pop());
      }
      return true;
    }

   private:
    Queue& queue_;
  };

 private:
  std::unique_ptr<Queue> queue_;
};

}  // namespace ringway::bench
