// SPDX-License-Identifier: Apache-2.0
#include <concurrentqueue/concurrentqueue.h>

bool through(long value) {
  moodycamel::ConcurrentQueue<long> queue(1024);
  long out = 0;
  return queue.enqueue(value) && queue.try_dequeue(out) && out == value;
}
