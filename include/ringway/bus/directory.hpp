// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The directory of a bus: tables of topics, lanes, subscriptions and endpoints at the front of the
/// home's block, and the arena behind them from which lanes are made. Positions only, no pointers.
///
/// *Protocol.* Records are found, made and freed under the home's directory lock; a record's atomic
/// words are used without it. Nothing here is on the path of a message.
///   TopicRecord         a name and the type that is bound to it; never freed
///   LaneRecord          one publisher's ring; freed when its publisher and all its readers are
///                       gone
///   SubscriptionRecord  a pattern and who wants it; read by those who make lanes
///   EndpointRecord      somebody who can be woken: a dispatcher or a requester
///
/// *Synchronisation.*
///   "lane closed"  close of a lane -> look of its publisher and readers: everything accepted
///                  before is in the ring
///   "reply lane"   a replier's store of the lane that it answers on -> the requester's look
///   "served"       a replier comes or leaves -> the requester's look: whatever it answered before
///                  it left is there
///
/// *Progress.* Blocking (the directory lock); binding is not a real-time operation.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ringway/base/cache_line.hpp"
#include "ringway/bus/names.hpp"
#include "ringway/bus/ready_map.hpp"
#include "ringway/bus/topic.hpp"
#include "ringway/wait/event_count.hpp"

namespace ringway {

/// A string inside a record.
template <std::size_t kSize>
class FixedString {
 public:
  void assign(std::string_view text) noexcept {
    size_ = static_cast<std::uint32_t>(text.size() < kSize ? text.size() : kSize);
    std::memcpy(text_, text.data(), size_);
  }
  [[nodiscard]] std::string_view view() const noexcept {
    return {text_, size_ < kSize ? size_ : kSize};
  }

 private:
  std::uint32_t size_ = 0;
  char text_[kSize] = {};
};

inline absl::string_view to_absl(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

enum class LaneKind : std::uint32_t { kTopic, kFamily, kRequest, kReply };

/// FNV-1a.
[[nodiscard]] constexpr std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t value = 14695981039346656037ULL;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return value;
}

/// What a name stands for.
struct NameKind {
  TypeIdentity type;
  bool service = false;
};

struct TopicRecord {
  FixedString<kLongestName + 1> name;
  FixedString<kLongestName + 1> type_name;  // as much as fits
  std::uint64_t type_hash = 0;              // of all of it
  std::uint64_t type_size = 0;
  std::uint64_t type_align = 0;
  std::uint32_t used = 0;
  std::uint32_t service = 0;

  [[nodiscard]] bool same_type(const TypeIdentity& type) const noexcept {
    return type_hash == hash_of(type.name) && type_size == type.size && type_align == type.align &&
           type_name.view() == type.name.substr(0, kLongestName + 1);
  }
};

template <class Memory>
struct alignas(kOwnerSpacing) EndpointRecord {
  std::uint32_t used = 0;
  EventCount<Memory> event;
  ReadyMap<Memory> ready;
};

template <class Memory>
struct alignas(kOwnerSpacing) LaneRecord {
  static constexpr std::size_t kMostReaders = 62;

  // under the directory lock
  std::uint32_t used = 0;
  LaneKind kind = LaneKind::kTopic;
  std::uint32_t topic = 0;    // index of the name: an exact one, a family's pattern, or a service
  std::uint32_t lossy = 0;    // which ring the lane is
  std::uint32_t owner = 0;    // request lanes: endpoint of the requester
  std::uint32_t replier = 0;  // request lanes: subscription + 1 that serves it
  std::uint32_t awaited = 0;  // lanes of answers: endpoint + 1 that has not picked it up yet
  std::uint32_t handles = 0;  // publisher, cursors and bindings that still need the ring
  std::uint64_t ring_offset = 0;
  std::uint64_t ring_bytes = 0;
  std::uint32_t bound[kMostReaders] =
      {};  // by gate: subscription + 1 that has not picked it up yet

  // publishers that wait for room
  alignas(kOwnerSpacing) EventCount<Memory> room;

