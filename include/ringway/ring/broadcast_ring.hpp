// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `BroadcastRing<T>`: one producer thread, any number of readers, each of which sees every
/// element.
///
/// *What.* Use when several threads must see the same stream and none may miss anything: a
/// publication costs one write, whatever their number. Do not use when a slow reader must not hold
/// the producer back (`LossyBroadcastRing`), or when each element is for one reader only
/// (`MpmcRing`).
///
/// *Protocol.* Elements lie in lines (ring/line.hpp); readers have gates (ring/audience.hpp).
///   producer   owns published (in the lines), front, and the lifetime of the elements
///   reader     owns its gate
///   invariant  the elements from the slowest gate to the head are alive and untouched
/// An element stays alive until the producer uses its slot again, so a message may outlive its last
/// reading by one lap. Readers share it and must not change it. A reader whose gate has not passed
/// it yet may write one of its bytes over with itself, to own the line before the producer comes
/// back to it (trivially copyable `T`).
///
/// *Synchronisation.* "published" (ring/line.hpp), "read", "audience", "gate freed"
/// (ring/audience.hpp), "role handed over".
///
/// *Progress.* Publishing and reading are wait-free. A suspended reader withholds credit: the
/// producer's try_push says full when the capacity is used up. A suspended producer blocks nobody.
/// Joining is lock-free and includes one system call.
///
/// *Source.* Multicast with gating sequences: M. Thompson et al., "Disruptor", 2011.
/// docs/design/broadcast-ring.md.

#include <cassert>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/base/at_exit.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/slot.hpp"
#include "ringway/ring/audience.hpp"
#include "ringway/ring/broadcast_block.hpp"
#include "ringway/ring/line.hpp"
#include "ringway/ring/ring_block.hpp"

namespace ringway {

template <class T, class Memory = NativeMemory>
class BroadcastRing {
  using Block = BroadcastBlock<T, Slot<T>, RingKind::kBroadcast, Memory>;

 public:
  using value_type = T;
  using Options = BroadcastOptions;
  class Producer;
  class Cursor;
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
  [[nodiscard]] static Result<BroadcastRing, SetupError> create(const Options& options) noexcept {
    return made(Block::create(options));
  }
  /// A ring in the caller's memory, which must outlive it.
  [[nodiscard]] static Result<BroadcastRing, SetupError> format(std::span<std::byte> memory,
                                                                const Options& options) noexcept {
    return made(Block::format(memory, options));
  }
  /// The same with an audience apart: the readers write nothing else, if they bring their gates.
  [[nodiscard]] static Result<BroadcastRing, SetupError> format(std::span<std::byte> memory,
                                                                std::span<std::byte> audience,
                                                                const Options& options) noexcept {
    return made(Block::format(memory, audience, options));
  }
  /// A further view of a ring that somebody else formatted.
  [[nodiscard]] static Result<BroadcastRing, SetupError> join(
      std::span<std::byte> memory) noexcept {
    return made(Block::join(memory));
  }
  [[nodiscard]] static Result<BroadcastRing, SetupError> join(
      std::span<std::byte> memory, std::span<std::byte> audience) noexcept {
    return made(Block::join(memory, audience));
  }

  BroadcastRing(BroadcastRing&&) noexcept = default;
  BroadcastRing& operator=(BroadcastRing&&) = delete;
  /// Destroys the elements still in their slots. \pre no handle of this ring is left
  ~BroadcastRing() {
    if (memory_.holds_elements()) destroy_leftovers();
  }

  /// The sending role. Any thread; kRoleTaken while another producer lives. The ring must outlive
  /// the handle.
  /// \param finder where the words of readers lie that bring their gates; outlives the handle
  [[nodiscard]] Result<Producer, SetupError> producer(
      const GateFinder<Memory>* finder = nullptr) noexcept {
    if (!block()->producer_role.take()) return Failure{SetupError::kRoleTaken};
    return Producer(block(), shape_, finder);
  }

