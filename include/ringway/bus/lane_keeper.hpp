// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What lets subscribers begin in the past of a lane of bytes (ByteTopicOptions::retain): a
/// reader's place of the publisher's own. Not for users.
///
/// *What.* Nobody finds the beginning of a frame by looking at the bytes, so somebody must remember
/// one: the keeper, a gate that stays at the oldest frame which is still whole.
///
/// *Protocol.* The producer honours the keeper's gate like every other, so all from there on stays.
/// Where the keeper leaves no room for the next message, the publisher moves it on, frame by frame,
/// fences, and only then asks for room, which makes the producer look at all gates: its remembered
/// limit is one that the keeper's old place allowed. A joiner puts its gate where the keeper's is,
/// fences, and looks at the keeper's again: there it begins. So either the publisher's look at the
/// gates sees the joiner's, or the joiner's second look sees where the keeper has gone. The keeper
/// of a publisher that was killed stays where it was; nobody writes there any more.
///
/// *Synchronisation.*
///   "kept"  two full fences: the keeper moves, then the publisher looks at the gates; a gate is
///           stored, then its joiner looks at the keeper
///   "read"  in ring/audience.hpp: the keeper's gate holds the producer back as every other does
///
/// *Progress.* Moving the keeper is wait-free: as many steps as frames must go.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "ringway/bus/byte_lane.hpp"

namespace ringway {

/// The publisher's side of it. Publisher's thread only.
template <Home H>
class LaneKeeper {
  using Core = BusCore<H>;
  using Memory = typename H::Memory;
  using Ring = typename LaneRings<Bytes, Memory>::Reliable;
  using GateType = Gate<Memory>;

 public:
  /// In the address of the keeper's gate: no endpoint's number.
  static constexpr std::uint64_t kAddress = GateType::kNobody - 1;

  /// Begins to keep what is published from now on. \pre nothing was
  static Result<LaneKeeper, SetupError> make(Core& core, const LaneRecord<Memory>& lane) {
    typename Core::Hold hold{};
    auto lock = core.lock();
    auto ring = core.template join_ring<Ring>(lane, hold);
    if (!ring) return Failure{ring.error()};
    auto gate = ring->reserve_cursor();
    if (!gate) return Failure{gate.error()};
    auto cursor = ring->adopt_cursor(*gate);
    cursor.set_address(kAddress);
    return LaneKeeper(std::move(hold), std::move(cursor));
  }

  /// Gives up what leaves no room for a message of `size` bytes.
  template <class Producer>
  void make_room(Producer& producer, std::size_t size) noexcept {
    const auto behind = producer.behind_if_full(size);
    if (producer.sequence() - cursor_.sequence() < behind) return;
    do {
      if (cursor_.drain([](std::span<const std::byte>) noexcept {}, 1) == 0) break;
    } while (producer.sequence() - cursor_.sequence() >= behind);
    Memory::fence(std::memory_order_seq_cst);  // seq_cst: the keeper's gate and the others, "kept"
  }

  /// A gate for a reader that begins where the keeper is; with the next message if there is none.
  /// Under the directory lock.
  static Result<std::size_t, SetupError> reserve_oldest(Ring& ring, Audience<Memory>& audience) {
    const auto keeper = find(ring, audience);
    if (keeper == ring.max_cursors()) return ring.reserve_cursor();
    return audience.join(GateType::kReliable, ring.max_cursors(), [&] {
      Memory::fence(std::memory_order_seq_cst);  // seq_cst: this gate and the keeper's, "kept"
      // relaxed: what lies there shows itself by its own words
      return audience.gate(keeper).position.load(std::memory_order_relaxed);
    });
  }

 private:
  LaneKeeper(typename Core::Hold hold, typename Ring::Cursor cursor) noexcept
      : hold_(std::move(hold)), cursor_(std::move(cursor)) {}

  /// \return the number of gates if there is no keeper
  static std::size_t find(const Ring& ring, Audience<Memory>& audience) noexcept {
    std::size_t i = 0;
    for (; i < ring.max_cursors(); ++i) {
      const auto& gate = audience.gate(i);
      // relaxed: the lock, a system call, orders it
      if (gate.state.load(std::memory_order_relaxed) == GateType::kReliable &&
          gate.address.load(std::memory_order_relaxed) == kAddress) {  // relaxed: likewise
        break;
      }
    }
    return i;
  }

  [[no_unique_address]] typename Core::Hold hold_;
  typename Ring::Cursor cursor_;
};

}  // namespace ringway
