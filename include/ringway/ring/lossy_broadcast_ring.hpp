// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `LossyBroadcastRing<T>`: a broadcast ring that also admits readers for which the producer does
/// not wait.
///
/// *What.* Use when a slow reader must rather miss elements than hold the producer back: telemetry,
/// prices, positions. A lossy reader that is lapped is told how many elements it lost. Reliable
/// readers are welcome in the same ring; as long as there is one, it holds the producer back as in
/// `BroadcastRing`. Do not use for types that are not trivially copyable, nor where a copy per
/// reading hurts (`BroadcastRing` reads in place).
///
/// *Protocol.* Elements lie in lines (ring/line.hpp) as 64-bit words, readers have gates
/// (ring/audience.hpp).
///   producer   on entering a line for a new lap it first stores the line's first position into
///              `published`: nothing of this lap is there yet, and whatever was there is going;
///              then it writes words; then it publishes
///   reader     copies the words, then loads `published` again: if that lies behind the line's end
///              as this reader counts it, the copy may be torn and is thrown away: it was lapped
/// There is one line more than the capacity needs, so the last `capacity` elements are always
/// whole.
///
/// *Synchronisation.*
///   "overwriting"  producer's store of a word -> reader's load of it: a reader that saw one new
///                  word sees, in its second load of `published`, that the line is overwritten
///   "published" (ring/line.hpp), "read", "audience", "gate freed" (ring/audience.hpp),
///   "role handed over" (ring/ring_block.hpp)
///
/// *Progress.* Publishing and reading are wait-free; a lossy reader that is lapped faster than it
/// can copy one element reads nothing and counts everything. A suspended lossy reader holds up
/// nobody, a suspended reliable one withholds credit.
///
/// *Source.* H.-J. Boehm, "Can seqlocks get along with programming language memory models?", 2012:
/// the payload is read and written as atomic words. docs/design/broadcast-ring.md.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/base/at_exit.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/ring/broadcast_block.hpp"

namespace ringway {

/// A slot whose payload is a row of atomic words, so that reading while it is overwritten is
/// defined.
template <class T, class Memory>
class WordSlot {
  static_assert(std::is_trivially_copyable_v<T>,
                "Ringway: LossyBroadcastRing copies its elements while they may be overwritten; "
                "use a trivially copyable type, or BroadcastRing");

 public:
  /// The producer.
  void put(const T& value) noexcept {
    std::uint64_t words[kWords];
    if constexpr (sizeof(T) % sizeof(std::uint64_t) != 0) words[kWords - 1] = 0;
    std::memcpy(words, &value, sizeof(T));
    for (std::size_t i = 0; i < kWords; ++i) {
      words_[i].store(words[i], std::memory_order_release);  // release "overwriting"
    }
  }

  /// A copy, torn if the producer is overwriting it; never looked at before it is checked.
  class Copy {
   public:
    explicit Copy(const WordSlot& slot) noexcept {
      std::uint64_t words[kWords];
      for (std::size_t i = 0; i < kWords; ++i) {
        words[i] = slot.words_[i].load(std::memory_order_acquire);  // acquire "overwriting"
      }
      std::memcpy(bytes_, words, sizeof(T));
    }
    /// \pre the copy was checked
    [[nodiscard]] const T& get() const noexcept {
      return *std::launder(reinterpret_cast<const T*>(bytes_));
    }

   private:
    alignas(T) std::byte bytes_[sizeof(T)];
  };

 private:
  static constexpr std::size_t kWords =
      (sizeof(T) + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);

  typename Memory::template Atomic<std::uint64_t> words_[kWords];
};

template <class T, class Memory = NativeMemory>
class LossyBroadcastRing {
  static_assert(std::is_trivially_copyable_v<T>,
                "Ringway: LossyBroadcastRing copies its elements while they may be overwritten; "
                "use a trivially copyable type, or BroadcastRing");
  using SlotType = WordSlot<T, Memory>;
  using Block = BroadcastBlock<T, SlotType, RingKind::kLossyBroadcast, Memory>;
  static constexpr std::size_t kItems = Line<SlotType, Memory>::kItems;

 public:
  using value_type = T;
  using Options = BroadcastOptions;
  class Producer;
  class Cursor;
  class LossyCursor;
  class Claim;

  /// Alignment in bytes that format() and join() ask of the memory.
  static constexpr std::size_t kAlign = Block::kAlign;

