// SPDX-License-Identifier: Apache-2.0
// A topic between processes asks of its type what check_message() asks.
// expect: it has a pointer in it
#include "ringway/shm/shared_bus.hpp"

namespace {

struct Message {
#ifdef RINGWAY_CONTROL
  int text;
#else
  const char* text;
#endif
};

}  // namespace

int main() {
  auto bus = ringway::open_shared("never-run");
  if (bus.ok()) static_cast<void>(bus->try_publisher(ringway::Topic<Message>{"topic"}));
  return 0;
}
