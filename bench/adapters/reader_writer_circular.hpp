// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// moodycamel::BlockingReaderWriterCircularBuffer by its blocking calls, which are what it is for.
/// https://github.com/cameron314/readerwriterqueue

#include <readerwriterqueue/readerwritercircularbuffer.h>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class ReaderWriterCircular {
 public:
  static constexpr AdapterInfo kInfo{.name = "moodycamel BlockingReaderWriterCircularBuffer",
                                     .single_roles = true,
                                     .pop_waits = true};

  explicit ReaderWriterCircular(std::size_t capacity) : queue_(capacity) {}

  class Producer {
   public:
    explicit Producer(ReaderWriterCircular& queue) : queue_(queue.queue_) {}
    bool try_push(const T& message) {
      queue_.wait_enqueue(message);
      return true;
    }

   private:
    moodycamel::BlockingReaderWriterCircularBuffer<T>& queue_;
  };

  class Consumer {
   public:
    explicit Consumer(ReaderWriterCircular& queue) : queue_(queue.queue_) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      T message;
      queue_.wait_dequeue(message);
      handler(message);
      return true;
    }

   private:
    moodycamel::BlockingReaderWriterCircularBuffer<T>& queue_;
  };

 private:
  moodycamel::BlockingReaderWriterCircularBuffer<T> queue_;
};

}  // namespace ringway::bench
