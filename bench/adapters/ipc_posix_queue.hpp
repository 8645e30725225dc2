// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// POSIX message queues, one for each reader, as deep as the kernel lets this user make them.

#include <vector>

#include "ipc/posix_queue_parts.hpp"

namespace ringway::bench {

template <class T>
class IpcPosixQueue {
 public:
  static constexpr AdapterInfo kInfo{.name = "POSIX mq"};

  explicit IpcPosixQueue(const IpcPlan& plan) : queues_(plan, sizeof(T)) {}

  struct Writer {
    explicit Writer(IpcPosixQueue& adapter) : plan(adapter.queues_.plan) {
      for (std::size_t i = 0; i < plan.readers; ++i) queues.push_back(adapter.queues_.open(i));
    }
    void send(const T& message) {
      for (const ::mqd_t queue : queues) {
        IpcWaiting waiting(plan);
        while (mq_send(queue, reinterpret_cast<const char*>(&message), sizeof(T), 0) != 0) {
          expect(errno == EAGAIN, "mq_send");
          waiting.step();
        }
      }
    }
    const IpcPlan& plan;
    std::vector<::mqd_t> queues;
  };

  struct Reader {
    Reader(IpcPosixQueue& adapter, std::size_t index) : queue(adapter.queues_.open(index)) {}
    template <class Handler>
    bool poll(Handler&& handler) {
      if (mq_receive(queue, reinterpret_cast<char*>(&message), sizeof(T), nullptr) < 0) {
        expect(errno == EAGAIN, "mq_receive");
        return false;
      }
      handler(message);
      return true;
    }
    const ::mqd_t queue;
    T message;
  };

 private:
  const PosixQueues queues_;
};

}  // namespace ringway::bench
