// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What threads did to a queue, and when: each operation with the time before it and the time after
/// it.
///
/// A stamp is taken behind a full fence. A store may sit in its processor's store buffer when the
/// call that made it has returned; what a queue promises holds from the moment at which other
/// threads can see it, and that moment the fence makes sure of.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace ringway::stress {

using Time = std::int64_t;  // nanoseconds of the steady clock
inline constexpr Time kNever = std::numeric_limits<Time>::max();

enum class Kind : std::uint8_t {
  kPush,   // put `value` in
  kPop,    // took `value` out
  kFull,   // a push that was refused
  kEmpty,  // a pop that found nothing
};

struct Operation {
  Kind kind;
  std::uint64_t value;  // of kPush and kPop; no two pushes have the same
  Time begin;
  Time end;
};

/// The operations of one thread, in its order. Those of a batch have the same times.
using ThreadLog = std::vector<Operation>;

/// A producer's number and its message's number in one.
[[nodiscard]] constexpr std::uint64_t value_of(std::uint64_t producer,
                                               std::uint64_t number) noexcept {
  return producer << 40 | number;
}
[[nodiscard]] constexpr std::uint64_t producer_of(std::uint64_t value) noexcept {
  return value >> 40;
}

[[nodiscard]] inline std::string describe(const Operation& operation) {
  static constexpr const char* kNames[] = {"push ", "pop ", "full", "empty"};
  std::string text = kNames[static_cast<int>(operation.kind)];
  if (operation.kind == Kind::kPush || operation.kind == Kind::kPop) {
    text += std::to_string(producer_of(operation.value)) + ":" +
            std::to_string(operation.value & ((std::uint64_t{1} << 40) - 1));
  }
  return text + " [" + std::to_string(operation.begin) + ", " + std::to_string(operation.end) + "]";
}

/// The time now, when everything that this thread did before can be seen by others.
[[nodiscard]] inline Time stamp() noexcept {
#if defined(__SANITIZE_THREAD__)
  std::atomic<int> own{0};  // ThreadSanitizer knows no fences; this is one on x86
  own.exchange(1, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace ringway::stress
