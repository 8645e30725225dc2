// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `BusSnapshot`: what a bus between processes looked like at one moment, copied out of its files
/// by `BusInspector` (shm/inspect.hpp). Plain values that refer to nothing.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ringway/bus/directory.hpp"
#include "ringway/ring/line_shape.hpp"
#include "ringway/shm/participants.hpp"

namespace ringway {

/// A name that is bound to a type.
struct TopicInfo {
  std::string name;
  std::string type_name;
  std::uint64_t type_size = 0;
  std::uint64_t type_align = 0;
  bool service = false;
  bool used = true;          ///< false: the name was given back, and its place is free
  std::uint32_t number = 0;  ///< what messages of a family carry
  friend bool operator==(const TopicInfo&, const TopicInfo&) = default;
};

struct SubscriptionInfo {
  std::uint32_t number = 0;
  std::string pattern;
  std::string type_name;
  std::uint32_t participant = 0;
  std::uint32_t endpoint = 0;
  bool lossy = false;
  bool service = false;
  friend bool operator==(const SubscriptionInfo&, const SubscriptionInfo&) = default;
};

/// A reader's place in a lane.
struct ReaderInfo {
  std::uint32_t gate = 0;
  bool lossy = false;
  bool joining = false;                      ///< not reading yet
  std::optional<std::uint32_t> participant;  ///< not known while it joins
  std::uint32_t endpoint = 0;
  Sequence position = 0;
  std::uint64_t behind = 0;  ///< messages; in a lane of bytes, bytes
  std::uint64_t lost = 0;    ///< messages that a lossy reader missed
};

/// What a lane's publisher makes of a reliable observer.
enum class ObserverState : unsigned char {
  kAsks,      ///< it has a place there, and no answer: lossy so far
  kHeld,      ///< the publisher waits for it
  kExpected,  ///< the publisher waits for it to look for the first time
  kEnded,     ///< the lag limit has let go of it: lossy from then on
};

/// A reliable observer's place in a lane.
struct ObserverInfo {
  std::uint64_t id = 0;   ///< of its watch file
  std::uint32_t pid = 0;  ///< as it says itself, in its own namespace
  ObserverState state = ObserverState::kAsks;
  Sequence position = 0;     ///< as it says itself: may be anything
  std::uint64_t behind = 0;  ///< messages, a lap at most; in a lane of bytes, bytes

  [[nodiscard]] bool is_waited_for() const noexcept {
    return state == ObserverState::kHeld || state == ObserverState::kExpected;
  }
};

/// Where a lane's ring lies and what it is made of: all that is needed to read it.
struct LaneRing {
  std::uint64_t segment =
      0;                     ///< number of the process's own segment in which it lies; 0: the bus's
  std::uint64_t offset = 0;  ///< of the ring, in the file
  std::uint64_t lines = 0;   ///< offset of the first line, or frame, in the file
  std::uint64_t blocks = 0;  ///< lines, or words of frames
  std::uint64_t largest = 0;  ///< of a ring of bytes: bytes in a frame at most; else 0
  LineShape shape;
  std::uint64_t element_size = 0;
  std::uint64_t element_align = 0;
  std::uint64_t capacity = 0;
  Sequence start = 0;
  friend bool operator==(const LaneRing& a, const LaneRing& b) noexcept {
    return a.segment == b.segment && a.offset == b.offset && a.lines == b.lines &&
           a.blocks == b.blocks && a.element_size == b.element_size &&
           a.element_align == b.element_align && a.capacity == b.capacity && a.start == b.start &&
           a.largest == b.largest;
  }

  /// A ring of bytes: positions, capacity and how far readers are behind count bytes.
  [[nodiscard]] bool of_bytes() const noexcept { return largest != 0; }

  [[nodiscard]] std::uint64_t slots() const noexcept { return blocks * shape.items; }
  [[nodiscard]] std::uint64_t line_of(Sequence position) const noexcept {
    return (position - start) % slots() / shape.items;
  }
};

/// The type of a lane's messages, as its publisher's version describes it.
struct LaneType {
  std::string name;  ///< as much as is kept; what can not be printed is a '?'
  std::uint64_t name_hash = 0;
  std::uint64_t size = 0;
  std::uint64_t align = 0;
  std::uint64_t layout = 0;
  std::uint32_t version = 0;
  std::uint32_t member_count = 0;
  std::vector<TypeMember> members;  ///< as many as are kept