  /// Nothing is accepted any more; what was accepted is still read. Any thread.
  void close() noexcept {
    std::uint32_t open = kOpen;
    // success closes, failure finds it closed already
    closed_.compare_exchange_strong(open, kClosed,
                                    std::memory_order_release,   // release "lane closed"
                                    std::memory_order_relaxed);  // relaxed: nothing to do
  }
  /// close() by the publisher when it leaves: not even a message on its way comes any more.
  void leave() noexcept {
    // release "lane closed"
    closed_.store(kLeft, std::memory_order_release);
  }
  /// The publisher before each message, a reader that finds nothing. Any thread, wait-free.
  [[nodiscard]] bool closed() const noexcept {
    return closed_.load(std::memory_order_acquire) != kOpen;  // acquire "lane closed"
  }
  /// True once the publisher has left.
  [[nodiscard]] bool left() const noexcept {
    return closed_.load(std::memory_order_acquire) == kLeft;  // acquire "lane closed"
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
  static constexpr std::uint32_t kOpen = 0;
  static constexpr std::uint32_t kClosed = 1;
  static constexpr std::uint32_t kLeft = 2;

  // rarely written, read per message
  alignas(kOwnerSpacing) typename Memory::template Atomic<std::uint32_t> closed_{kOpen};
  typename Memory::template Atomic<std::uint32_t> reply_lane_{0};
  typename Memory::template Atomic<std::uint32_t> served_{0};
};

struct SubscriptionRecord {
  FixedString<kLongestName + 1> pattern;
  FixedString<kLongestName + 1> type_name;
  std::uint64_t type_hash = 0;
  std::uint64_t type_size = 0;
  std::uint64_t type_align = 0;
  std::uint32_t used = 0;
  std::uint32_t ended = 0;  // its dispatcher still has to let go of it
  std::uint32_t endpoint = 0;
  std::uint32_t lossy = 0;
  std::uint32_t service = 0;
};

template <class MemoryPolicy>
class Directory {
 public:
  using Memory = MemoryPolicy;
  using Endpoint = EndpointRecord<Memory>;
  using Lane = LaneRecord<Memory>;

  static constexpr std::uint32_t kMaxTopics = 16384;
  static constexpr std::uint32_t kMaxLanes = ReadyMap<Memory>::kBits;
  static constexpr std::uint32_t kMaxSubscriptions = 4096;
  static constexpr std::uint32_t kMaxEndpoints = 1024;
  /// Lane 0 is never made: its bit in a ready map means "look into your inbox".
  static constexpr std::uint32_t kNoLane = 0;

  /// Lays the directory out in a new, zeroed block.
  [[nodiscard]] static absl::Status format(std::span<std::byte> block) {
    if (block.size() < sizeof(Tables) + kLeastArena) {
      return absl::InvalidArgumentError(
          absl::StrCat("a bus needs a block of at least ", sizeof(Tables) + kLeastArena,
                       " bytes of address space, this one has ", block.size()));
    }
    auto* tables = ::new (static_cast<void*>(block.data())) Tables;
    tables->bytes = block.size();
    tables->free_begin = round_up(sizeof(Tables), kOwnerSpacing);
    tables->magic = kMagic;
    return absl::OkStatus();
  }

  /// A view of a block that was formatted, as it is mapped here.
  [[nodiscard]] static absl::StatusOr<Directory> join(std::span<std::byte> block) {
    if (block.size() < sizeof(Tables))
      return absl::DataLossError("the block is too small for a bus");
    auto* tables = std::launder(reinterpret_cast<Tables*>(block.data()));
    if (tables->magic != kMagic || tables->bytes != block.size()) {
      return absl::DataLossError("the block holds no bus of this version of Ringway");
    }
    return Directory(tables);
  }

  [[nodiscard]] Lane& lane(std::uint32_t i) const noexcept { return tables_->lanes[i]; }
  [[nodiscard]] TopicRecord& topic(std::uint32_t i) const noexcept { return tables_->topics[i]; }
  [[nodiscard]] Endpoint& endpoint(std::uint32_t i) const noexcept { return tables_->endpoints[i]; }
  [[nodiscard]] SubscriptionRecord& subscription(std::uint32_t i) const noexcept {
    return tables_->subscriptions[i];
  }
  [[nodiscard]] std::uint32_t lanes_used() const noexcept { return tables_->lanes_used; }
  [[nodiscard]] std::uint32_t subscriptions_used() const noexcept {
    return tables_->subscriptions_used;
  }
  /// True once the bus stops: nothing is bound any more.
  [[nodiscard]] bool stopping() const noexcept { return tables_->stopping; }
  void set_stopping() noexcept { tables_->stopping = true; }

  [[nodiscard]] std::span<std::byte> ring_memory(const Lane& lane) const noexcept {
    return {reinterpret_cast<std::byte*>(tables_) + lane.ring_offset, lane.ring_bytes};
  }

