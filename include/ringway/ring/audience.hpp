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
/// A reader may bring its gate along: a word in memory of its own, which the writer only reads
/// (OwnGate, bring()). It joins as any reader does, and then says in gate.place where its word
/// lies; from then on the gate's own position stays as it was. Until the writer sees the place it
/// goes by that position, which is never ahead of the reader. So the writer needs no write access
/// to the reader's memory, nor the reader to the writer's; the audience may lie apart from both.
///
/// *Synchronisation.*
///   "audience"    a reader's change of its gate, then of `attention` -> writer's exchange of it
///   "read"        a reader's store to gate.position -> writer's load of it: the elements before
///                 it are no longer read; also to the word that a reader brought along
///   "moved"       bring() stores gate.place -> writer's load of it: the reader's own word holds
///                 its position
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
#include <span>

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
  /// Where the reader's own word lies, in the terms of whoever made the producer (GateFinder); 0:
  /// it has brought none, and `position` counts.
  typename Memory::template Atomic<std::uint64_t> place{0};
  /// Where a lossy reader says that it is, and what it missed: written by the reader, read by
  /// nobody but tools that copy the block through the kernel (shm/inspect.hpp).
  Sequence shown_position = 0;
  std::uint64_t shown_lost = 0;
};

/// The position of a reader that brings its gate along: in memory that it alone writes, on lines of
/// its own. Readable for the producer for as long as that lives, also when the reader is gone.
template <class Memory = NativeMemory>
struct alignas(kOwnerSpacing) OwnGate {
  typename Memory::template Atomic<Sequence> position{0};
};

/// How a producer finds the words that readers brought along. Derive from it to give find() more to
/// go by; it outlives the producer. A producer without one goes by the gates alone: such readers
/// hold it back where they joined.
template <class Memory = NativeMemory>
struct GateFinder {
  using Word = typename Memory::template Atomic<Sequence>;

  /// \return the word of gate `gate` that lies at `place`, as this process may read it; null if it
  /// can not: then the reader holds the producer back where it joined. Called when the ring may be
  /// full and when readers come.
  const Word* (*find)(const GateFinder& self, std::size_t gate, std::uint64_t place) noexcept;
  /// Where the slowest is of `slowest`, who is known here, and readers that have no gate in the
  /// audience; null: there are none. `own` is the producer's position, `capacity` as for limit().
  /// Called when the ring may be full and when readers come, while nothing is being written.
  Sequence (*slowest_of)(const GateFinder& self, Sequence own, Sequence slowest,
                         std::size_t capacity) noexcept = nullptr;

  /// Takes a place for the address of a word. For readers in this address space whose block nobody
  /// else can write: between processes a place is whatever somebody wrote there.
  [[nodiscard]] static const GateFinder* by_address() noexcept {
    static constexpr GateFinder kByAddress{
        [](const GateFinder&, std::size_t, std::uint64_t place) noexcept {
          return reinterpret_cast<const Word*>(place);
        }};
    return &kByAddress;
  }
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
  /// Whether one fits there, by itself. \return its bytes
  [[nodiscard]] static Result<std::size_t, SetupError> check(std::span<const std::byte> memory,
                                                             std::size_t max_cursors) noexcept {
    if (memory.size() < bytes(max_cursors)) return Failure{SetupError::kMemoryTooSmall};
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % kOwnerSpacing != 0) {
      return Failure{SetupError::kMemoryMisaligned};
    }
    return bytes(max_cursors);
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
      gate.place.store(0, std::memory_order_relaxed);          // relaxed: "audience" publishes it
      gate.position.store(head(), std::memory_order_release);  // release "read", of the last reader
      gate.state.store(state, std::memory_order_relaxed);      // relaxed: "audience" publishes it
      if (!attention.ask(Attention<Memory>::kAudienceChanged)) {
        leave(i);
        return Failure{SetupError::kFenceRefused};
      }
      advance(gate.position, head());
      return i;
    }
    return Failure{SetupError::kNoFreeCursor};
  }

  /// The reader of gate `i` reads no more. Wait-free.
  void leave(std::size_t i) noexcept {
    gates()[i].state.store(GateType::kFree, std::memory_order_release);  // release "gate freed"
  }

  /// The reader of gate `i`, which has joined and read nothing yet, goes on with a word of its own.
  /// `place` is not 0. Wait-free.
  void bring(std::size_t i, OwnGate<Memory>& own, std::uint64_t place) noexcept {
    // relaxed: written by this reader, or by whoever reserved the gate and handed it over
    own.position.store(gates()[i].position.load(std::memory_order_relaxed),
                       std::memory_order_relaxed);             // relaxed: "moved" publishes it
    gates()[i].place.store(place, std::memory_order_release);  // release "moved"
  }

  /// The position that the writer may not reach: `capacity` behind the slowest reliable reader, or
  /// behind `own`. What readers keep may be anything: a position ahead of `own` holds nobody back.
  [[nodiscard]] Sequence limit(Sequence own, std::size_t capacity, std::size_t max_cursors,
                               const GateFinder<Memory>* finder) const noexcept {
    Sequence slowest = own;
    for (std::size_t i = 0; i < max_cursors; ++i) {
      const auto state = gates()[i].state.load(std::memory_order_acquire);  // acquire "gate freed"
      if (state != GateType::kReliable) continue;
      slowest = earlier(slowest, position_of(i, finder));
    }
    if (finder != nullptr && finder->slowest_of != nullptr) [[unlikely]] {
      slowest = finder->slowest_of(*finder, own, slowest, capacity);
    }
    return slowest + capacity;
  }
  /// How far the reader of gate `i` is, as the writer sees it. Wait-free but for the finder.
  [[nodiscard, gnu::always_inline]] Sequence position_of(
      std::size_t i, const GateFinder<Memory>* finder) const noexcept {
    const auto& gate = gates()[i];
    const auto* word = &gate.position;
    const auto place = gate.place.load(std::memory_order_acquire);  // acquire "moved"
    if (place != 0 && finder != nullptr) [[unlikely]] {
      const auto* brought = finder->find(*finder, i, place);
      if (brought != nullptr) word = brought;
    }
    return word->load(std::memory_order_acquire);  // acquire "read"
  }

  /// The reader whose word this is (a gate's, or one that it brought along) has read everything
  /// before `position`. Wait-free.
  static void advance(typename Memory::template Atomic<Sequence>& word,
                      Sequence position) noexcept {
    word.store(position, std::memory_order_release);  // release "read"
  }

  [[nodiscard]] GateType& gate(std::size_t i) noexcept { return gates()[i]; }
  [[nodiscard]] const GateType& gate(std::size_t i) const noexcept { return gates()[i]; }

  Attention<Memory> attention;

 private:
  [[nodiscard]] GateType* gates() noexcept { return reinterpret_cast<GateType*>(this + 1); }
  [[nodiscard]] const GateType* gates() const noexcept {
    return reinterpret_cast<const GateType*>(this + 1);
  }
};

}  // namespace ringway
