// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// moodycamel::ConcurrentQueue (unbounded) with its tokens and bulk calls, which its README calls
/// fastest. https://github.com/cameron314/concurrentqueue

#include <concurrentqueue/concurrentqueue.h>

#include <algorithm>
#include <array>
#include <span>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class Moodycamel {
 public:
  static constexpr AdapterInfo kInfo{.name = "moodycamel ConcurrentQueue, tokens"};
  explicit Moodycamel(std::size_t capacity) : queue_(capacity) {}

  struct Producer {
    explicit Producer(Moodycamel& adapter) : queue(adapter.queue_), token(queue) {}
    bool try_push(const T& message) { return queue.enqueue(token, message); }
    std::size_t try_push_batch(std::span<const T> messages) {
      queue.enqueue_bulk(token, messages.data(), messages.size());
      return messages.size();
    }
    moodycamel::ConcurrentQueue<T>& queue;
    moodycamel::ProducerToken token;
  };

  struct Consumer {
    explicit Consumer(Moodycamel& adapter) : queue(adapter.queue_), token(queue) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      T message;
      if (!queue.try_dequeue(token, message)) return false;
      handler(message);
      return true;
    }
    template <class Handler>
    std::size_t try_pop_batch(Handler&& handler, std::size_t limit) {
      std::array<T, 256> items;
      const auto most = std::min(limit, items.size());
      const auto count = queue.try_dequeue_bulk(token, items.begin(), most);
      for (std::size_t i = 0; i < count; ++i) handler(items[i]);
      return count;
    }
    moodycamel::ConcurrentQueue<T>& queue;
    moodycamel::ConsumerToken token;
  };

 private:
  moodycamel::ConcurrentQueue<T> queue_;
};

}  // namespace ringway::bench
