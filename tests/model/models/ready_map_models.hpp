// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The bus's ReadyMap under the explorer: no bit is lost, and whoever takes a bit sees what was
/// done before it was set.

#include <array>
#include <cstddef>
#include <string>

#include "models/model.hpp"
#include "ringway/bus/ready_map.hpp"

namespace ringway::model {

/// Two setters, the second one of which sets `again` times more; the owner takes until it has seen
/// all the work.
inline void ready_map_body(Explorer& world, std::size_t first, std::size_t second, unsigned again) {
  ReadyMap<ModelMemory> map;
  std::array<int, 2> data{};
  ModelMemory::Atomic<unsigned> work{0};  // done by the second setter
  unsigned seen = 0;
  bool seen_first = false;
  unsigned looks = 0;
  world.threads(
      [&] {
        ModelMemory::before_write(&data[0], sizeof(int));
        map.set(first);
      },
      [&] {
        ModelMemory::before_write(&data[1], sizeof(int));
        for (unsigned i = 0; i <= again; ++i) {
          world.operation();
          work.store(i + 1, std::memory_order_relaxed);
          map.set(second);
        }
      },
      [&] {
        while (!seen_first || seen <= again) {
          ++looks;
          world.operation();
          const auto found = map.take([&](std::size_t bit) {
            world.check(bit == first || bit == second, "no invented bit");
            ModelMemory::before_read(&data[bit == first ? 0 : 1], sizeof(int));
            if (bit == first) {
              world.check(!seen_first, "a bit is taken once");
              seen_first = true;
            } else {
              const unsigned now = work.load(std::memory_order_relaxed);
              world.check(now > seen || again != 0, "the work is seen");
              seen = now;
            }
          });
          if (found == 0) ModelMemory::relax();
        }
      });
  world.outcome(std::to_string(looks));
}

inline Models ready_map_models() {
  return {
      {"ready map, 2 setters of one word",
       {},
       [](Explorer& world) { ready_map_body(world, 3, 5, 0); },
       true,
       true,
       false},
      {"ready map, 2 setters of two words",
       {},
       [](Explorer& world) { ready_map_body(world, 3, 70, 0); },
       false,
       true,
       false},
      {"ready map, a bit set again",
       {},
       [](Explorer& world) { ready_map_body(world, 3, 5, 1); },
       false,
       true,
       false},
  };
}

}  // namespace ringway::model
