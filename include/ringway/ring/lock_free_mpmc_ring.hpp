// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `LockFreeMpmcRing<T>`: a bounded FIFO between any number of producers and consumers, in which
/// nobody ever waits for a thread that is suspended.
///
/// *What.* Use in place of `MpmcRing` where a thread may be suspended for long in the middle of an
/// operation and the others must go on: real-time threads beside ordinary ones, many more threads
/// than processors, a debugger. Do not use when that does not matter: `MpmcRing` makes two atomic
/// updates per message, this one four. What it shares with that: not between processes (one that
/// dies keeps its cell for ever), and whoever must sleep wants a channel.
///
/// *Protocol.* Elements lie in `capacity` cells. The number of a cell is in exactly one place:
///   free --claim--> a producer's hand --commit--> used --take--> a consumer's hand --give--> free
///                         `---abandon--> free
/// `free` and `used` are lock-free FIFOs of numbers (`IndexRing`), so a hand-over is one CAS and no
/// position is ever reserved before its element is there.
///   claims   2 * (positions taken from `free`) + the seal, which is a bit of its head
///   takes    2 * (positions taken from `used`)
///   aborts   2 * (claims that were abandoned)
///   invariant  takes + aborts <= claims: each claim ends as a take or as an abort
///
/// *Synchronisation.* The cells are handed over by the rings' edge "put": through `used` the
/// element is constructed, through `free` it is destroyed, or moved from and destroyed.
///   "sealed"   seal() -> sealed() and drained() that say true (ring/index_ring.hpp)
///
/// *Progress.* Lock-free, every operation: a thread tries again only if another one succeeded. A
/// thread that is suspended in a push or a pop, at whatever instruction, withholds one cell (in a
/// batch, or in `drain` with a noexcept handler, up to kRun): meanwhile the ring is that much
/// smaller, or an element late, and nothing else happens to anybody.
///
/// *Source.* R. Nikolaev, "A Scalable, Portable, and Memory-Efficient Lock-Free FIFO Queue", DISC
/// 2019, https://arxiv.org/abs/1908.04511; what differs is in docs/design/lock-free-mpmc-ring.md.

#include <array>
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
#include "ringway/ring/index_ring.hpp"
#include "ringway/ring/ring_block.hpp"

namespace ringway {

template <class T, class Memory = NativeMemory>
class LockFreeMpmcRing {
  struct Block;
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
  /// Cells that a batch or a drain has in its hand at most.
  static constexpr std::size_t kRun = 16;

  /// Bytes that the ring needs: sizeof(T) for each element, and 16 for each slot, whose number is
  /// the next power of two.
  [[nodiscard]] static Result<std::size_t, SetupError> footprint(const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return shape->bytes;
  }

  /// A ring on the heap.
  [[nodiscard]] static Result<LockFreeMpmcRing, SetupError> create(
      const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::allocate(shape->bytes, kAlign), *shape, options);
  }

