// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The baseline of what waits: a bounded std::deque, a std::mutex, two condition variables.

#include <condition_variable>
#include <deque>
#include <mutex>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class WaitingQueue {
 public:
  static constexpr AdapterInfo kInfo{.name = "std::mutex + deque + condition variable",
                                     .kind = Kind::kBaseline,
                                     .pop_waits = true};

  explicit WaitingQueue(std::size_t capacity) : capacity_(capacity) {}

  struct Producer {
    explicit Producer(WaitingQueue& the_queue) : queue(the_queue) {}
    bool try_push(const T& message) {
      std::unique_lock lock(queue.mutex_);
      queue.not_full_.wait(lock, [this] { return queue.items_.size() < queue.capacity_; });
      queue.items_.push_back(message);
      lock.unlock();
      queue.not_empty_.notify_one();
      return true;
    }
    WaitingQueue& queue;
  };

  struct Consumer {
    explicit Consumer(WaitingQueue& the_queue) : queue(the_queue) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      std::unique_lock lock(queue.mutex_);
      queue.not_empty_.wait(lock, [this] { return !queue.items_.empty(); });
      const T message = queue.items_.front();
      queue.items_.pop_front();
      lock.unlock();
      queue.not_full_.notify_one();
      handler(message);
      return true;
    }
    WaitingQueue& queue;
  };

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable not_full_, not_empty_;
  std::deque<T> items_;
};

}  // namespace ringway::bench
