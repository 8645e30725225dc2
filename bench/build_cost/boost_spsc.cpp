// SPDX-License-Identifier: Apache-2.0
#include <boost/lockfree/spsc_queue.hpp>

bool through(long value) {
  boost::lockfree::spsc_queue<long> queue(1024);
  long out = 0;
  return queue.push(value) && queue.pop(out) && out == value;
}
