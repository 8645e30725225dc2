// SPDX-License-Identifier: Apache-2.0
#include <readerwriterqueue/readerwriterqueue.h>

bool through(long value) {
  moodycamel::ReaderWriterQueue<long> queue(1024);
  long out = 0;
  return queue.try_enqueue(value) && queue.try_dequeue(out) && out == value;
}