  /// Valid as long as this object is neither changed nor destroyed.
  [[nodiscard]] TypeIdentity identity() const noexcept {
    return {.name = name,
            .size = size,
            .align = align,
            .version = version,
            .layout = layout,
            .members = members,
            .member_count = member_count,
            .name_hash = name_hash};
  }
};

/// One publisher's ring.
struct LaneInfo {
  std::uint32_t number = 0;
  std::uint32_t life = 0;  ///< another one: another lane, under the same number
  LaneKind kind = LaneKind::kTopic;
  std::uint32_t topic = 0;        ///< index in BusSnapshot::topics
  std::uint32_t participant = 0;  ///< that writes it
  bool admits_lossy = false;
  bool retains = false;
  bool closed = false;
  bool left = false;          ///< its publisher is gone; what is in it is still read
  std::uint32_t waiting = 0;  ///< publishers asleep until there is room
  std::uint64_t ring_bytes = 0;
  std::uint64_t board = 0;             ///< where its answers to observers lie in the ring's file;
                                       ///< 0: it waits for none
  std::uint64_t type_size = 0;         ///< of its messages; 0 if not known
  std::optional<LaneType> type;        ///< of its messages, if the bus keeps it
  std::vector<std::byte> description;  ///< of their type, for decode_message_type(); may be empty
  std::string trouble;                 ///< why nothing below is known; empty if it is
  LaneRing ring;
  Sequence head = 0;            ///< position after the newest message in the ring
  std::uint64_t skipped = 0;    ///< messages so far that took no place in it; of bytes: 0
  std::uint64_t published = 0;  ///< messages so far, those for inline subscribers alone included
  std::vector<ReaderInfo> readers;
  std::vector<ObserverInfo> observers;  ///< if add_observers() has looked (shm/observer_info.hpp)

  /// How far the slowest is behind of those that its publisher waits for.
  [[nodiscard]] std::uint64_t depth() const noexcept {
    std::uint64_t most = 0;
    for (const auto& reader : readers) {
      if (!reader.lossy && !reader.joining && reader.behind > most) most = reader.behind;
    }
    for (const auto& one : observers) {
      if (one.is_waited_for() && one.behind > most) most = one.behind;
    }
    return most;
  }
};

/// Somebody who can be woken: a dispatcher or a requester.
struct EndpointInfo {
  std::uint32_t number = 0;
  std::uint32_t participant = 0;
  bool asleep = false;
  std::uint64_t parks = 0;  ///< how often it slept
};

/// What a lane's number was used for last.
struct LaneMade {
  std::uint32_t life = 0;     ///< how many lanes it has been
  std::uint64_t segment = 0;  ///< in which the last one's ring lies, or lay
  bool used = false;
  LaneKind kind = LaneKind::kTopic;
};

struct BusSnapshot {
  std::uint64_t bytes = 0;       ///< of the file
  std::uint64_t lane_bytes = 0;  ///< room for lanes, of all processes together
  std::uint64_t used_bytes = 0;  ///< of it, by lanes
  ::mode_t mode = 0;
  ::uid_t owner = 0;
  ::gid_t group = 0;
  DirectorySizes tables;
  std::uint32_t lock_holder = 0;  ///< participant + 1 that binds something now, or died at it
  bool settled = false;           ///< two copies in a row agreed
  std::vector<LaneMade> made;     ///< by number, the lanes that are gone included
  std::vector<ParticipantInfo> participants;
  std::vector<TopicInfo> topics;
  std::vector<SubscriptionInfo> subscriptions;
  std::vector<EndpointInfo> endpoints;
  std::vector<LaneInfo> lanes;

  [[nodiscard]] const ParticipantInfo* participant(std::uint32_t number) const noexcept {
    for (const auto& one : participants) {
      if (one.number == number) return &one;
    }
    return nullptr;
  }
  /// True if the process that alone writes this segment is attached, or dead and not yet buried.
  [[nodiscard]] bool has_owner_of(std::uint64_t segment) const noexcept {
    for (const auto& one : participants) {
      if (one.generation + 1 == segment) return true;
    }
    return false;
  }
  /// True if no lane was made in this segment between an earlier snapshot of this bus and this one:
  /// what lay there then lies there still. False if that is not known.
  [[nodiscard]] bool made_none_since(const BusSnapshot& before,
                                     std::uint64_t segment) const noexcept {
    for (std::size_t i = 0; i < made.size(); ++i) {
      const auto times = made[i].life - (i < before.made.size() ? before.made[i].life : 0);
      if (times > 1 || (times == 1 && (segment == 0 || made[i].segment == segment))) return false;
    }
    return true;
  }
  /// Lanes that were made after an earlier snapshot of this bus and are gone by now, but for those
  /// known to be of requests or answers.
  [[nodiscard]] std::uint64_t came_and_went_since(const BusSnapshot& before) const noexcept {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < made.size(); ++i) {
      const auto times = made[i].life - (i < before.made.size() ? before.made[i].life : 0);
      const bool message = made[i].kind == LaneKind::kTopic || made[i].kind == LaneKind::kFamily;
      count += times != 0 && (made[i].used || !message) ? times - 1 : times;
    }
    return count;
  }
  [[nodiscard]] std::size_t topics_used() const noexcept {
    std::size_t count = 0;
    for (const auto& one : topics) count += one.used ? 1 : 0;
    return count;
  }
  [[nodiscard]] std::size_t alive() const noexcept {
    std::size_t count = 0;
    for (const auto& one : participants) count += one.alive ? 1 : 0;
    return count;
  }
};

}  // namespace ringway
