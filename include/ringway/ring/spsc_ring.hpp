// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `SpscRing<T>`: a bounded FIFO from one producer thread to one consumer thread.
///
/// *What.* Use when exactly one thread sends and exactly one receives: it is the fastest way from
/// one thread to another. Do not use when several threads send or receive (`MpmcRing`), when
/// several shall see each message (`BroadcastRing`), or when somebody must sleep until there is
/// something to do (`channel`, which puts waiting around this ring). A handle that is a local
/// variable of the function that loops, and whose address nobody takes, keeps its place in
/// registers: 1.6 times the rate of one that lies in memory (8-byte elements).
///
/// *Protocol.* Elements lie in lines (ring/line.hpp): one published word and, for 8-byte elements,
/// seven of them in 64 bytes.
///   producer   owns published (in the lines), front: the position at which its current line begins
///   consumer   owns consumed: the position after the last element taken; told: the same, stored
///              once for many elements
///   invariant  consumed <= produced <= consumed + capacity; a slot is alive from publish to take
/// The producer looks only when its cached limit says full, and first at `told`: `consumed` as it
/// was some elements ago, on a cache line of its own. A look at a word takes its cache line away
/// from the consumer, which has `told` to store once for many elements, but `consumed` for each. So
/// a producer that keeps up with its consumer never disturbs it, and the capacity is exact all the
/// same. The consumer goes by the line that it is about to read alone. Each side's cursor lives in
/// its handle.
/// A consumer hands cache lines in which it did not have to wait back as their owner: before it
/// acknowledges the last element in one, it writes bytes of that slot over with themselves
/// (`Slot::own_lines`), so that the producer meets lines that nobody shares. In rings of at most
/// 1 MiB; of which elements depends on the processor, and where that streams by itself, only for a
/// while after the consumer found nothing (Lines::hands_back, Lines::hands_back_always).
/// Where the processor does not do so by itself, both sides fetch lines ahead, but only those with
/// which the other has finished: the producer up to its cached limit, the consumer up to where
/// `front` was when it last looked.
///
/// *Synchronisation.*
///   "published"  in ring/line.hpp: the element is constructed
///   "consumed"   consumer's store to consumed -> producer's load of it: the element is destroyed
///   "told"       consumer's store to told -> producer's load of it: the elements before it are
///
/// *Progress.* Every operation is wait-free; a suspended thread blocks nobody but whoever needs its
/// next message or slot. A producer that finds the ring full or nearly so may look again for up to
/// a microsecond before it says so.
///
/// *Source.* docs/design/spsc-ring.md. Role handles: crossbeam, iceoryx2. Cached limits: P. P. C.
/// Lee et al., "A Lock-Free, Cache-Efficient Multi-Core Synchronization Mechanism" (MCRingBuffer),
/// 2009.

#include <cassert>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/base/at_exit.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/ring/line.hpp"
#include "ringway/ring/ring_block.hpp"

namespace ringway {

template <class T, class Memory = NativeMemory>
class SpscRing {
  struct Block;

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

  /// Bytes that the ring needs.
  [[nodiscard]] static Result<std::size_t, SetupError> footprint(const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return shape->bytes;
  }

  /// A ring on the heap.
  [[nodiscard]] static Result<SpscRing, SetupError> create(const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::allocate(shape->bytes, kAlign), *shape, options);
  }