  /// Bytes that the ring needs.
  [[nodiscard]] static Result<std::size_t, SetupError> footprint(const Options& options) noexcept {
    return Block::footprint(options);
  }
  /// Bytes that the ring needs if its audience lies apart.
  [[nodiscard]] static Result<BroadcastParts, SetupError> parts(const Options& options) noexcept {
    return Block::parts(options);
  }
  /// A ring on the heap.
  [[nodiscard]] static Result<LossyBroadcastRing, SetupError> create(
      const Options& options) noexcept {
    return made(Block::create(options));
  }
  /// A ring in the caller's memory, which must outlive it.
  [[nodiscard]] static Result<LossyBroadcastRing, SetupError> format(
      std::span<std::byte> memory, const Options& options) noexcept {
    return made(Block::format(memory, options));
  }
  /// The same with an audience apart: the readers write nothing else, if they bring their gates.
  [[nodiscard]] static Result<LossyBroadcastRing, SetupError> format(
      std::span<std::byte> memory, std::span<std::byte> audience, const Options& options) noexcept {
    return made(Block::format(memory, audience, options));
  }
  /// A further view of a ring that somebody else formatted.
  [[nodiscard]] static Result<LossyBroadcastRing, SetupError> join(
      std::span<std::byte> memory) noexcept {
    return made(Block::join(memory));
  }
  [[nodiscard]] static Result<LossyBroadcastRing, SetupError> join(
      std::span<std::byte> memory, std::span<std::byte> audience) noexcept {
    return made(Block::join(memory, audience));
  }

  LossyBroadcastRing(LossyBroadcastRing&&) noexcept = default;
  LossyBroadcastRing& operator=(LossyBroadcastRing&&) = delete;
  /// \pre no handle of this ring is left
  ~LossyBroadcastRing() { assert(!memory_.holds_elements() || !block()->producer_role.taken()); }

  /// The sending role. Any thread; kRoleTaken while another producer lives. The ring must outlive
  /// the handle.
  /// \param finder where the words of readers lie that bring their gates; outlives the handle
  [[nodiscard]] Result<Producer, SetupError> producer(
      const GateFinder<Memory>* finder = nullptr) noexcept {
    if (!block()->producer_role.take()) return Failure{SetupError::kRoleTaken};
    return Producer(block(), shape_, finder);
  }

  /// A reliable reader; this and the next two as in BroadcastRing.
  [[nodiscard]] Result<Cursor, SetupError> cursor(Start start = Start::kNext) noexcept {
    auto gate = reserve_cursor(start);
    if (!gate) return Failure{gate.error()};
    return adopt_cursor(*gate);
  }
  [[nodiscard]] Result<std::size_t, SetupError> reserve_cursor(
      Start start = Start::kNext) noexcept {
    return join_as(Gate<Memory>::kReliable, start);
  }
  [[nodiscard]] Cursor adopt_cursor(std::size_t gate) noexcept {
    return Cursor({block(), shape_.audience, gate}, shape_);
  }
  [[nodiscard]] Cursor adopt_cursor(std::size_t gate, OwnGate<Memory>& own,
                                    std::uint64_t place) noexcept {
    return Cursor({block(), shape_.audience, gate, own, place}, shape_);
  }

  /// A reader that the producer does not wait for. Any thread, while the producer runs.
  [[nodiscard]] Result<LossyCursor, SetupError> lossy_cursor(Start start = Start::kNext) noexcept {
    auto gate = reserve_lossy_cursor(start);
    if (!gate) return Failure{gate.error()};
    return adopt_lossy_cursor(*gate);
  }
  [[nodiscard]] Result<std::size_t, SetupError> reserve_lossy_cursor(
      Start start = Start::kNext) noexcept {
    return join_as(Gate<Memory>::kLossy, start);
  }
  [[nodiscard]] LossyCursor adopt_lossy_cursor(std::size_t gate) noexcept {
    return LossyCursor({block(), shape_.audience, gate}, shape_);
  }

  /// As in BroadcastRing; vacate_cursor() is for readers of both kinds.
  void vacate_producer() noexcept { block()->producer_role.vacate(block()->head(shape_)); }
  void vacate_cursor(std::size_t gate) noexcept { shape_.audience->leave(gate); }

  /// Makes this view the one that destroys the leftovers, or stops being it. For layers in which a
  /// ring outlives its maker. \pre format() or join() made this view, in memory of the caller's
  void hold_elements(bool holds) noexcept { memory_.hold_elements(holds); }

  [[nodiscard]] std::size_t capacity() const noexcept { return shape_.capacity; }
  [[nodiscard]] std::size_t max_cursors() const noexcept { return shape_.max_cursors; }
  /// The position after the newest element. Any thread.
  [[nodiscard]] Sequence head_approx() const noexcept { return block()->head(shape_); }

