// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// boost::lockfree::spsc_queue: consume_one and consume_all show elements in place; ranges for
/// batches. https://www.boost.org/doc/libs/1_74_0/doc/html/lockfree.html

#include <boost/lockfree/spsc_queue.hpp>
#include <span>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class BoostSpsc {
 public:
  static constexpr AdapterInfo kInfo{.name = "Boost spsc_queue", .single_roles = true};

  explicit BoostSpsc(std::size_t capacity) : queue_(capacity) {}

  class Producer {
   public:
    explicit Producer(BoostSpsc& queue) : queue_(queue.queue_) {}
    bool try_push(const T& message) { return queue_.push(message); }
    std::size_t try_push_batch(std::span<const T> messages) {
      return queue_.push(messages.data(), messages.size());
    }

   private:
    boost::lockfree::spsc_queue<T>& queue_;
  };

  class Consumer {
   public:
    explicit Consumer(BoostSpsc& queue) : queue_(queue.queue_) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      return queue_.consume_one(handler) != 0;
    }
    /// Takes all that is there: the library has no limit in place.
    template <class Handler>
    std::size_t try_pop_batch(Handler&& handler, std::size_t) {
      return queue_.consume_all(handler);
    }

   private:
    boost::lockfree::spsc_queue<T>& queue_;
  };

 private:
  boost::lockfree::spsc_queue<T> queue_;
};

}  // namespace ringway::bench
