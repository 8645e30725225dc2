// SPDX-License-Identifier: Apache-2.0
// A std::string_view is a pointer in disguise.
// expect: it has a std::string_view
#include <string_view>

#include "ringway/bus/type_description.hpp"

namespace {

struct Message {
#ifdef RINGWAY_CONTROL
  char text[16];
#else
  std::string_view text;
#endif
};

}  // namespace

int main() {
  ringway::check_message<Message>();
  return 0;
}
