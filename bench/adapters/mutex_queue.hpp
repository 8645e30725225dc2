// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The baseline: a bounded std::deque behind a std::mutex, polled.

#include <deque>
#include <mutex>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class MutexQueue {
 public:
  static constexpr AdapterInfo kInfo{.name = "std::mutex + deque", .kind = Kind::kBaseline};

  explicit MutexQueue(std::size_t capacity) : capacity_(capacity) {}

  struct Producer {
    explicit Producer(MutexQueue& the_queue) : queue(the_queue) {}
    bool try_push(const T& message) {
      const std::lock_guard lock(queue.mutex_);
      if (queue.items_.size() >= queue.capacity_) return false;
      queue.items_.push_back(message);
      return true;
    }
    MutexQueue& queue;
  };

  struct Consumer {
    explicit Consumer(MutexQueue& the_queue) : queue(the_queue) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      std::unique_lock lock(queue.mutex_);
      if (queue.items_.empty()) return false;
      const T message = queue.items_.front();
      queue.items_.pop_front();
      lock.unlock();
      handler(message);
      return true;
    }
    MutexQueue& queue;
  };

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::deque<T> items_;
};

}  // namespace ringway::bench
