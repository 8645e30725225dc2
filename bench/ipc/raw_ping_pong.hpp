// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The limit of a round trip between processes: one word on one line, written in turn.

#include <atomic>
#include <cstdint>

#include "ipc/round_trip.hpp"
#include "ipc/shared_block.hpp"

namespace ringway::bench {

inline void run_raw_ping_pong(Crew& crew, std::uint64_t count) {
  struct alignas(128) Line {
    std::atomic<std::uint64_t> turn{0};
  };
  SharedBlock block;
  Line& line = *block.make<Line>();
  crew.run(2, [&](std::size_t worker) {
    RoundTripClock clock(crew.board(), count);
    if (worker == 0) crew.board().touch_latencies();
    crew.board().start.arrive_and_wait();
    if (worker == 0) {
      std::uint64_t i = 0;
      do {
        line.turn.store(2 * i + 1, std::memory_order_release);
        while (line.turn.load(std::memory_order_acquire) != 2 * i + 2) {
        }
        ++i;
      } while (clock.round_done());
      clock.tell();
    } else {
      const std::uint64_t rounds = clock.rounds();
      for (std::uint64_t i = 0; i < rounds; ++i) {
        while (line.turn.load(std::memory_order_acquire) != 2 * i + 1) {
        }
        line.turn.store(2 * i + 2, std::memory_order_release);
      }
    }
  });
}

}  // namespace ringway::bench
