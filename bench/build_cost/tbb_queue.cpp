// SPDX-License-Identifier: Apache-2.0
#include <oneapi/tbb/concurrent_queue.h>

bool through(long value) {
  oneapi::tbb::concurrent_bounded_queue<long> queue;
  queue.set_capacity(1024);
  long out = 0;
  return queue.try_push(value) && queue.try_pop(out) && out == value;
}
