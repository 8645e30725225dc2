// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Boost's message queues of one direction, by name: one for each reader.

#include <boost/interprocess/ipc/message_queue.hpp>
#include <memory>
#include <string>

#include "ipc/plan.hpp"

namespace ringway::bench {

struct BoostQueues {
  using Queue = boost::interprocess::message_queue;

  BoostQueues(const IpcPlan& the_plan, std::size_t bytes) : plan(the_plan) {
    for (std::size_t i = 0; i < plan.readers; ++i) {
      Queue(boost::interprocess::create_only, name(i).c_str(), plan.capacity, bytes, 0600);
    }
  }
  BoostQueues(const BoostQueues&) = delete;
  BoostQueues& operator=(const BoostQueues&) = delete;
  ~BoostQueues() {
    for (std::size_t i = 0; i < plan.readers; ++i) Queue::remove(name(i).c_str());
  }
  [[nodiscard]] std::string name(std::size_t reader) const {
    return plan.full_name() + "-" + std::to_string(reader);
  }
  [[nodiscard]] std::unique_ptr<Queue> open(std::size_t reader) const {
    return std::make_unique<Queue>(boost::interprocess::open_only, name(reader).c_str());
  }

  const IpcPlan plan;
};

}  // namespace ringway::bench
