// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// When a message or a question is due, and waiting for that moment.

#include <sys/prctl.h>

#include <ctime>

#include "contract.hpp"
#include "ringway/base/cpu_relax.hpp"

namespace vessel {

/// How a feed spaces its messages.
enum class Pacing : std::uint8_t {
  kFullSpeed,
  kEven,      ///< a fixed interval between any two
  kRecorded,  ///< as the recording did
};

/// Lets the calling thread's sleeps end on time: by default the kernel may add 50 us, to wake
/// several sleepers at once.
inline void sleep_precisely() noexcept {
  prctl(PR_SET_TIMERSLACK, 1UL);
}

/// Returns at `due_ns`, or at once if that has passed. Sleeps most of the time and spins at the
/// end: a sleeper wakes some microseconds late, which would be counted as latency of the bus. A
/// thread that spun all the time would lose its processor to others just when a message is due.
inline void wait_until(std::int64_t due_ns) noexcept {
  constexpr std::int64_t kSpinNs = 20'000;
  for (;;) {
    const std::int64_t left_ns = due_ns - now_ns();
    if (left_ns <= 0) return;
    if (left_ns > kSpinNs) {
      const std::int64_t sleep_ns = left_ns - kSpinNs;
      const timespec time{static_cast<time_t>(sleep_ns / 1'000'000'000),
                          static_cast<long>(sleep_ns % 1'000'000'000)};
      nanosleep(&time, nullptr);
    } else {
      ringway::cpu_relax();
    }
  }
}

}  // namespace vessel
