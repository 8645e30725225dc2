// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a participant that died left in the directory of a bus, and how it is put in order.
///
/// *What.* For homes of several processes (bus/home.hpp, SharedHome). Everything here happens under
/// the directory's lock, may be interrupted by the death of whoever does it, and is then done again
/// from the beginning by somebody else: each step leaves a state in which it can be repeated.
///
/// *Protocol.* What a participant holds is known exactly: the lanes that it publishes by
/// LaneRecord::publisher, endpoints by EndpointRecord::participant, subscriptions by their
/// endpoint, a reader's place by the endpoint in its gate's address, and its share of each lane by
/// the directory's table of holds. A message that was not published yet does not exist; one that
/// was is read by those who are there.
///
/// *Progress.* Blocking for others who bind; nobody who publishes or reads waits.

#include <cstddef>
#include <cstdint>
#include <span>

#include "ringway/base/copied_once.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/bus/directory.hpp"
#include "ringway/ring/broadcast_block.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"

namespace ringway {

template <class Memory>
class CleanUp {
  using DirectoryType = Directory<Memory>;
  using LaneType = LaneRecord<Memory>;
  /// Every lane's block begins like this one, whatever its elements; see check_alignment().
  using AnyBlock = BroadcastBlock<std::byte, Slot<std::byte>, RingKind::kBroadcast, Memory>;
  static_assert(BasicBroadcastByteRing<Memory>::audience_offset() == sizeof(AnyBlock));

 public:
  /// The strictest alignment of elements for which the above is true.
  static constexpr std::size_t kMostAlign = AnyBlock::kAlign;

  explicit CleanUp(DirectoryType directory) noexcept : directory_(directory) {}

  /// After the death of whoever held the lock: derived data, readers' places whose joiner did not
  /// live to tell whose they are, lanes that nobody got to hold.
  void repair() {
    directory_.repair();
    for (std::uint32_t i = 1; i < directory_.lanes_used(); ++i) {
      auto& lane = directory_.lane(i);
      if (lane.used == 0 || !directory_.is_held(i)) continue;
      for_each_gate(lane, [&](Audience<Memory>& audience, std::size_t gate) {
        const auto& place = audience.gate(gate);
        // relaxed: the lock, a system call, orders it
        if (place.address.load(std::memory_order_relaxed) == Gate<Memory>::kNobody) {
          audience.leave(gate);
        }
      });
    }
    sweep();
  }

  /// \pre the participant is dead, or is this one and uses the bus no more
  void bury(std::uint32_t participant) {
    for (std::uint32_t i = 1; i < directory_.lanes_used(); ++i) {
      auto& lane = directory_.lane(i);
      if (lane.used == 0 || !directory_.is_held(i)) continue;
      end_reading(lane, participant);
      if (lane.publisher == participant && !lane.left()) end_publishing(lane, i);
      lane.room.notify_all();
    }
    for (std::uint32_t i = 0; i < directory_.subscriptions_used(); ++i) {
      auto& subscription = directory_.subscription(i);
      if (subscription.used == 0 ||
          directory_.participant_of(subscription.endpoint) != participant) {
        continue;
      }
      directory_.end_subscription(i);
      end_serving(i);
      directory_.free_subscription(i);
    }
    for (std::uint32_t i = 1; i < directory_.lanes_used(); ++i) {
      if (directory_.lane(i).used != 0) directory_.let_go_all(i, participant);
    }
    for (std::uint32_t i = 0; i < directory_.endpoints_used(); ++i) {
      auto& endpoint = directory_.endpoint(i);
      if (endpoint.used == 0 || endpoint.participant != participant) continue;
      endpoint.event.forget_waiters();
      directory_.free_endpoint(i);
    }
    sweep();
  }

  /// A gate is nobody's any more.
  void leave(LaneType& lane, std::size_t gate) noexcept {
    std::size_t readers = 0;
    auto* audience = audience_of(lane, readers);
    if (audience != nullptr && gate < readers) audience->leave(gate);
  }

  /// In a forked child's private copy: publishers and requesters find their lanes closed.
  void close() noexcept {
    for (std::uint32_t i = 1; i < directory_.lanes_used(); ++i) {
      if (directory_.lane(i).used != 0) directory_.lane(i).close();
    }
  }

 private:
  void signal(std::uint32_t endpoint, std::uint32_t lane) noexcept {
    auto& record = directory_.endpoint(endpoint);
    record.ready.set(lane);
    record.event.notify_all();
  }

