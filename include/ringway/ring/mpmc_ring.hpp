// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `MpmcRing<T>`: a bounded FIFO between any number of producers and consumers.
///
/// *What.* Use when several threads send or several compete for the messages. Do not use when one
/// thread sends and one receives (`SpscRing` is several times faster), when several shall see each
/// message (`BroadcastRing`), between processes (a process that dies between claim and commit jams
/// it), or when somebody must sleep until there is something to do (`channel`).
///
/// *Protocol.* Every word counts in quarters of a position, modulo 2^64:
///   claimed    producers   4p: p is claimed next; 4p + 1: sealed, nothing is claimed from p on
///   taken      consumers   4p: p is taken next
///   slot word  whoever has the slot
///     4p       free: waits for the producer of position p
///     4p + 1   full: holds the element of position p
///     4p + 2   hole: the producer of position p gave up; consumers skip it
///   invariant  taken <= claimed <= taken + capacity, in positions
///   free 4p --claim--> (built) --> full 4p+1 --take--> (moved out) --> free 4(p + slots)
///                          `-----> hole 4p+2 --take------------------>
/// A producer counts its credit from a copy of `taken` in its handle, renewed only when it says
/// full. The seal is a bit of `claimed`, so each accepted push lies before the seal. Whoever loses
/// a race for a position backs off for a moment, so that the winner gets several in a row.
///
/// *Synchronisation.*
///   "published"  producer's store of full or hole -> consumer's load of the slot word: the element
///                is constructed
///   "freed"      consumer's store of free -> producer's load of the slot word: the slot is
///                destroyed, or moved from and destroyed
///   "claimed"    a producer's claim -> another producer's load of claimed, which thereby sees
///                every take that the claim relied on: "full" is never said of a state that never
///                was
///   "sealed"     seal() -> sealed() and drained() that say true
/// Neither `claimed` nor `taken` hands over an element: they decide who owns a position, and the
/// slot word hands it over.
///
/// *Progress.* No locks, and each retry follows another thread's success; yet not lock-free in the
/// strict sense, as no ring of this family is. A producer suspended between claim and commit holds
/// up every consumer at its position (try_pop() says empty, though later elements may be there) and
/// in time every producer. A consumer suspended between take and free holds up producers at that
/// slot one lap later (try_push() says full, though less than capacity is in the ring). No
/// operation waits for such a thread.
///
/// *Source.* D. Vyukov,
/// http://www.1024cores.net/home/lock-free-algorithms/queues/bounded-mpmc-queue; what differs is in
/// docs/design/mpmc-ring.md.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/base/at_exit.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/ring/ring_block.hpp"

namespace ringway {

template <class T, class Memory = NativeMemory>
class MpmcRing {
  struct Block;
  struct Cell;
  class View;

 public:
  using value_type = T;
  class Producer;
  class Consumer;
  class Claim;

  struct Options {
    std::size_t capacity = 0;  ///< elements; exactly this many fit
    Sequence start = 0;        ///< position of the first element; for tests of the wrap
  };

  /// Alignment in bytes that format() and join() ask of the memory.
  static constexpr std::size_t kAlign = alignof(T) > kOwnerSpacing ? alignof(T) : kOwnerSpacing;

  /// Bytes that the ring needs. Slots are a power of two; a slot is 16, 32 or 64 bytes or a
  /// multiple of 64.
  [[nodiscard]] static Result<std::size_t, SetupError> footprint(const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return shape->bytes;
  }

  /// A ring on the heap.
  [[nodiscard]] static Result<MpmcRing, SetupError> create(const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::allocate(shape->bytes, kAlign), *shape, options);
  }