  /// A reader that sees every element published after this call returns, and perhaps some published
  /// meanwhile; before them, if asked to, what is there already, in order and without a gap. Until
  /// it has read that, the producer may find the ring full. Any thread, while the producer runs.
  /// The ring must outlive the handle.
  [[nodiscard]] Result<Cursor, SetupError> cursor(Start start = Start::kNext) noexcept {
    auto gate = reserve_cursor(start);
    if (!gate) return Failure{gate.error()};
    return adopt_cursor(*gate);
  }

  /// cursor() in two steps: a gate that already holds the producer back, for somebody else to pick
  /// up.
  [[nodiscard]] Result<std::size_t, SetupError> reserve_cursor(
      Start start = Start::kNext) noexcept {
    return shape_.audience->join(Gate<Memory>::kReliable, shape_.max_cursors,
                                 [this, start] { return block()->first_for(start, shape_); });
  }
  /// \pre the gate is one of max_cursors(), was reserved and not adopted yet, or its reader died
  /// (as in vacate_cursor): then this one continues with the first element that the dead one had
  /// not passed
  [[nodiscard]] Cursor adopt_cursor(std::size_t gate) noexcept {
    return Cursor({block(), shape_.audience, gate}, shape_);
  }
  /// The same with a gate that the reader brings along: it writes its position there from now on.
  /// \param place where the producer finds it (GateFinder), not 0 \pre the gate was reserved and
  /// not adopted yet
  [[nodiscard]] Cursor adopt_cursor(std::size_t gate, OwnGate<Memory>& own,
                                    std::uint64_t place) noexcept {
    return Cursor({block(), shape_.audience, gate, own, place}, shape_);
  }

  /// Frees the sending role of a producer that died with it, wherever it was killed. The next one
  /// continues behind the last element that was published; one that was being written was not. The
  /// same again changes nothing. \pre the kernel says that the producer's thread or process has
  /// ended (a time-out does not), and nobody takes or vacates the role meanwhile
  void vacate_producer() noexcept requires std::is_trivially_copyable_v<T> {
    block()->producer_role.vacate(block()->head(shape_));
  }
  /// Frees the gate of a reader that died with it, so that the producer no longer waits for it. Any
  /// thread, while the producer runs. \pre that reader has ended, as above, and nobody else adopts
  /// or vacates its gate
  void vacate_cursor(std::size_t gate) noexcept { shape_.audience->leave(gate); }

  /// Makes this view the one that destroys the leftovers, or stops being it. For layers in which a
  /// ring outlives its maker. \pre format() or join() made this view, in memory of the caller's
  void hold_elements(bool holds) noexcept { memory_.hold_elements(holds); }

  [[nodiscard]] std::size_t capacity() const noexcept { return shape_.capacity; }
  [[nodiscard]] std::size_t max_cursors() const noexcept { return shape_.max_cursors; }
  /// The position after the newest element. Any thread.
  [[nodiscard]] Sequence head_approx() const noexcept { return block()->head(shape_); }

 private:
  static Result<BroadcastRing, SetupError> made(
      Result<BroadcastMemory<Memory>, SetupError> known) noexcept {
    if (!known) return Failure{known.error()};
    return BroadcastRing(*std::move(known));
  }

  explicit BroadcastRing(BroadcastMemory<Memory> known) noexcept
      : memory_(std::move(known.memory)), shape_(known.shape) {}

  [[nodiscard]] Block* block() const noexcept {
    return std::launder(reinterpret_cast<Block*>(memory_.data()));
  }

  void destroy_leftovers() noexcept {
    assert(!block()->producer_role.taken());
    if constexpr (!std::is_trivially_destructible_v<T>) {
      const auto lines = block()->lines(shape_);
      const auto end = block()->producer_role.position();
      const bool lapped = lines.used_before(end);
      auto at = lapped ? end - lines.slots() : shape_.start;
      if (lapped && block()->vacant) ++at;
      for (; at != end; ++at) lines.slot_of(at)->destroy();
    }
  }

  RingMemory memory_;
  BroadcastShape<Memory> shape_;
};

/// The sending role: one producer thread.
template <class T, class Memory>
class BroadcastRing<T, Memory>::Producer {
 public:
  Producer(Producer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), writer_(other.writer_) {}
  Producer& operator=(Producer&&) = delete;
  ~Producer() {
    if (block_ != nullptr) block_->producer_role.give(writer_.line().position());
  }

