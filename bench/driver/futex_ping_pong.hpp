// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The limits of everything that sleeps: a raw futex, one way and there and back.

#include "driver/row.hpp"

namespace ringway::bench {

/// Nanoseconds from a store and FUTEX_WAKE to the return of FUTEX_WAIT; the sleeper has slept for a
/// millisecond each time.
[[nodiscard]] Subject futex_wake_subject();

/// Nanoseconds for two threads that wake each other in turn, there and back, after a pause in which
/// both sleep.
[[nodiscard]] Subject futex_ping_pong_subject(long pause_ns);

}  // namespace ringway::bench
