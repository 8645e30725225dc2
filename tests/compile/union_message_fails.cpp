// SPDX-License-Identifier: Apache-2.0
// Nobody in another process knows which member of a union is in use.
// expect: it has a union in it
#include "ringway/bus/type_description.hpp"

namespace {

#ifdef RINGWAY_CONTROL
struct Number {
#else
union Number {
#endif
  int whole;
  float real;
};
struct Message {
  Number number;
};

}  // namespace

int main() {
  ringway::check_message<Message>();
  return 0;
}
