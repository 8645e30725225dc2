// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The directory of a bus: tables of topics, lanes, subscriptions and endpoints at the front of the
/// home's block, and the arena behind them from which lanes are made. Positions only, no pointers.
///
/// *Protocol.* Records are found, made and freed under the home's directory lock; a record's atomic
/// words are used without it. Nothing here is on the path of a message.
///   TopicRecord         a name and the type that is bound to it; needed as long as a lane or a
///                       subscription is, looked through when a name is wanted and there is none
///   TypeRecord          a message type, as one version describes it; as those that refer to it
///   LaneRecord          one publisher's ring; freed when its publisher and all its readers are
///                       gone
///   SubscriptionRecord  a pattern and who wants it; read by those who make lanes
///   EndpointRecord      somebody who can be woken: a dispatcher or a requester
///
/// *Synchronisation.*
///   "lane closed"  close of a lane -> look of its publisher and readers: everything accepted
///                  before is in the ring
///   A reader comes: LaneRecord::state_ is changed before subscribe() returns, so whatever is
///   published later finds it; with what is under way then, the subscription may begin or not.
///   "reply lane"   a replier's store of the lane that it answers on -> the requester's look
///   "served"       a replier comes or leaves -> the requester's look: whatever it answered before
///                  it left is there
///
/// *Progress.* Blocking (the directory lock); binding is not a real-time operation.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/base/cache_line.hpp"
#include "ringway/base/copied_once.hpp"
#include "ringway/bus/names.hpp"
#include "ringway/bus/ready_map.hpp"
#include "ringway/bus/topic.hpp"
#include "ringway/bus/type_table.hpp"
#include "ringway/wait/event_count.hpp"

