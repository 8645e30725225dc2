// SPDX-License-Identifier: Apache-2.0
// An address means nothing in another process, however deep in the message it lies.
// expect: it has a pointer in it
#include "ringway/bus/type_description.hpp"

namespace {

struct Inner {
  int number;
#ifdef RINGWAY_CONTROL
  int index;
#else
  const int* next;
#endif
};
struct Message {
  Inner inner[2];
};

}  // namespace

int main() {
  ringway::check_message<Message>();
  return 0;
}
