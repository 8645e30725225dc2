// SPDX-License-Identifier: Apache-2.0
// A structured binding has as many names as were spelled.
// expect: there are more than 32
#include "ringway/bus/type_description.hpp"

namespace {

struct Message {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9;
  int b0, b1, b2, b3, b4, b5, b6, b7, b8, b9;
  int c0, c1, c2, c3, c4, c5, c6, c7, c8, c9;
  int d0, d1;
#ifndef RINGWAY_CONTROL
  int d2;
#endif
};

}  // namespace

int main() {
  ringway::check_message<Message>();
  return 0;
}