  /// A ring in the caller's memory, which must outlive it.
  [[nodiscard]] static Result<LockFreeMpmcRing, SetupError> format(
      std::span<std::byte> memory, const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::borrow(memory, shape->bytes, kAlign), *shape, options);
  }

  /// A further view of a ring that somebody else formatted.
  [[nodiscard]] static Result<LockFreeMpmcRing, SetupError> join(
      std::span<std::byte> memory) noexcept {
    auto view = RingMemory::join(memory, RingKind::kLockFreeMpmc, sizeof(T), alignof(T), kAlign);
    if (!view) return Failure{view.error()};
    const RingHeader header = view->header();
    auto shape = shape_of({.capacity = header.capacity, .start = header.start});
    if (!shape || shape->blocks != header.blocks || shape->bytes != header.bytes) {
      return Failure{SetupError::kCorruptHeader};
    }
    return LockFreeMpmcRing(*std::move(view));
  }

  LockFreeMpmcRing(LockFreeMpmcRing&&) noexcept = default;
  LockFreeMpmcRing& operator=(LockFreeMpmcRing&&) = delete;
  /// Destroys what was never taken. \pre no handle and no claim of this ring is left
  ~LockFreeMpmcRing() {
    if (memory_.holds_elements()) destroy_leftovers();
  }

  /// A sending handle, one for each thread that sends. Any thread; never fails. The ring must
  /// outlive the handle.
  [[nodiscard]] Result<Producer, SetupError> producer() noexcept { return Producer(View(block())); }

  /// A receiving handle, one for each thread that receives. Any thread; never fails. The ring must
  /// outlive the handle.
  [[nodiscard]] Result<Consumer, SetupError> consumer() noexcept { return Consumer(View(block())); }

  /// No claim succeeds from here on, open claims may still be committed. Any thread, wait-free.
  void seal() noexcept { View(block()).seal(); }
  /// Any thread, wait-free.
  [[nodiscard]] bool sealed() const noexcept { return View(block()).sealed(); }
  /// True if the ring is sealed and each accepted element has been taken: no consumer will find
  /// anything again, though one may still be handling what it took. A claim that is still open
  /// delays it. Any thread, wait-free.
  [[nodiscard]] bool drained() const noexcept { return View(block()).drained(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return memory_.header().capacity; }
  /// Counts open claims too. Any thread, wait-free. Exact when nobody is sending or receiving.
  [[nodiscard]] std::size_t size_approx() const noexcept { return View(block()).size_approx(); }

 private:
  using Numbers = IndexRing<Memory>;
  using Word = typename Numbers::Word;
  using Ends = typename Numbers::Ends;
  using Entry = typename Numbers::Entry;
  using Cell = Slot<T>;

  /// The shared memory of one ring.
  struct Block {
    explicit Block(const RingHeader& the_header) noexcept
        : header(the_header),
          free(the_header.start, the_header.capacity),
          used(the_header.start, 0) {}

    // static: written by format()
    alignas(kAlign) RingHeader header;
    // head: producers, tail: consumers
    Ends free;
    // head: consumers, tail: producers
    Ends used;
    // whoever drops a claim
    alignas(kOwnerSpacing) typename Memory::template Atomic<Word> aborts{0};
    // behind the block: the entries of `used`, the cells, the entries of `free`
  };

  /// Where the parts behind the block begin, in bytes from its first.
  struct Offsets {
    std::size_t used;
    std::size_t cells;
    std::size_t free;
    std::size_t end;

    /// \pre what they add up to fits, as shape_of() has checked
    Offsets(std::size_t capacity, std::size_t slots) noexcept
        : used(sizeof(Block)),
          cells(behind(used + slots * sizeof(Entry))),
          free(behind(cells + capacity * sizeof(Cell))),
          end(round_up(free + slots * sizeof(Entry), kAlign)) {}

   private:
    /// Far enough from the last word before `bytes`.
    static std::size_t behind(std::size_t bytes) noexcept {
      return round_up(bytes + kOwnerSpacing - sizeof(Entry), kAlign);
    }
  };

  /// What both handles keep of the ring, so that finding a cell reads no shared line.
  class View {
   public:
    explicit View(Block* block) noexcept
        : View(block, Offsets(block->header.capacity, block->header.blocks)) {}

    Numbers& free() noexcept { return free_; }
    Numbers& used() noexcept { return used_; }
    [[nodiscard]] Cell& cell(std::size_t number) const noexcept { return cells_[number]; }
    [[nodiscard]] std::size_t capacity() const noexcept { return block_->header.capacity; }

    /// Gives back a cell that was claimed and holds nothing. Lock-free.
    void abandon(std::size_t number) noexcept {
      // relaxed: only grows, and until drained() has seen it, it says "not yet"
      block_->aborts.fetch_add(Numbers::kStep, std::memory_order_relaxed);
      free_.put(number);
    }

    void seal() noexcept { free_.seal(); }
    [[nodiscard]] bool sealed() const noexcept { return free_.sealed(); }
    [[nodiscard]] bool drained() const noexcept {
      if (!sealed()) return false;
      // The claims are final, and takes and aborts never add up to more: old values of these only
      // say "not yet".
      return used_.head() + aborts() == free_.head();
    }
    [[nodiscard]] std::size_t size_approx() const noexcept {
      const Word ended = used_.head() + aborts();
      const auto words = static_cast<std::int64_t>(free_.head() - ended);
      if (words <= 0) return 0;
      const auto size = static_cast<std::size_t>(words) / Numbers::kStep;
      return size < capacity() ? size : capacity();
    }

   private:
    View(Block* block, const Offsets& offsets) noexcept
        : block_(block),
          cells_(at<Cell>(block, offsets.cells)),
          free_(&block->free, at<Entry>(block, offsets.free), block->header.blocks),
          used_(&block->used, at<Entry>(block, offsets.used), block->header.blocks) {}

    template <class Part>
    static Part* at(Block* block, std::size_t offset) noexcept {
      return reinterpret_cast<Part*>(reinterpret_cast<std::byte*>(block) + offset);
    }
    [[nodiscard]] Word aborts() const noexcept {
      return block_->aborts.load(std::memory_order_relaxed);  // relaxed: only grows
    }

    friend LockFreeMpmcRing;

    Block* block_;
    Cell* cells_;
    Numbers free_;
    Numbers used_;
  };

  static Result<RingShape, SetupError> shape_of(const Options& options) noexcept {
    check_element<T>();
    constexpr std::size_t kMost = static_cast<std::size_t>(-1) / 4;  // RingShape refuses more
    const std::size_t slots = options.capacity == 0       ? 0
                              : options.capacity <= kMost ? std::bit_ceil(options.capacity)
                                                          : options.capacity;
    // An upper bound, to find out what cannot be counted.
    auto shape = RingShape::of(slots, 1, 2 * sizeof(Entry) + sizeof(Cell),
                               sizeof(Block) + 4 * kAlign + 2 * kOwnerSpacing);
    if (shape) shape->bytes = Offsets(options.capacity, slots).end;
    return shape;
  }

  static Result<LockFreeMpmcRing, SetupError> lay_out(Result<RingMemory, SetupError> memory,
                                                      const RingShape& shape,
                                                      const Options& options) noexcept {
    if (!memory) return Failure{memory.error()};
    auto* block = ::new (static_cast<void*>(memory->data())) Block({.kind = RingKind::kLockFreeMpmc,
                                                                    .element_size = sizeof(T),
                                                                    .element_align = alignof(T),
                                                                    .capacity = options.capacity,
                                                                    .blocks = shape.blocks,
                                                                    .start = options.start,
                                                                    .bytes = shape.bytes});
    const Offsets offsets(options.capacity, shape.blocks);
    Numbers::format(View::template at<Entry>(block, offsets.free), shape.blocks, options.start,
                    options.capacity);
    Numbers::format(View::template at<Entry>(block, offsets.used), shape.blocks, options.start, 0);
    return LockFreeMpmcRing(*std::move(memory));
  }

  explicit LockFreeMpmcRing(RingMemory memory) noexcept : memory_(std::move(memory)) {}

  [[nodiscard]] Block* block() const noexcept {
    return std::launder(reinterpret_cast<Block*>(memory_.data()));
  }

  void destroy_leftovers() noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      View view(block());
      view.used().for_each([&](std::size_t number) { view.cell(number).destroy(); });
    }
  }

  RingMemory memory_;
};

