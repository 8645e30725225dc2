// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// oneTBB: concurrent_bounded_queue by try_push and try_pop, and the unbounded concurrent_queue.
/// https://oneapi-src.github.io/oneTBB

#include <oneapi/tbb/concurrent_queue.h>

#include <type_traits>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T, bool kBounded>
class TbbQueue {
  using Queue = std::conditional_t<kBounded, oneapi::tbb::concurrent_bounded_queue<T>,
                                   oneapi::tbb::concurrent_queue<T>>;

 public:
  static constexpr AdapterInfo kInfo{.name = kBounded ? "oneTBB concurrent_bounded_queue"
                                                      : "oneTBB concurrent_queue"};

  explicit TbbQueue(std::size_t capacity) {
    if constexpr (kBounded) queue_.set_capacity(static_cast<std::ptrdiff_t>(capacity));
  }

  struct Producer {
    explicit Producer(TbbQueue& adapter) : queue(adapter.queue_) {}
    bool try_push(const T& message) {
      if constexpr (kBounded) return queue.try_push(message);
      queue.push(message);
      return true;
    }
    Queue& queue;
  };

  struct Consumer {
    explicit Consumer(TbbQueue& adapter) : queue(adapter.queue_) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      T message{};
      if (!queue.try_pop(message)) return false;
      handler(message);
      return true;
    }
    Queue& queue;
  };

 private:
  Queue queue_;
};

}  // namespace ringway::bench
