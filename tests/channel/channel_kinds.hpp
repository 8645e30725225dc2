// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The kinds of channel that one suite tests, and the messages it sends.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "ringway/channel/channel.hpp"
#include "ringway/channel/mpmc_channel.hpp"

namespace ringway::test {

template <class Strategy>
struct Spsc {
  using Wait = Strategy;
  static constexpr bool kBounded = true;
  static constexpr bool kManyHandles = false;
  template <class T>
  static auto make(const ChannelOptions& options) {
    return channel<T, Strategy>(options);
  }
};

template <class Strategy>
struct Mpmc {
  using Wait = Strategy;
  static constexpr bool kBounded = true;
  static constexpr bool kManyHandles = true;
  template <class T>
  static auto make(const ChannelOptions& options) {
    return mpmc_channel<T, Strategy>(options);
  }
};

/// As unpleasant as a message may be: move-only, no default constructor, over-aligned, and counted.
class alignas(128) Awkward {
 public:
  explicit Awkward(std::uint64_t value) noexcept : value_(std::make_unique<std::uint64_t>(value)) {
    alive.fetch_add(1);
  }
  Awkward(Awkward&& other) noexcept : value_(std::move(other.value_)) {
    alive.fetch_add(1);
    aligned = aligned && reinterpret_cast<std::uintptr_t>(this) % 128 == 0;
  }
  Awkward& operator=(Awkward&&) = delete;
  ~Awkward() { alive.fetch_sub(1); }

  [[nodiscard]] bool untouched() const { return value_ != nullptr; }
  [[nodiscard]] std::uint64_t value() const { return *value_; }

  static inline std::atomic<int> alive{0};
  static inline std::atomic<bool> aligned{true};

 private:
  std::unique_ptr<std::uint64_t> value_;
};

/// Time enough for any machine: whoever waits this long hangs.
constexpr auto kHang = std::chrono::minutes(2);

/// Until the other thread has begun to wait, most likely; the tests hold either way.
inline void let_it_wait() {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

inline unsigned fresh_seed() {
  const auto seed =
      static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count() & 0xffffff);
  std::printf("seed: %u\n", seed);
  return seed;
}

}  // namespace ringway::test
