// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The baselines: a bounded std::deque behind a std::mutex, polled, and with condition variables.

#include <condition_variable>
#include <deque>
#include <mutex>

#include "workload/adapter.hpp"

namespace ringway::bench {

/// `kWaits`: with condition variables; both calls wait inside.
template <class T, bool kWaits>
class MutexQueue {
 public:
  static constexpr AdapterInfo kInfo{
      .name = kWaits ? "std::mutex + deque + condition variable" : "std::mutex + deque",
      .kind = Kind::kBaseline,
      .pop_waits = kWaits};

  explicit MutexQueue(std::size_t capacity) : capacity_(capacity) {}

  struct Producer {
    explicit Producer(MutexQueue& the_queue) : queue(the_queue) {}
    bool try_push(const T& message) {
      std::unique_lock lock(queue.mutex_);
      if constexpr (kWaits) {
        queue.not_full_.wait(lock, [this] { return queue.items_.size() < queue.capacity_; });
      }
      if (queue.items_.size() >= queue.capacity_) return false;
      queue.items_.push_back(message);
      lock.unlock();
      if constexpr (kWaits) queue.not_empty_.notify_one();
      return true;
    }
    MutexQueue& queue;
  };

  struct Consumer {
    explicit Consumer(MutexQueue& the_queue) : queue(the_queue) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      std::unique_lock lock(queue.mutex_);
      if constexpr (kWaits) queue.not_empty_.wait(lock, [this] { return !queue.items_.empty(); });
      if (queue.items_.empty()) return false;
      const T message = queue.items_.front();
      queue.items_.pop_front();
      lock.unlock();
      if constexpr (kWaits) queue.not_full_.notify_one();
      handler(message);
      return true;
    }
    MutexQueue& queue;
  };

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable not_full_, not_empty_;
  std::deque<T> items_;
};

}  // namespace ringway::bench
