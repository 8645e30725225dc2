// SPDX-License-Identifier: Apache-2.0
// A structured binding does not see the members of a base class.
// expect: a base class
#include "ringway/bus/type_description.hpp"

namespace {

struct First {
  int a;
};
#ifdef RINGWAY_CONTROL
struct Message {
  First first;
#else
struct Message : First {
#endif
  int b;
};

}  // namespace

int main() {
  ringway::check_message<Message>();
  return 0;
}
