// SPDX-License-Identifier: Apache-2.0
#include <atomic_queue/atomic_queue.h>

bool through(long value) {
  atomic_queue::AtomicQueue<long, 1024> queue;
  long out = 0;
  return queue.try_push(value) && queue.try_pop(out) && out == value;
}