 private:
  static Result<LossyBroadcastRing, SetupError> made(
      Result<BroadcastMemory<Memory>, SetupError> known) noexcept {
    if (!known) return Failure{known.error()};
    return LossyBroadcastRing(*std::move(known));
  }
  explicit LossyBroadcastRing(BroadcastMemory<Memory> known) noexcept
      : memory_(std::move(known.memory)), shape_(known.shape) {}

  [[nodiscard]] Result<std::size_t, SetupError> join_as(std::uint32_t state, Start start) noexcept {
    return shape_.audience->join(state, shape_.max_cursors,
                                 [this, start] { return block()->first_for(start, shape_); });
  }
  [[nodiscard]] Block* block() const noexcept {
    return std::launder(reinterpret_cast<Block*>(memory_.data()));
  }

  RingMemory memory_;
  BroadcastShape<Memory> shape_;
};

/// The sending role: one producer thread.
template <class T, class Memory>
class LossyBroadcastRing<T, Memory>::Producer {
 public:
  Producer(Producer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), writer_(other.writer_) {}
  Producer& operator=(Producer&&) = delete;
  ~Producer() {
    if (block_ != nullptr) block_->producer_role.give(writer_.line().position());
  }

  /// Publishes a copy. \return false if the slowest reliable reader is `capacity` behind.
  /// Wait-free.
  [[nodiscard]] bool try_push(const T& value) noexcept {
    if (writer_.line().room() == 0 && !open()) [[unlikely]]
      return false;
    writer_.line().slot()->put(value);
    writer_.publish(1);
    return true;
  }

  /// Constructs an element and publishes a copy of it. Wait-free.
  template <class... Args>
  [[nodiscard]] bool try_emplace(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    if (writer_.line().room() == 0 && !open()) [[unlikely]]
      return false;
    return try_push(T(std::forward<Args>(args)...));
  }

  /// An element to fill in that commit() publishes; it is a copy aside until then. Wait-free. Empty
  /// if the ring is full.
  template <class... Args>
  [[nodiscard]] Claim try_claim(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    const bool room = writer_.line().room() != 0 || open();
    return Claim(room ? this : nullptr, std::forward<Args>(args)...);
  }

  /// Publishes as long a prefix of `values` as fits. \return how many were published. Wait-free.
  template <class U, std::size_t kExtent>
  requires std::is_same_v<std::remove_const_t<U>, T>
  [[nodiscard]] std::size_t try_push_batch(std::span<U, kExtent> values) noexcept {
    std::size_t sent = 0;
    while (sent < values.size()) {
      if (writer_.line().room() == 0 && !open()) break;
      const auto wanted = values.size() - sent;
      const auto count = writer_.line().room() < wanted ? writer_.line().room() : wanted;
      SlotType* slot = writer_.line().slot();
      for (std::size_t i = 0; i < count; ++i) slot[i].put(values[sent + i]);
      writer_.publish(count);
      sent += count;
    }
    return sent;
  }

  /// As in BroadcastRing.
  [[nodiscard]] std::uint64_t take_signals() noexcept { return writer_.take_signals(); }
  [[nodiscard]] bool has_signals() const noexcept { return writer_.has_signals(); }
  [[nodiscard]] Gate<Memory>& gate(std::size_t i) noexcept { return writer_.audience().gate(i); }
  /// How far that reader is.
  [[nodiscard]] Sequence reader_position(std::size_t i) const noexcept {
    return writer_.reader_position(i);
  }
  [[nodiscard]] std::size_t max_cursors() const noexcept { return writer_.max_cursors(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return writer_.capacity(); }
  /// The position that the next element will have.
  [[nodiscard]] Sequence sequence() const noexcept { return writer_.line().position(); }

 private:
  friend LossyBroadcastRing;

  Producer(Block* block, const BroadcastShape<Memory>& shape,
           const GateFinder<Memory>* finder) noexcept
      : block_(block), writer_(block, shape, finder, block->producer_role.position()) {}

  [[nodiscard, gnu::always_inline]] bool open() noexcept {
    return writer_.open([](typename Block::LineType* line, Sequence position) {
      // relaxed: "overwriting" carries it to every reader that could see a new word
      line->published.store(position, std::memory_order_relaxed);
    });
  }

  Block* block_;
  BroadcastWriter<Block, SlotType, Memory> writer_;
};

/// An element that is not published yet. Lives no longer than its producer.
template <class T, class Memory>
class LossyBroadcastRing<T, Memory>::Claim {
 public:
  Claim(Claim&& other) noexcept
      : producer_(std::exchange(other.producer_, nullptr)), value_(other.value_) {}
  Claim& operator=(Claim&&) = delete;

