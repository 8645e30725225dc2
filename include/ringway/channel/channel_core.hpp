// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the two ends of a channel share: a ring, two gates, a closed flag, and counts of handles.
///
/// *What.* The one place where ring meets wait. Used by ChannelSender and ChannelReceiver, for any
/// ring; not for direct use.
///
/// *Protocol.*
///   ring       as its own header says
///   elements   the gate where receivers wait; told after each send
///   room       the gate where senders wait; told after each take
///   closed     set by whoever closes, never cleared; a ring of many handles is sealed before that
///   senders, receivers   handles of each role; when a role has none left the channel closes
///   references           handles of both roles; the last one deletes the block
/// Who changes the ring tells the other side's gate afterwards. With exclusive roles that is all.
/// With many handles a side also tells its own gate, in these cases, since one wake-up may have met
/// somebody who could not use it:
///   1. Positions are published and freed out of order: the wake-up of position p + 1 finds p
///      unfinished, and the one of p then ends a single wait though two messages are there. So who
///      has taken (or sent) wakes the next waiter of its own side while there is more (or room).
///   2. A take after the seal may have been the last one, or a look in vain may have passed over
///      the last hole: then all receivers must hear of it.
///   3. A look in vain may have passed over holes, which makes room; so senders are told.
///   4. A queue whose looks may miss an element while another look is under way: who looked in vain
///      wakes the next one.
///
/// *Synchronisation.*
///   "closed"    release by close() -> acquire by receivers: what was sent before the close (in
///               the closer's order) and the seal are visible, so a look in vain after that is
///               final
///   "departed"  each handle's release of its count -> the acquire of the last one: everything
///               that was done with the block happens before its destruction
///   The ring's own edges carry the messages; the event count's ("notified", "looked") the waits.
///
/// *Progress.* close, the counts: wait-free, plus a wake-up if somebody sleeps.
///
/// *Source.* docs/design/channel.md.

#include <climits>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/result.hpp"
#include "ringway/base/setup_error.hpp"
#include "ringway/channel/channel_options.hpp"
#include "ringway/wait/wait_strategy.hpp"

namespace ringway {

/// A ring with any number of handles of each role, which therefore knows a seal: once sealed it
/// accepts nothing, and drained() tells when the last accepted element has been taken.
template <class Ring>
concept SharedRing = requires(Ring& ring, const Ring& view, typename Ring::Producer& producer) {
  ring.seal();
  { view.drained() } -> std::same_as<bool>;
  { producer.sealed() } -> std::same_as<bool>;
};

/// A ring that may look empty to one consumer while another consumer's look is under way.
template <class Ring>
concept MayLookEmpty = requires {
  requires Ring::kMayLookEmpty;
};

enum class ChannelRole : unsigned char { kSender, kReceiver };

template <class Ring, class Wait, class Memory>
requires WaitStrategy<Wait, Memory>
class ChannelCore {
 public:
  using Gate = typename Wait::template Gate<Memory>;

  /// A core without handles. \return nullptr if there is no memory
  [[nodiscard]] static ChannelCore* make(Ring ring, const ChannelOptions& options) noexcept {
    return ::new (std::nothrow) ChannelCore(std::move(ring), options);
  }

  ChannelCore(const ChannelCore&) = delete;
  ChannelCore& operator=(const ChannelCore&) = delete;
  ~ChannelCore() {
    if (tally_ != nullptr) {
      count_leftovers();
    }
  }

  [[nodiscard]] Ring& ring() noexcept { return ring_; }
  [[nodiscard]] const Ring& ring() const noexcept { return ring_; }
  [[nodiscard]] Gate& elements() noexcept { return elements_; }
  [[nodiscard]] Gate& room() noexcept { return room_; }
  [[nodiscard]] Overflow overflow() const noexcept { return overflow_; }
  [[nodiscard]] ChannelTally* tally() const noexcept { return tally_; }

  /// No send that begins after this succeeds. Any thread; again and again.
  void close() noexcept {
    if constexpr (SharedRing<Ring>) {
      ring_.seal();
    }
    closed_.store(1, std::memory_order_release);  // release "closed"
    elements_.notify_all();
    room_.notify_all();
  }
  [[nodiscard]] bool closed() const noexcept {
    return closed_.load(std::memory_order_acquire) != 0;  // acquire "closed"
  }

