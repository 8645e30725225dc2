// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Making POSIX message queues within what the kernel allows this user.

#include <fcntl.h>
#include <mqueue.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "ipc/plan.hpp"

namespace ringway::bench {

/// A new queue of `depth` messages, or of as many fewer as it may have. \return false if none
inline bool make_posix_queue(const std::string& name, std::size_t depth, std::size_t bytes) {
  for (; depth != 0; depth = depth > 10 ? std::max<std::size_t>(depth / 2, 10) : depth - 1) {
    ::mq_attr shape{};
    shape.mq_maxmsg = static_cast<long>(depth);
    shape.mq_msgsize = static_cast<long>(bytes);
    const ::mqd_t made = mq_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600, &shape);
    if (made < 0) continue;
    mq_close(made);
    return true;
  }
  return false;
}

/// Whether messages of this size may be sent here: 8 KiB at most without privileges.
inline bool posix_queue_carries(std::size_t bytes) {
  const std::string name = "/bench-" + std::to_string(getpid()) + "-probe";
  if (!make_posix_queue(name, 1, bytes)) return false;
  mq_unlink(name.c_str());
  return true;
}

/// The queues of one direction, by name: one for each reader.
struct PosixQueues {
  PosixQueues(const IpcPlan& the_plan, std::size_t bytes) : plan(the_plan) {
    for (std::size_t i = 0; i < plan.readers; ++i) {
      expect(make_posix_queue(name(i), plan.capacity, bytes), "mq_open");
    }
  }
  PosixQueues(const PosixQueues&) = delete;
  PosixQueues& operator=(const PosixQueues&) = delete;
  ~PosixQueues() {
    for (std::size_t i = 0; i < plan.readers; ++i) mq_unlink(name(i).c_str());
  }
  [[nodiscard]] std::string name(std::size_t reader) const {
    return "/" + plan.full_name() + "-" + std::to_string(reader);
  }
  [[nodiscard]] ::mqd_t open(std::size_t reader) const {
    const int mode = O_RDWR | O_CLOEXEC | (plan.sleeps() ? 0 : O_NONBLOCK);
    const ::mqd_t queue = mq_open(name(reader).c_str(), mode);
    expect(queue >= 0, "mq_open");
    return queue;
  }

  const IpcPlan plan;
};

}  // namespace ringway::bench
