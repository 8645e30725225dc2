// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// libcds: WeakRingBuffer (one to one, arrays in batches) and VyukovMPMCCycleQueue.
/// https://github.com/khizmax/libcds

#include <cds/container/vyukov_mpmc_cycle_queue.h>
#include <cds/container/weak_ringbuffer.h>
#include <bit>
#include <span>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T, class Queue>
class CdsQueue {
 public:
  static constexpr AdapterInfo kInfo{.name =
                                         std::is_same_v<Queue, cds::container::WeakRingBuffer<T>>
                                             ? "libcds WeakRingBuffer"
                                             : "libcds VyukovMPMCCycleQueue"};

  explicit CdsQueue(std::size_t capacity) : queue_(std::bit_ceil(capacity)) {}

  struct Producer {
    explicit Producer(CdsQueue& adapter) : queue(adapter.queue_) {}
    bool try_push(const T& message) { return queue.enqueue(message); }
    Queue& queue;
  };

  struct Consumer {
    explicit Consumer(CdsQueue& adapter) : queue(adapter.queue_) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      return queue.dequeue_with([&handler](T& message) { handler(message); });
    }
    Queue& queue;
  };

 private:
  Queue queue_;
};

template <class T>
using CdsWeakRing = CdsQueue<T, cds::container::WeakRingBuffer<T>>;
template <class T>
using CdsVyukov = CdsQueue<T, cds::container::VyukovMPMCCycleQueue<T>>;

}  // namespace ringway::bench