  /// A ring in the caller's memory, which must outlive it.
  [[nodiscard]] static Result<MpmcRing, SetupError> format(std::span<std::byte> memory,
                                                           const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::borrow(memory, shape->bytes, kAlign), *shape, options);
  }

  /// A further view of a ring that somebody else formatted.
  [[nodiscard]] static Result<MpmcRing, SetupError> join(std::span<std::byte> memory) noexcept {
    auto view = RingMemory::join(memory, RingKind::kMpmc, sizeof(T), alignof(T), kAlign);
    if (!view) return Failure{view.error()};
    const RingHeader header = view->header();
    auto shape = shape_of({.capacity = header.capacity, .start = header.start});
    if (!shape || shape->blocks != header.blocks || shape->bytes != header.bytes) {
      return Failure{SetupError::kCorruptHeader};
    }
    return MpmcRing(*std::move(view));
  }

  MpmcRing(MpmcRing&&) noexcept = default;
  MpmcRing& operator=(MpmcRing&&) = delete;
  /// Destroys what was never taken. \pre no handle and no claim of this ring is left
  ~MpmcRing() {
    if (memory_.holds_elements()) destroy_leftovers();
  }

  /// A sending handle, one for each thread that sends. Any thread; never fails. The ring must
  /// outlive the handle.
  [[nodiscard]] Result<Producer, SetupError> producer() noexcept { return Producer(block()); }

  /// A receiving handle, one for each thread that receives. Any thread; never fails. The ring must
  /// outlive the handle.
  [[nodiscard]] Result<Consumer, SetupError> consumer() noexcept { return Consumer(block()); }

  /// No claim succeeds from here on, open claims may still be committed. Any thread, wait-free.
  void seal() noexcept { block()->seal(); }
  /// Any thread, wait-free.
  [[nodiscard]] bool sealed() const noexcept { return block()->sealed(); }
  /// True if the ring is sealed and each accepted element has been taken: no consumer will find
  /// anything again, though one may still be handling what it took. Any thread, wait-free.
  [[nodiscard]] bool drained() const noexcept { return block()->drained(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return memory_.header().capacity; }
  /// Counts open claims and holes too. Any thread, wait-free. Exact when nobody is sending or
  /// receiving.
  [[nodiscard]] std::size_t size_approx() const noexcept { return block()->size_approx(); }

 private:
  /// Four times a position, plus a state.
  using Word = std::uint64_t;
  template <class U>
  using Atomic = typename Memory::template Atomic<U>;
  static_assert(NativeMemory::Atomic<Word>::is_always_lock_free);

  static constexpr Word kStep = 4;          // from one position to the next
  static constexpr std::uint8_t kFull = 1;  // slot word: the element is here
  static constexpr std::uint8_t kHole = 2;  // slot word: nothing will come
  static constexpr Word kSealed = 1;        // claimed word

  /// How far `to` lies behind `from`, in words; right across the wrap.
  [[nodiscard]] static constexpr std::int64_t gap(Word from, Word to) noexcept {
    return static_cast<std::int64_t>(to - from);
  }

  /// Small cells are a power of two, so that none straddles two cache lines; large ones begin a
  /// line, so that no two share one.
  static constexpr std::size_t kWordAlign = alignof(T) > alignof(Word) ? alignof(T) : alignof(Word);
  static constexpr std::size_t kCellBytes =
      round_up(round_up(sizeof(Word), alignof(T)) + sizeof(T), kWordAlign);
  static constexpr std::size_t kCellUnit =
      kCellBytes < kCacheLine ? std::bit_ceil(kCellBytes) : kCacheLine;
  static constexpr std::size_t kCellAlign = kCellUnit > kWordAlign ? kCellUnit : kWordAlign;

  struct alignas(kCellAlign) Cell {
    explicit Cell(Word free) noexcept : word(free) {}

    Atomic<Word> word;
    Slot<T> element;
  };

  /// The shared memory of one ring.
  struct Block {
    explicit Block(const RingHeader& the_header) noexcept
        : header(the_header), claimed(the_header.start * kStep), taken(the_header.start * kStep) {}

    // static: written by format()
    alignas(kAlign) RingHeader header;
    // producers
    alignas(kOwnerSpacing) Atomic<Word> claimed;
    // consumers
    alignas(kOwnerSpacing) Atomic<Word> taken;
    // the cells follow the block

    [[nodiscard]] Cell* cells() noexcept {
      return reinterpret_cast<Cell*>(reinterpret_cast<std::byte*>(this) + sizeof(Block));
    }
    [[nodiscard]] Cell& cell_of(Word word) noexcept {
      return cells()[word / kStep & (header.blocks - 1)];
    }

    void seal() noexcept {
      claimed.fetch_or(kSealed, std::memory_order_release);  // release "sealed"
    }
    [[nodiscard]] bool sealed() const noexcept {
      const Word end = claimed.load(std::memory_order_acquire);  // acquire "sealed"
      return (end & kSealed) != 0;
    }
    [[nodiscard]] bool drained() const noexcept {
      const Word end = claimed.load(std::memory_order_acquire);  // acquire "sealed"
      if ((end & kSealed) == 0) return false;
      // relaxed: `end` is final and `taken` never passes it, so an old value only says "not yet"
      return taken.load(std::memory_order_relaxed) == end - kSealed;
    }
    [[nodiscard]] std::size_t size_approx() const noexcept {
      const Word from = taken.load(std::memory_order_relaxed);  // relaxed: an estimate
      const Word to = claimed.load(std::memory_order_relaxed);  // relaxed: an estimate
      if (gap(from, to) <= 0) return 0;
      const std::size_t size = (to - from) / kStep;
      return size < header.capacity ? size : header.capacity;
    }
  };
  static_assert(sizeof(Block) % kCellAlign == 0);

  /// What both handles keep of the ring, so that finding a cell reads no shared line.
  class View {
   public:
    explicit View(Block* block) noexcept
        : block_(block), cells_(block->cells()), mask_(block->header.blocks - 1) {}

    [[nodiscard]] Block& block() const noexcept { return *block_; }
    [[nodiscard]] Cell& cell_of(Word word) const noexcept { return cells_[word / kStep & mask_]; }
    [[nodiscard]] std::size_t slots() const noexcept { return mask_ + 1; }

   private:
    Block* block_;
    Cell* cells_;
    std::size_t mask_;
  };

  static Result<RingShape, SetupError> shape_of(const Options& options) noexcept {
    check_element<T>();
    constexpr std::size_t kMost = static_cast<std::size_t>(-1) / 4;  // RingShape refuses more
    const std::size_t slots =
        options.capacity <= kMost ? std::bit_ceil(options.capacity) : options.capacity;
    return RingShape::of(options.capacity == 0 ? 0 : slots, 1, sizeof(Cell), sizeof(Block));
  }

  static Result<MpmcRing, SetupError> lay_out(Result<RingMemory, SetupError> memory,
                                              const RingShape& shape,
                                              const Options& options) noexcept {
    if (!memory) return Failure{memory.error()};
    auto* block = ::new (static_cast<void*>(memory->data())) Block({.kind = RingKind::kMpmc,
                                                                    .element_size = sizeof(T),
                                                                    .element_align = alignof(T),
                                                                    .capacity = options.capacity,
                                                                    .blocks = shape.blocks,
                                                                    .start = options.start,
                                                                    .bytes = shape.bytes});
    Word word = options.start * kStep;
    for (std::size_t i = 0; i < shape.blocks; ++i, word += kStep) {
      ::new (static_cast<void*>(&block->cell_of(word))) Cell(word);
    }
    return MpmcRing(*std::move(memory));
  }

  explicit MpmcRing(RingMemory memory) noexcept : memory_(std::move(memory)) {}

  [[nodiscard]] Block* block() const noexcept {
    return std::launder(reinterpret_cast<Block*>(memory_.data()));
  }

  void destroy_leftovers() noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      // relaxed, all three: nobody else uses the ring any more
      const Word end = block()->claimed.load(std::memory_order_relaxed) & ~kSealed;
      Word at = block()->taken.load(std::memory_order_relaxed);  // relaxed: as above
      for (; at != end; at += kStep) {
        Cell& cell = block()->cell_of(at);
        // relaxed: as above
        if (cell.word.load(std::memory_order_relaxed) == at + kFull) cell.element.destroy();
      }
    }
  }

  RingMemory memory_;
};

