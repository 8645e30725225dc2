// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Which reliable observers a bus has, and which lanes they hold back: for tools.
///
/// *What.* An observer is no participant and has no gate in the bus: what it says of itself lies in
/// a watch file beside the bus's, what a publisher answers on the lane's board (shm/watch.hpp).
/// Both are copied out of the files and checked, as by BusInspector; nothing is mapped or written.
///
/// *Progress.* A listing of the folder, and a few system calls for each file and lane; 20 ms for
/// the files at most.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "ringway/shm/bus_snapshot.hpp"
#include "ringway/shm/inspect.hpp"
#include "ringway/shm/segment.hpp"
#include "ringway/shm/watch.hpp"

namespace ringway {

/// Fills in LaneInfo::observers of a snapshot that `bus` has just made. An anonymous bus has none:
/// it admits none.
inline void add_observers(const BusInspector& bus, BusSnapshot& seen) {
  struct Board {
    LaneInfo* lane;
    LaneKey key;
    LaneBoard::Seen answers;
  };
  std::vector<Board> boards;
  for (auto& lane : seen.lanes) {
    if (lane.board == 0 || !lane.trouble.empty()) continue;
    const LaneKey key{lane.ring.segment, lane.number, lane.life};
    std::array<std::byte, sizeof(LaneBoard)> copy;
    if (!bus.copy_out(lane.ring.segment, lane.board, copy)) continue;
    if (const auto answers = LaneBoard::read(copy, key)) boards.push_back({&lane, key, *answers});
  }
  if (boards.empty()) return;

  const auto look_into = [&boards](const std::string& path, std::uint64_t id) {
    const auto file = WatchName::open(path);
    std::array<std::byte, sizeof(WatchTable)> table;
    if (!file || !FileLock::is_held(file.get(), WatchName::kOwnerByte) ||
        !copy_from(file.get(), Segment::kContents, table)) {
      return;
    }
    std::uint64_t pid = 0;
    std::memcpy(&pid, &table[offsetof(WatchTable, pid)], sizeof(pid));
    for (auto& board : boards) {
      const auto add = [&](ObserverState state, Sequence position) {
        const auto& ring = board.lane->ring;
        const auto lap = ring.of_bytes() ? ring.blocks * kFrameAlign : ring.slots();
        const auto behind = distance(position, board.lane->head);
        board.lane->observers.push_back(
            {id, static_cast<std::uint32_t>(pid), state, position,
             behind > 0 ? std::min(static_cast<std::uint64_t>(behind), lap) : 0});
      };
      bool has_gate = false;
      for (std::size_t i = 0; i < WatchTable::kGates; ++i) {
        const auto at = offsetof(WatchTable, gates) + i * sizeof(WatchGate);
        const auto gate = WatchGate::read(std::span(table).subspan(at, sizeof(WatchGate)));
        if (!gate || !gate->is_of(board.key)) continue;
        has_gate = true;
        auto state = ObserverState::kAsks;
        for (const auto& answer : board.answers.answers) {
          if (answer.watch != id || answer.gate != i || answer.serial != gate->serial) continue;
          if (answer.state == LaneBoard::kHeld) state = ObserverState::kHeld;
          if (answer.state == LaneBoard::kEnded) state = ObserverState::kEnded;
        }
        add(state, gate->position);
      }
      for (const auto& answer : board.answers.answers) {
        const bool expected = answer.watch == id && answer.serial == 0;
        if (expected && !has_gate && answer.state == LaneBoard::kHeld) {
          add(ObserverState::kExpected, answer.from);
        }
      }
    }
  };
  constexpr std::chrono::milliseconds kLongest{20};
  WatchName::for_each(WatchName::prefix(bus.path(), bus.inode()), look_into, kLongest);
}

}  // namespace ringway
