// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// When a measured value becomes an alarm.
///
/// An alarm is an event: the moment when a value that was fine, or unknown, is found below its
/// limit. While it stays below there is no further alarm; once it is back at or above the limit the
/// next fall counts again.

#include <cstdint>
#include <unordered_map>

namespace vessel {

/// What became of one kind of alarm.
struct AlarmCount {
  std::uint64_t raised = 0;
  std::int64_t first_time_ms = 0;  ///< when the first one was recorded; meaningless if none was
  double lowest = 0;               ///< lowest value below the limit; meaningless without alarms
};

/// Watches the values of any number of sensors against one limit. One thread at a time.
class Watch {
 public:
  explicit Watch(double limit) noexcept : limit_(limit) {}

  /// Takes a value of sensor `sensor`, recorded at `time_ms`. \return true if it raises the alarm
  bool observe(std::uint32_t sensor, double value, std::int64_t time_ms) {
    bool& below = below_[sensor];
    const bool was_below = below;
    below = value < limit_;
    if (!below) return false;
    if (count_.raised == 0 || value < count_.lowest) count_.lowest = value;
    if (was_below) return false;
    if (count_.raised == 0) count_.first_time_ms = time_ms;
    ++count_.raised;
    return true;
  }

  [[nodiscard]] double limit() const noexcept { return limit_; }
  [[nodiscard]] const AlarmCount& count() const noexcept { return count_; }

 private:
  double limit_;
  std::unordered_map<std::uint32_t, bool> below_;
  AlarmCount count_;
};

}  // namespace vessel