/// A sending handle: one thread at a time; take one for each thread.
template <class T, class Memory>
class MpmcRing<T, Memory>::Producer {
 public:
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&&) noexcept = default;

  /// Sends a copy; if copying throws, nothing was sent. \return false if the ring is full or
  /// sealed, or a consumer is not done with the slot one lap back.
  [[nodiscard]] bool try_push(const T& value) noexcept(std::is_nothrow_copy_constructible_v<T>) {
    if constexpr (std::is_nothrow_copy_constructible_v<T>) {
      return try_emplace(value);
    } else {
      if (!has_room()) return false;  // spares a copy that would be thrown away
      return try_push(T(value));      // copied before the claim, so that a throw leaves no hole
    }
  }
  /// Sends by moving; `value` is untouched on failure. \return as try_push(const T&)
  [[nodiscard]] bool try_push(T&& value) noexcept { return try_emplace(std::move(value)); }

  /// Constructs an element in place; the arguments are untouched on failure. If the constructor
  /// throws, nothing was sent and the slot is a hole until consumers have passed it.
  /// \return as try_push(const T&)
  template <class... Args>
  [[nodiscard]] bool try_emplace(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    Word at = 0;
    Cell* cell = claim_one(at);
    if (cell == nullptr) return false;
    if constexpr (std::is_nothrow_constructible_v<T, Args...>) {
      Memory::before_write(&cell->element, sizeof(T));
      cell->element.construct(std::forward<Args>(args)...);
      cell->word.store(at + kFull, std::memory_order_release);  // release "published"
    } else {
      Claim claim(cell, at, std::forward<Args>(args)...);
      claim.commit();
    }
    return true;
  }

  /// Constructs an element in place that commit() publishes; without arguments it is
  /// default-initialised. Dropping the claim leaves a hole that consumers skip. The claim is empty
  /// if try_push() would have failed. While it is open, consumers get nothing that was claimed
  /// later: be brief.
  template <class... Args>
  [[nodiscard]] Claim try_claim(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    Word at = 0;
    Cell* cell = claim_one(at);
    if (cell == nullptr) return Claim();
    return Claim(cell, at, std::forward<Args>(args)...);
  }

  /// Sends as long a prefix of `values` as there are free slots for, moving from it (copying, if
  /// they are const). They are claimed at once, so nobody else's messages lie between them, unless
  /// constructing may throw: then they are sent one by one, and a throw leaves those before it
  /// sent. \return how many were sent
  template <class U, std::size_t Extent>
  requires std::is_same_v<std::remove_const_t<U>, T>
  [[nodiscard]] std::size_t try_push_batch(std::span<U, Extent> values) noexcept(
      std::is_nothrow_constructible_v<T, decltype(std::move(values[0]))>) {
    std::size_t sent = 0;
    if constexpr (std::is_nothrow_constructible_v<T, decltype(std::move(values[0]))>) {
      Word at = 0;
      const std::size_t count = claim_run(values.size(), at);
      for (; sent < count; ++sent, at += kStep) {
        Cell& cell = view_.cell_of(at);
        Memory::before_write(&cell.element, sizeof(T));
        cell.element.construct(std::move(values[sent]));
        cell.word.store(at + kFull, std::memory_order_release);  // release "published"
      }
    } else {
      while (sent < values.size() && try_push(std::move(values[sent]))) ++sent;
    }
    return sent;
  }

  /// No claim succeeds from here on, whoever makes it. Wait-free.
  void seal() noexcept { view_.block().seal(); }
  /// Wait-free.
  [[nodiscard]] bool sealed() const noexcept { return view_.block().sealed(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return view_.block().header.capacity; }
  /// Counts open claims and holes too. Wait-free.
  [[nodiscard]] std::size_t size_approx() const noexcept { return view_.block().size_approx(); }

 private:
  friend MpmcRing;

  /// More than any ring has: where capacity and slots are equal, the slot words alone say full.
  static constexpr std::int64_t kNoLimit = std::int64_t{1} << 62;

  explicit Producer(Block* block) noexcept
      : view_(block),
        limit_(block->header.capacity == view_.slots()
                   ? kNoLimit
                   : static_cast<std::int64_t>(block->header.capacity * kStep)) {
    renew_credit();
  }

  void renew_credit() noexcept {
    // relaxed: an old value admits too little, never too much; the slot word gives the permission
    seen_taken_ = view_.block().taken.load(std::memory_order_relaxed);
  }
  /// Words that may be claimed from `at` on, not counting what was taken since the last look.
  [[nodiscard]] std::int64_t credit(Word at) const noexcept {
    return limit_ - gap(seen_taken_, at);
  }

  /// The free cell of position `at`, or of a later one if others have been faster. \return nullptr
  /// if there is none
  Cell* find_free(Word& at) noexcept {
    for (;;) {
      if (credit(at) <= 0) [[unlikely]] {
        // Case 1: no credit. `taken` is read after `at`, so if there still is none the ring held
        // capacity positions at this moment (or is sealed, with that many left).
        renew_credit();
        if (credit(at) <= 0) return nullptr;
      }
      Cell& cell = view_.cell_of(at);
      const Word word = cell.word.load(std::memory_order_acquire);  // acquire "freed"
      // Case 2: free for this position. Never so once sealed: position p is not full, so 4p + 1 is
      // in no slot.
      if (word == at) [[likely]]
        return &cell;
      // Case 3: sealed. Case 4: the slot is in use one lap back.
      if ((at & kSealed) != 0 || gap(at, word) < 0) return nullptr;
      // Case 5: another producer claimed the position after `at` was read. Its claim happens before
      // what we read from the slot, so this finds a later one.
      at = view_.block().claimed.load(std::memory_order_acquire);  // acquire "claimed"
    }
  }

  /// True if a push would have succeeded just now.
  [[nodiscard]] bool has_room() noexcept {
    Word at = view_.block().claimed.load(std::memory_order_acquire);  // acquire "claimed"
    return find_free(at) != nullptr;
  }

  /// Claims position `at`. \return its cell, or nullptr if there is none
  Cell* claim_one(Word& at) noexcept {
    for (;;) {
      at = view_.block().claimed.load(std::memory_order_acquire);  // acquire "claimed"
      Cell* cell = find_free(at);
      if (cell == nullptr) return nullptr;
      // Success: release "claimed"; it reads the very store of `at` that was acquired before.
      // Failure, relaxed: it is loaded again.
      if (view_.block().claimed.compare_exchange_weak(at, at + kStep, std::memory_order_release,
                                                      std::memory_order_relaxed)) [[likely]]
        return cell;
      Memory::back_off();
    }
  }

  /// Claims positions from `at` on, at most `most`. \return how many
  std::size_t claim_run(std::size_t most, Word& at) noexcept {
    while (most != 0) {
      at = view_.block().claimed.load(std::memory_order_acquire);  // acquire "claimed"
      if (find_free(at) == nullptr) return 0;
      if (credit(at) / static_cast<std::int64_t>(kStep) < static_cast<std::int64_t>(most)) {
        renew_credit();
      }
      const auto room = static_cast<std::size_t>(credit(at)) / kStep;
      const std::size_t limit = room < most ? room : most;
      // A slot that is free for its position stays free until the position is claimed.
      std::size_t count = 1;
      while (count < limit) {
        const Word next = at + count * kStep;
        const Word word =
            view_.cell_of(next).word.load(std::memory_order_acquire);  // acquire "freed"
        if (word != next) break;
        ++count;
      }
      // release "claimed", on failure relaxed: as in claim_one()
      if (view_.block().claimed.compare_exchange_weak(
              at, at + count * kStep, std::memory_order_release, std::memory_order_relaxed)) {
        return count;
      }
      Memory::back_off();
    }
    return 0;
  }

  View view_;
  std::int64_t limit_;   // capacity in words, or kNoLimit
  Word seen_taken_ = 0;  // `taken` when last looked at
};