  /// The record of a name, made if need be. An error that shows both types if the name is bound to
  /// another one.
  [[nodiscard]] absl::StatusOr<std::uint32_t> declare(std::string_view name, const NameKind& kind) {
    auto slot = static_cast<std::uint32_t>(hash_of(name) % kIndexSize);
    for (; tables_->index[slot] != 0; slot = (slot + 1) % kIndexSize) {
      const auto found = tables_->index[slot] - 1;
      if (topic(found).name.view() != name) continue;
      if (!topic(found).same_type(kind.type) || (topic(found).service != 0) != kind.service) {
        return type_conflict(topic(found), kind);
      }
      return found;
    }
    if (tables_->topics_used == kMaxTopics) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the bus knows ", kMaxTopics, " names already; use fewer, or a second bus"));
    }
    const auto made = tables_->topics_used++;
    topic(made).name.assign(name);
    topic(made).type_name.assign(kind.type.name.substr(0, kLongestName + 1));
    topic(made).type_hash = hash_of(kind.type.name);
    topic(made).type_size = kind.type.size;
    topic(made).type_align = kind.type.align;
    topic(made).service = kind.service ? 1 : 0;
    topic(made).used = 1;
    tables_->index[slot] = made + 1;
    return made;
  }

  /// A lane with memory for its ring, not yet formatted. Free it with free_lane().
  [[nodiscard]] absl::StatusOr<std::uint32_t> new_lane(LaneKind kind, std::uint32_t topic_index,
                                                       bool lossy, std::size_t ring_bytes) {
    const auto index = take_record(&Tables::lanes, tables_->lanes_used, kMaxLanes, 1);
    if (index == kMaxLanes) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the bus has ", kMaxLanes - 1,
          " lanes already; let one publisher serve a family of topics (family_publisher)"));
    }
    const auto offset = allocate(ring_bytes);
    if (offset == 0) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "no room for a lane of ", ring_bytes, " bytes in the bus's ", tables_->bytes,
          " bytes; make the topic's capacity smaller or HeapHomeOptions::bytes larger"));
    }
    auto* made = ::new (static_cast<void*>(&lane(index))) Lane;
    made->used = 1;
    made->kind = kind;
    made->topic = topic_index;
    made->lossy = lossy ? 1 : 0;
    made->ring_offset = offset;
    made->ring_bytes = ring_bytes;
    return index;
  }

  /// \pre nobody needs the lane or its ring any more
  void free_lane(std::uint32_t index) noexcept {
    release(lane(index).ring_offset, lane(index).ring_bytes);
    lane(index).used = 0;
  }

  [[nodiscard]] absl::StatusOr<std::uint32_t> new_endpoint() {
    const auto made_before = tables_->endpoints_used;
    const auto index = take_record(&Tables::endpoints, tables_->endpoints_used, kMaxEndpoints, 0);
    if (index == kMaxEndpoints) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the bus has ", kMaxEndpoints, " dispatchers and requesters already; share some"));
    }
    // one that was used before stays as it is: a late signal for its last owner may still come
    if (index == made_before) ::new (static_cast<void*>(&endpoint(index))) Endpoint;
    endpoint(index).used = 1;
    return index;
  }
  void free_endpoint(std::uint32_t index) noexcept { endpoint(index).used = 0; }

  [[nodiscard]] absl::StatusOr<std::uint32_t> new_subscription(std::string_view pattern,
                                                               const NameKind& kind,
                                                               std::uint32_t endpoint_index,
                                                               bool lossy) {
    const auto index =
        take_record(&Tables::subscriptions, tables_->subscriptions_used, kMaxSubscriptions, 0);
    if (index == kMaxSubscriptions) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the bus has ", kMaxSubscriptions, " subscriptions already; use patterns"));
    }
    auto* made = ::new (static_cast<void*>(&subscription(index))) SubscriptionRecord;
    made->pattern.assign(pattern);
    made->type_name.assign(kind.type.name.substr(0, kLongestName + 1));
    made->type_hash = hash_of(kind.type.name);
    made->type_size = kind.type.size;
    made->type_align = kind.type.align;
    made->service = kind.service ? 1 : 0;
    made->endpoint = endpoint_index;
    made->lossy = lossy ? 1 : 0;
    made->used = 1;
    return index;
  }
  /// From now on it wants nothing; its record stays until free_subscription().
  void end_subscription(std::uint32_t index) noexcept { subscription(index).ended = 1; }
  void free_subscription(std::uint32_t index) noexcept { subscription(index).used = 0; }

  /// True if the subscription wants what the lane may carry. Lanes of answers are nobody's.
  [[nodiscard]] bool wants(const SubscriptionRecord& subscriber, const Lane& lane) const noexcept {
    if (subscriber.used == 0 || subscriber.ended != 0) return false;
    if (lane.used == 0 || lane.kind == LaneKind::kReply) return false;
    const auto& name = topic(lane.topic);
    if (subscriber.service != name.service || subscriber.type_hash != name.type_hash ||
        subscriber.type_size != name.type_size || subscriber.type_align != name.type_align ||
        subscriber.type_name.view() != name.type_name.view()) {
      return false;
    }
    return lane.kind == LaneKind::kFamily
               ? names::overlap(subscriber.pattern.view(), name.name.view())
               : names::matches(subscriber.pattern.view(), name.name.view());
  }

 private:
  static constexpr std::uint64_t kMagic = 0x0001'7375'6279'7772;  // "rwybus", layout 1
  static constexpr std::uint32_t kIndexSize = 2 * kMaxTopics;
  static constexpr std::size_t kLeastArena = std::size_t{1} << 20;

  /// A piece of the arena that nobody uses; lies in its own first bytes.
  struct FreePiece {
    std::uint64_t next;
    std::uint64_t bytes;
  };

  // Lies in zeroed memory and must not touch it: untouched pages cost nothing. Hence no
  // initialisers.
  struct Tables {
    Tables() noexcept {}  // NOLINT(modernize-use-equals-default): a defaulted one would zero it all

    std::uint64_t magic;
    std::uint64_t bytes;
    std::uint64_t free_begin;  // arena: never used from here on
    std::uint64_t free_list;   // arena: offset of a FreePiece, or 0
    bool stopping;
    std::uint32_t topics_used;
    std::uint32_t lanes_used;
    std::uint32_t subscriptions_used;
    std::uint32_t endpoints_used;
    std::uint32_t index[kIndexSize];  // open addressing by hash of the name: topic + 1
    union {
      TopicRecord topics[kMaxTopics];
    };
    union {
      SubscriptionRecord subscriptions[kMaxSubscriptions];
    };
    union {
      Endpoint endpoints[kMaxEndpoints];
    };
    union {
      Lane lanes[kMaxLanes];
    };
  };

  explicit Directory(Tables* tables) noexcept : tables_(tables) {}

  static absl::Status type_conflict(const TopicRecord& have, const NameKind& want) {
    const auto what = [](bool service) { return service ? "a service of " : "a topic of "; };
    return absl::InvalidArgumentError(
        absl::StrCat("\"", to_absl(have.name.view()), "\" is ", what(have.service != 0),
                     to_absl(have.type_name.view()), " (", have.type_size, " bytes, aligned to ",
                     have.type_align, "), but is now asked for as ", what(want.service),
                     to_absl(want.type.name), " (", want.type.size, " bytes, aligned to ",
                     want.type.align, "); use one type for a name on all sides"));
  }

  /// The index of a free record, the table growing by one if need be; `most` if it is full.
  template <class Record, std::size_t kSize>
  std::uint32_t take_record(Record (Tables::*table)[kSize], std::uint32_t& used, std::uint32_t most,
                            std::uint32_t first) noexcept {
    if (used < first) used = first;
    for (std::uint32_t i = first; i < used; ++i) {
      if ((tables_->*table)[i].used == 0) return i;
    }
    return used == most ? most : used++;
  }

  /// Pieces come in eight sizes per doubling, so that lanes of whatever size reuse each other's
  /// memory; an eighth is wasted at most.
  static constexpr std::uint64_t piece_of(std::uint64_t bytes) noexcept {
    const auto eighth = std::bit_floor(bytes) / 8;
    return round_up(bytes, eighth > kPieceUnit ? eighth : kPieceUnit);
  }

  std::uint64_t allocate(std::uint64_t wanted) noexcept {
    if (wanted > tables_->bytes) return 0;
    const auto bytes = piece_of(wanted);
    std::uint64_t* link = &tables_->free_list;
    while (*link != 0) {
      auto* piece = at<FreePiece>(*link);
      if (piece->bytes == bytes) {
        const auto found = *link;
        *link = piece->next;
        return found;
      }
      link = &piece->next;
    }
    // Lanes at equal page offsets collide in the first-level cache: each begins two lines further
    // on.
    const auto begin = round_up(tables_->free_begin, kPieceUnit);
    if (bytes > tables_->bytes || begin > tables_->bytes - bytes) return 0;
    tables_->free_begin = begin + bytes + kOwnerSpacing;
    return begin;
  }
  void release(std::uint64_t offset, std::uint64_t bytes) noexcept {
    auto* piece = ::new (reinterpret_cast<std::byte*>(tables_) + offset) FreePiece;
    piece->next = tables_->free_list;
    piece->bytes = piece_of(bytes);
    tables_->free_list = offset;
  }

  template <class Record>
  [[nodiscard]] Record* at(std::uint64_t offset) const noexcept {
    return std::launder(reinterpret_cast<Record*>(reinterpret_cast<std::byte*>(tables_) + offset));
  }

  static constexpr std::uint64_t kPieceUnit = 256;

  Tables* tables_;
};

}  // namespace ringway
