// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `IndexRing`: a lock-free FIFO of small numbers, between any number of threads.
///
/// *What.* Carries the numbers of cells, each of which is at any time in one place only: in a ring
/// like this, or in one thread's hand. There are at most as many numbers as slots, so put() always
/// finds room. `LockFreeMpmcRing` is made of two of these and the cells; nobody else should need
/// it.
///
/// *Protocol.* Words count in halves of a position, modulo 2^64, so positions modulo 2^63:
///   head    2p: the number at position p is taken next; 2p + 1: sealed, nothing is taken any more
///   tail    2p: every position before p is filled (a hint: later ones may be as well)
///   entry   (slot p mod slots) lap and number: the high bits of 2p, and what was put at p in place
///           of the low 1 + log2(slots) bits
///   invariant  a position is filled once those before it are, by a CAS of its entry; it is taken
///              by the CAS of `head` that passes it, after which its entry means nothing and the
///              next lap may overwrite it
/// Whoever puts holds a number that is in no ring, so the entry one lap back has been taken: if it
/// had not, that one and those behind it would be `slots` numbers besides the one in the hand.
///
/// *Synchronisation.*
///   "put"    put()'s CAS of the entry -> take()'s and another put()'s load of it: hands over the
///            cell
///   "tail"   put()'s store of tail -> another put()'s load of it
///   "taken"  take()'s CAS of head -> another take()'s load of it
///   By "put" or "tail" each put happens before the one behind it, and by "taken" whoever sees how
///   far others have taken sees all that they had seen filled. So take() says "nothing" only if at
///   one moment of its call there was nothing.
///   "sealed" seal() -> sealed() that says true
///
/// *Progress.* Lock-free: put() tries again only if another put() filled the entry, take() only if
/// another take() succeeded. No step needs another thread to finish anything; a thread that is
/// suspended for ever keeps the number in its hand, and that is all.
///
/// *Source.* Numbers instead of elements: R. Nikolaev, "A Scalable, Portable, and Memory-Efficient
/// Lock-Free FIFO Queue", DISC 2019. Entries filled by CAS behind a tail that anybody may move: P.
/// Tsigas and Y. Zhang, "A simple, fast and scalable non-blocking concurrent FIFO queue", SPAA
/// 2001. What differs, and why: docs/design/lock-free-mpmc-ring.md.

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/sequence.hpp"

namespace ringway {

/// A view of one: its ends and entries lie in the memory of the ring that it is part of.
template <class Memory = NativeMemory>
class IndexRing {
 public:
  /// Twice a position, plus a bit.
  using Word = std::uint64_t;
  using Entry = typename Memory::template Atomic<Word>;
  static_assert(NativeMemory::Atomic<Word>::is_always_lock_free,
                "Ringway: LockFreeMpmcRing needs a compare-and-swap of 64 bits");

  static constexpr Word kStep = 2;    // from one position to the next
  static constexpr Word kSealed = 1;  // of head

  struct Ends {
    Ends(Sequence first, std::size_t count) noexcept
        : head(first * kStep), tail((first + count) * kStep) {}

    // those who take
    alignas(kOwnerSpacing) Entry head;
    // those who put
    alignas(kOwnerSpacing) Entry tail;
  };

  /// \pre `slots` is a power of two
  IndexRing(Ends* ends, Entry* entries, std::size_t slots) noexcept
      : ends_(ends), entries_(entries), low_(slots * kStep - 1) {}

  /// Makes the entries of a ring that holds 0 to `count` - 1, the first at position `first`.
  static void format(Entry* entries, std::size_t slots, Sequence first,
                     std::size_t count) noexcept {
    const Word low = slots * kStep - 1;
    for (std::size_t i = 0; i < slots; ++i) {
      const Word at = (first + i) * kStep;
      const Word lap = i < count ? at & ~low : (at & ~low) - (low + 1);
      ::new (static_cast<void*>(entries + (at & low) / kStep)) Entry(lap | (i < count ? i : 0));
    }
  }