  /// Publishes a copy. \return false if the slowest reader is `capacity` behind. Wait-free.
  [[nodiscard, gnu::always_inline]] bool try_push(const T& value) noexcept(
      std::is_nothrow_copy_constructible_v<T>) {
    return try_emplace(value);
  }
  /// Publishes by moving; `value` is untouched on failure. Wait-free.
  [[nodiscard, gnu::always_inline]] bool try_push(T&& value) noexcept {
    return try_emplace(std::move(value));
  }

  /// Constructs an element in place and publishes it; if the constructor throws, nothing was
  /// published. Wait-free.
  template <class... Args>
  [[nodiscard, gnu::always_inline]] bool try_emplace(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    if (writer_.line().room() == 0 && !open()) [[unlikely]]
      return false;
    construct(std::forward<Args>(args)...);
    publish(1);
    return true;
  }

  /// Constructs an element in place that commit() publishes; dropping the claim takes it back.
  /// Without arguments the element is default-initialised. Wait-free. The claim is empty if the
  /// ring is full. \pre no other claim of this producer is open
  template <class... Args>
  [[nodiscard]] Claim try_claim(Args&&... args) noexcept(
      std::is_nothrow_constructible_v<T, Args...>) {
    if (writer_.line().room() == 0 && !open()) [[unlikely]]
      return Claim(nullptr);
    construct(std::forward<Args>(args)...);
    return Claim(this);
  }

  /// Publishes as long a prefix of `values` as fits, moving from it (copying, if they are const).
  /// If a copy throws, those before it were published. \return how many were published. Wait-free.
  template <class U, std::size_t kExtent>
  requires std::is_same_v<std::remove_const_t<U>, T>
  [[nodiscard]] std::size_t try_push_batch(std::span<U, kExtent> values) noexcept(
      std::is_nothrow_constructible_v<T, std::add_rvalue_reference_t<U>>) {
    constexpr bool kWholeLines = std::is_trivially_destructible_v<T> &&
                                 std::is_nothrow_constructible_v<T, std::add_rvalue_reference_t<U>>;
    std::size_t sent = 0;
    while (sent < values.size()) {
      if constexpr (kWholeLines) {
        sent += push_lines(values.data() + sent, values.size() - sent);
        if (sent == values.size()) break;
      }
      if (writer_.line().room() == 0 && !open()) break;
      if constexpr (kWholeLines) {
        const auto wanted = values.size() - sent;
        const auto count = writer_.line().room() < wanted ? writer_.line().room() : wanted;
        construct_each(writer_.line().slot(), &values[sent], count);
        publish(count);
        sent += count;
      } else {
        construct(std::move(values[sent]));
        publish(1);
        ++sent;
      }
    }
    return sent;
  }

  /// The readers that asked to be signalled and were overtaken by a publication, as bits by gate;
  /// clears them. For the layer that puts waiting around the ring.
  [[nodiscard]] std::uint64_t take_signals() noexcept { return writer_.take_signals(); }
  [[nodiscard]] bool has_signals() const noexcept { return writer_.has_signals(); }

  /// The element published last: alive until this producer publishes `capacity` more. \pre there is
  /// one
  [[nodiscard]] const T& last() const noexcept { return (writer_.line().slot() - 1)->get(); }

  /// The gate of a reader, for the layer above.
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
  friend BroadcastRing;
  friend Claim;

  Producer(Block* block, const BroadcastShape<Memory>& shape,
           const GateFinder<Memory>* finder) noexcept
      : block_(block), writer_(block, shape, finder, block->producer_role.position()) {}

