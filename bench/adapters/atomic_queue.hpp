// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// atomic_queue by push and pop, its fastest calls, which wait inside; capacities are template
/// arguments there. `Queue` is one of atomic_queue_kinds.hpp.
/// https://github.com/max0x7ba/atomic_queue

#include <memory>

#include "adapters/atomic_queue_kinds.hpp"
#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T, class Queue, bool kTry>
class AtomicQueueAdapter {
 public:
  // Two producers that have claimed positions h and h + size wait for the same slot and may take it
  // in either order, so where producers share a queue and are not all running, the order of one
  // producer's messages is not kept.
  static constexpr AdapterInfo kInfo{
      .name = "atomic_queue", .pop_waits = !kTry, .keeps_order = kOneProducer<Queue>};

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