  /// A ring in the caller's memory, which must outlive it.
  [[nodiscard]] static Result<SpscRing, SetupError> format(std::span<std::byte> memory,
                                                           const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::borrow(memory, shape->bytes, kAlign), *shape, options);
  }

  /// A further view of a ring that somebody else formatted.
  [[nodiscard]] static Result<SpscRing, SetupError> join(std::span<std::byte> memory) noexcept {
    auto view = RingMemory::join(memory, RingKind::kSpsc, sizeof(T), alignof(T), kAlign);
    if (!view) return Failure{view.error()};
    const RingHeader header = view->header();
    auto shape = shape_of({.capacity = header.capacity, .start = header.start});
    if (!shape || shape->blocks != header.blocks || shape->bytes != header.bytes) {
      return Failure{SetupError::kCorruptHeader};
    }
    return SpscRing(*std::move(view));
  }

  SpscRing(SpscRing&&) noexcept = default;
  SpscRing& operator=(SpscRing&&) = delete;
  /// Destroys what was never taken. \pre no handle of this ring is left
  ~SpscRing() {
    if (memory_.holds_elements()) destroy_leftovers();
  }

  /// The sending role. Any thread; kRoleTaken while another producer lives. The ring must outlive
  /// the handle.
  [[nodiscard]] Result<Producer, SetupError> producer() noexcept {
    if (!block()->producer_role.take()) return Failure{SetupError::kRoleTaken};
    return Producer(block());
  }

  /// The receiving role. Any thread; kRoleTaken while another consumer lives. The ring must outlive
  /// the handle.
  [[nodiscard]] Result<Consumer, SetupError> consumer() noexcept {
    if (!block()->consumer_role.take()) return Failure{SetupError::kRoleTaken};
    return Consumer(block());
  }

  /// Frees the sending role of a producer that died with it, wherever it was killed. The next one
  /// continues behind the last element that was sent; one that was being written was not. The same
  /// again changes nothing. \pre the kernel says that the producer's thread or process has ended
  /// (a time-out does not), and nobody takes or vacates the role meanwhile
  void vacate_producer() noexcept requires std::is_trivially_copyable_v<T> {
    block()->producer_role.vacate(block()->lines().head(block()->front));
  }
  /// The same for a consumer. The next one continues with the first element that was not
  /// acknowledged: try_pop() acknowledges before it returns, drain() when its handler has had what
  /// was found in one line, so up to a line of elements comes again. \pre as for vacate_producer()
  void vacate_consumer() noexcept requires std::is_trivially_copyable_v<T> {
    block()->consumer_role.vacate(
        block()->consumed.load(std::memory_order_relaxed));  // relaxed: its writer has ended
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return memory_.header().capacity; }
  /// Any thread, wait-free. Exact when nobody is sending or receiving.
  [[nodiscard]] std::size_t size_approx() const noexcept { return block()->size_approx(); }

 private:
  /// Where an element fills about a cache line, another line for every seventh of them cost a
  /// quarter of their rate.
  static constexpr std::size_t kBehindWord = sizeof(Slot<T>) <= 96 ? 31 : kFewBehindWord;
  using LinesType = Lines<Slot<T>, Memory, kBehindWord>;
  using LineType = typename LinesType::LineType;
  template <class U>
  using Atomic = typename Memory::template Atomic<U>;

  /// The shared memory of one ring. Positions only; handles hold the pointers.
  struct Block {
    explicit Block(const RingHeader& the_header) noexcept
        : header(the_header),
          front(the_header.start),
          producer_role(the_header.start),
          consumed(the_header.start),
          consumer_role(the_header.start),
          told(the_header.start) {}

    // static: written by format()
    alignas(kAlign) RingHeader header;
    // producer
    alignas(kOwnerSpacing) Atomic<Sequence> front;  // a hint: observers find the line being written
    ExclusiveRole<Memory> producer_role;
    // consumer
    alignas(kOwnerSpacing) Atomic<Sequence> consumed;
    ExclusiveRole<Memory> consumer_role;
    // consumer, once for many elements
    alignas(kOwnerSpacing) Atomic<Sequence> told;  // never ahead of `consumed`
    // the lines follow the block

    [[nodiscard]] LinesType lines() noexcept {
      return LinesType(reinterpret_cast<std::byte*>(this) + sizeof(Block), header.blocks,
                       header.start);
    }
    [[nodiscard]] std::size_t size_approx() noexcept {
      const auto taken = consumed.load(std::memory_order_relaxed);  // relaxed: an estimate
      const auto size = distance(taken, lines().head(front));
      if (size < 0) return 0;
      return static_cast<std::size_t>(size) < header.capacity ? static_cast<std::size_t>(size)
                                                              : header.capacity;
    }
  };

  static Result<RingShape, SetupError> shape_of(const Options& options) noexcept {
    check_element<T>();
    return RingShape::of(options.capacity, LineType::kItems, sizeof(LineType), sizeof(Block));
  }

  static Result<SpscRing, SetupError> lay_out(Result<RingMemory, SetupError> memory,
                                              const RingShape& shape,
                                              const Options& options) noexcept {
    if (!memory) return Failure{memory.error()};
    auto* block = ::new (static_cast<void*>(memory->data())) Block({.kind = RingKind::kSpsc,
                                                                    .element_size = sizeof(T),
                                                                    .element_align = alignof(T),
                                                                    .capacity = options.capacity,
                                                                    .blocks = shape.blocks,
                                                                    .start = options.start,
                                                                    .bytes = shape.bytes});
    block->lines().format();
    return SpscRing(*std::move(memory));
  }

  explicit SpscRing(RingMemory memory) noexcept : memory_(std::move(memory)) {}

  [[nodiscard]] Block* block() const noexcept {
    return std::launder(reinterpret_cast<Block*>(memory_.data()));
  }

  void destroy_leftovers() noexcept {
    assert(!block()->producer_role.taken() && !block()->consumer_role.taken());
    if constexpr (!std::is_trivially_destructible_v<T>) {
      const auto end = block()->producer_role.position();
      for (auto at = block()->consumer_role.position(); at != end; ++at) {
        block()->lines().slot_of(at)->destroy();
      }
    }
  }

  RingMemory memory_;
};

