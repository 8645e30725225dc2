// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Which processors this process may use, and putting threads on them.

#include <sched.h>

#include <cstddef>
#include <vector>

namespace ringway::bench {

/// The processors this process may run on, in ascending order.
[[nodiscard]] inline std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

/// Restricts the calling thread, and threads that it creates later, to `cpus`. \return false if the
/// kernel refuses.
inline bool pin_this_thread(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

}  // namespace ringway::bench