/// A sending handle: one thread at a time; take one for each thread.
template <class T, class Memory>
class LockFreeMpmcRing<T, Memory>::Producer {
 public:
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&&) noexcept = default;

  /// Sends a copy; if copying throws, nothing was sent. Lock-free. \return false if the ring is
  /// sealed, or each of its cells holds an element or is in somebody's hand
  [[nodiscard]] bool try_push(const T& value) noexcept(std::is_nothrow_copy_constructible_v<T>) {
    return try_emplace(value);
  }
  /// Sends by moving; `value` is untouched on failure. Lock-free. \return as try_push(const T&)
  [[nodiscard]] bool try_push(T&& value) noexcept { return try_emplace(std::move(value)); }

  /// Constructs an element in place; the arguments are untouched on failure. If the constructor
  /// throws, nothing was sent. Lock-free. \return as try_push(const T&)
  template <class... Args>
  [[nodiscard]] bool try_emplace(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    std::size_t number = 0;
    if (!view_.free().take(number)) return false;
    if constexpr (std::is_nothrow_constructible_v<T, Args...>) {
      send(number, std::forward<Args>(args)...);
    } else {
      Claim claim(view_, number, std::forward<Args>(args)...);
      claim.commit();
    }
    return true;
  }

  /// Constructs an element in place that commit() sends; without arguments it is
  /// default-initialised. Its place among the others is that of the commit. Dropping the claim
  /// undoes it. The claim is empty if try_push() would have failed. Lock-free.
  template <class... Args>
  [[nodiscard]] Claim try_claim(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    std::size_t number = 0;
    if (!view_.free().take(number)) return Claim();
    return Claim(view_, number, std::forward<Args>(args)...);
  }

  /// Sends as long a prefix of `values` as there are free cells for, moving from it (copying, if
  /// they are const). Messages of others may come to lie between them. If constructing one throws,
  /// those before it are sent. Lock-free. \return how many were sent
  template <class U, std::size_t Extent>
  requires std::is_same_v<std::remove_const_t<U>, T>
  [[nodiscard]] std::size_t try_push_batch(std::span<U, Extent> values) noexcept(
      std::is_nothrow_constructible_v<T, decltype(std::move(values[0]))>) {
    std::size_t sent = 0;
    if constexpr (std::is_nothrow_constructible_v<T, decltype(std::move(values[0]))>) {
      while (sent < values.size()) {
        std::array<std::size_t, kRun> numbers;
        const std::size_t left = values.size() - sent;
        const std::size_t count =
            view_.free().take(std::span(numbers.data(), left < kRun ? left : kRun));
        if (count == 0) break;
        for (std::size_t i = 0; i < count; ++i) send(numbers[i], std::move(values[sent++]));
      }
    } else {
      while (sent < values.size() && try_push(std::move(values[sent]))) ++sent;
    }
    return sent;
  }

  /// No claim succeeds from here on, whoever makes it. Wait-free.
  void seal() noexcept { view_.seal(); }
  /// Wait-free.
  [[nodiscard]] bool sealed() const noexcept { return view_.sealed(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return view_.capacity(); }
  /// Counts open claims too. Wait-free.
  [[nodiscard]] std::size_t size_approx() const noexcept { return view_.size_approx(); }

 private:
  friend LockFreeMpmcRing;

  explicit Producer(const View& view) noexcept : view_(view) {}

  template <class... Args>
  void send(std::size_t number, Args&&... args) noexcept {
    Cell& cell = view_.cell(number);
    Memory::before_write(&cell, sizeof(T));
    cell.construct(std::forward<Args>(args)...);
    view_.used().put(number);
  }

  View view_;
};