/// The sending role: one producer thread. Moving the handle to another thread needs
/// synchronisation, as for any object.
template <class T, class Memory>
class SpscRing<T, Memory>::Producer {
 public:
  Producer(Producer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), writer_(other.writer_) {}
  Producer& operator=(Producer&&) = delete;
  ~Producer() {
    if (block_ != nullptr) block_->producer_role.give(writer_.position());
  }

  /// Sends a copy. \return false if the ring is full. Wait-free.
  [[nodiscard, gnu::always_inline]] bool try_push(const T& value) noexcept(
      std::is_nothrow_copy_constructible_v<T>) {
    return try_emplace(value);
  }
  /// Sends by moving; `value` is untouched on failure. \return false if the ring is full.
  /// Wait-free.
  [[nodiscard, gnu::always_inline]] bool try_push(T&& value) noexcept {
    return try_emplace(std::move(value));
  }

  /// Constructs an element in place; if the constructor throws, nothing was sent. Wait-free.
  template <class... Args>
  [[nodiscard, gnu::always_inline]] bool try_emplace(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    if (writer_.room() == 0 && !open()) [[unlikely]]
      return false;
    Memory::before_write(writer_.slot(), sizeof(T));
    writer_.slot()->construct(std::forward<Args>(args)...);
    writer_.publish(1);
    return true;
  }

  /// Constructs an element in place that commit() sends; dropping the claim takes it back. Without
  /// arguments the element is default-initialised. Wait-free. The claim is empty if the ring is
  /// full. \pre no other claim of this producer is open
  template <class... Args>
  [[nodiscard]] Claim try_claim(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    if (writer_.room() == 0 && !open()) [[unlikely]]
      return Claim(nullptr);
    Memory::before_write(writer_.slot(), sizeof(T));
    writer_.slot()->construct(std::forward<Args>(args)...);
    return Claim(this);
  }

