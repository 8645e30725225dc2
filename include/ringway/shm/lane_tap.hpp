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
/// *Bytes.* A publisher of bytes stores the ring's head behind each frame before it begins with the
/// next one, which takes up so many bytes at most (reach()). So a copy is whole if these, counted
/// from the head that is looked up after it, do not come round to it. Frames lead forward only: the
/// tap begins at the head, or where the lane did if nothing there may have been overwritten, and
/// once it was overtaken it goes on at the head; the numbers in front of the messages tell what it
/// missed. Of a lane that has hardly more room than for two of its largest messages it sees few.
///
/// *Held.* Where a publisher waits for the reader (`held_from` of read()), nothing from a position
/// of its choice on is overwritten before the reader has said that it is behind it. That is asked
/// after the copy, and only where the above leaves a doubt: the publisher says that it waits no
/// more before it overwrites anything.
///
/// *Lanes end.* A lane's memory may become another's. Whoever reads for long says how that is found
/// out (`is_own` of read()): it is asked after each copy, and what was copied too late is not
/// shown.
///
/// *Progress.* Copies at most kMostBytes, or one message, at a time.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "ringway/bus/byte_lane.hpp"
#include "ringway/shm/inspect.hpp"
#include "ringway/shm/shared_memory.hpp"

namespace ringway {

class LaneTap {
 public:
  enum class Begin : unsigned char {
    kFirst,   ///< with the lane's first message; what is gone of it counts as lost
    kOldest,  ///< with the oldest that is still there
    kLast,    ///< with the newest that is there
    kNewest,  ///< with the next one
  };

  /// \param lane one that has trouble gives an error
  LaneTap(const LaneInfo& lane, Begin begin) noexcept
      : ring_(lane.ring), skipped_(lane.published - (lane.head - lane.ring.start)) {
    if (ring_.of_bytes()) {
      begin_bytes(lane.head, begin);
      return;
    }
    position_ = oldest(lane.head);
    switch (begin) {
      case Begin::kFirst:
        position_ = ring_.start;
        lost_ = skipped_;
        break;
      case Begin::kOldest: break;
      case Begin::kLast:
        if (precedes(position_, lane.head)) position_ = lane.head - 1;
        break;
      case Begin::kNewest: position_ = lane.head; break;
    }
  }

  /// Calls `visit(sequence, std::span<const std::byte>)` for the next messages, at most `limit`.
  /// The bytes are those of the lane's element: a message, and of a family the topic's number
  /// behind it. A `visit` that throws ends the call; its message counts as read. \return how many
  /// there were
  template <class Visit>
  absl::StatusOr<std::size_t> read(const BusInspector& bus, std::size_t limit, Visit&& visit) {
    return read(bus, limit, visit, [] { return true; });
  }
  /// The same, where `is_own()` tells whether the ring's memory was the lane's until now. Once it
  /// was not, ended() is true and nothing more is read.
  template <class Visit, class IsOwn>
  absl::StatusOr<std::size_t> read(const BusInspector& bus, std::size_t limit, Visit&& visit,
                                   IsOwn&& is_own) {
    return read(bus, limit, visit, is_own, [] { return std::optional<Sequence>(); });
  }
  /// The same, where `held_from()` tells from which position on the publisher has waited for this
  /// reader until now; nothing if it does not.
  template <class Visit, class IsOwn, class HeldFrom>
  absl::StatusOr<std::size_t> read(const BusInspector& bus, std::size_t limit, Visit&& visit,
                                   IsOwn&& is_own, HeldFrom&& held_from) {
    if (ended_) return 0;
    if (ring_.of_bytes()) return read_bytes(bus, limit, visit, is_own, held_from);
    if (ring_.slots() == 0) return absl::FailedPreconditionError("the lane has no ring to read");
    std::size_t given = 0;
    for (int vain = 0; given < limit && vain < kMostVain;) {
      const auto head = bus.head_of(ring_);
      if (!head) return absl::DataLossError("the segment has become shorter");
      if (position_ == *head) break;
      const bool back = precedes(*head, position_);  // another publisher's ring by now
      const auto kept = kept_at(*head, held_from);
      const auto begin = back ? *head : precedes(position_, kept) ? kept : position_;
      const auto count = copy(bus, begin, *head, limit - given);
      if (!count) return absl::DataLossError("the segment has become shorter");
      if (!settle()) return unsettled();
      const auto later = bus.head_of(ring_);
      if (!later) return absl::DataLossError("the segment has become shorter");
      if (!is_own()) {
        ended_ = true;
        break;
      }
      if (back) position_ = begin;
      give_up_before(begin);
      give_up_before(kept_at(*later, held_from));  // the rest may have been overwritten meanwhile
      const auto end = begin + *count;
      vain = precedes(position_, end) ? 0 : vain + 1;
      while (precedes(position_, end)) {
        const auto at = position_++;
        ++given;
        visit(at + skipped_, message(begin, at));
      }
    }
    return given;
  }