/// A position that nobody else can use, with an element that is constructed but not sent. May
/// outlive its producer, not the ring.
template <class T, class Memory>
class MpmcRing<T, Memory>::Claim {
 public:
  /// An empty claim.
  Claim() noexcept = default;
  Claim(Claim&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)), at_(other.at_) {}
  Claim& operator=(Claim&&) = delete;
  ~Claim() {
    if (cell_ == nullptr) return;
    cell_->element.destroy();
    leave_hole();
  }

  /// False if there was no room.
  explicit operator bool() const noexcept { return cell_ != nullptr; }
  T& operator*() const noexcept { return cell_->element.get(); }
  T* operator->() const noexcept { return &cell_->element.get(); }

  /// Sends the element; the claim is empty afterwards. Wait-free. \pre not empty
  void commit() noexcept {
    std::exchange(cell_, nullptr)
        ->word.store(at_ + kFull, std::memory_order_release);  // release "published"
  }

 private:
  friend Producer;

  template <class... Args>
  Claim(Cell* cell, Word at, Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>)
      : cell_(cell), at_(at) {
    bool built = false;
    const AtExit leave([&] {
      if (!built) leave_hole();  // the constructor threw
    });
    Memory::before_write(&cell->element, sizeof(T));
    cell->element.construct(std::forward<Args>(args)...);
    built = true;
  }

  void leave_hole() noexcept {
    cell_->word.store(at_ + kHole, std::memory_order_release);  // release "published"
  }

  Cell* cell_ = nullptr;
  Word at_ = 0;
};

