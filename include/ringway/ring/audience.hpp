// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The readers of a single-writer broadcast ring: gates, joining and leaving, and the writer's one
/// word of attention.
///
/// *What.* Each reader has a gate: the position up to which the writer must keep elements for it.
/// Readers come and go while the writer runs, and the writer pays one load per message for that, of
/// a word that changes only when somebody comes, goes to sleep, or wants to be called.
///
/// *Protocol.*
///   attention   bit 63: the audience changed; bit 62: see below;
///               bits 0 to 61: the reader with that gate asks to be signalled
///   gate.state  free -> joining (by the joiner's CAS) -> reliable or lossy -> free (same reader)
/// A joiner stores its gate, sets bit 63, runs the heavy side of an asymmetric fence and only then
/// looks where the ring's head is. The writer publishes, runs the light side, and looks at
/// `attention`. So either the writer's look after publishing p sees the bit and honours the gate
/// from then on, or the joiner sees p published and starts behind it: the one publication that may
/// still run with the old limit can not overwrite anything that the joiner will read. Where the
/// kernel refuses the heavy fence when the ring is made, bit 62 stays set for ever: then both sides
/// meet in a read-modify-write of `attention` instead, and the second one sees what the first one
/// did before it.
///
/// *Synchronisation.*
///   "audience"    a reader's change of its gate, then of `attention` -> writer's exchange of it
///   "read"        a reader's store to gate.position -> writer's load of it: the elements before
///                 it are no longer read
///   "gate freed"  a leaving reader's store of state -> a joiner's CAS on it, the writer's load
///   "looked"      read-modify-writes of `attention` on both sides: whoever comes second sees what
///                 the first did before. Needed where bit 62 is set; otherwise light_fence() and
///                 heavy_fence() order the pair
///
/// *Progress.* Wait-free for the writer, except that a reader which joins or stays behind withholds
/// credit, as it must.
///
/// *Source.* Asymmetric fences: D. Dice et al., "Asymmetric Dekker Synchronization", 2001;
/// membarrier(2).

#include <cstddef>
#include <cstdint>

#include "ringway/base/asymmetric_fence.hpp"
#include "ringway/base/cache_line.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/result.hpp"
#include "ringway/base/sequence.hpp"
#include "ringway/base/setup_error.hpp"

namespace ringway {

/// One reader's place in the shared block, on lines of its own.
template <class Memory>
struct alignas(kOwnerSpacing) Gate {
  static constexpr std::uint64_t kNobody = static_cast<std::uint64_t>(-1);
  enum State : std::uint32_t { kFree, kJoining, kReliable, kLossy };

  typename Memory::template Atomic<Sequence> position{0};
  typename Memory::template Atomic<std::uint32_t> state{kFree};
  /// Whom to signal, in the terms of the layer above (the bus: endpoint and number of the cursor
  /// there). Written by the reader before it first asks to be signalled; kNobody from joining until
  /// then, so that a gate which its joiner never lived to use can be told from others.
  typename Memory::template Atomic<std::uint64_t> address{0};
  /// Where a lossy reader says that it is, and what it missed: written by the reader, read by
  /// nobody but tools that copy the block through the kernel (shm/inspect.hpp).
  Sequence shown_position = 0;
  std::uint64_t shown_lost = 0;
};

/// The writer's word. Readers write it, rarely; the writer's copy of the line stays valid in
/// between.
template <class Memory>
class Attention {
 public:
  static constexpr std::uint64_t kAudienceChanged = std::uint64_t{1} << 63;
  static constexpr std::uint64_t kFenceNeeded = std::uint64_t{1} << 62;
  static constexpr std::size_t kMostReaders = 62;

  /// \param fence_needed the heavy side is not to be had
  explicit Attention(bool fence_needed) noexcept : word_(fence_needed ? kFenceNeeded : 0) {}

  /// The writer, after each publication. Wait-free: one load.
  [[nodiscard]] bool wanted() const noexcept {
    Memory::light_fence();
    return word_.load(std::memory_order_relaxed) != 0;  // relaxed: ordered by the fences, see above
  }

  /// The writer, when wanted(): takes what was asked for. Readers whose bits are returned must ask
  /// again. Wait-free.
  [[nodiscard]] std::uint64_t take() noexcept {
    // release "looked", acquire "looked", acquire "audience"
    return word_.fetch_and(kFenceNeeded, std::memory_order_acq_rel) & ~kFenceNeeded;
  }

  /// take(): the readers alone that ask to be signalled, of so many gates.
  [[nodiscard]] std::uint64_t take_signals(std::size_t gates) noexcept {
    return take() & ((std::uint64_t{1} << gates) - 1);
  }