  /// False if the ring was full.
  explicit operator bool() const noexcept { return producer_ != nullptr; }
  T& operator*() noexcept { return value_; }
  T* operator->() noexcept { return &value_; }

  /// Publishes the element; the claim is empty afterwards. \pre not empty
  void commit() noexcept {
    const bool there_was_room = std::exchange(producer_, nullptr)->try_push(value_);
    assert(there_was_room);
    static_cast<void>(there_was_room);
  }

 private:
  friend Producer;
  template <class... Args>
  explicit Claim(Producer* producer, Args&&... args)
      : producer_(producer), value_(std::forward<Args>(args)...) {}

  Producer* producer_;
  T value_;
};

/// One reliable reader: one thread at a time. Its destruction leaves.
template <class T, class Memory>
class LossyBroadcastRing<T, Memory>::Cursor {
 public:
  /// A copy of the next element. \return nothing if there is none yet. Wait-free.
  [[nodiscard, gnu::always_inline]] std::optional<T> try_read() noexcept {
    if (reader_.available() == 0 && !reader_.open()) [[unlikely]]
      return std::nullopt;
    const typename SlotType::Copy copy(*reader_.slot());
    if (helps(reader_, hands_back_)) hand_back(reader_);
    reader_.advance();
    gate_.advance(reader_.position());
    return copy.get();
  }

  /// Calls `handler(const T&)` with copies of the next elements, in order, at most `limit` of them.
  /// If the handler throws, its element counts as read. \return how many were read. Wait-free but
  /// for the handler.
  template <class Handler>
  std::size_t drain(Handler&& handler,
                    std::size_t limit) noexcept(std::is_nothrow_invocable_v<Handler&, const T&>) {
    const bool hands_back = hands_back_ && reader_.lines().hands_back_always();
    std::size_t read = 0;
    while (read < limit) {
      if (reader_.available() == 0 && !reader_.open()) break;
      const auto wanted = limit - read;
      const auto count = reader_.available() < wanted ? reader_.available() : wanted;
      // also when the handler throws
      const AtExit pass([this] { gate_.advance(reader_.position()); });
      for (std::size_t i = 0; i < count; ++i) {
        const typename SlotType::Copy copy(*reader_.slot());
        if (helps(reader_, hands_back)) hand_back(reader_);
        reader_.advance();
        ++read;
        if (!go_on_after(handler, copy.get())) return read;
      }
    }
    return read;
  }

  /// As in BroadcastRing, with copies.
  template <class Handler>
  void look_ahead(Handler&& handler, Sequence end) {
    auto ahead = reader_;
    while (precedes(ahead.position(), end) && (ahead.available() != 0 || ahead.open())) {
      const typename SlotType::Copy copy(*ahead.slot());
      handler(copy.get(), ahead.position());
      ahead.advance();
    }
  }

  /// As in BroadcastRing.
  [[nodiscard]] bool has_news() noexcept { return reader_.available() != 0 || reader_.open(); }
  [[nodiscard]] bool ask_for_signal() noexcept { return gate_.ask_for_signal(); }
  void ask_for_signal_unfenced() noexcept { gate_.ask_for_signal_unfenced(); }
  bool withdraw() noexcept { return gate_.withdraw(); }
  void set_address(std::uint64_t address) noexcept { gate_.set_address(address); }
  [[nodiscard]] std::size_t gate() const noexcept { return gate_.number(); }

  /// Elements that wait to be read; exact when the producer is idle.
  [[nodiscard]] std::size_t size_approx() const noexcept {
    const auto& lines = reader_.lines();
    const auto behind = gate_.behind(reader_.position(), lines.head(gate_.block()->front));
    return behind < lines.slots() ? behind : lines.slots();
  }
  /// The position of the next element.
  [[nodiscard]] Sequence sequence() const noexcept { return reader_.position(); }

 private:
  friend LossyBroadcastRing;

  Cursor(CursorGate<Block, Memory> gate, const BroadcastShape<Memory>& shape) noexcept
      : gate_(std::move(gate)),
        reader_(gate_.block()->lines(shape), gate_.position()),
        hands_back_(!shape.apart) {}

