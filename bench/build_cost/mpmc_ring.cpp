// SPDX-License-Identifier: Apache-2.0
#include "ringway/ring/mpmc_ring.hpp"

bool through(long value) {
  auto ring = ringway::MpmcRing<long>::create({.capacity = 1024}).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  return producer.try_push(value) && consumer.try_pop() == value;
}