  /// Sends as long a prefix of `values` as fits, moving from it (copying, if they are const). If a
  /// copy throws, those before it were sent. \return how many were sent: all visible when this
  /// returns. Wait-free.
  template <class U, std::size_t kExtent>
  requires std::is_same_v<std::remove_const_t<U>, T>
  [[nodiscard]] std::size_t try_push_batch(std::span<U, kExtent> values) noexcept(
      std::is_nothrow_constructible_v<T, std::add_rvalue_reference_t<U>>) {
    constexpr bool kNeverThrows =
        std::is_nothrow_constructible_v<T, std::add_rvalue_reference_t<U>>;
    std::size_t sent = 0;
    while (sent < values.size()) {
      if constexpr (kNeverThrows) {
        sent += push_lines(values.data() + sent, values.size() - sent);
        if (sent == values.size()) break;
      }
      if (writer_.room() == 0 && !open()) break;
      const auto wanted = kNeverThrows ? values.size() - sent : 1;
      const auto count = writer_.room() < wanted ? writer_.room() : wanted;
      construct_each(writer_.slot(), &values[sent], count);
      writer_.publish(count);
      sent += count;
    }
    return sent;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return block_->header.capacity; }
  /// Elements sent and not yet taken; at least the true number when the call returns.
  [[nodiscard]] std::size_t size_approx() const noexcept {
    const auto taken = block_->consumed.load(std::memory_order_relaxed);  // relaxed: an estimate
    return static_cast<std::size_t>(writer_.position() - taken);
  }
  /// The position that the next element will have.
  [[nodiscard]] Sequence sequence() const noexcept { return writer_.position(); }

 private:
  friend SpscRing;
  friend Claim;

  /// Inlined always: a loop whose length is known there becomes wide moves.
  template <class U>
  [[gnu::always_inline]] static void construct_each(Slot<T>* slots, U* values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Memory::before_write(slots + i, sizeof(T));
      slots[i].construct(std::move(values[i]));
    }
  }

  explicit Producer(Block* block) noexcept
      : block_(block), writer_(block->lines(), block->producer_role.position()) {}

  // What ask_limit() finds out. It is out of line and takes the handle's state by value: a call
  // that took `this` would force the cursors into memory on the fast path too.
  struct Finding {
    Sequence limit;
    bool keeps_up;
  };
  /// Where the ring is full. A producer that takes each slot as it comes free would take the
  /// consumer's line away at each of its stores, so it waits some hundred nanoseconds for the
  /// consumer to tell of many: where it did so last time, before it asks how many are free; then if
  /// there are few of them. Having waited in vain once, it no longer does. docs/design/spsc-ring.md
  [[gnu::noinline]] static Finding ask_limit(Block* block, Sequence position,
                                             bool keeps_up) noexcept {
    const Sequence capacity = block->header.capacity;
    Sequence limit;
    const auto told_of_room = [&] {
      limit = block->told.load(std::memory_order_acquire) + capacity;  // acquire "told"
      return distance(position, limit) > 0;
    };
    if (told_of_room() || (keeps_up && Memory::soon(told_of_room))) return {limit, true};
    limit = block->consumed.load(std::memory_order_acquire) + capacity;  // acquire "consumed"
    if (limit == position || limit - position >= capacity / 8) return {limit, false};
    if (Memory::soon(told_of_room)) return {limit, true};
    limit = block->consumed.load(std::memory_order_acquire) + capacity;  // acquire "consumed"
    return {limit, false};
  }

  [[nodiscard, gnu::always_inline]] bool open() noexcept {
    return writer_.open(
        [this] {
          const Finding found = ask_limit(block_, writer_.position(), keeps_up_);
          keeps_up_ = found.keeps_up;
          return found.limit;
        },
        [this](LineType* line, Sequence position) { enter(line, position); });
  }
  [[gnu::always_inline]] void enter(LineType* line, Sequence position) noexcept {
    writer_.lines().fetch_to_write(line, position, writer_.limit());
    block_->front.store(position, std::memory_order_relaxed);  // relaxed: a hint for observers
  }

  /// Sends those of the next values that fill whole lines, as far as there is known to be room.
  template <class U>
  [[gnu::always_inline]] std::size_t push_lines(U* values, std::size_t count) noexcept {
    constexpr std::size_t kItems = LineType::kItems;
    return kItems * writer_.write_lines(
                        count / kItems,
                        [this](LineType* line, Sequence position) { enter(line, position); },
                        [&values](Slot<T>* slots) noexcept {
                          construct_each(slots, values, kItems);
                          values += kItems;
                        },
                        []() noexcept { return true; });
  }

  Block* block_;
  LineWriter<Slot<T>, Memory, kBehindWord> writer_;
  bool keeps_up_ = false;  // the consumer told of room in time, when we last waited for it
};