  CursorGate<Block, Memory> gate_;
  LineReader<SlotType, Memory> reader_;
  bool hands_back_;
};

/// One lossy reader: one thread at a time. Its destruction leaves.
template <class T, class Memory>
class LossyBroadcastRing<T, Memory>::LossyCursor {
 public:
  /// A copy of the next element that is still there; lost() tells what was skipped. Wait-free.
  [[nodiscard, gnu::always_inline]] std::optional<T> try_read() noexcept {
    Slot<T> landing;
    const auto land = [&landing](const T& element) noexcept { landing.construct(element); };
    if (drain(land, 1) == 0) return std::nullopt;
    return landing.get();  // of a trivially copyable type: nothing to destroy
  }

  /// Calls `handler(const T&)` with copies of the next elements, in order, at most `limit` of them.
  /// If the handler throws, its element counts as read. \return how many were read; lost() tells
  /// what was skipped. Wait-free but for the handler.
  template <class Handler>
  std::size_t drain(Handler&& handler,
                    std::size_t limit) noexcept(std::is_nothrow_invocable_v<Handler&, const T&>) {
    std::size_t read = 0;
    std::size_t laps = 0;
    while (read < limit) {
      if (reader_.available() == 0 && !reader_.open()) break;
      const typename SlotType::Copy copy(*reader_.slot());
      // relaxed: ordered behind the words' loads by "overwriting"
      const auto published = reader_.line()->published.load(std::memory_order_relaxed);
      if (precedes(reader_.line_end(), published)) [[unlikely]] {
        catch_up();
        if (++laps == kMostLaps)
          break;  // the producer is faster than one copy: let the caller breathe
        continue;
      }
      reader_.advance();
      ++read;
      if (!go_on_after(handler, copy.get())) return read;
    }
    return read;
  }

  /// Elements that this reader missed because it was lapped, since it joined.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

  /// Lets tools that look at the ring from another process see where this reader is, and lost().
  void show_place() noexcept { gate_.show(reader_.position(), lost_); }

  /// Skips to the newest element; what is skipped counts as lost. For readers who want the latest
  /// value alone.
  void skip_to_newest() noexcept {
    const auto head = this->head();
    if (distance(reader_.position(), head) > 1) skip_to(head - 1);
  }

  /// As in BroadcastRing, with copies; ends where this reader was lapped.
  template <class Handler>
  void look_ahead(Handler&& handler, Sequence end) {
    auto ahead = reader_;
    while (precedes(ahead.position(), end) && (ahead.available() != 0 || ahead.open())) {
      const typename SlotType::Copy copy(*ahead.slot());
      // relaxed: ordered behind the words' loads by "overwriting"
      const auto published = ahead.line()->published.load(std::memory_order_relaxed);
      if (precedes(ahead.line_end(), published)) return;
      handler(copy.get(), ahead.position());
      ahead.advance();
    }
  }

  /// As in BroadcastRing.
  [[nodiscard]] bool has_news() noexcept { return reader_.available() != 0 || reader_.open(); }
  [[nodiscard]] bool ask_for_signal() noexcept { return gate_.ask_for_signal(); }
  void ask_for_signal_unfenced() noexcept { gate_.ask_for_signal_unfenced(); }
  bool withdraw() noexcept { return gate_.withdraw(); }
  void set_address(std::uint64_t address) noexcept { gate_.set_address(address); }
  [[nodiscard]] std::size_t gate() const noexcept { return gate_.number(); }

  /// Elements between this reader and the head, whether still there or not.
  [[nodiscard]] std::size_t size_approx() const noexcept {
    return gate_.behind(reader_.position(), head());
  }
  /// The position of the next element.
  [[nodiscard]] Sequence sequence() const noexcept { return reader_.position(); }

 private:
  friend LossyBroadcastRing;

  static constexpr std::size_t kMostLaps = 4;

  LossyCursor(CursorGate<Block, Memory> gate, const BroadcastShape<Memory>& shape) noexcept
      : gate_(std::move(gate)),
        reader_(gate_.block()->lines(shape), gate_.position()),
        capacity_(shape.capacity) {
    show_place();
  }

  /// Goes on at seven eighths of the capacity behind the head: the oldest elements are about to be
  /// overwritten.
  void catch_up() noexcept {
    const auto head = this->head();
    const auto target = head - (capacity_ - capacity_ / 8);
    skip_to(precedes(reader_.position(), target) ? target : head);
  }
  [[nodiscard]] Sequence head() const noexcept {
    return reader_.lines().head(gate_.block()->front);
  }
  void skip_to(Sequence position) noexcept {
    lost_ += position - reader_.position();
    reader_.seek(position);
  }

  CursorGate<Block, Memory> gate_;
  LineReader<SlotType, Memory> reader_;
  std::uint64_t lost_ = 0;
  std::size_t capacity_;
};

}  // namespace ringway
