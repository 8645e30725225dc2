// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Data races on plain memory, by vector clocks on byte ranges.
///
/// Each range that was announced keeps its last write and everybody's last read. Two accesses race
/// if their ranges overlap, one writes, and neither happens before the other. A race is found at
/// the second access, in whatever order the two are executed, so plain accesses need no decisions.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "explorer/place.hpp"
#include "explorer/view.hpp"

namespace ringway::model {

class Payload {
 public:
  enum class Access : std::uint8_t { kRead, kWrite, kFree };
  struct Conflict {
    const char* what = nullptr;  // null: none
    ThreadId other = 0;
    Place other_place{};
  };

  void reset() { ranges_.clear(); }

  Conflict access(const void* pointer, std::size_t bytes, Access kind, ThreadId self,
                  const Clock& clock, const Place& place) {
    const auto begin = reinterpret_cast<std::uintptr_t>(pointer);
    const auto end = begin + bytes;
    Range* exact = nullptr;
    for (Range& range : ranges_) {
      if (range.end <= begin || end <= range.begin) continue;
      if (range.freed) return {"access to freed memory", range.writer, range.write_place};
      if (!clock.covers(range.writer, range.written_at)) {
        return {kind == Access::kRead ? "data race: read against write"
                                      : "data race: write against write",
                range.writer, range.write_place};
      }
      if (kind != Access::kRead) {
        for (ThreadId other = 0; other < kMaxThreads; ++other) {
          if (!clock.covers(other, range.read_at[other])) {
            return {"data race: write against read", other, range.read_place[other]};
          }
        }
      }
      if (range.begin == begin && range.end == end) exact = &range;
    }
    if (exact == nullptr) {
      ranges_.push_back({begin, end});
      exact = &ranges_.back();
    }
    if (kind == Access::kRead) {
      exact->read_at[self] = clock.time[self];
      exact->read_place[self] = place;
    } else {
      exact->writer = self;
      exact->written_at = clock.time[self];
      exact->write_place = place;
      exact->freed = kind == Access::kFree;
    }
    return {};
  }

 private:
  struct Range {
    std::uintptr_t begin;
    std::uintptr_t end;
    ThreadId writer = 0;
    bool freed = false;
    std::uint32_t written_at = 0;
    std::array<std::uint32_t, kMaxThreads> read_at{};
    Place write_place{};
    std::array<Place, kMaxThreads> read_place{};
  };
  std::vector<Range> ranges_;
};

}  // namespace ringway::model
