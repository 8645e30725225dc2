// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Broadcasting by hand, for peers that have no broadcast: a queue for each reader, into which the
/// producer puts a copy. A batch goes to one reader after the other.

#include <memory>
#include <span>
#include <vector>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T, class Adapter>
class FanOut {
 public:
  static constexpr AdapterInfo kInfo = Adapter::kInfo;

  FanOut(std::size_t capacity, std::size_t readers) {
    for (std::size_t i = 0; i < readers; ++i) {
      queues_.push_back(std::make_unique<Adapter>(capacity));
    }
  }

  class Producer {
   public:
    explicit Producer(FanOut& fan_out) {
      producers_.reserve(fan_out.queues_.size());
      for (auto& queue : fan_out.queues_) producers_.emplace_back(*queue);
    }
    /// False while one of the queues is full; the others have the message by then, and the next
    /// call goes on where this one stopped.
    bool try_push(const T& message) {
      for (; next_ < producers_.size(); ++next_) {
        if (!producers_[next_].try_push(message)) return false;
      }
      next_ = 0;
      return true;
    }

   private:
    std::vector<typename Adapter::Producer> producers_;
    std::size_t next_ = 0;
  };

  class Consumer {
   public:
    Consumer(FanOut& fan_out, std::size_t reader) : consumer_(*fan_out.queues_[reader]) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      return consumer_.try_pop(handler);
    }

   private:
    typename Adapter::Consumer consumer_;
  };

 private:
  std::vector<std::unique_ptr<Adapter>> queues_;
};

}  // namespace ringway::bench
