// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// moodycamel::ConcurrentQueue (unbounded) without tokens, as many programs use it.
/// https://github.com/cameron314/concurrentqueue

#include <concurrentqueue/concurrentqueue.h>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class MoodycamelNoTokens {
 public:
  static constexpr AdapterInfo kInfo{.name = "moodycamel ConcurrentQueue, no tokens"};
  explicit MoodycamelNoTokens(std::size_t capacity) : queue_(capacity) {}

  struct Producer {
    explicit Producer(MoodycamelNoTokens& adapter) : queue(adapter.queue_) {}
    bool try_push(const T& message) { return queue.enqueue(message); }
    moodycamel::ConcurrentQueue<T>& queue;
  };

  struct Consumer {
    explicit Consumer(MoodycamelNoTokens& adapter) : queue(adapter.queue_) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      T message;
      if (!queue.try_dequeue(message)) return false;
      handler(message);
      return true;
    }
    moodycamel::ConcurrentQueue<T>& queue;
  };

 private:
  moodycamel::ConcurrentQueue<T> queue_;
};

}  // namespace ringway::bench
