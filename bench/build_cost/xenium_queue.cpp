// SPDX-License-Identifier: Apache-2.0
#include <xenium/vyukov_bounded_queue.hpp>

bool through(long value) {
  xenium::vyukov_bounded_queue<long> queue(1024);
  long out = 0;
  return queue.try_push(value) && queue.try_pop(out) && out == value;
}
