// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// moodycamel::ReaderWriterQueue: try_enqueue never allocates; peek and pop show the element in
/// place, which its README prefers for large ones. https://github.com/cameron314/readerwriterqueue

#include <readerwriterqueue/readerwriterqueue.h>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class ReaderWriterQueue {
 public:
  static constexpr AdapterInfo kInfo{.name = "moodycamel ReaderWriterQueue", .single_roles = true};

  explicit ReaderWriterQueue(std::size_t capacity) : queue_(capacity) {}

  class Producer {
   public:
    explicit Producer(ReaderWriterQueue& queue) : queue_(queue.queue_) {}
    bool try_push(const T& message) { return queue_.try_enqueue(message); }

   private:
    moodycamel::ReaderWriterQueue<T>& queue_;
  };

  class Consumer {
   public:
    explicit Consumer(ReaderWriterQueue& queue) : queue_(queue.queue_) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      T message;
      if (!queue_.try_dequeue(message)) return false;
      handler(message);
      return true;
    }

   private:
    moodycamel::ReaderWriterQueue<T>& queue_;
  };

 private:
  moodycamel::ReaderWriterQueue<T> queue_;
};

}  // namespace ringway::bench