  /// A reader: sets the bits that it wants the writer to see, then fences. What the reader loads
  /// afterwards includes whatever the writer published before a look that missed the bits. \return
  /// false if the kernel refuses the fence that it granted when the ring was made. Wait-free but
  /// for the fence.
  [[nodiscard]] bool ask(std::uint64_t bits) noexcept {
    return ask_unfenced(bits) || Memory::heavy_fence();
  }

  /// ask() without its fence, for those who ask several producers and then fence once.
  /// \return true if no fence is needed
  bool ask_unfenced(std::uint64_t bits) noexcept {
    // release "audience", release "looked", acquire "looked"
    return (word_.fetch_or(bits, std::memory_order_acq_rel) & kFenceNeeded) != 0;
  }

  /// A reader: no longer wants to be signalled. \return true if it had not been signalled meanwhile
  bool withdraw(std::uint64_t bits) noexcept {
    return (word_.fetch_and(~bits, std::memory_order_relaxed) &
            bits) ==  // relaxed: takes back a wish
           bits;
  }

 private:
  typename Memory::template Atomic<std::uint64_t> word_;
};

/// The readers' part of a broadcast ring's block; `max_cursors` gates follow it in memory. How many
/// there are each handle knows from memory of its own.
template <class Memory>
class alignas(kOwnerSpacing) Audience {
 public:
  using GateType = Gate<Memory>;

  Audience(std::size_t max_cursors, Sequence start) noexcept
      : attention(!heavy_fence_granted<Memory>()) {
    for (std::size_t i = 0; i < max_cursors; ++i) {
      auto* gate = ::new (static_cast<void*>(&gates()[i])) GateType;
      gate->position.store(start, std::memory_order_relaxed);  // relaxed: before anybody joins
    }
  }

  /// Bytes of an audience with its gates.
  [[nodiscard]] static constexpr std::size_t bytes(std::size_t max_cursors) noexcept {
    return sizeof(Audience) + max_cursors * sizeof(GateType);
  }

  /// Takes a free gate and makes the writer honour it. Any thread, lock-free.
  /// `head()` tells the position after the newest element; the reader starts where it is after the
  /// fence.
  template <class Head>
  [[nodiscard]] Result<std::size_t, SetupError> join(std::uint32_t state, std::size_t max_cursors,
                                                     Head&& head) noexcept {
    for (std::size_t i = 0; i < max_cursors; ++i) {
      auto& gate = gates()[i];
      std::uint32_t expected = GateType::kFree;
      // success takes over what the last reader left; failure only means that another joiner was
      // first
      if (!gate.state.compare_exchange_strong(expected, GateType::kJoining,
                                              std::memory_order_acquire,     // acquire "gate freed"
                                              std::memory_order_relaxed)) {  // relaxed: next gate
        continue;
      }
      gate.address.store(GateType::kNobody, std::memory_order_relaxed);  // relaxed: see address
      gate.position.store(head(), std::memory_order_release);  // release "read", of the last reader
      gate.state.store(state, std::memory_order_relaxed);      // relaxed: "audience" publishes it
      if (!attention.ask(Attention<Memory>::kAudienceChanged)) {
        leave(i);
        return Failure{SetupError::kFenceRefused};
      }
      advance(i, head());
      return i;
    }
    return Failure{SetupError::kNoFreeCursor};
  }

  /// The reader of gate `i` reads no more. Wait-free.
  void leave(std::size_t i) noexcept {
    gates()[i].state.store(GateType::kFree, std::memory_order_release);  // release "gate freed"
  }

  /// The position that the writer may not reach: `capacity` behind the slowest reliable reader, or
  /// behind `own`.
  [[nodiscard]] Sequence limit(Sequence own, std::size_t capacity,
                               std::size_t max_cursors) const noexcept {
    Sequence slowest = own;
    for (std::size_t i = 0; i < max_cursors; ++i) {
      const auto state = gates()[i].state.load(std::memory_order_acquire);  // acquire "gate freed"
      if (state != GateType::kReliable) continue;
      const auto read = gates()[i].position.load(std::memory_order_acquire);  // acquire "read"
      slowest = earlier(slowest, read);
    }
    return slowest + capacity;
  }

  /// The reader of gate `i` has read everything before `position`. Wait-free.
  void advance(std::size_t i, Sequence position) noexcept {
    gates()[i].position.store(position, std::memory_order_release);  // release "read"
  }

  [[nodiscard]] GateType& gate(std::size_t i) noexcept { return gates()[i]; }

  Attention<Memory> attention;

 private:
  [[nodiscard]] GateType* gates() noexcept { return reinterpret_cast<GateType*>(this + 1); }
  [[nodiscard]] const GateType* gates() const noexcept {
    return reinterpret_cast<const GateType*>(this + 1);
  }
};

}  // namespace ringway
