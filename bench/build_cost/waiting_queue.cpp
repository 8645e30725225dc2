// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <deque>
#include <mutex>

struct Queue {
  std::mutex mutex;
  std::condition_variable not_full, not_empty;
  std::deque<long> items;
};

bool through(long value) {
  Queue queue;
  {
    std::unique_lock lock(queue.mutex);
    queue.not_full.wait(lock, [&] { return queue.items.size() < 1024; });
    queue.items.push_back(value);
  }
  queue.not_empty.notify_one();
  std::unique_lock lock(queue.mutex);
  queue.not_empty.wait(lock, [&] { return !queue.items.empty(); });
  const long out = queue.items.front();
  queue.items.pop_front();
  lock.unlock();
  queue.not_full.notify_one();
  return out == value;
}
