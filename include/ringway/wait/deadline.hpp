// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Until when a wait may last: a point on the steady clock, or no limit.

#include <chrono>
#include <cstdint>
#include <limits>

namespace ringway {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  /// No limit.
  constexpr Deadline() noexcept = default;
  constexpr Deadline(Clock::time_point point) noexcept  // NOLINT(google-explicit-constructor): a
                                                        // time point is a deadline
      : at_ns_(std::chrono::duration_cast<std::chrono::nanoseconds>(point.time_since_epoch())
                   .count()) {}

  [[nodiscard]] static constexpr Deadline never() noexcept { return Deadline{}; }

  /// `timeout` from now; a timeout beyond the clock's range is no limit, a negative one has passed.
  template <class Rep, class Period>
  [[nodiscard]] static Deadline after(std::chrono::duration<Rep, Period> timeout) noexcept {
    using Seconds = std::chrono::duration<double>;
    constexpr Seconds kCentury{3.2e9};
    if (Seconds(timeout) >= kCentury) {
      return never();
    }
    if (Seconds(timeout) <= Seconds::zero()) {
      return Deadline{Clock::time_point{}};
    }
    return Deadline{Clock::now() + std::chrono::ceil<Clock::duration>(timeout)};
  }

  [[nodiscard]] constexpr bool is_never() const noexcept { return at_ns_ == kNever; }

  /// True if it was made of no time or less. Any thread; does not read the clock.
  [[nodiscard]] constexpr bool never_lay_ahead() const noexcept { return at_ns_ <= 0; }
  /// Any thread; reads the clock unless there is no limit.
  [[nodiscard]] bool passed() const noexcept { return !is_never() && now_ns() >= at_ns_; }

  /// Nanoseconds left: 0 once passed, negative for no limit, as Memory::futex_wait takes it.
  [[nodiscard]] std::int64_t left_ns() const noexcept {
    if (is_never()) {
      return -1;
    }
    const std::int64_t now = now_ns();
    return now < at_ns_ ? at_ns_ - now : 0;
  }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  static std::int64_t now_ns() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
        .count();
  }

  std::int64_t at_ns_ = kNever;
};

}  // namespace ringway