/// A receiving handle: one thread at a time; take one for each thread.
template <class T, class Memory>
class MpmcRing<T, Memory>::Consumer {
 public:
  Consumer(Consumer&&) noexcept = default;
  Consumer& operator=(Consumer&&) noexcept = default;

  /// Takes the oldest element. \return nothing if the ring is empty, or a producer claimed the
  /// oldest position and is not done.
  [[nodiscard, gnu::always_inline]] std::optional<T> try_pop() noexcept {
    Word at = 0;
    Cell* cell = take_one(at);
    if (cell == nullptr) return std::nullopt;
    Memory::before_read(&cell->element, sizeof(T));
    T value = std::move(cell->element.get());  // not an optional yet: docs/design/spsc-ring.md
    destroy(*cell);
    free(*cell, at);
    return value;
  }

  /// Calls `handler(T&)` for the oldest elements, in order and in place, at most `limit` of them,
  /// then destroys them. A noexcept handler is given runs that are taken at once (other consumers
  /// get nothing of them); one that may throw is given elements one by one, and the element at
  /// which it throws counts as taken. \return how many were taken; with an unlimited `limit` it
  /// goes on while producers keep up.
  template <class Handler>
  std::size_t drain(Handler&& handler,
                    std::size_t limit) noexcept(std::is_nothrow_invocable_v<Handler&, T&>) {
    constexpr bool kInRuns = std::is_nothrow_invocable_v<Handler&, T&>;
    std::size_t handled = 0;
    while (handled < limit) {
      Word at = 0;
      const std::size_t count = take_run(kInRuns ? limit - handled : 1, at);
      if (count == 0) break;
      for (const Word end = at + count * kStep; at != end; at += kStep) {
        Cell& cell = view_.cell_of(at);
        // relaxed: take_run() acquired it, and the cell has been ours since
        const bool is_full = cell.word.load(std::memory_order_relaxed) == at + kFull;
        if (!is_full) {
          free(cell, at);
          continue;
        }
        const AtExit depart([&] {  // also when the handler throws
          destroy(cell);
          free(cell, at);
        });
        Memory::before_read(&cell.element, sizeof(T));
        handler(cell.element.get());
        ++handled;
      }
    }
    return handled;
  }