  /// Adds a number. Lock-free. \pre it is in no ring and in nobody else's hand
  void put(std::size_t number) noexcept {
    Word at = ends_->tail.load(std::memory_order_acquire);      // acquire "tail"
    Word entry = entry_of(at).load(std::memory_order_acquire);  // acquire "put"
    for (;;) {
      const std::int64_t ahead = laps_ahead(at, entry);
      if (ahead >= 0) {
        // Case 1: filled, for this lap or a later one: go on behind what is there.
        at += static_cast<Word>(ahead) + kStep;
        entry = entry_of(at).load(std::memory_order_acquire);  // acquire "put"
        continue;
      }
      // Case 2: not filled, and every position before it is. Success: release "put". Failure:
      // acquire "put"; `entry` is then what another one put here.
      if (entry_of(at).compare_exchange_weak(entry, lap_of(at) | number, std::memory_order_release,
                                             std::memory_order_acquire)) [[likely]] {
        break;
      }
    }
    at += kStep;
    // relaxed: keeps a slow thread from moving the hint far back, nearly always
    const Word tail = ends_->tail.load(std::memory_order_relaxed);
    if (gap(tail, at) > 0) ends_->tail.store(at, std::memory_order_release);  // release "tail"
  }

  /// Takes the oldest numbers, as many as there are and fit into `numbers`. Lock-free.
  /// \return how many: none if there was none, or the ring is sealed
  template <std::size_t Extent>
  [[nodiscard]] std::size_t take(std::span<std::size_t, Extent> numbers) noexcept {
    Word at = ends_->head.load(std::memory_order_acquire);  // acquire "taken"
    for (;;) {
      if ((at & kSealed) != 0) return 0;
      std::size_t count = 0;
      std::int64_t ahead = 0;  // of the first entry that ends the run
      for (; count < numbers.size(); ++count) {
        const Word here = at + count * kStep;
        const Word entry = entry_of(here).load(std::memory_order_acquire);  // acquire "put"
        ahead = laps_ahead(here, entry);
        if (ahead != 0) break;
        numbers[count] = static_cast<std::size_t>(entry & low_);
      }
      if (count != 0) [[likely]] {
        // Case 1: there are some. Success: release "taken"; it reads the very store of `at` that
        // was acquired before. Failure: acquire "taken"; `at` is what another one left.
        if (ends_->head.compare_exchange_weak(at, at + count * kStep, std::memory_order_release,
                                              std::memory_order_acquire)) [[likely]] {
          return count;
        }
      } else if (ahead > 0) {
        // Case 2: taken and filled anew since `at` was read. What was put there happens after a
        // take that passed it, so this finds a later position.
        at = ends_->head.load(std::memory_order_acquire);  // acquire "taken"
      } else {
        // Case 3: not filled.
        return 0;
      }
    }
  }
  [[nodiscard]] bool take(std::size_t& number) noexcept {
    return take(std::span<std::size_t, 1>(&number, 1)) != 0;
  }

  /// Nothing is taken from here on. Wait-free.
  void seal() noexcept {
    ends_->head.fetch_or(kSealed, std::memory_order_release);  // release "sealed"
  }
  /// Wait-free.
  [[nodiscard]] bool sealed() const noexcept {
    return (ends_->head.load(std::memory_order_acquire) & kSealed) != 0;  // acquire "sealed"
  }

  /// What has been taken: twice the position that is next. Wait-free; never too late a one.
  [[nodiscard]] Word head() const noexcept {
    return ends_->head.load(std::memory_order_relaxed) & ~kSealed;  // relaxed: only grows
  }

  /// Calls `visit(number)` for each number that is there, oldest first. \pre nobody is at work
  template <class Visit>
  void for_each(Visit&& visit) const noexcept {
    for (Word at = head();; at += kStep) {
      // relaxed: nobody else uses the ring
      const Word entry = entry_of(at).load(std::memory_order_relaxed);
      if (laps_ahead(at, entry) != 0) return;
      visit(static_cast<std::size_t>(entry & low_));
    }
  }

 private:
  /// How far `to` lies behind `from`, in words; right across the wrap.
  [[nodiscard]] static std::int64_t gap(Word from, Word to) noexcept {
    return static_cast<std::int64_t>(to - from);
  }
  [[nodiscard]] Word lap_of(Word word) const noexcept { return word & ~low_; }
  /// Zero if the entry is filled for position `at`; negative if it is not yet; else how far ahead
  /// its position is, in words.
  [[nodiscard]] std::int64_t laps_ahead(Word at, Word entry) const noexcept {
    return gap(lap_of(at), lap_of(entry));
  }
  [[nodiscard]] Entry& entry_of(Word at) const noexcept { return entries_[(at & low_) / kStep]; }

  Ends* ends_;
  Entry* entries_;
  Word low_;  // the bits of a word below its lap
};

}  // namespace ringway
