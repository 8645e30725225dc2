// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Boost.Interprocess message_queue, one for each reader.
/// https://www.boost.org/doc/libs/release/doc/html/interprocess/synchronization_mechanisms.html

#include <vector>

#include "ipc/boost_queue_parts.hpp"

namespace ringway::bench {

template <class T>
class IpcBoostQueue {
 public:
  static constexpr AdapterInfo kInfo{.name = "Boost message_queue"};

  explicit IpcBoostQueue(const IpcPlan& plan) : queues_(plan, sizeof(T)) {}

  struct Writer {
    explicit Writer(IpcBoostQueue& adapter) {
      const BoostQueues& all = adapter.queues_;
      for (std::size_t i = 0; i < all.plan.readers; ++i) queues.push_back(all.open(i));
    }
    void send(const T& message) {
      for (const auto& queue : queues) queue->send(&message, sizeof(T), 0);
    }
    std::vector<std::unique_ptr<BoostQueues::Queue>> queues;
  };

  struct Reader {
    Reader(IpcBoostQueue& adapter, std::size_t index)
        : waits(adapter.queues_.plan.sleeps()), queue(adapter.queues_.open(index)) {}
    template <class Handler>
    bool poll(Handler&& handler) {
      BoostQueues::Queue::size_type size = 0;
      unsigned priority = 0;
      if (waits) {
        queue->receive(&message, sizeof(T), size, priority);
      } else if (!queue->try_receive(&message, sizeof(T), size, priority)) {
        return false;
      }
      handler(message);
      return true;
    }
    const bool waits;
    std::unique_ptr<BoostQueues::Queue> queue;
    T message;
  };

 private:
  const BoostQueues queues_;
};

}  // namespace ringway::bench