  /// To be asked after a look in vain that followed closed(): whether no element will come.
  [[nodiscard]] bool ended() const noexcept {
    if constexpr (SharedRing<Ring>) {
      return ring_.drained();
    } else {
      return true;
    }
  }

  void after_send(std::size_t count) noexcept {
    elements_.notify(at_most_int(count));
    if constexpr (SharedRing<Ring>) {
      if (room_.has_waiters() && has_room()) {  // case 1
        room_.notify_one();
      }
    }
  }

  void after_take(std::size_t count) noexcept {
    room_.notify(at_most_int(count));
    if constexpr (SharedRing<Ring>) {
      if (elements_.has_waiters()) {
        if (closed()) {  // case 2
          elements_.notify_all();
        } else if (ring_.size_approx() > 0) {  // case 1
          elements_.notify_one();
        }
      }
    }
  }

  void after_vain_look() noexcept {
    if constexpr (SharedRing<Ring>) {
      if (room_.has_waiters() && has_room()) {  // case 3
        room_.notify_all();
      }
      if (elements_.has_waiters()) {
        if (closed() && ring_.drained()) {  // case 2
          elements_.notify_all();
        } else if (MayLookEmpty<Ring> && ring_.size_approx() > 0) {  // case 4
          elements_.notify_one();
        }
      }
    }
  }

  /// A claim was given up: where that leaves a hole, receivers may have more to find behind it.
  void after_abort() noexcept {
    if constexpr (SharedRing<Ring>) {
      elements_.notify_one();
    }
  }

  void join(ChannelRole role) noexcept {
    // relaxed, both: who makes a handle has one, or is the only one to know the core
    count_of(role).fetch_add(1, std::memory_order_relaxed);
    references_.fetch_add(1, std::memory_order_relaxed);  // relaxed: as above
  }

  /// May delete the core.
  void leave(ChannelRole role) noexcept {
    // relaxed: the last of a role only closes, which has its own edge
    if (count_of(role).fetch_sub(1, std::memory_order_relaxed) == 1) {
      close();
    }
    // release "departed", acquire "departed": the last handle sees what all others did
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete this;
    }
  }

 private:
  using Count = typename Memory::template Atomic<std::uint32_t>;

  ChannelCore(Ring ring, const ChannelOptions& options) noexcept
      : ring_(std::move(ring)), overflow_(options.overflow), tally_(options.tally) {}

  static int at_most_int(std::size_t count) noexcept {
    return count < static_cast<std::size_t>(INT_MAX) ? static_cast<int>(count) : INT_MAX;
  }
  [[nodiscard]] bool has_room() const noexcept { return ring_.size_approx() < ring_.capacity(); }
  [[nodiscard]] Count& count_of(ChannelRole role) noexcept {
    return role == ChannelRole::kSender ? senders_ : receivers_;
  }

  void count_leftovers() noexcept {
    if (auto consumer = ring_.consumer()) {
      const std::size_t left =
          consumer->drain([](auto&) noexcept {}, std::numeric_limits<std::size_t>::max());
      tally_->left.fetch_add(left, std::memory_order_relaxed);  // relaxed: a statistic
    }
  }

  // static: written at construction
  Ring ring_;
  Overflow overflow_;
  ChannelTally* tally_;
  // both sides, rarely; read at each send or look in vain
  alignas(kOwnerSpacing) Count closed_{0};
  Count senders_{0};
  Count receivers_{0};
  Count references_{0};
  // receivers that wait; read at each send
  [[no_unique_address]] alignas(kCacheLine) Gate elements_;
  // senders that wait; read at each take
  [[no_unique_address]] alignas(kCacheLine) Gate room_;
};

/// One counted reference to a core, for one role. Null when moved from.
template <class Core, ChannelRole kRole>
class ChannelReference {
 public:
  explicit ChannelReference(Core* core) noexcept : core_(core) { core_->join(kRole); }
  ChannelReference(const ChannelReference& other) noexcept : ChannelReference(other.core_) {}
  ChannelReference(ChannelReference&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)) {}
  ChannelReference& operator=(ChannelReference&&) = delete;
  ~ChannelReference() {
    if (core_ != nullptr) {
      core_->leave(kRole);
    }
  }

  Core* operator->() const noexcept { return core_; }
  Core& operator*() const noexcept { return *core_; }
  explicit operator bool() const noexcept { return core_ != nullptr; }

 private:
  Core* core_;
};

}  // namespace ringway
