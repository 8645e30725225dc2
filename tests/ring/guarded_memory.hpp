// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Caller's memory for a ring, with guards that show who writes past its end.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ringway::test {

/// Memory for a ring in the hands of a test, between two guards that nobody may touch.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t bytes, std::size_t align = 256)
      : bytes_(bytes), align_(align), block_(bytes + 3 * align + kGuard, kFill) {
    const auto address = reinterpret_cast<std::uintptr_t>(block_.data());
    offset_ = align_ + (align_ - address % align_) % align_;
  }
  [[nodiscard]] std::span<std::byte> span() noexcept { return {block_.data() + offset_, bytes_}; }
  /// True while nothing outside span() was written.
  [[nodiscard]] bool guards_are_whole() const noexcept {
    const auto untouched = [](std::byte b) { return b == kFill; };
    const auto first = block_.begin() + static_cast<std::ptrdiff_t>(offset_);
    return std::all_of(block_.begin(), first, untouched) &&
           std::all_of(first + static_cast<std::ptrdiff_t>(bytes_), block_.end(), untouched);
  }

 private:
  static constexpr std::size_t kGuard = 256;
  static constexpr std::byte kFill{0xA5};
  std::size_t bytes_;
  std::size_t align_;
  std::size_t offset_ = 0;
  std::vector<std::byte> block_;
};

}  // namespace ringway::test
