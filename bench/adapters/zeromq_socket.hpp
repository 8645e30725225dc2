// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A ZeroMQ socket as zeromq.hpp needs it.

#include <zmq.h>

namespace ringway::bench {

/// A socket without high-water marks. An XPUB tells every subscription, not only the first of
/// equal ones.
inline void* zmq_socket_without_limits(void* context, int type) {
  void* socket = zmq_socket(context, type);
  const int unlimited = 0;
  zmq_setsockopt(socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
  zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
  const int every = 1;
  if (type == ZMQ_XPUB) zmq_setsockopt(socket, ZMQ_XPUB_VERBOSE, &every, sizeof every);
  return socket;
}

}  // namespace ringway::bench
