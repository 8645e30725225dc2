// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the processes of one sample share besides the thing that is measured: where they meet, and
/// where they leave their results. Mapped before anybody is forked.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "driver/team.hpp"

namespace ringway::bench {

struct Board {
  static constexpr std::size_t kSeats = 8;
  static constexpr std::size_t kMostLatencies = std::size_t{1} << 18;

  /// One process: what it found wrong, how far it is, when it was done.
  struct alignas(128) Seat {
    char violation[200] = "";
    std::int64_t end_ns = 0;
    alignas(128) std::atomic<std::uint64_t> told{0};
  };

  explicit Board(std::size_t parties) : start(parties) {}

  void fail(std::size_t worker, const std::string& text) noexcept {
    Seat& seat = seats[std::min(worker, kSeats - 1)];
    if (seat.violation[0] != 0) return;  // the first one counts
    const std::size_t length = std::min(text.size(), sizeof seat.violation - 1);
    std::memcpy(seat.violation, text.data(), length);
    seat.violation[length] = 0;
  }
  [[nodiscard]] std::string violation() const {
    for (const Seat& seat : seats) {
      if (seat.violation[0] != 0) return seat.violation;
    }
    return "";
  }

  /// So that no page of it is missing while times are taken. In each process that writes them.
  void touch_latencies() noexcept {
    for (std::size_t i = 0; i < kMostLatencies; i += 1024) {
      static_cast<volatile std::uint32_t&>(latencies_ns[i]) = 0;
    }
  }
  void record(double ns) noexcept {
    if (latency_count == kMostLatencies) return;
    latencies_ns[latency_count++] = static_cast<std::uint32_t>(std::min(ns, 4e9));
  }

  StartLine start;
  Seat seats[kSeats];
  alignas(128) std::atomic<std::uint64_t> sent_at{0};  ///< ticks, of the message under way
  std::int64_t begin_ns = 0;
  double value = 0;                ///< the sample's figure, in the row's unit
  double seconds = 0;              ///< its timed part
  double idle_cpu_percent = -1;    ///< below 0: not told
  double sleeps_per_message = -1;  ///< likewise
  std::size_t latency_count = 0;
  std::uint32_t latencies_ns[kMostLatencies];
};

}  // namespace ringway::bench