  /// Begins with the lane's first message after all. \pre nothing was read, and the publisher has
  /// waited for this reader since the lane was made
  void begin_with_first() noexcept {
    position_ = ring_.start;
    if (ring_.of_bytes()) next_number_ = 0;
  }
  /// So many messages have taken no place in the ring by now: LaneInfo::skipped. Those that came
  /// since the last time count as lost, in front of the next one.
  void note_skipped(std::uint64_t skipped) noexcept {
    if (ring_.of_bytes() || !precedes(skipped_, skipped)) return;
    lost_ += skipped - skipped_;
    skipped_ = skipped;
  }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// Of the next message, as the ring counts; everything before it has been read, or lost.
  [[nodiscard]] Sequence position() const noexcept { return position_; }
  /// Messages that were overwritten before they were read.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] const LaneRing& ring() const noexcept { return ring_; }

 private:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 18;
  /// Copies in a row that were overtaken: then the caller goes on with something else.
  static constexpr int kMostVain = 4;

  [[nodiscard]] static absl::Status unsettled() {
    return absl::UnavailableError(
        "the kernel refuses membarrier, without which a copy can not "
        "be told from a torn one on this processor");
  }

  void begin_bytes(Sequence head, Begin begin) noexcept {
    position_ = ring_.start;
    next_number_ = 0;
    const bool gone = overtaken(head);
    if (begin == Begin::kFirst && gone) position_ = head;  // the first number tells how many
    if (begin == Begin::kFirst || (begin == Begin::kOldest && !gone)) return;
    position_ = head;
    next_number_.reset();  // not known for sure
  }
  template <class Visit, class IsOwn, class HeldFrom>
  absl::StatusOr<std::size_t> read_bytes(const BusInspector& bus, std::size_t limit, Visit& visit,
                                         IsOwn& is_own, HeldFrom& held_from) {
    std::size_t given = 0;
    for (int vain = 0; given < limit && vain < kMostVain; ++vain) {
      const auto head = bus.head_of(ring_);
      if (!head) return absl::DataLossError("the segment has become shorter");
      if (precedes(*head, position_)) next_number_.reset();  // another publisher's ring by now
      position_ = precedes(*head, position_) ? *head : frame_at_or_after(*head, held_from);
      if (position_ == *head) break;
      if (!copy_frames(bus, *head)) return absl::DataLossError("the segment has become shorter");
      if (!settle()) return unsettled();
      const auto later = bus.head_of(ring_);
      if (!later) return absl::DataLossError("the segment has become shorter");
      if (!is_own()) {
        ended_ = true;
        break;
      }
      if (const auto kept = frame_at_or_after(*later, held_from); kept != position_) {
        position_ = kept;
        continue;
      }
      const auto before = given;
      if (!take_frames(limit, given, visit)) position_ = *later;  // what is there is no message
      if (given != before) vain = 0;
    }
    return given;
  }
  /// Visits the frames that were copied. \return false if there was something else
  template <class Visit>
  [[nodiscard]] bool take_frames(std::size_t limit, std::size_t& given, Visit& visit) {
    const std::uint64_t room = frames() - frame_at(position_);  // to the end of the block
    std::uint64_t at = 0;
    while (given < limit && at + kFrameHeader <= bytes_.size()) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes_.data() + at, sizeof(word));
      const auto size = FrameWord::size(word);
      if (word == FrameWord::padding(position_, static_cast<std::size_t>(room - at))) {
        position_ += room - at;
        return true;
      }
      if (word != FrameWord::message(position_, size) || size < kByteMessageHeader ||
          size > ring_.largest || frame_bytes(size) > room - at) {
        return false;
      }
      if (frame_bytes(size) > bytes_.size() - at) return true;  // the rest comes with the next copy
      const auto frame =
          std::span(bytes_).subspan(static_cast<std::size_t>(at) + kFrameHeader, size);
      const auto number = number_in(frame);
      if (next_number_ && precedes(*next_number_, number)) lost_ += number - *next_number_;
      next_number_ = number + 1;
      ++given;
      at += frame_bytes(size);
      position_ += frame_bytes(size);
      visit(number, frame.subspan(kByteMessageHeader));
    }
    return true;
  }
  /// Copies frames from the one at position_ on, as far as they lie in one piece. \pre there is one
  [[nodiscard]] bool copy_frames(const BusInspector& bus, Sequence head) {
    const auto at = frame_at(position_);
    std::uint64_t wanted = std::min<std::uint64_t>(head - position_, frames() - at);
    wanted = std::min<std::uint64_t>(
        wanted, std::max<std::uint64_t>(kMostBytes, frame_bytes(ring_.largest)));
    bytes_.resize(static_cast<std::size_t>(wanted));
    return bus.copy_out(ring_.segment, ring_.lines + at, bytes_);
  }
  [[nodiscard]] std::uint64_t frames() const noexcept { return ring_.blocks * kFrameAlign; }
  [[nodiscard]] std::uint64_t frame_at(Sequence position) const noexcept {
    return (position - ring_.start) % frames() & ~(kFrameAlign - 1);
  }
  /// True if what lies at position_ may have been overwritten, or may just be, when the head is
  /// there.
  [[nodiscard]] bool overtaken(Sequence head) const noexcept {
    const auto rest = frames() - frame_at(head);
    const auto frame = frame_bytes(ring_.largest);
    const auto reach = (frame <= rest ? 0 : rest) + frame + kFrameHeader;
    return head - position_ > frames() || head - position_ + reach > frames();
  }

  /// The frame at position_ if it is there for sure, when the head is there; else one behind it
  /// that is.
  template <class HeldFrom>
  [[nodiscard]] Sequence frame_at_or_after(Sequence head, HeldFrom& held_from) const {
    if (!overtaken(head)) return position_;
    const auto held = held_from();
    const auto kept = held && precedes(position_, *held) ? *held : position_;
    return held && head - kept <= frames() ? kept : head;
  }
  /// The oldest message that is there for sure, when the head is there, of those that are of
  /// interest.
  template <class HeldFrom>
  [[nodiscard]] Sequence kept_at(Sequence head, HeldFrom& held_from) const {
    const auto kept = oldest(head);
    if (!precedes(position_, kept)) return kept;
    const auto held = held_from();
    if (!held) return kept;
    const auto first = precedes(position_, *held) ? *held : position_;
    return precedes(first, kept) && head - first <= ring_.slots() ? first : kept;
  }

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

  /// Copies whole lines, from the one at `begin` on. \return messages from `begin` on in them, or
  /// nothing if the file is too short
  [[nodiscard]] std::optional<std::uint64_t> copy(const BusInspector& bus, Sequence begin,
                                                  Sequence head, std::size_t limit) {
    if (begin == head) return 0;
    const auto items = ring_.shape.items;
    const auto line = ring_.line_of(begin);
    const auto inside = (begin - ring_.start) % items;
    std::uint64_t wanted = head - begin;
    if (wanted > limit) wanted = limit;
    std::uint64_t lines = (inside + wanted + items - 1) / items;
    const std::uint64_t most =
        kMostBytes / ring_.shape.bytes == 0 ? 1 : kMostBytes / ring_.shape.bytes;
    if (lines > most) lines = most;
    if (lines > ring_.blocks - line) lines = ring_.blocks - line;
    bytes_.resize(static_cast<std::size_t>(lines * ring_.shape.bytes));
    if (!bus.copy_out(ring_.segment, ring_.lines + line * ring_.shape.bytes, bytes_)) {
      return std::nullopt;
    }
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
  bool ended_ = false;
  std::optional<Sequence> next_number_;  // of a lane of bytes: of the message at position_
  std::vector<std::byte> bytes_;
};

}  // namespace ringway
