// SPDX-License-Identifier: Apache-2.0
#include <boost/signals2.hpp>

void through(long value) {
  boost::signals2::signal<void(const long&)> signal;
  signal.connect([](const long&) {});
  signal(value);
}