  template <class... Args>
  void construct(Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>) {
    Memory::before_write(writer_.line().slot(), sizeof(T));
    if constexpr (!std::is_trivially_destructible_v<T>) {
      if (writer_.line().lines().used_before(writer_.line().position()) && !block_->vacant) {
        writer_.line().slot()->destroy();
        block_->vacant = true;  // until the next element is whole
      }
    }
    writer_.line().slot()->construct(std::forward<Args>(args)...);
    if constexpr (!std::is_trivially_destructible_v<T>) block_->vacant = false;
  }
  void take_back() noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      writer_.line().slot()->destroy();
      block_->vacant = true;
    }
  }

  /// Inlined always: a loop whose length is known there becomes wide moves.
  template <class U>
  [[gnu::always_inline]] static void construct_each(Slot<T>* slots, U* values,
                                                    std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      Memory::before_write(slots + i, sizeof(T));
      slots[i].construct(std::move(values[i]));
    }
  }
  /// Publishes those of the next values that fill whole lines, as far as there is known to be room.
  template <class U>
  [[gnu::always_inline]] std::size_t push_lines(U* values, std::size_t count) noexcept {
    constexpr std::size_t kItems = Block::LineType::kItems;
    return kItems * writer_.publish_lines(
                        count / kItems, [](auto*, Sequence) noexcept {},
                        [&values](Slot<T>* slots) noexcept {
                          construct_each(slots, values, kItems);
                          values += kItems;
                        });
  }

  void publish(std::size_t count) noexcept { writer_.publish(count); }
  [[nodiscard, gnu::always_inline]] bool open() noexcept {
    return writer_.open([](auto*, Sequence) noexcept {});
  }

  Block* block_;
  BroadcastWriter<Block, Slot<T>, Memory> writer_;
};

/// An element that is constructed but not published. Lives no longer than its producer, which
/// publishes nothing meanwhile.
template <class T, class Memory>
class BroadcastRing<T, Memory>::Claim {
 public:
  Claim(Claim&& other) noexcept : producer_(std::exchange(other.producer_, nullptr)) {}
  Claim& operator=(Claim&&) = delete;
  ~Claim() {
    if (producer_ != nullptr) producer_->take_back();
  }

  /// False if the ring was full.
  explicit operator bool() const noexcept { return producer_ != nullptr; }
  T& operator*() const noexcept { return producer_->writer_.line().slot()->get(); }
  T* operator->() const noexcept { return &producer_->writer_.line().slot()->get(); }

  /// Publishes the element; the claim is empty afterwards. \pre not empty
  void commit() noexcept { std::exchange(producer_, nullptr)->publish(1); }

 private:
  friend Producer;
  explicit Claim(Producer* producer) noexcept : producer_(producer) {}

  Producer* producer_;
};

/// One reliable reader: one thread at a time. Its destruction leaves: the producer no longer waits
/// for it.
template <class T, class Memory>
class BroadcastRing<T, Memory>::Cursor {
 public:
  /// A copy of the next element. \return nothing if there is none yet. Wait-free.
  [[nodiscard, gnu::always_inline]] std::optional<T> try_read() noexcept(
      std::is_nothrow_copy_constructible_v<T>) requires std::is_copy_constructible_v<T> {
    if (reader_.available() == 0 && !open()) [[unlikely]]
      return std::nullopt;
    Memory::before_read(reader_.slot(), sizeof(T));
    T value = std::as_const(reader_.slot()->get());  // as in SpscRing
    if (helps(reader_, hands_back_)) hand_back(reader_);
    reader_.advance();
    gate_.advance(reader_.position());
    return value;
  }

  /// Calls `handler(const T&)` for the next elements, in order and in place, at most `limit` of
  /// them. If the handler throws, its element counts as read. \return how many were read. Wait-free
  /// but for the handler.
  template <class Handler>
  std::size_t drain(Handler&& handler,
                    std::size_t limit) noexcept(std::is_nothrow_invocable_v<Handler&, const T&>) {
    const bool hands_back = hands_back_ && reader_.lines().hands_back_always();
    std::size_t read = 0;
    while (read < limit) {
      if constexpr (kReadsAll<Handler>) {
        if (limit - read >= Block::LineType::kItems) {
          read += drain_lines(handler, limit - read, hands_back);
          if (read == limit) break;
        }
      }
      if (reader_.available() == 0 && !open()) break;
      const auto wanted = limit - read;
      const auto count = reader_.available() < wanted ? reader_.available() : wanted;
      // also when the handler throws
      const AtExit pass([this] { gate_.advance(reader_.position()); });
      for (std::size_t i = 0; i < count; ++i) {
        Memory::before_read(reader_.slot(), sizeof(T));
        const T& element = reader_.slot()->get();
        // Before the handler, whose loads wait for the line then: a reader that passes quickly
        // catches up with its producer (docs/design/broadcast-ring.md).
        if (helps(reader_, hands_back)) hand_back(reader_);
        reader_.advance();
        ++read;
        if (!go_on_after(handler, element)) return read;
      }
    }
    return read;
  }

