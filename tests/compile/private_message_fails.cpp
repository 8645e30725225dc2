// SPDX-License-Identifier: Apache-2.0
// Private members cannot be listed; the type has to describe itself.
// expect: constructors, private members
#include <cstdint>

#include "ringway/bus/type_description.hpp"

namespace {

class Price {
 public:
  Price() = default;
  [[nodiscard]] std::int64_t ticks() const { return ticks_; }

 private:
  std::int64_t ticks_ = 0;
};

}  // namespace

#ifdef RINGWAY_CONTROL
template <>
struct ringway::DescribeType<Price> {
  using Layout = std::int64_t;
};
#endif

int main() {
  ringway::check_message<Price>();
  return 0;
}