/// An element that is constructed but not sent. Lives no longer than its producer, which sends
/// nothing else meanwhile.
template <class T, class Memory>
class SpscRing<T, Memory>::Claim {
 public:
  /// An empty claim.
  Claim() noexcept : producer_(nullptr) {}
  Claim(Claim&& other) noexcept : producer_(std::exchange(other.producer_, nullptr)) {}
  Claim& operator=(Claim&&) = delete;
  ~Claim() {
    if (producer_ != nullptr) producer_->writer_.slot()->destroy();
  }

  /// False if the ring was full.
  explicit operator bool() const noexcept { return producer_ != nullptr; }
  T& operator*() const noexcept { return producer_->writer_.slot()->get(); }
  T* operator->() const noexcept { return &producer_->writer_.slot()->get(); }

  /// Sends the element; the claim is empty afterwards. \pre not empty
  void commit() noexcept { std::exchange(producer_, nullptr)->writer_.publish(1); }

 private:
  friend Producer;
  explicit Claim(Producer* producer) noexcept : producer_(producer) {}

  Producer* producer_;
};

/// The receiving role: one consumer thread.
template <class T, class Memory>
class SpscRing<T, Memory>::Consumer {
 public:
  Consumer(Consumer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        reader_(other.reader_),
        ahead_(other.ahead_),
        told_(other.told_),
        tell_after_(other.tell_after_) {}
  Consumer& operator=(Consumer&&) = delete;
  ~Consumer() {
    if (block_ != nullptr) block_->consumer_role.give(reader_.position());
  }

  /// Takes the oldest element. \return nothing if the ring is empty. Wait-free. Inlined always: a
  /// call that returns an optional in registers costs a failed store forwarding, 10 ns.
  [[nodiscard, gnu::always_inline]] std::optional<T> try_pop() noexcept {
    if (reader_.available() == 0 && !open()) [[unlikely]]
      return std::nullopt;
    Memory::before_read(reader_.slot(), sizeof(T));
    const Sequence position = reader_.position();
    T value = std::move(reader_.slot()->get());  // not an optional yet: docs/design/spsc-ring.md
    acknowledge(take(position));
    return value;
  }

  /// Calls `handler(T&)` for the oldest elements, in order and in place, at most `limit` of them,
  /// then destroys them. If the handler throws, its element counts as taken. \return how many were
  /// taken. Wait-free but for the handler.
  template <class Handler>
  std::size_t drain(Handler&& handler,
                    std::size_t limit) noexcept(std::is_nothrow_invocable_v<Handler&, T&>) {
    std::size_t taken = 0;
    while (taken < limit) {
      if constexpr (std::is_nothrow_invocable_v<Handler&, T&>) {
        taken += drain_lines(handler, limit - taken);
        if (taken == limit) break;
      }
      if (reader_.available() == 0 && !open()) break;
      const auto wanted = limit - taken;
      const auto count = reader_.available() < wanted ? reader_.available() : wanted;
      const AtExit acknowledge_them(
          [this] { acknowledge(reader_.position()); });  // also when the handler throws
      for (std::size_t i = 0; i < count; ++i) {
        Memory::before_read(reader_.slot(), sizeof(T));
        const AtExit take_it([this] { take(reader_.position()); });
        handler(reader_.slot()->get());
      }
      taken += count;
    }
    return taken;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return block_->header.capacity; }
  /// Elements that can be taken; at most the true number when the call returns.
  [[nodiscard]] std::size_t size_approx() const noexcept { return block_->size_approx(); }
  /// The position of the next element; in a handler of drain(), at most that of the one it is
  /// given.
  [[nodiscard]] Sequence sequence() const noexcept { return reader_.position(); }

 private:
  friend SpscRing;

  explicit Consumer(Block* block) noexcept
      : block_(block),
        reader_(block->lines(), block->consumer_role.position()),
        ahead_(reader_.position()),
        told_(reader_.position()),
        tell_after_(tell_after(block->header.capacity)) {}

  /// After how many elements it tells; a small ring's consumer never does, since its producer would
  /// have to ask for the rest anyway.
  [[nodiscard]] static Sequence tell_after(std::size_t capacity) noexcept {
    if (capacity < 8) return ~Sequence{0};
    constexpr std::size_t kItems = LineType::kItems;  // it tells where a line begins
    const std::size_t most = capacity / 2 < kTellAfter ? capacity / 2 : kTellAfter;
    return most < kItems ? most : most - most % kItems;
  }

  [[nodiscard, gnu::always_inline]] bool open() noexcept {
    return reader_.open([this](LineType* line, Sequence position) { enter(line, position); });
  }
  [[gnu::always_inline]] void enter(LineType* line, Sequence position) noexcept {
    if (position - told_ >= tell_after_) [[unlikely]]
      tell(position);
    ahead_.enter(reader_.lines(), line, position, block_->front);
  }

  /// The elements before `position`, which have been acknowledged, are destroyed.
  void tell(Sequence position) noexcept {
    told_ = position;
    block_->told.store(position, std::memory_order_release);  // release "told"
  }

  /// As drain(), of lines that are there as a whole.
  template <class Handler>
  [[gnu::always_inline]] std::size_t drain_lines(Handler& handler, std::size_t limit) noexcept {
    constexpr std::size_t kItems = LineType::kItems;
    return kItems * reader_.read_lines(
                        limit / kItems,
                        [this](LineType* line, Sequence position) { enter(line, position); },
                        [this, &handler](LineType* line, Sequence after) noexcept {
                          for (Slot<T>& slot : *line) {
                            Memory::before_read(&slot, sizeof(T));
                            handler(slot.get());
                          }
                          leave_line(*line);
                          acknowledge(after);
                        });
  }
  /// A line's elements have been handled.
  void leave_line(LineType& line) noexcept {
    constexpr bool kShared = LineLayout<Slot<T>>::kShared;
    const bool hands_back = reader_.lines().hands_back_always();
    for (Slot<T>& slot : line) leave(&slot, hands_back && (!kShared || &slot + 1 == line.end()));
  }
  /// An element has been moved out or handled; with its slot, its cache lines may go back as this
  /// processor's own: the writer gets them faster.
  static void leave(Slot<T>* slot, bool hand_back) noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      Memory::before_write(slot, sizeof(T));
      slot->destroy();
    }
    if (hand_back) {
      Memory::before_write(slot, sizeof(T));
      slot->own_lines();
    }
  }

  /// The element at `position`, the reader's, has been moved out or handled. \return the position
  /// after it. The reader's place is passed on, not loaded again: a load of what was stored a
  /// moment ago takes longer than all the rest.
  Sequence take(Sequence position) noexcept {
    leave(reader_.slot(), reader_.ends_streamed_line());
    reader_.advance_to(position + 1);
    return position + 1;
  }
  void acknowledge(Sequence position) noexcept {
    block_->consumed.store(position, std::memory_order_release);  // release "consumed"
  }

  static constexpr Sequence kTellAfter = 1024;

  Block* block_;
  LineReader<Slot<T>, Memory, kBehindWord> reader_;
  ReadAhead ahead_;
  Sequence told_;  // what `told` says
  Sequence tell_after_;
};

}  // namespace ringway
