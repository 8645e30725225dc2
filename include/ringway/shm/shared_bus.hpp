// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `open_shared`: the bus between processes of one host.
///
///   auto bus = ringway::open_shared("market-data").value();
///   ringway::Dispatcher feed{bus, {.name = "feed"}};
///   auto subscription = feed.subscribe(kTrades, [](const Trade& trade) { ... });
///
/// *What.* The same topics, publishers, subscriptions and requests as `Bus`, for processes that
/// open the same name. Nobody starts first, and anybody may be killed: docs/design/segment.md.
/// Messages must be safe in memory that others map at other addresses (kIsShareable).
///
/// *Trust.* Each process writes its own segment, which the others map for reading; all write a
/// control segment: who may attach is trusted not to destroy that. docs/security.md.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/bus/bus.hpp"
#include "ringway/bus/clean_up.hpp"
#include "ringway/shm/segment_home.hpp"

namespace ringway {

struct SharedBusOptions {
  /// Bytes for the lanes that this process publishes, its answers to requesters too; reserved when
  /// it attaches. Of an anonymous bus: for all lanes, reserved when it is made.
  std::size_t lane_bytes = std::size_t{1} << 20;
  /// Room for names, subscriptions, dispatchers and requesters, lanes, processes at a time.
  DirectorySizes tables{.topics = 128,
                        .subscriptions = 128,
                        .endpoints = 48,
                        .lanes = 128,
                        .participants = 32,
                        .types = 48};
  /// What tools show of this process.
  std::string participant_name = "";
  /// Map for writing too what only others write. Small messages then pass faster on some processors
  /// (docs/design/segment.md), but a wild write of this process's can change what others publish.
  bool map_others_for_writing = false;
  /// Users whose reliable observers may hold back the lanes of this process that admit any
  /// (TopicOptions::observer_lag_limit), besides its own, root and the bus's owner; at most 5.
  std::vector<::uid_t> observer_users{};
  /// Who may attach, where the segment lives, huge pages, ...; `bytes` is computed.
  SegmentOptions segment{};
  BusOptions bus{};
};

using SharedBus = BasicBus<SegmentHome>;

/// How a bus lies in a segment.
struct SharedBusContents {
  using Block = std::span<std::byte>;
  using DirectoryType = Directory<SharedMemory>;

  static absl::Status format(Block block, const void* sizes) {
    return DirectoryType::format(block, *static_cast<const DirectorySizes*>(sizes));
  }
  static void repair(Block block) {
    auto directory = DirectoryType::join(block);
    if (directory.ok()) CleanUp<SharedMemory>(*directory).repair();
  }
  static void clean_up(Block block, std::uint32_t participant) {
    auto directory = DirectoryType::join(block);
    if (directory.ok()) CleanUp<SharedMemory>(*directory).bury(participant);
  }
  static void close(Block block) {
    auto directory = DirectoryType::join(block);
    if (directory.ok()) CleanUp<SharedMemory>(*directory).close();
  }
  static bool needs(Block block, OwnSegments::Number segment) {
    auto directory = DirectoryType::join(block);
    return directory.ok() && directory->has_lanes_in(segment);
  }

  /// Changes with everything that lies in the block.
  static constexpr std::uint64_t kPurpose = 0x0002'0003'7375'6272;  // "rbus", contents 2.3

  static SegmentContents functions() noexcept {
    return {kPurpose, format, repair, clean_up, close, needs};
  }

  /// The options of a home that has room for what is asked for.
  /// \param lanes_inside whether the lanes lie there too
  static SegmentHomeOptions home_options(const SharedBusOptions& options, bool lanes_inside) {
    constexpr std::size_t kAudience = 2304;  // of a lane of TopicOptions{}.max_readers readers
    const std::size_t audiences =
        std::max<std::size_t>(options.tables.lanes, 8) * DirectoryType::room_of(kAudience);
    SegmentHomeOptions home;
    home.segment = options.segment;
    home.participants = options.tables.participants;
    home.participant_name = options.participant_name;
    home.segment.bytes = round_up(SegmentAttachment::block_offset(home.participants) +
                                      DirectoryType::footprint(options.tables) +
                                      (lanes_inside ? options.lane_bytes : audiences),
                                  4096);
    home.own_bytes = options.lane_bytes;
    home.observer_users = options.observer_users;
    if (options.map_others_for_writing) home.others = Segment::Access::kReadWrite;
    return home;
  }
};

/// Attaches to the bus of this name, which is made if nobody has it open. A name is 1 to 100
/// letters, digits, '_', '-', '.'. Sizes count for whoever makes it.
[[nodiscard]] inline absl::StatusOr<SharedBus> open_shared(std::string_view name,
                                                           const SharedBusOptions& options = {}) {
  auto home = SegmentHome::open(name, SharedBusContents::home_options(options, false),
                                SharedBusContents::functions(), &options.tables);
  if (!home.ok()) return home.status();
  return SharedBus::join(*std::move(home), options.bus);
}

/// A new bus without a name; others attach by its descriptor (shared_descriptor(),
/// open_shared(fd)).
[[nodiscard]] inline absl::StatusOr<SharedBus> make_anonymous_shared(
    const SharedBusOptions& options = {}) {
  auto home = SegmentHome::make_anonymous(SharedBusContents::home_options(options, true),
                                          SharedBusContents::functions(), &options.tables);
  if (!home.ok()) return home.status();
  return SharedBus::join(*std::move(home), options.bus);
}
/// Attaches to the bus behind a descriptor that was inherited or received over a Unix socket. The
/// descriptor stays the caller's.
[[nodiscard]] inline absl::StatusOr<SharedBus> open_shared(int fd,
                                                           const SharedBusOptions& options = {}) {
  auto home = SegmentHome::open(fd, SharedBusContents::home_options(options, true),
                                SharedBusContents::functions());
  if (!home.ok()) return home.status();
  return SharedBus::join(*std::move(home), options.bus);
}
/// What the maker of an anonymous bus hands on; -1 for named ones. Inherited by exec only after
/// FD_CLOEXEC was cleared.
[[nodiscard]] inline int shared_descriptor(SharedBus& bus) {
  return bus.core()->home().attachment().segment().fd_to_hand_on();
}

/// What SharedBusOptions::segment asked for and the machine did not grant this process (huge pages,
/// locking, prefaulting), of the segment that all write and of its own, in words; empty if nothing.
/// Any thread.
[[nodiscard]] inline std::string fell_back(SharedBus& bus) {
  auto& attachment = bus.core()->home().attachment();
  std::string words = attachment.segment().fell_back();
  auto* segments = attachment.own();
  const auto own = segments == nullptr ? nullptr : segments->mapping(segments->number());
  if (own != nullptr && !own->fell_back().empty()) {
    absl::StrAppend(&words, words.empty() ? "" : "; ", "own segment: ", own->fell_back());
  }
  return words;
}

/// Who is attached, the dead included that nobody has cleaned up after yet.
[[nodiscard]] inline std::vector<ParticipantInfo> participants(SharedBus& bus) {
  return bus.core()->home().attachment().participants();
}
/// Cleans up after the dead now, rather than when somebody next waits. \return how many there were
inline std::size_t look_after_others(SharedBus& bus) {
  return bus.core()->home().attachment().look_now();
}
/// How many of the dead this process has cleaned up after, since it attached.
[[nodiscard]] inline std::uint64_t cleaned_up_after(SharedBus& bus) {
  return bus.core()->home().attachment().buried();
}

}  // namespace ringway