/// A cell that nobody else can use, with an element that is constructed but not sent. May outlive
/// its producer, not the ring.
template <class T, class Memory>
class LockFreeMpmcRing<T, Memory>::Claim {
 public:
  /// An empty claim.
  Claim() noexcept = default;
  Claim(Claim&& other) noexcept : view_(std::exchange(other.view_, {})), number_(other.number_) {}
  Claim& operator=(Claim&&) = delete;
  ~Claim() {
    if (!view_) return;
    cell().destroy();
    view_->abandon(number_);
  }

  /// False if there was no room.
  explicit operator bool() const noexcept { return view_.has_value(); }
  T& operator*() const noexcept { return cell().get(); }
  T* operator->() const noexcept { return &cell().get(); }

  /// Sends the element; the claim is empty afterwards. Lock-free. \pre not empty
  void commit() noexcept { std::exchange(view_, {})->used().put(number_); }

 private:
  friend Producer;

  template <class... Args>
  Claim(const View& view, std::size_t number,
        Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>)
      : view_(view), number_(number) {
    bool built = false;
    const AtExit give_back([&] {
      if (!built) view_->abandon(number_);  // the constructor threw
    });
    Memory::before_write(&cell(), sizeof(T));
    cell().construct(std::forward<Args>(args)...);
    built = true;
  }

