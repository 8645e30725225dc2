// SPDX-License-Identifier: Apache-2.0
#include "driver/ping_pong.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "driver/clock.hpp"
#include "driver/statistics.hpp"
#include "ringway/base/cpu_relax.hpp"

namespace ringway::bench {
namespace {

struct alignas(128) Line {
  std::atomic<std::uint64_t> turn{0};
};

template <PingPong kKind>
double ping_pong(Stage& stage, std::uint64_t rounds, Histogram* latencies) {
  constexpr std::uint64_t kChunk = 100;
  const std::uint64_t chunks = std::max<std::uint64_t>(rounds / kChunk, 4);
  const double rate = ticks_per_ns();
  Line lines[2];
  Line& there = lines[0];
  Line& back = lines[kKind == PingPong::kOneLine ? 0 : 1];
  const auto await = [](const Line& line, std::uint64_t turn) {
    while (line.turn.load(std::memory_order_acquire) != turn) {
      if constexpr (kKind == PingPong::kLineEachWay) cpu_relax();
    }
  };
  StartLine start(2);
  std::vector<double> chunk_ns;
  chunk_ns.reserve(chunks);
  stage.run(2, [&](std::size_t worker) {
    start.arrive_and_wait();
    if (worker == 1) {
      for (std::uint64_t i = 0; i < chunks * kChunk; ++i) {
        await(there, 2 * i + 1);
        back.turn.store(2 * i + 2, std::memory_order_release);
      }
      return;
    }
    std::uint64_t i = 0;
    for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
      const std::uint64_t chunk_begin = ticks();
      std::uint64_t begin = chunk_begin;
      for (const std::uint64_t end = i + kChunk; i < end; ++i) {
        there.turn.store(2 * i + 1, std::memory_order_release);
        await(back, 2 * i + 2);
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

}  // namespace

double ping_pong_ns(Stage& stage, std::uint64_t rounds, Histogram* latencies, PingPong kind) {
  return kind == PingPong::kOneLine ? ping_pong<PingPong::kOneLine>(stage, rounds, latencies)
                                    : ping_pong<PingPong::kLineEachWay>(stage, rounds, latencies);
}

Subject ping_pong_subject(PingPong kind) {
  return {.name = kind == PingPong::kOneLine ? "raw cache-line ping-pong" : "a line each way",
          .kind = Kind::kLimit,
          .run = [kind](Stage& stage, std::uint64_t count) {
            Measurement measurement;
            measurement.value = ping_pong_ns(stage, count, nullptr, kind);
            measurement.seconds = measurement.value * static_cast<double>(count) * 1e-9;
            measurement.latencies.emplace();
            static_cast<void>(ping_pong_ns(stage, count / 4, &*measurement.latencies, kind));
            return measurement;
          }};
}

}  // namespace ringway::bench
