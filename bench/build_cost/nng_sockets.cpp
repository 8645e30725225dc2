// SPDX-License-Identifier: Apache-2.0
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include <cstddef>

void through(long value) {
  nng_socket sender, receiver;
  nng_pair0_open(&sender);
  nng_pair0_open(&receiver);
  nng_listen(sender, "inproc://topic", nullptr, 0);
  nng_dial(receiver, "inproc://topic", nullptr, 0);
  nng_send(sender, &value, sizeof value, 0);
  std::size_t size = sizeof value;
  nng_recv(receiver, &value, &size, 0);
  nng_close(sender);
  nng_close(receiver);
}