  /// No claim succeeds from here on, whoever makes it. Wait-free.
  void seal() noexcept { view_.block().seal(); }
  /// Wait-free.
  [[nodiscard]] bool sealed() const noexcept { return view_.block().sealed(); }
  /// As MpmcRing::drained(). Wait-free.
  [[nodiscard]] bool drained() const noexcept { return view_.block().drained(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return view_.block().header.capacity; }
  /// Counts open claims and holes too. Wait-free.
  [[nodiscard]] std::size_t size_approx() const noexcept { return view_.block().size_approx(); }

 private:
  friend MpmcRing;

  explicit Consumer(Block* block) noexcept : view_(block), lap_(view_.slots() * kStep) {}

  static void destroy(Cell& cell) noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      Memory::before_write(&cell.element, sizeof(T));
      cell.element.destroy();
    }
  }

  /// Hands the slot of position `at` to the producer of the position one lap later.
  void free(Cell& cell, Word at) noexcept {
    cell.word.store(at + lap_, std::memory_order_release);  // release "freed"
  }

  /// Takes position `at`, which holds an element; skips holes. \return its cell, or nullptr if
  /// there is none
  Cell* take_one(Word& at) noexcept {
    Atomic<Word>& taken = view_.block().taken;
    for (;;) {
      at = taken.load(std::memory_order_relaxed);  // relaxed: a guess that CAS checks
      Cell& cell = view_.cell_of(at);
      const Word word = cell.word.load(std::memory_order_acquire);  // acquire "published"
      // Case 4: nothing was published at this position. (Case 3, later than a hole: another
      // consumer took it after `at` was read. Its take happens before what we read from the slot,
      // so the next look finds a later position.)
      const std::int64_t state = gap(at, word);
      if (state <= 0) return nullptr;
      if (state > kHole) continue;
      // Case 1: an element. Case 2: a hole to skip.
      const Word next = at + kStep;
      // relaxed, both: decides who owns the position; the slot word hands it over
      if (!taken.compare_exchange_weak(at, next, std::memory_order_relaxed,
                                       std::memory_order_relaxed)) [[unlikely]] {
        Memory::back_off();
        continue;
      }
      if (state == kFull) [[likely]]
        return &cell;
      free(cell, at);
    }
  }

  /// Takes published positions from `at` on, holes included, at most `most`. \return how many
  std::size_t take_run(std::size_t most, Word& at) noexcept {
    Atomic<Word>& taken = view_.block().taken;
    for (;;) {
      at = taken.load(std::memory_order_relaxed);  // relaxed: a guess that CAS checks
      // A slot that is full (or a hole) at its position stays so until the position is taken.
      std::size_t count = 0;
      std::int64_t state = 0;  // of the first slot that ends the run
      while (count < most) {
        const Word here = at + count * kStep;
        const Word word =
            view_.cell_of(here).word.load(std::memory_order_acquire);  // acquire "published"
        state = gap(here, word);
        if (state != kFull && state != kHole) break;
        ++count;
      }
      if (count == 0) {
        if (state <= 0) return 0;  // case 4 of take_one()
        continue;                  // case 3
      }
      // relaxed, both: as in take_one()
      if (taken.compare_exchange_weak(at, at + count * kStep, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
        return count;
      }
      Memory::back_off();
    }
  }

  View view_;
  Word lap_;  // from a position to the next that uses the same slot, in words
};

}  // namespace ringway
