// SPDX-License-Identifier: Apache-2.0
// A lossy reader copies words that the writer may be replacing: only a trivially copyable type
// survives that.
// expect: trivially copyable
#include "ringway/ring/lossy_broadcast_ring.hpp"

#ifndef RINGWAY_CONTROL
#include <string>
#endif

namespace {

struct Message {
#ifdef RINGWAY_CONTROL
  char text[32];
#else
  std::string text;
#endif
};

}  // namespace

int main() {
  auto ring = ringway::LossyBroadcastRing<Message>::create({.capacity = 1});
  return ring.has_value() ? 0 : 1;
}
