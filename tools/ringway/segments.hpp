// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Finding segments, and what all commands say of them.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "output.hpp"
#include "ringway/shm/inspect.hpp"

namespace tool {

struct SegmentFile {
  std::string name;
  std::string path;
};

/// What a word on the command line means: a name in `folder`, or a path if there is a '/' in it.
[[nodiscard]] SegmentFile segment_of(const std::string& word, const std::string& folder);
/// All segments in the folder, by name; an error if it can not be read.
[[nodiscard]] absl::StatusOr<std::vector<SegmentFile>> segments_in(const std::string& folder);
/// Processes' own segments whose control segment is gone: somebody removed that by hand.
struct Orphans {
  SegmentFile control;             // as it was
  std::vector<std::string> paths;  // of one bus
  std::uint64_t bytes = 0;
  std::uint64_t alive = 0;  // owners of them
  std::uint64_t dead = 0;
  bool others = false;  // some belong to another user
};
/// All of them in the folder, by bus.
[[nodiscard]] std::vector<Orphans> orphans_in(const std::string& folder);
/// Opens it; if there is none, the message says which there are.
[[nodiscard]] absl::StatusOr<ringway::BusInspector> open_segment(const SegmentFile& file,
                                                                 const std::string& folder);
[[nodiscard]] int exit_status_of(const absl::Status& status);
[[nodiscard]] std::string message_of(const absl::Status& status);
/// Complains about it. \return the exit status
int refuse(const absl::Status& status);

/// "topic", "family", "requests", "replies".
/// So much of a lane: messages, or bytes.
[[nodiscard]] std::string amount_text(const ringway::LaneInfo& lane, std::uint64_t amount);
[[nodiscard]] const char* kind_text(ringway::LaneKind kind);
/// The lane's topic; "?" if it has none.
[[nodiscard]] std::string topic_of(const ringway::BusSnapshot& bus, const ringway::LaneInfo& lane);
/// "2:feed", "2:feed (dead)": a participant's number and name.
[[nodiscard]] std::string who(const ringway::BusSnapshot& bus, std::uint32_t participant);
[[nodiscard]] std::string who(const ringway::ObserverInfo& observer);

/// True once the user wants the program to end (SIGINT, SIGTERM) after stop_on_signals().
void stop_on_signals();
[[nodiscard]] bool stopped();
/// Sleeps so long, or until stopped().
void nap(double seconds);
/// Seconds of a clock that only goes forward.
[[nodiscard]] double steady_now();
/// Seconds since 1970.
[[nodiscard]] double wall_now();

}  // namespace tool