namespace ringway {

inline absl::string_view to_absl(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

enum class LaneKind : std::uint32_t { kTopic, kFamily, kRequest, kReply };

/// What a name stands for.
struct NameKind {
  TypeIdentity type;
  bool service = false;
};

struct TopicRecord {
  FixedString<kLongestName + 1> name;
  FixedString<kLongestName + 1> type_name;  // of the newest version, for tools
  std::uint64_t type_size = 0;              // likewise
  std::uint64_t type_align = 0;             // likewise
  std::uint32_t type = 0;                   // the newest version that anybody has brought
  std::uint32_t lives = 0;                  // names that have been here before
  std::uint32_t used = 0;
  std::uint32_t service = 0;
};

template <class Memory>
struct alignas(kOwnerSpacing) EndpointRecord {
  std::uint32_t used = 0;
  std::uint32_t participant = 0;
  EventCount<Memory> event;
  ReadyMap<Memory> ready;
  // gates of new lanes that wait for this dispatcher; changed under the directory lock
  typename Memory::template Atomic<std::uint32_t> reserved{0};

  /// With LaneRecord::bound, and before the lane's bit in the ready map.
  void reserve() noexcept {
    reserved.fetch_add(1, std::memory_order_relaxed);  // relaxed: "ready" (bus/ready_map.hpp)
  }
  void pick_up() noexcept {
    reserved.fetch_sub(1, std::memory_order_relaxed);  // relaxed: the owner's, under the lock
  }
  /// The owner, when a lane's bit has come: false if that means news alone.
  [[nodiscard]] bool has_reserved() const noexcept {
    return reserved.load(std::memory_order_relaxed) != 0;  // relaxed: "ready"
  }
};

template <class Memory>
struct alignas(kOwnerSpacing) LaneRecord {
  static constexpr std::size_t kMostReaders = 62;

  // under the directory lock
  std::uint32_t used = 0;
  LaneKind kind = LaneKind::kTopic;
  std::uint32_t topic = 0;      // index of the name: an exact one, a family's pattern, or a service
  std::uint32_t type = 0;       // of its messages: the publisher's version
  std::uint32_t lossy = 0;      // which ring the lane is
  std::uint32_t retains = 0;    // every message goes into the ring, for those who come later
  std::uint32_t owner = 0;      // request lanes: endpoint of the requester
  std::uint32_t replier = 0;    // request lanes: subscription + 1 that serves it
  std::uint32_t awaited = 0;    // lanes of answers: endpoint + 1 that has not picked it up yet
  std::uint32_t publisher = 0;  // participant that writes it
  std::uint32_t binding = 0;    // its publisher reserves gates for those who are to read it
  std::uint32_t lives = 0;      // lanes that this record has been: who only looks tells them apart
  std::uint32_t watched = 0;    // waits for observers: answers to them end its piece of the segment
  std::uint64_t ring_offset = 0;  // in the block: the ring, or, if it lies apart, its audience
  std::uint64_t ring_bytes = 0;
  std::uint64_t segment = 0;  // whose memory the ring lies in (bus/home.hpp); 0: the block's
  std::uint64_t segment_offset = 0;
  std::uint64_t segment_bytes = 0;
  std::uint32_t bound[kMostReaders] =
      {};  // by gate: subscription + 1 that has not picked it up yet

  // publishers that wait for room
  alignas(kOwnerSpacing) EventCount<Memory> room;

  /// Nothing is accepted any more; what was accepted is still read. Any thread.
  void close() noexcept {
    state_.fetch_or(kClosed, std::memory_order_release);  // release "lane closed"
  }
  /// close() by the publisher when it leaves: not even a message on its way comes any more.
  void leave() noexcept {
    state_.fetch_or(kClosed | kLeft, std::memory_order_release);  // release "lane closed"
  }
  /// The publisher before each message, a reader that finds nothing. Any thread, wait-free.
  [[nodiscard]] bool closed() const noexcept {
    return (state_.load(std::memory_order_acquire) & kClosed) != 0;  // acquire "lane closed"
  }
  /// True once the publisher has left.
  [[nodiscard]] bool left() const noexcept {
    return (state_.load(std::memory_order_acquire) & kLeft) != 0;  // acquire "lane closed"
  }

  /// Whether the ring has a reader, or is about to have one, or retains, or waits for observers.
  /// Under the directory lock.
  void set_heard(bool heard) noexcept {
    heard = heard || retains != 0 || watched != 0;
    if (heard == !unheard()) return;
    if (heard) {
      state_.fetch_or(kHeard, std::memory_order_relaxed);  // relaxed: see the file comment
    } else {
      state_.fetch_and(~kHeard, std::memory_order_relaxed);  // relaxed: takes back a wish
    }
  }
  /// The publisher: does not use the short cut that calm() tells of.
  void forbid_short_cut() noexcept {
    state_.fetch_or(kNoShortCut, std::memory_order_relaxed);  // relaxed: its own wish
  }
  /// The publisher: true if nobody reads the ring, and nothing else is special: a message need not
  /// be put into it. One load.
  [[nodiscard]] bool calm() const noexcept {
    // relaxed: zero says that nothing has happened; whatever has, the publisher looks at again
    return state_.load(std::memory_order_relaxed) == 0;
  }
  [[nodiscard]] bool unheard() const noexcept {
    return (state_.load(std::memory_order_relaxed) & kHeard) == 0;  // relaxed: see the file comment
  }

  /// The publisher: the next message takes no place in the ring. \return how many did so before
  Sequence skip() noexcept {
    // relaxed: the publisher's own word; "published" (ring/line.hpp) carries it to later readers
    const auto before = skipped_.load(std::memory_order_relaxed);
    skipped_.store(before + 1, std::memory_order_relaxed);  // relaxed: likewise
    return before;
  }
  /// Lanes of bytes, where positions count bytes: so many messages were published, which skipped()
  /// tells.
  void set_published(Sequence count) noexcept {
    skipped_.store(count, std::memory_order_relaxed);  // relaxed: the publisher's own, for tools
  }
  /// Messages that took no place in the ring: a message's sequence is its position there plus this.
  /// A reader finds the same number for as long as it is there.
  [[nodiscard]] Sequence skipped() const noexcept {
    return skipped_.load(std::memory_order_relaxed);  // relaxed: likewise
  }

  /// Lanes of requests: a replier has picked the lane up and answers on lane `answers`.
  void set_reply_lane(std::uint32_t answers) noexcept {
    reply_lane_.store(answers, std::memory_order_release);  // release "reply lane"
  }
  /// The lane of answers, 0 before there is one.
  [[nodiscard]] std::uint32_t reply_lane() const noexcept {
    return reply_lane_.load(std::memory_order_acquire);  // acquire "reply lane"
  }
  /// Lanes of requests: a replier is bound, or has left.
  void set_served(bool served) noexcept {
    served_.store(served ? 1 : 0, std::memory_order_release);  // release "served"
  }
  [[nodiscard]] bool served() const noexcept {
    return served_.load(std::memory_order_acquire) != 0;  // acquire "served"
  }

 private:
  // bits of state_
  static constexpr std::uint32_t kClosed = 1;
  static constexpr std::uint32_t kLeft = 2;
  static constexpr std::uint32_t kHeard = 4;
  static constexpr std::uint32_t kNoShortCut = 8;

  // rarely written, read per message
  alignas(kOwnerSpacing) typename Memory::template Atomic<std::uint32_t> state_{0};
  typename Memory::template Atomic<std::uint32_t> reply_lane_{0};
  typename Memory::template Atomic<std::uint32_t> served_{0};

  // publisher
  alignas(kOwnerSpacing) typename Memory::template Atomic<Sequence> skipped_{0};
};

struct SubscriptionRecord {
  FixedString<kLongestName + 1> pattern;
  FixedString<kLongestName + 1> type_name;  // for tools
  std::uint32_t type = 0;
  std::uint32_t used = 0;
  std::uint32_t ended = 0;  // its dispatcher still has to let go of it
  std::uint32_t endpoint = 0;
  std::uint32_t lossy = 0;
  std::uint32_t service = 0;
};

/// A piece of a segment that one participant alone writes.
struct SegmentPiece {
  std::uint64_t segment = 0;  ///< 0: there is none
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  bool watched = false;  ///< LaneRecord::watched
};

/// How many of each a directory has room for, chosen when it is laid out.
struct DirectorySizes {
  std::uint32_t topics = 16384;
  std::uint32_t subscriptions = 4096;
  std::uint32_t endpoints = 1024;
  std::uint32_t lanes = 16384;     // at most ReadyMap::kBits
  std::uint32_t participants = 1;  // processes
  std::uint32_t types = 1024;      // versions of message types
};

template <class MemoryPolicy>
class Directory {
 public:
  using Memory = MemoryPolicy;
  using Endpoint = EndpointRecord<Memory>;
  using Lane = LaneRecord<Memory>;

  static constexpr std::uint32_t kMaxTopics = DirectorySizes{}.topics;
  static constexpr std::uint32_t kMaxLanes = DirectorySizes{}.lanes;
  static constexpr std::uint32_t kMaxSubscriptions = DirectorySizes{}.subscriptions;
  static constexpr std::uint32_t kMaxEndpoints = DirectorySizes{}.endpoints;
  static_assert(kMaxLanes <= ReadyMap<Memory>::kBits);
  /// Lane 0 is never made: its bit in a ready map means "look into your inbox".
  static constexpr std::uint32_t kNoLane = 0;

  /// Bytes of a directory without its arena.
  [[nodiscard]] static std::size_t footprint(const DirectorySizes& sizes) noexcept {
    return Places(sizes).arena;
  }

  /// Lays the directory out in a new, zeroed block.
  [[nodiscard]] static absl::Status format(std::span<std::byte> block,
                                           const DirectorySizes& sizes = {}) {
    if (sizes.topics == 0 || sizes.subscriptions == 0 || sizes.endpoints == 0 || sizes.lanes < 2 ||
        sizes.participants == 0 || sizes.types == 0 || sizes.topics > kMostRecords ||
        sizes.types > kMostRecords || sizes.subscriptions > kMostRecords ||
        sizes.endpoints > kMostRecords || sizes.lanes > ReadyMap<Memory>::kBits ||
        sizes.participants > kMostRecords) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a bus can not have these tables: each has at least 1 entry (lanes 2) and at "
          "most ",
          kMostRecords, " (lanes ", ReadyMap<Memory>::kBits, ")"));
    }
    const Places places(sizes);
    if (block.size() < places.arena + kLeastArena) {
      return absl::InvalidArgumentError(
          absl::StrCat("a bus needs a block of at least ", places.arena + kLeastArena,
                       " bytes of address space, this one has ", block.size()));
    }
    auto* tables = ::new (static_cast<void*>(block.data())) Tables;
    tables->bytes = block.size();
    tables->sizes = sizes;
    tables->free_begin = places.arena;
    tables->magic = kMagic;
    return absl::OkStatus();
  }

  /// A view of a block that was formatted, as it is mapped here. What the view needs of the block
  /// is copied, and checked, once.
  [[nodiscard]] static absl::StatusOr<Directory> join(std::span<std::byte> block) {
    if (block.size() < sizeof(Tables))
      return absl::DataLossError("the block is too small for a bus");
    auto* tables = std::launder(reinterpret_cast<Tables*>(block.data()));
    const auto sizes = copied_once(tables->sizes);
    if (tables->magic != kMagic || tables->bytes != block.size() ||
        sizes.lanes > ReadyMap<Memory>::kBits || sizes.topics > kMostRecords ||
        sizes.subscriptions > kMostRecords || sizes.endpoints > kMostRecords ||
        sizes.participants > kMostRecords || sizes.types > kMostRecords || sizes.types == 0 ||
        sizes.lanes == 0 || sizes.topics == 0 || sizes.subscriptions == 0 || sizes.endpoints == 0 ||
        sizes.participants == 0 || Places(sizes).arena > block.size()) {
      return absl::DataLossError("the block holds no bus of this version of Ringway");
    }
    return Directory(block, sizes);
  }

  [[nodiscard]] const DirectorySizes& sizes() const noexcept { return sizes_; }

  /// Records by their index; whatever an index that was read from the block may be, the answer is a
  /// record of the table.
  [[nodiscard]] Lane& lane(std::uint32_t i) const noexcept {
    return lanes_[i < sizes_.lanes ? i : kNoLane];
  }
  /// \param i an index, or a number from number_of()
  [[nodiscard]] TopicRecord& topic(std::uint32_t i) const noexcept {
    i = index_of(i);
    return topics_[i < sizes_.topics ? i : 0];
  }
  /// A number for a topic that is not given to another one soon, even if its index is.
  [[nodiscard]] std::uint32_t number_of(std::uint32_t index) const noexcept {
    return index | (topic(index).lives & kMostLives) << kIndexBits;
  }
  [[nodiscard]] static constexpr std::uint32_t index_of(std::uint32_t number) noexcept {
    return number & (kMostRecords - 1);
  }
  [[nodiscard]] TypeRecord& type(std::uint32_t i) const noexcept {
    return types_[i < sizes_.types ? i : 0];
  }
  [[nodiscard]] Endpoint& endpoint(std::uint32_t i) const noexcept {
    return endpoints_[i < sizes_.endpoints ? i : 0];
  }
  [[nodiscard]] SubscriptionRecord& subscription(std::uint32_t i) const noexcept {
    return subscriptions_[i < sizes_.subscriptions ? i : 0];
  }
  [[nodiscard]] std::uint32_t lanes_used() const noexcept {
    const auto used = copied_once(tables_->lanes_used);
    return used < sizes_.lanes ? used : sizes_.lanes;
  }
  [[nodiscard]] std::uint32_t subscriptions_used() const noexcept {
    const auto used = copied_once(tables_->subscriptions_used);
    return used < sizes_.subscriptions ? used : sizes_.subscriptions;
  }
  [[nodiscard]] std::uint32_t endpoints_used() const noexcept {
    const auto used = copied_once(tables_->endpoints_used);
    return used < sizes_.endpoints ? used : sizes_.endpoints;
  }
  [[nodiscard]] std::uint32_t topics_used() const noexcept {
    const auto used = copied_once(tables_->topics_used);
    return used < sizes_.topics ? used : sizes_.topics;
  }
  /// True once the bus stops: nothing is bound any more.
  [[nodiscard]] bool stopping() const noexcept { return tables_->stopping; }
  void set_stopping() noexcept { tables_->stopping = true; }

  /// The lane's ring; empty if the record says what can not be.
  [[nodiscard]] std::span<std::byte> ring_memory(const Lane& lane) const noexcept {
    const auto offset = copied_once(lane.ring_offset);
    const auto bytes = copied_once(lane.ring_bytes);
    if (offset > block_.size() || bytes > block_.size() - offset) return {};
    if (offset % kOwnerSpacing != 0) return {};
    return block_.subspan(offset, bytes);
  }

  /// Room for a ring of `bytes` in `memory`, from `begin` on, which is this participant's alone and
  /// bears the number `segment`. What is taken there, the lanes' records tell.
  [[nodiscard]] absl::StatusOr<SegmentPiece> find_room(std::uint64_t segment,
                                                       std::span<const std::byte> memory,
                                                       std::size_t begin, std::size_t bytes) const {
    std::vector<Piece> taken;
    for (std::uint32_t i = 1; i < lanes_used(); ++i) {
      const auto& used = lane(i);
      if (used.used == 0 || used.segment != segment) continue;
      const auto offset = copied_once(used.segment_offset);
      taken.push_back({offset, offset + copied_once(used.segment_bytes)});
    }
    std::sort(taken.begin(), taken.end(),
              [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
    taken.push_back({memory.size() + kOwnerSpacing, 0});
    // Lanes at equal page offsets collide in the first-level cache: each begins two lines further
    // on.
    std::uint64_t at = begin;
    for (const auto& piece : taken) {
      at = round_up(at, kPieceUnit);
      if (at > memory.size()) break;  // of a record that can not be
      if (bytes <= memory.size() && piece.begin >= at + bytes + kOwnerSpacing) {
        return SegmentPiece{segment, at, bytes};
      }
      at = std::max(at, piece.end + kOwnerSpacing);
    }
    return absl::ResourceExhaustedError(absl::StrCat(
        "no room for a lane of ", bytes, " bytes beside the others in this process's ",
        memory.size() - begin,
        "; make the topic's capacity smaller, or lane_bytes (SharedBusOptions) larger"));
  }
  /// True if a lane lies in the segment of this number.
  [[nodiscard]] bool has_lanes_in(std::uint64_t segment) const noexcept {
    for (std::uint32_t i = 1; i < lanes_used(); ++i) {
      if (lane(i).used != 0 && lane(i).segment == segment) return true;
    }
    return false;
  }

  /// A participant needs the lane once more: its publisher, a cursor, a binding. The lane stays as
  /// long as somebody holds it.
  void hold(std::uint32_t index, std::uint32_t participant) noexcept {
    ++holds(index, participant);
    lane(index).set_heard(times_held(index) > 1);  // by others than its publisher
  }
  /// Takes hold() back. \return true if nobody holds the lane any more
  bool let_go(std::uint32_t index, std::uint32_t participant) noexcept {
    if (holds(index, participant) != 0) --holds(index, participant);
    return is_free(index);
  }
  /// Takes back all that a participant holds of the lane. \return as let_go
  bool let_go_all(std::uint32_t index, std::uint32_t participant) noexcept {
    holds(index, participant) = 0;
    return is_free(index);
  }
  /// Around the reserving of gates in a new lane: a publisher that dies between the two has kept
  /// the lock, so nobody has picked a gate up. Under the directory lock.
  void begin_binding(std::uint32_t index) noexcept {
    lane(index).binding = 1;
    settle();
  }
  void end_binding(std::uint32_t index) noexcept {
    settle();
    lane(index).binding = 0;
  }
  [[nodiscard]] bool is_held(std::uint32_t index) const noexcept { return times_held(index) != 0; }
  [[nodiscard]] std::uint32_t participant_of(std::uint32_t endpoint_index) const noexcept {
    return endpoint(endpoint_index).participant;
  }

  /// The record of a type, made if need be.
  [[nodiscard]] absl::StatusOr<std::uint32_t> keep_type(const TypeIdentity& wanted) {
    const auto used = std::min(copied_once(tables_->types_used), sizes_.types);
    for (std::uint32_t i = 0; i < used; ++i) {
      if (type(i).used != 0 && type(i).identity() == wanted) return i;
    }
    auto made = take_record(types_, tables_->types_used, sizes_.types, 0);
    if (made == sizes_.types && give_back_types() != 0) {
      made = take_record(types_, tables_->types_used, sizes_.types, 0);
    }
    if (made == sizes_.types) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the bus knows ", sizes_.types,
          " message types already; use fewer, or make its tables larger (DirectorySizes::types)"));
    }
    type(made).assign(wanted);
    settle();
    type(made).used = 1;
    return made;
  }
  /// True if a subscription to the one type can be given messages of the other.
  [[nodiscard]] bool reads(std::uint32_t subscriber, std::uint32_t publisher) const noexcept {
    return subscriber == publisher ||
           is_readable(fit_of(type(publisher).identity(), type(subscriber).identity()));
  }

  /// The record of a name, made if need be. An error that shows both types if the name is bound to
  /// another one, of which this is no other version.
  [[nodiscard]] absl::StatusOr<std::uint32_t> declare(std::string_view name, const NameKind& kind) {
    const auto slot = slot_of(name);
    if (slot == kNoSlot) return absl::DataLossError("the bus's index of names is corrupt");
    if (const auto entry = copied_once(index_[slot]); entry != 0) {
      const auto found = entry - 1;
      const auto have = type(topic(found).type).identity();
      if (kind.type == have && (topic(found).service != 0) == kind.service) return found;
      if ((topic(found).service != 0) != kind.service || kind.service ||
          !are_related(kind.type, have)) {
        return type_conflict(topic(found), kind);
      }
      if (kind.type.version > have.version) {
        auto newer = keep_type(kind.type);
        if (!newer.ok()) return newer.status();
        set_type(topic(found), *newer);
      }
      return found;
    }
    const auto made = take_record(topics_, tables_->topics_used, sizes_.topics, 0);
    if (made == sizes_.topics) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the bus knows ", sizes_.topics, " names already; use fewer, or a second bus"));
    }
    auto kept = keep_type(kind.type);
    if (!kept.ok()) return kept.status();
    topic(made).name.assign(name);
    set_type(topic(made), *kept);
    topic(made).service = kind.service ? 1 : 0;
    topic(made).used = 1;
    settle();
    index_[slot] = made + 1;
    return made;
  }
  /// declare(); where that finds no room, or another type under the name, names that nobody needs
  /// any more are given back first.
  [[nodiscard]] absl::StatusOr<std::uint32_t> bind_name(std::string_view name,
                                                        const NameKind& kind) {
    auto index = declare(name, kind);
    if (!absl::IsResourceExhausted(index.status()) && !absl::IsInvalidArgument(index.status())) {
      return index;
    }
    if (give_back_names() == 0) return index;
    return declare(name, kind);
  }

  /// Frees the names of which there is neither a lane (of a family that covers it) nor a
  /// subscription. \return how many
  std::uint32_t give_back_names() {
    const auto count = topics_used();
    std::vector<bool> needed(count, false);
    const auto need = [&needed](std::uint32_t index) {
      if (index < needed.size()) needed[index] = true;
    };
    std::vector<std::string_view> families;
    for (std::uint32_t i = 1; i < lanes_used(); ++i) {
      if (lane(i).used == 0) continue;
      const auto index = copied_once(lane(i).topic);
      need(index);
      if (lane(i).kind == LaneKind::kFamily) families.push_back(topic(index).name.view());
    }
    for (std::uint32_t i = 0; i < subscriptions_used(); ++i) {
      if (subscription(i).used == 0) continue;
      const auto slot = slot_of(subscription(i).pattern.view());
      const auto entry = slot == kNoSlot ? 0 : copied_once(index_[slot]);
      if (entry != 0) need(entry - 1);
    }
    std::uint32_t freed = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (topic(i).used == 0 || needed[i]) continue;
      const auto name = topic(i).name.view();
      if (std::any_of(families.begin(), families.end(),
                      [name](std::string_view pattern) { return names::matches(pattern, name); })) {
        continue;
      }
      topic(i).used = 0;
      settle();
      ++topic(i).lives;
      ++freed;
    }
    if (freed != 0) rebuild_index();
    return freed;
  }

  /// Refuses a publisher of the name if somebody who has subscribed to it could not read it.
  [[nodiscard]] absl::Status check_publisher(std::string_view name,
                                             const TypeIdentity& publisher) const {
    for (std::uint32_t i = 0; i < subscriptions_used(); ++i) {
      const auto& other = subscription(i);
      if (other.used == 0 || other.ended != 0 || other.service != 0) continue;
      if (other.pattern.view() != name) continue;
      const auto wanted = type(other.type).identity();
      if (is_readable(fit_of(publisher, wanted))) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "topic ", to_absl(name), " has a subscriber that was compiled with ",
          describe(wanted.described()), ", but is to carry ", describe(publisher.described()), ": ",
          describe_difference(publisher.described(), wanted.described())));
    }
    return absl::OkStatus();
  }
  /// Refuses a subscriber to the name if it could not read one of its publishers, families included
  /// that carry a version of the type.
  [[nodiscard]] absl::Status check_subscriber(std::string_view name,
                                              const TypeIdentity& subscriber) const {
    for (std::uint32_t i = 1; i < lanes_used(); ++i) {
      const auto& other = lane(i);
      if (other.used == 0 || other.closed()) continue;
      const auto carried = type(other.type).identity();
      const auto fit = fit_of(carried, subscriber);
      const bool concerned =
          (other.kind == LaneKind::kTopic && topic(other.topic).name.view() == name) ||
          (other.kind == LaneKind::kFamily && fit != TypeFit::kOtherName &&
           names::matches(topic(other.topic).name.view(), name));
      if (!concerned || is_readable(fit)) continue;
      return absl::InvalidArgumentError(
          describe_mismatch(name, carried.described(), subscriber.described()));
    }
    return absl::OkStatus();
  }

  /// Bytes of the block that a lane of `ring_bytes` takes, up to where the next one begins.
  [[nodiscard]] static constexpr std::size_t room_of(std::size_t ring_bytes) noexcept {
    return round_up(piece_of(ring_bytes) + kOwnerSpacing, kPieceUnit);
  }

  /// A lane with memory for its ring, not yet formatted; or, if the ring lies apart in `piece`, for
  /// its audience. Free it with free_lane().
  [[nodiscard]] absl::StatusOr<std::uint32_t> new_lane(LaneKind kind, std::uint32_t topic_index,
                                                       bool lossy, std::size_t ring_bytes,
                                                       std::uint32_t participant = 0,
                                                       const SegmentPiece& piece = {}) {
    const auto index = take_record(lanes_, tables_->lanes_used, sizes_.lanes, 1);
    if (index == sizes_.lanes) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the bus has ", sizes_.lanes - 1,
          " lanes already; let one publisher serve a family of topics (family_publisher)"));
    }
    const auto offset = allocate(ring_bytes);
    if (offset == 0 && piece.bytes != 0) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no room for ", ring_bytes,
                       " bytes for a lane's readers; make the topic's max_readers "
                       "smaller or SharedBusOptions::tables.lanes larger"));
    }
    if (offset == 0) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "no room for a lane of ", ring_bytes, " bytes in the bus's ", tables_->bytes,
          " bytes; make the topic's capacity smaller or the home's bytes (HeapHomeOptions, "
          "SharedBusOptions) larger"));
    }
    const auto lives = copied_once(lane(index).lives) + 1;
    auto* made = ::new (static_cast<void*>(&lane(index))) Lane;
    made->lives = lives;
    made->kind = kind;
    made->topic = topic_index;
    made->type = topic(topic_index).type;
    made->lossy = lossy ? 1 : 0;
    made->ring_offset = offset;
    made->ring_bytes = ring_bytes;
    made->segment = piece.segment;
    made->segment_offset = piece.offset;
    made->segment_bytes = piece.bytes;
    made->watched = piece.watched ? 1 : 0;
    made->publisher = participant;
    for (std::uint32_t p = 0; p < sizes_.participants; ++p) holds(index, p) = 0;
    settle();
    made->used = 1;
    return index;
  }

  /// \pre nobody needs the lane or its ring any more
  void free_lane(std::uint32_t index) noexcept {
    if (lane(index).used == 0) return;
    lane(index).used = 0;
    settle();
    release(lane(index).ring_offset, lane(index).ring_bytes);
  }

  [[nodiscard]] absl::StatusOr<std::uint32_t> new_endpoint(std::uint32_t participant = 0) {
    const auto made_before = endpoints_used();
    const auto index = take_record(endpoints_, tables_->endpoints_used, sizes_.endpoints, 0);
    if (index == sizes_.endpoints) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the bus has ", sizes_.endpoints, " dispatchers and requesters already; share some"));
    }
    // one that was used before stays as it is: a late signal for its last owner may still come
    if (index == made_before) ::new (static_cast<void*>(&endpoint(index))) Endpoint;
    endpoint(index).participant = participant;
    // relaxed: under the lock, and nothing is bound yet
    endpoint(index).reserved.store(0, std::memory_order_relaxed);
    settle();
    endpoint(index).used = 1;
    return index;
  }
  void free_endpoint(std::uint32_t index) noexcept { endpoint(index).used = 0; }

  [[nodiscard]] absl::StatusOr<std::uint32_t> new_subscription(std::string_view pattern,
                                                               const NameKind& kind,
                                                               std::uint32_t endpoint_index,
                                                               bool lossy) {
    const auto index =
        take_record(subscriptions_, tables_->subscriptions_used, sizes_.subscriptions, 0);
    if (index == sizes_.subscriptions) {
      return absl::ResourceExhaustedError(absl::StrCat("the bus has ", sizes_.subscriptions,
                                                       " subscriptions already; use patterns"));
    }
    auto kept = keep_type(kind.type);
    if (!kept.ok()) return kept.status();
    auto* made = ::new (static_cast<void*>(&subscription(index))) SubscriptionRecord;
    made->pattern.assign(pattern);
    made->type_name.assign(kind.type.name);
    made->type = *kept;
    made->service = kind.service ? 1 : 0;
    made->endpoint = endpoint_index;
    made->lossy = lossy ? 1 : 0;
    settle();
    made->used = 1;
    return index;
  }
  /// From now on it wants nothing; its record stays until free_subscription().
  void end_subscription(std::uint32_t index) noexcept { subscription(index).ended = 1; }
  void free_subscription(std::uint32_t index) noexcept { subscription(index).used = 0; }

  /// Rebuilds what is derived from the records: the index of names and the free memory. For blocks
  /// whose last user under the lock has died there. Idempotent.
  void repair() {
    for (std::uint32_t i = 1; i < lanes_used(); ++i) {
      if (lane(i).used != 0 && lane(i).binding != 0) forget_binding(i);
    }
    rebuild_index();
    rebuild_arena();
  }

  /// True if the subscription wants what the lane may carry. Lanes of answers are nobody's.
  [[nodiscard]] bool wants(const SubscriptionRecord& subscriber, const Lane& lane) const noexcept {
    if (subscriber.used == 0 || subscriber.ended != 0) return false;
    if (lane.used == 0 || lane.kind == LaneKind::kReply) return false;
    const auto& name = topic(lane.topic);
    if (subscriber.service != name.service || !reads(subscriber.type, lane.type)) return false;
    return lane.kind == LaneKind::kFamily
               ? names::overlap(subscriber.pattern.view(), name.name.view())
               : names::matches(subscriber.pattern.view(), name.name.view());
  }

 private:
  static constexpr std::uint64_t kMagic = 0x0005'7375'6279'7772;  // "rwybus", layout 5
  static constexpr std::size_t kLeastArena = std::size_t{1} << 14;

  struct Piece {
    std::uint64_t begin;
    std::uint64_t end;
  };
  /// A piece of the arena that nobody uses; lies in its own first bytes.
  struct FreePiece {
    std::uint64_t next;
    std::uint64_t bytes;
  };

  // At the front of the block; the tables follow at the places computed from `sizes`. They lie in
  // zeroed memory that is not touched before it is used: untouched pages cost nothing.
  struct Tables {
    std::uint64_t magic = 0;
    std::uint64_t bytes = 0;
    std::uint64_t free_begin = 0;  // arena: never used from here on
    std::uint64_t free_list = 0;   // arena: offset of a FreePiece, or 0
    DirectorySizes sizes;
    bool stopping = false;
    std::uint32_t topics_used = 0;
    std::uint32_t lanes_used = 0;
    std::uint32_t subscriptions_used = 0;
    std::uint32_t endpoints_used = 0;
    std::uint32_t types_used = 0;
  };

  /// Offsets of the tables.
  struct Places {
    explicit Places(const DirectorySizes& sizes) noexcept
        : index(round_up(sizeof(Tables), kOwnerSpacing)),
          topics(after(index, index_size(sizes), sizeof(std::uint32_t))),
          types(after(topics, sizes.topics, sizeof(TopicRecord))),
          subscriptions(after(types, sizes.types, sizeof(TypeRecord))),
          endpoints(after(subscriptions, sizes.subscriptions, sizeof(SubscriptionRecord))),
          lanes(after(endpoints, sizes.endpoints, sizeof(Endpoint))),
          holds(after(lanes, sizes.lanes, sizeof(Lane))),
          arena(after(holds, std::size_t{sizes.lanes} * sizes.participants, sizeof(Holds))) {}

    std::size_t index;  // open addressing by hash of the name: topic + 1
    std::size_t topics;
    std::size_t types;
    std::size_t subscriptions;
    std::size_t endpoints;
    std::size_t lanes;
    std::size_t holds;  // by lane, then by participant
    std::size_t arena;

   private:
    static std::size_t after(std::size_t begin, std::size_t count, std::size_t bytes) noexcept {
      return round_up(begin + count * bytes, kOwnerSpacing);
    }
  };

  using Holds = std::uint16_t;
  static constexpr std::uint32_t kIndexBits = 20;
  static constexpr std::uint32_t kMostRecords = std::uint32_t{1} << kIndexBits;
  static constexpr std::uint32_t kMostLives = (std::uint32_t{1} << (32 - kIndexBits)) - 1;
  static constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};

  static std::uint32_t index_size(const DirectorySizes& sizes) noexcept { return 2 * sizes.topics; }

  Directory(std::span<std::byte> block, const DirectorySizes& sizes) noexcept
      : tables_(std::launder(reinterpret_cast<Tables*>(block.data()))),
        block_(block),
        sizes_(sizes) {
    const Places places(sizes);
    index_ = reinterpret_cast<std::uint32_t*>(block.data() + places.index);
    topics_ = reinterpret_cast<TopicRecord*>(block.data() + places.topics);
    types_ = reinterpret_cast<TypeRecord*>(block.data() + places.types);
    subscriptions_ = reinterpret_cast<SubscriptionRecord*>(block.data() + places.subscriptions);
    endpoints_ = reinterpret_cast<Endpoint*>(block.data() + places.endpoints);
    lanes_ = reinterpret_cast<Lane*>(block.data() + places.lanes);
    holds_ = reinterpret_cast<Holds*>(block.data() + places.holds);
  }

  /// The stores before it are made before those after it, as far as a death of this process may
  /// come between them: an order for the compiler.
  static void settle() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);  // seq_cst: a record and its `used`
  }

  [[nodiscard]] std::size_t times_held(std::uint32_t index) const noexcept {
    std::size_t times = 0;
    for (std::uint32_t p = 0; p < sizes_.participants; ++p) times += holds(index, p);
    return times;
  }
  /// Nobody but the publisher needs the lane. Its readers' EndpointRecord::reserved may stay too
  /// high, which costs them the lock, and nothing else.
  void forget_binding(std::uint32_t index) noexcept {
    auto& made = lane(index);
    for (std::uint32_t p = 0; p < sizes_.participants; ++p) {
      if (p != made.publisher) holds(index, p) = 0;
    }
    for (auto& bound : made.bound) bound = 0;
    settle();
    made.binding = 0;
  }
  [[nodiscard]] bool is_free(std::uint32_t index) const noexcept {
    const auto times = times_held(index);
    lane(index).set_heard(times > 1);
    return times == 0;
  }
  [[nodiscard]] Holds& holds(std::uint32_t lane, std::uint32_t participant) const noexcept {
    const auto row = lane < sizes_.lanes ? lane : kNoLane;
    const auto column = participant < sizes_.participants ? participant : 0;
    return holds_[std::size_t{row} * sizes_.participants + column];
  }

  /// The place in the index that the name has, or would get; kNoSlot if it is corrupt.
  [[nodiscard]] std::uint32_t slot_of(std::string_view name) const noexcept {
    const auto slots = index_size(sizes_);
    auto slot = static_cast<std::uint32_t>(hash_of(name) % slots);
    for (std::uint32_t looks = 0; looks < slots; ++looks, slot = (slot + 1) % slots) {
      const auto entry = copied_once(index_[slot]);
      if (entry > sizes_.topics) return kNoSlot;
      if (entry == 0 || topic(entry - 1).name.view() == name) return slot;
    }
    return kNoSlot;
  }
  void rebuild_index() noexcept {
    const auto slots = index_size(sizes_);
    for (std::uint32_t i = 0; i < slots; ++i) index_[i] = 0;
    const auto count = topics_used();  // half as many as slots at most
    for (std::uint32_t i = 0; i < count; ++i) {
      if (topic(i).used == 0) continue;
      // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): no directory has 0 topics
      auto slot = static_cast<std::uint32_t>(hash_of(topic(i).name.view()) % slots);
      for (std::uint32_t looks = 0; index_[slot] != 0 && looks < slots; ++looks) {
        slot = (slot + 1) % slots;
      }
      index_[slot] = i + 1;
    }
  }
  /// Frees the types that no name, lane or subscription refers to. \return how many
  std::uint32_t give_back_types() {
    const auto count = std::min(copied_once(tables_->types_used), sizes_.types);
    std::vector<bool> needed(count, false);
    const auto need = [&needed](std::uint32_t index) {
      if (index < needed.size()) needed[index] = true;
    };
    for (std::uint32_t i = 0; i < topics_used(); ++i) {
      if (topic(i).used != 0) need(copied_once(topic(i).type));
    }
    for (std::uint32_t i = 1; i < lanes_used(); ++i) {
      if (lane(i).used != 0) need(copied_once(lane(i).type));
    }
    for (std::uint32_t i = 0; i < subscriptions_used(); ++i) {
      if (subscription(i).used != 0) need(copied_once(subscription(i).type));
    }
    std::uint32_t freed = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (type(i).used == 0 || needed[i]) continue;
      type(i).used = 0;
      ++freed;
    }
    return freed;
  }

  void set_type(TopicRecord& record, std::uint32_t index) const noexcept {
    const auto& chosen = type(index);
    record.type_name.assign(chosen.name.view());
    record.type_size = chosen.size;
    record.type_align = chosen.align;
    record.type = index;
  }

  absl::Status type_conflict(const TopicRecord& have, const NameKind& want) const {
    const auto what = [](bool service) { return service ? "a service of " : "a topic of "; };
    return absl::InvalidArgumentError(
        absl::StrCat("\"", to_absl(have.name.view()), "\" is ", what(have.service != 0),
                     describe(type(have.type).identity().described()), ", but is now asked for as ",
                     what(want.service), describe(want.type.described()),
                     "; use one type for a name on all sides"));
  }

  /// The index of a free record, the table growing by one if need be; `most` if it is full.
  template <class Record>
  std::uint32_t take_record(Record* table, std::uint32_t& used, std::uint32_t most,
                            std::uint32_t first) noexcept {
    auto count = copied_once(used);
    if (count < first) count = first;
    if (count > most) count = most;
    for (std::uint32_t i = first; i < count; ++i) {
      if (table[i].used == 0) return i;
    }
    if (count != most) used = count + 1;
    return count;
  }

  /// Pieces come in eight sizes per doubling, so that lanes of whatever size reuse each other's
  /// memory; an eighth is wasted at most.
  static constexpr std::uint64_t piece_of(std::uint64_t bytes) noexcept {
    const auto eighth = std::bit_floor(bytes) / 8;
    return round_up(bytes, eighth > kPieceUnit ? eighth : kPieceUnit);
  }

  std::uint64_t allocate(std::uint64_t wanted) {
    if (wanted > block_.size()) return 0;
    const auto bytes = piece_of(wanted);
    if (const auto found = take_piece([bytes](std::uint64_t have) { return have == bytes; });
        found.bytes != 0) {
      return found.offset;
    }
    if (const auto found = take_fresh(bytes)) return found;
    // pieces of other sizes, joined where they touch
    rebuild_arena();
    const auto found = take_piece([bytes](std::uint64_t have) { return have >= bytes; });
    if (found.bytes == 0) return take_fresh(bytes);
    const auto rest = round_up(found.offset + bytes + kOwnerSpacing, kPieceUnit);
    const auto end = found.offset + found.bytes;
    if (rest < end) put_free(rest, end - rest);
    return found.offset;
  }
  std::uint64_t take_fresh(std::uint64_t bytes) noexcept {
    // Lanes at equal page offsets collide in the first-level cache: each begins two lines further
    // on.
    const auto fresh = copied_once(tables_->free_begin);
    const auto begin = round_up(fresh, kPieceUnit);
    if (begin < fresh || begin < arena()) return 0;  // corrupt
    if (bytes > block_.size() || begin > block_.size() - bytes) return 0;
    tables_->free_begin = begin + bytes + kOwnerSpacing;
    return begin;
  }
  struct TakenPiece {
    std::uint64_t offset;
    std::uint64_t bytes;  // 0: there is none
  };
  /// The first free piece whose size suits, out of the list.
  template <class Suits>
  TakenPiece take_piece(Suits&& suits) noexcept {
    std::uint64_t* link = &tables_->free_list;
    for (std::uint32_t looks = 0; looks < sizes_.lanes * kMostPiecesPerLane; ++looks) {
      const auto offset = copied_once(*link);
      if (offset == 0) break;
      auto* piece = piece_at(offset);
      if (piece == nullptr) break;  // corrupt
      const auto bytes = copied_once(piece->bytes);
      if (bytes > block_.size() - offset) break;  // corrupt
      if (suits(bytes)) {
        *link = piece->next;
        return {offset, bytes};
      }
      link = &piece->next;
    }
    return {0, 0};
  }
  /// Finds out from the lanes what is free.
  void rebuild_arena() {
    std::vector<Piece> taken;
    for (std::uint32_t i = 1; i < lanes_used(); ++i) {
      const auto ring = ring_memory(lane(i));
      if (lane(i).used == 0 || ring.empty()) continue;
      const auto begin = static_cast<std::uint64_t>(ring.data() - block_.data());
      taken.push_back({begin, begin + piece_of(ring.size())});
    }
    std::sort(taken.begin(), taken.end(),
              [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
    tables_->free_list = 0;
    auto free = arena();
    for (const auto& piece : taken) {
      const auto begin = round_up(free, kPieceUnit);
      // pieces are two lines apart, see take_fresh()
      if (piece.begin > begin + kOwnerSpacing) put_free(begin, piece.begin - begin - kOwnerSpacing);
      free = piece.end + kOwnerSpacing > free ? piece.end + kOwnerSpacing : free;
    }
    tables_->free_begin = free;
  }
  void release(std::uint64_t offset, std::uint64_t bytes) noexcept {
    put_free(offset, piece_of(bytes));
  }
  void put_free(std::uint64_t offset, std::uint64_t bytes) noexcept {
    auto* piece = piece_at(offset);
    if (piece == nullptr || bytes < kPieceUnit || bytes > block_.size() - offset) return;
    ::new (static_cast<void*>(piece)) FreePiece{tables_->free_list, bytes};
    tables_->free_list = offset;
  }
  /// Where a free piece may lie; nullptr where none can.
  [[nodiscard]] FreePiece* piece_at(std::uint64_t offset) const noexcept {
    if (offset < arena() || offset > block_.size() - sizeof(FreePiece) || offset % kPieceUnit != 0)
      return nullptr;
    return std::launder(reinterpret_cast<FreePiece*>(block_.data() + offset));
  }
  [[nodiscard]] std::uint64_t arena() const noexcept {
    return static_cast<std::uint64_t>(reinterpret_cast<std::byte*>(holds_) - block_.data()) +
           round_up(std::size_t{sizes_.lanes} * sizes_.participants * sizeof(Holds), kOwnerSpacing);
  }

  static constexpr std::uint64_t kPieceUnit = 256;
  static constexpr std::uint32_t kMostPiecesPerLane = 64;  // far more than there ever are

  Tables* tables_;
  std::span<std::byte> block_;
  DirectorySizes sizes_;  // copied once: the block's own word is not looked at again
  std::uint32_t* index_;
  TopicRecord* topics_;
  TypeRecord* types_;
  SubscriptionRecord* subscriptions_;
  Endpoint* endpoints_;
  Lane* lanes_;
  Holds* holds_;
};

}  // namespace ringway
