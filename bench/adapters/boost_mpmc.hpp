// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// boost::lockfree::queue with all nodes allocated beforehand and bounded_push, as its
/// documentation asks for when no push may allocate. It holds at most 65534 nodes.

#include <algorithm>
#include <boost/lockfree/queue.hpp>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class BoostMpmc {
 public:
  static constexpr AdapterInfo kInfo{.name = "Boost queue"};

  explicit BoostMpmc(std::size_t capacity) : queue_(std::min<std::size_t>(capacity, 65534)) {}

  class Producer {
   public:
    explicit Producer(BoostMpmc& queue) : queue_(queue.queue_) {}
    bool try_push(const T& message) { return queue_.bounded_push(message); }

   private:
    boost::lockfree::queue<T>& queue_;
  };

  class Consumer {
   public:
    explicit Consumer(BoostMpmc& queue) : queue_(queue.queue_) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      return queue_.consume_one(handler);
    }

   private:
    boost::lockfree::queue<T>& queue_;
  };

 private:
  boost::lockfree::queue<T> queue_;
};

}  // namespace ringway::bench
