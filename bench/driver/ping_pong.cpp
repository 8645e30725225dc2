// SPDX-License-Identifier: Apache-2.0
#include "driver/ping_pong.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "driver/clock.hpp"
#include "driver/statistics.hpp"

namespace ringway::bench {
namespace {

struct alignas(128) Line {
  std::atomic<std::uint64_t> turn{0};
};

}  // namespace

double ping_pong_ns(Stage& stage, std::uint64_t rounds, Histogram* latencies) {
  constexpr std::uint64_t kChunk = 100;
  const std::uint64_t chunks = std::max<std::uint64_t>(rounds / kChunk, 4);
  const double rate = ticks_per_ns();
  Line line;
  StartLine start(2);
  std::vector<double> chunk_ns;
  chunk_ns.reserve(chunks);
  stage.run(2, [&](std::size_t worker) {
    start.arrive_and_wait();
    if (worker == 1) {
      for (std::uint64_t i = 0; i < chunks * kChunk; ++i) {
        while (line.turn.load(std::memory_order_acquire) != 2 * i + 1) {
        }
        line.turn.store(2 * i + 2, std::memory_order_release);
      }
      return;
    }
    std::uint64_t i = 0;
    for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
      const std::uint64_t chunk_begin = ticks();
      std::uint64_t begin = chunk_begin;
      for (const std::uint64_t end = i + kChunk; i < end; ++i) {
        line.turn.store(2 * i + 1, std::memory_order_release);
        while (line.turn.load(std::memory_order_acquire) != 2 * i + 2) {
        }
        if (latencies != nullptr) {
          const std::uint64_t now = ticks();
          latencies->record(static_cast<std::uint64_t>(static_cast<double>(now - begin) / rate));
          begin = now;
        }
      }
      chunk_ns.push_back(static_cast<double>(ticks() - chunk_begin) / rate / kChunk);
    }
  });
  return median_of(chunk_ns);
}

double bracket_ns(Stage& stage) {
  return ping_pong_ns(stage, 1200);
}

Subject ping_pong_subject() {
  return {.name = "raw cache-line ping-pong",
          .kind = Kind::kLimit,
          .run = [](Stage& stage, std::uint64_t count) {
            Measurement measurement;
            measurement.value = ping_pong_ns(stage, count);
            measurement.seconds = measurement.value * static_cast<double>(count) * 1e-9;
            measurement.latencies.emplace();
            static_cast<void>(ping_pong_ns(stage, count / 4, &*measurement.latencies));
            return measurement;
          }};
}

}  // namespace ringway::bench
