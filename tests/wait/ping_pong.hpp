// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// One ball between two threads: the smallest program that hangs when a wake-up is lost.

#include <atomic>
#include <cstdint>
#include <random>
#include <thread>

#include "ringway/wait/event_count.hpp"

namespace ringway::test {

/// A word and the event count that tells of it. Nothing else: every wake-up counts.
template <class Memory>
struct Court {
  alignas(kOwnerSpacing) std::atomic<std::uint32_t> ball{0};
  EventCount<Memory> arrival;
};

/// Waits without a time-out until `ball` is `round`. Spins up to `spins` times first, so that the
/// ball arrives before, during and after the step into sleep.
template <class Memory>
void await_ball(Court<Memory>& court, std::uint32_t round, unsigned spins) {
  const auto arrived = [&] { return court.ball.load(std::memory_order_acquire) == round; };
  for (unsigned i = 0; i < spins; ++i) {
    if (arrived()) {
      return;
    }
    Memory::relax();
  }
  while (!arrived()) {
    const auto key = court.arrival.prepare();
    if (arrived()) {
      court.arrival.cancel();
      return;
    }
    court.arrival.wait(key);
  }
}

/// Plays `rounds` rounds. Every `sleepy`-th wait or so parks without a spin; the others spin a
/// random while. \return how often a side really slept
template <class Memory>
std::uint64_t play(Court<Memory>& left, Court<Memory>& right, std::uint32_t rounds, unsigned seed,
                   unsigned sleepy, unsigned most_spins) {
  const auto spins = [=](std::minstd_rand& random) -> unsigned {
    return random() % sleepy == 0 ? 0 : static_cast<unsigned>(random() % (most_spins + 1));
  };
  std::thread other([&] {
    std::minstd_rand random(seed + 1);
    for (std::uint32_t round = 1; round <= rounds; ++round) {
      await_ball(right, round, spins(random));
      left.ball.store(round, std::memory_order_release);
      left.arrival.notify_one();
    }
  });
  std::minstd_rand random(seed);
  for (std::uint32_t round = 1; round <= rounds; ++round) {
    right.ball.store(round, std::memory_order_release);
    right.arrival.notify_one();
    await_ball(left, round, spins(random));
  }
  other.join();
  left.ball.store(0);
  right.ball.store(0);
  return left.arrival.parks() + right.arrival.parks();
}

/// Plays until a side really slept: whether one must depends on the other's speed. 0 means never.
template <class Memory>
std::uint64_t play_until_slept(Court<Memory>& left, Court<Memory>& right, std::uint32_t rounds,
                               unsigned seed) {
  std::uint64_t parks = 0;
  for (unsigned game = 0; parks == 0 && game < 100; ++game) {
    parks = play(left, right, rounds, seed + game, 4, 200);
  }
  return parks;
}

}  // namespace ringway::test
