// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The limits of a round trip between processes: one word on one line, written in turn; and a word
/// each, which the other one maps for reading alone.

#include <sys/mman.h>

#include <atomic>
#include <cstdint>

#include "ipc/round_trip.hpp"
#include "ipc/shared_block.hpp"
#include "ringway/base/cpu_relax.hpp"

namespace ringway::bench {

struct alignas(128) PingPongLine {
  std::atomic<std::uint64_t> turn{0};
};

/// \param look_again what the waiting one does between looks
/// \param prepare called in each process with its number, before the first round
template <class LookAgain, class Prepare>
void run_ping_pong(Crew& crew, std::uint64_t count, PingPongLine& there, PingPongLine& back,
                   LookAgain&& look_again, Prepare&& prepare) {
  const auto await = [&](const PingPongLine& line, std::uint64_t turn) {
    while (line.turn.load(std::memory_order_acquire) != turn) look_again();
  };
  crew.run(2, [&](std::size_t worker) {
    RoundTripClock clock(crew.board(), count);
    if (worker == 0) crew.board().touch_latencies();
    prepare(worker);
    crew.board().start.arrive_and_wait();
    if (worker == 0) {
      std::uint64_t i = 0;
      do {
        there.turn.store(2 * i + 1, std::memory_order_release);
        await(back, 2 * i + 2);
        ++i;
      } while (clock.round_done());
      clock.tell();
    } else {
      const std::uint64_t rounds = clock.rounds();
      for (std::uint64_t i = 0; i < rounds; ++i) {
        await(there, 2 * i + 1);
        back.turn.store(2 * i + 2, std::memory_order_release);
      }
    }
  });
}

inline void run_raw_ping_pong(Crew& crew, std::uint64_t count) {
  SharedBlock block;
  auto& line = *block.make<PingPongLine>();
  run_ping_pong(
      crew, count, line, line, [] {}, [](std::size_t) {});
}

inline void run_ping_pong_for_reading(Crew& crew, std::uint64_t count) {
  SharedBlock block;
  auto& there = *block.make<PingPongLine>();  // pages of its own
  auto& back = *block.make<PingPongLine>();
  run_ping_pong(crew, count, there, back, cpu_relax, [&](std::size_t worker) {
    auto& anothers = worker == 0 ? back : there;
    expect(mprotect(&anothers, sizeof(anothers), PROT_READ) == 0, "mprotect");
  });
}

}  // namespace ringway::bench
