// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// moodycamel::ConcurrentQueue (unbounded), with its tokens and bulk calls, which its README calls
/// fastest, or without tokens. https://github.com/cameron314/concurrentqueue

#include <concurrentqueue/concurrentqueue.h>

#include <array>
#include <optional>
#include <span>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T, bool kTokens>
class Moodycamel {
  using Queue = moodycamel::ConcurrentQueue<T>;

 public:
  static constexpr AdapterInfo kInfo{.name = kTokens ? "moodycamel ConcurrentQueue, tokens"
                                                     : "moodycamel ConcurrentQueue, no tokens"};
  explicit Moodycamel(std::size_t capacity) : queue_(capacity) {}

  struct Producer {
    explicit Producer(Moodycamel& adapter) : queue(adapter.queue_), token(queue) {}
    bool try_push(const T& message) {
      return kTokens ? queue.enqueue(token, message) : queue.enqueue(message);
    }
    std::size_t try_push_batch(std::span<const T> messages) requires kTokens {
      queue.enqueue_bulk(token, messages.data(), messages.size());
      return messages.size();
    }
    Queue& queue;
    moodycamel::ProducerToken token;
  };

  struct Consumer {
    explicit Consumer(Moodycamel& adapter) : queue(adapter.queue_), token(queue) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      T message;
      if (!(kTokens ? queue.try_dequeue(token, message) : queue.try_dequeue(message))) return false;
      handler(message);
      return true;
    }
    template <class Handler>
    std::size_t try_pop_batch(Handler&& handler, std::size_t limit) requires kTokens {
      std::array<T, 256> items;
      const auto count =
          queue.try_dequeue_bulk(token, items.begin(), std::min(limit, items.size()));
      for (std::size_t i = 0; i < count; ++i) handler(items[i]);
      return count;
    }
    Queue& queue;
    moodycamel::ConsumerToken token;
  };

 private:
  Queue queue_;
};

}  // namespace ringway::bench