  [[nodiscard]] Cell& cell() const noexcept { return view_->cell(number_); }

  std::optional<View> view_;
  std::size_t number_ = 0;
};

/// A receiving handle: one thread at a time; take one for each thread.
template <class T, class Memory>
class LockFreeMpmcRing<T, Memory>::Consumer {
 public:
  Consumer(Consumer&&) noexcept = default;
  Consumer& operator=(Consumer&&) noexcept = default;

  /// Takes the oldest element. Lock-free. \return nothing if the ring is empty
  [[nodiscard, gnu::always_inline]] std::optional<T> try_pop() noexcept {
    std::size_t number = 0;
    if (!view_.used().take(number)) return std::nullopt;
    Cell& cell = view_.cell(number);
    Memory::before_read(&cell, sizeof(T));
    T value = std::move(cell.get());  // not an optional yet: docs/design/spsc-ring.md
    give(number);
    return value;
  }

  /// Calls `handler(T&)` for the oldest elements, in order and in place, at most `limit` of them,
  /// then destroys them. A noexcept handler is given runs of up to kRun that are taken at once
  /// (other consumers get nothing of them); one that may throw is given elements one by one, and
  /// the element at which it throws counts as taken. Lock-free, but for the handler. \return how
  /// many were taken; with an unlimited `limit` it goes on while producers keep up.
  template <class Handler>
  std::size_t drain(Handler&& handler,
                    std::size_t limit) noexcept(std::is_nothrow_invocable_v<Handler&, T&>) {
    constexpr std::size_t kMost = std::is_nothrow_invocable_v<Handler&, T&> ? kRun : 1;
    std::size_t handled = 0;
    while (handled < limit) {
      std::array<std::size_t, kMost> numbers;
      const std::size_t left = limit - handled;
      const std::size_t count =
          view_.used().take(std::span(numbers.data(), left < kMost ? left : kMost));
      if (count == 0) break;
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t number = numbers[i];
        const AtExit depart([&] { give(number); });  // also when the handler throws
        Cell& cell = view_.cell(number);
        Memory::before_read(&cell, sizeof(T));
        handler(cell.get());
        ++handled;
      }
    }
    return handled;
  }

  /// No claim succeeds from here on, whoever makes it. Wait-free.
  void seal() noexcept { view_.seal(); }
  /// Wait-free.
  [[nodiscard]] bool sealed() const noexcept { return view_.sealed(); }
  /// As LockFreeMpmcRing::drained(). Wait-free.
  [[nodiscard]] bool drained() const noexcept { return view_.drained(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return view_.capacity(); }
  /// Counts open claims too. Wait-free.
  [[nodiscard]] std::size_t size_approx() const noexcept { return view_.size_approx(); }

 private:
  friend LockFreeMpmcRing;

  explicit Consumer(const View& view) noexcept : view_(view) {}

  /// Destroys the element and gives its cell back.
  void give(std::size_t number) noexcept {
    Cell& cell = view_.cell(number);
    if constexpr (!std::is_trivially_destructible_v<T>) {
      Memory::before_write(&cell, sizeof(T));
      cell.destroy();
    }
    view_.free().put(number);
  }

  View view_;
};

}  // namespace ringway
