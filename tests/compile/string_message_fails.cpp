// SPDX-License-Identifier: Apache-2.0
// A std::string owns memory of its own process.
// expect: not trivially copyable
#include <string>

#include "ringway/bus/type_description.hpp"

namespace {

struct Message {
#ifdef RINGWAY_CONTROL
  char text[16];
#else
  std::string text;
#endif
};

}  // namespace

int main() {
  ringway::check_message<Message>();
  return 0;
}