  /// The audience of a lane's ring, if there is a ring; checked before it is used.
  [[nodiscard]] Audience<Memory>* audience_of(LaneType& lane, std::size_t& readers) const noexcept {
    const auto memory = directory_.ring_memory(lane);
    if (lane.segment != 0) {  // the audience alone
      if (memory.size() < sizeof(Audience<Memory>)) return nullptr;
      readers = (memory.size() - sizeof(Audience<Memory>)) / sizeof(Gate<Memory>);
      if (readers > Attention<Memory>::kMostReaders) return nullptr;
      return std::launder(reinterpret_cast<Audience<Memory>*>(memory.data()));
    }
    if (memory.size() < sizeof(AnyBlock) + sizeof(Audience<Memory>)) return nullptr;
    auto* block = std::launder(reinterpret_cast<AnyBlock*>(memory.data()));
    readers = copied_once(block->header.max_cursors);
    if (block->header.magic != RingHeader::kMagic || readers > Attention<Memory>::kMostReaders ||
        sizeof(AnyBlock) + Audience<Memory>::bytes(readers) > memory.size()) {
      return nullptr;
    }
    return std::launder(reinterpret_cast<Audience<Memory>*>(block + 1));
  }
  /// Calls `visit(audience, gate)` for every place that is taken.
  template <class Visit>
  void for_each_gate(LaneType& lane, Visit&& visit) {
    std::size_t readers = 0;
    auto* audience = audience_of(lane, readers);
    if (audience == nullptr) return;
    for (std::size_t gate = 0; gate < readers; ++gate) {
      // relaxed: the lock, a system call, orders it
      if (audience->gate(gate).state.load(std::memory_order_relaxed) == Gate<Memory>::kFree)
        continue;
      visit(*audience, gate);
    }
  }

  /// Places of the participant's readers come free.
  void end_reading(LaneType& lane, std::uint32_t participant) {
    for_each_gate(lane, [&](Audience<Memory>& audience, std::size_t gate) {
      // relaxed: the lock, a system call, orders it
      const auto address = audience.gate(gate).address.load(std::memory_order_relaxed);
      if (address >= directory_.endpoints_used()) return;
      const auto endpoint = static_cast<std::uint32_t>(address);
      if (directory_.participant_of(endpoint) != participant) return;
      if (directory_.endpoint(endpoint).used == 0) return;
      lane.bound[gate] = 0;
      audience.leave(gate);
    });
    if (lane.awaited != 0 && directory_.participant_of(lane.awaited - 1) == participant) {
      lane.awaited = 0;
    }
  }

  /// The lane's readers get what is in it; nothing more will come.
  void end_publishing(LaneType& lane, std::uint32_t index) {
    if (lane.kind == LaneKind::kReply && lane.awaited != 0 &&
        !is_announced(lane.awaited - 1, index)) {
      // made, but its requester never heard of it
      directory_.let_go_all(index, directory_.participant_of(lane.awaited - 1));
      lane.awaited = 0;
    }
    lane.leave();
    for_each_gate(lane, [&](Audience<Memory>& audience, std::size_t gate) {
      // relaxed: the lock, a system call, orders it
      const auto address = audience.gate(gate).address.load(std::memory_order_relaxed);
      if (address < directory_.endpoints_used()) {
        signal(static_cast<std::uint32_t>(address), index);
      }
    });
  }
  /// True if a lane of requests of this endpoint names the lane of answers.
  [[nodiscard]] bool is_announced(std::uint32_t endpoint, std::uint32_t answers) const noexcept {
    for (std::uint32_t i = 1; i < directory_.lanes_used(); ++i) {
      const auto& lane = directory_.lane(i);
      if (lane.used != 0 && lane.kind == LaneKind::kRequest && lane.owner == endpoint &&
          lane.reply_lane() == answers) {
        return true;
      }
    }
    return false;
  }

  /// Requesters that the subscription served hear that nobody serves them.
  void end_serving(std::uint32_t subscription) {
    for (std::uint32_t i = 1; i < directory_.lanes_used(); ++i) {
      auto& lane = directory_.lane(i);
      if (lane.used == 0) continue;
      for (auto& bound : lane.bound) {
        if (bound == subscription + 1) bound = 0;
      }
      if (lane.kind != LaneKind::kRequest || lane.replier != subscription + 1) continue;
      lane.set_served(false);
      lane.replier = 0;
      signal(lane.owner, i);
    }
  }

  /// Frees the lanes that nobody holds.
  void sweep() noexcept {
    for (std::uint32_t i = 1; i < directory_.lanes_used(); ++i) {
      if (directory_.lane(i).used != 0 && !directory_.is_held(i)) directory_.free_lane(i);
    }
  }

  DirectoryType directory_;
};

}  // namespace ringway
