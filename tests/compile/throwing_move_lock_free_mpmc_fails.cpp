// SPDX-License-Identifier: Apache-2.0
// A type whose move may throw is refused by LockFreeMpmcRing: an element could be lost half-way.
// expect: moving an element must not throw
#include "ringway/ring/lock_free_mpmc_ring.hpp"

namespace {

struct Message {
  Message() = default;
#ifdef RINGWAY_CONTROL
  Message(Message&&) noexcept {}
#else
  Message(Message&&) noexcept(false) {}
#endif
};

}  // namespace

int main() {
  auto ring = ringway::LockFreeMpmcRing<Message>::create({.capacity = 1});
  return ring.has_value() ? 0 : 1;
}
