// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `LaneTap`: reads the messages of a lane without being one of its readers, for tools.
///
/// *What.* Copies messages out of the segment's file (shm/inspect.hpp). It has no gate, so it holds
/// nobody back and needs no write; what is overwritten before it was copied is lost, and counted.
/// Works on lanes that admit no lossy subscriptions, too.
///
/// *Protocol.* A publisher stores `published` of a whole line before it writes into the next one.
/// So a copy is whole if the ring's head, looked up after it, is not yet in the copied line's next
/// lap or at its door. What remains is that the publisher's stores arrive in their order: on x86-64
/// they do; elsewhere a heavy fence between the copy and the look sees to it, which reaches every
/// publisher that the kernel registered (the others fence themselves).
///
/// *Progress.* Copies at most kMostBytes at a time.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "ringway/shm/inspect.hpp"
#include "ringway/shm/shared_memory.hpp"

namespace ringway {

class LaneTap {
 public:
  enum class Begin : unsigned char { kOldest, kNewest };

  /// \param lane one that has trouble gives an error
  LaneTap(const LaneInfo& lane, Begin begin) noexcept
      : ring_(lane.ring), skipped_(lane.published - (lane.head - lane.ring.start)) {
    position_ = begin == Begin::kNewest ? lane.head : oldest(lane.head);
  }

  /// Calls `visit(sequence, std::span<const std::byte>)` for the next messages, at most `limit`.
  /// The bytes are those of the lane's element: a message, and of a family the topic's number
  /// behind it. \return how many there were
  template <class Visit>
  absl::StatusOr<std::size_t> read(const BusInspector& bus, std::size_t limit, Visit&& visit) {
    if (ring_.slots() == 0) return absl::FailedPreconditionError("the lane has no ring to read");
    std::size_t given = 0;
    for (int vain = 0; given < limit && vain < kMostVain;) {
      const auto head = bus.head_of(ring_);
      if (!head) return absl::DataLossError("the segment has become shorter");
      if (precedes(*head, position_)) position_ = *head;  // another publisher's ring by now
      give_up_before(oldest(*head));
      if (position_ == *head) break;
      const auto count = copy(bus, *head, limit - given);
      if (count == 0) return absl::DataLossError("the segment has become shorter");
      if (!settle()) {
        return absl::UnavailableError(
            "the kernel refuses membarrier, without which a copy can not "
            "be told from a torn one on this processor");
      }
      const auto later = bus.head_of(ring_);
      if (!later) return absl::DataLossError("the segment has become shorter");
      const auto begin = position_;
      give_up_before(oldest(*later));  // what may have been overwritten while it was copied
      const auto end = begin + count;
      vain = precedes(position_, end) ? 0 : vain + 1;
      while (precedes(position_, end)) {
        visit(position_ + skipped_, message(begin, position_));
        ++position_;
        ++given;
      }
    }
    return given;
  }

  /// Messages that were overwritten before they were read.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] const LaneRing& ring() const noexcept { return ring_; }

 private:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 18;
  /// Copies in a row that were overtaken: then the caller goes on with something else.
  static constexpr int kMostVain = 4;

  /// The oldest message that is not about to be overwritten, when the head is there.
  [[nodiscard]] Sequence oldest(Sequence head) const noexcept {
    if (ring_.slots() == 0) return head;
    const auto made = head - ring_.start;
    const auto line_begin = head - made % ring_.shape.items;
    const auto kept = line_begin + ring_.shape.items - ring_.slots();
    return line_begin - ring_.start + ring_.shape.items > ring_.slots() ? kept : ring_.start;
  }
  void give_up_before(Sequence position) noexcept {
    if (!precedes(position_, position)) return;
    lost_ += position - position_;
    position_ = position;
  }

  /// Copies whole lines, from the one at position_ on. \return messages from position_ on in them
  [[nodiscard]] std::uint64_t copy(const BusInspector& bus, Sequence head, std::size_t limit) {
    const auto items = ring_.shape.items;
    const auto line = ring_.line_of(position_);
    const auto inside = (position_ - ring_.start) % items;
    std::uint64_t wanted = head - position_;
    if (wanted > limit) wanted = limit;
    std::uint64_t lines = (inside + wanted + items - 1) / items;
    const std::uint64_t most =
        kMostBytes / ring_.shape.bytes == 0 ? 1 : kMostBytes / ring_.shape.bytes;
    if (lines > most) lines = most;
    if (lines > ring_.blocks - line) lines = ring_.blocks - line;
    bytes_.resize(static_cast<std::size_t>(lines * ring_.shape.bytes));
    if (!bus.copy_out(ring_.segment, ring_.lines + line * ring_.shape.bytes, bytes_)) return 0;
    const auto there = lines * items - inside;
    return there < wanted ? there : wanted;
  }

  /// The message at `position` in what was copied from `begin` on.
  [[nodiscard]] std::span<const std::byte> message(Sequence begin,
                                                   Sequence position) const noexcept {
    const auto items = ring_.shape.items;
    const auto slot = (begin - ring_.start) % items + (position - begin);
    const auto at =
        slot / items * ring_.shape.bytes + ring_.shape.first + slot % items * ring_.shape.slot;
    return std::span(bytes_).subspan(static_cast<std::size_t>(at),
                                     static_cast<std::size_t>(ring_.element_size));
  }

  /// The copy was made before what is looked up next.
  [[nodiscard]] static bool settle() noexcept {
#if defined(__x86_64__)
    std::atomic_signal_fence(std::memory_order_seq_cst);  // seq_cst: the copy before the look
    return true;
#else
    return SharedMemory::heavy_fence();
#endif
  }

  LaneRing ring_;
  std::uint64_t skipped_;
  Sequence position_ = 0;
  std::uint64_t lost_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace ringway
