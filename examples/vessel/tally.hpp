// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the parts of the vessel count while they run.
///
/// Whoever makes a part tells it where to count. Between threads that is any variable; between
/// processes it is memory that outlives the one that counts (logbook.hpp), so that what a process
/// had counted is known although it was killed.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ringway/ringway.hpp"

namespace vessel {

inline constexpr std::size_t kRequestErrors =
    static_cast<std::size_t>(ringway::RequestError::kWouldDeadlock) + 1;

/// One part's counters: it alone writes them, any thread or process reads them.
struct Tally {
  ringway::Counter messages;                            ///< published; or handled, and done with
  ringway::Counter lost;                                ///< known to be lost
  ringway::Counter answered;                            ///< questions
  std::array<ringway::Counter, kRequestErrors> failed;  ///< questions, by RequestError

  // Moments, in nanoseconds of now_ns(); 0: not yet.
  std::atomic<std::int64_t> ready_ns{0};     ///< does its work from now on
  std::atomic<std::int64_t> done_ns{0};      ///< has published everything
  std::atomic<std::int64_t> failed_ns{0};    ///< of the latest failure that followed an answer
  std::atomic<std::int64_t> answered_ns{0};  ///< of the latest answer that followed a failure

  ringway::Counter cleaned_up;  ///< participants of the bus that died, and it noticed first

  [[nodiscard]] std::uint64_t accounted_for() const noexcept {
    return messages.read() + lost.read();
  }
  [[nodiscard]] std::uint64_t failures() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& count : failed) sum += count.read();
    return sum;
  }
};

}  // namespace vessel
