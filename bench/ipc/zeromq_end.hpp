// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A ZeroMQ context with one socket, as ipc_zeromq.hpp needs it.

#include "adapters/zeromq_socket.hpp"
#include "ipc/plan.hpp"

namespace ringway::bench {

struct ZeroMqEnd {
  ZeroMqEnd(const IpcPlan& plan, int type) : socket(zmq_socket_without_limits(context, type)) {
    const int limit = static_cast<int>(plan.capacity);  // what waits is bounded, as everywhere
    zmq_setsockopt(socket, ZMQ_SNDHWM, &limit, sizeof limit);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &limit, sizeof limit);
    const int yes = 1;
    if (type == ZMQ_XPUB) zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &yes, sizeof yes);
    if (type == ZMQ_SUB) zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
  }
  ZeroMqEnd(const ZeroMqEnd&) = delete;
  ZeroMqEnd& operator=(const ZeroMqEnd&) = delete;
  ~ZeroMqEnd() {
    zmq_close(socket);
    zmq_ctx_term(context);
  }

  void* const context = zmq_ctx_new();
  void* const socket;
};

}  // namespace ringway::bench