  /// Calls `handler(const T&, Sequence)` for what is there of the elements before position `end`,
  /// and leaves them unread. Wait-free but for the handler.
  template <class Handler>
  void look_ahead(Handler&& handler, Sequence end) {
    auto ahead = reader_;
    while (precedes(ahead.position(), end) && (ahead.available() != 0 || ahead.open())) {
      Memory::before_read(ahead.slot(), sizeof(T));
      handler(std::as_const(ahead.slot()->get()), ahead.position());
      ahead.advance();
    }
  }

  /// True if an element can be read. Wait-free.
  [[nodiscard]] bool has_news() noexcept { return reader_.available() != 0 || open(); }

  /// Asks the producer to signal this reader after its next publication. Look again (has_news)
  /// afterwards. \return false if the kernel refuses the fence: then nobody may sleep on the answer
  [[nodiscard]] bool ask_for_signal() noexcept { return gate_.ask_for_signal(); }
  void ask_for_signal_unfenced() noexcept { gate_.ask_for_signal_unfenced(); }
  /// Takes ask_for_signal() back. \return false if the signal is already on its way
  bool withdraw() noexcept { return gate_.withdraw(); }
  /// Whom the layer above shall signal; see Gate::address.
  void set_address(std::uint64_t address) noexcept { gate_.set_address(address); }

  /// Elements that wait to be read; exact when the producer is idle.
  [[nodiscard]] std::size_t size_approx() const noexcept {
    const auto& lines = reader_.lines();
    const auto behind = gate_.behind(reader_.position(), lines.head(gate_.block()->front));
    return behind < lines.slots() ? behind : lines.slots();
  }
  /// The position of the next element; in a handler of drain(), at most the one behind that which
  /// it is given.
  [[nodiscard]] Sequence sequence() const noexcept { return reader_.position(); }
  /// The number of this reader's gate.
  [[nodiscard]] std::size_t gate() const noexcept { return gate_.number(); }

 private:
  friend BroadcastRing;
  using LineType = typename Block::LineType;

  Cursor(CursorGate<Block, Memory> gate, const BroadcastShape<Memory>& shape) noexcept
      : gate_(std::move(gate)),
        reader_(gate_.block()->lines(shape), gate_.position()),
        ahead_(reader_.position()),
        hands_back_(!shape.apart) {}

  [[nodiscard, gnu::always_inline]] bool open() noexcept {
    return reader_.open([this](LineType* line, Sequence position) { enter(line, position); });
  }
  [[gnu::always_inline]] void enter(LineType* line, Sequence position) noexcept {
    ahead_.enter(reader_.lines(), line, position, gate_.block()->front);
  }

  /// A handler that can not end a drain between two elements, neither by an answer nor by throwing.
  template <class Handler>
  static constexpr bool kReadsAll = std::is_nothrow_invocable_v<Handler&, const T&> &&
                                    !std::is_same_v<std::invoke_result_t<Handler&, const T&>, bool>;
  /// As drain(), of lines that are there as a whole.
  template <class Handler>
  [[gnu::always_inline]] std::size_t drain_lines(Handler& handler, std::size_t limit,
                                                 bool hands_back) noexcept {
    constexpr std::size_t kItems = LineType::kItems;
    return kItems * reader_.read_lines(
                        limit / kItems,
                        [this](LineType* line, Sequence position) { enter(line, position); },
                        [this, &handler, hands_back](LineType* line, Sequence after) noexcept {
                          for (Slot<T>& slot : *line) {
                            Memory::before_read(&slot, sizeof(T));
                            handler(std::as_const(slot.get()));
                          }
                          if (hands_back) hand_line_back(reader_, line, after);
                          gate_.advance(after);
                        });
  }

  CursorGate<Block, Memory> gate_;
  LineReader<Slot<T>, Memory> reader_;
  ReadAhead ahead_;
  bool hands_back_;
};

}  // namespace ringway
