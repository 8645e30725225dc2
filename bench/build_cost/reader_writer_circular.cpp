// SPDX-License-Identifier: Apache-2.0
#include <readerwriterqueue/readerwritercircularbuffer.h>

bool through(long value) {
  moodycamel::BlockingReaderWriterCircularBuffer<long> queue(1024);
  long out = 0;
  queue.wait_enqueue(value);
  queue.wait_dequeue(out);
  return out == value;
}
