// SPDX-License-Identifier: Apache-2.0
#include <zmq.h>

void through(long value) {
  void* context = zmq_ctx_new();
  void* receiver = zmq_socket(context, ZMQ_PULL);
  void* sender = zmq_socket(context, ZMQ_PUSH);
  zmq_bind(receiver, "inproc://topic");
  zmq_connect(sender, "inproc://topic");
  zmq_send(sender, &value, sizeof value, 0);
  zmq_recv(receiver, &value, sizeof value, 0);
  zmq_close(sender);
  zmq_close(receiver);
  zmq_ctx_term(context);
}
