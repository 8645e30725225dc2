// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The block of memory behind both broadcast rings: header, the producer's words, the audience with
/// its gates, the lines. The audience may lie apart, in memory that others may write; then its
/// readers need no write access to the block, and bring gates of their own.
///
/// *Synchronisation.* None of its own: "published" is in ring/line.hpp, "read" and "audience" in
/// ring/audience.hpp.

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/base/copied_once.hpp"
#include "ringway/ring/audience.hpp"
#include "ringway/ring/line.hpp"
#include "ringway/ring/ring_block.hpp"
#include "ringway/ring/start.hpp"

namespace ringway {

struct BroadcastOptions {
  std::size_t capacity = 0;  ///< elements; exactly this many fit before the slowest reliable reader
  std::size_t max_cursors = 8;  ///< readers at a time; at most 62
  Sequence start = 0;           ///< position of the first element; for tests of the wrap
  /// Always keep the newest `capacity` elements for readers who come later (Start): costs one line.
  /// Without it a few of them may be missing, at capacities of one line all.
  bool retain = false;
};

/// Bytes of a ring whose audience lies apart.
struct BroadcastParts {
  std::size_t block = 0;     ///< written by the producer alone
  std::size_t audience = 0;  ///< written by producer and readers; aligned to kOwnerSpacing
};

/// What the handles of a ring know of its block: copied from the header and checked once, so that
/// nothing in the block says where its parts are or how many.
template <class Memory>
struct BroadcastShape {
  std::size_t capacity = 0;
  std::size_t max_cursors = 0;
  std::size_t lines = 0;
  Sequence start = 0;
  Audience<Memory>* audience = nullptr;  // as it is mapped here
  bool apart = false;
};

/// A view of a block, and its shape.
template <class Memory>
struct BroadcastMemory {
  RingMemory memory;
  BroadcastShape<Memory> shape;
};

/// Elements before `end`, a head that was found behind a joiner's fence, that its reader may hold
/// on to. One publication may still run with a limit that knows nothing of that reader; it ends
/// with the line in which `end` lies, so that line's slots are not counted on.
template <class Memory>
[[nodiscard]] std::size_t kept_elements(Sequence end, const BroadcastShape<Memory>& shape,
                                        std::size_t items) noexcept {
  const Sequence made = end - shape.start;
  const auto safe = (shape.lines - 1) * items + made % items;
  auto kept = shape.capacity;
  if (made < kept) kept = static_cast<std::size_t>(made);
  return safe < kept ? static_cast<std::size_t>(safe) : kept;
}

/// \tparam T what the ring carries, \tparam SlotType how a slot holds it
template <class T, class SlotType, RingKind kKind, class Memory>
struct BroadcastBlock {
  using LinesType = Lines<SlotType, Memory>;
  using LineType = typename LinesType::LineType;
  using Shape = BroadcastShape<Memory>;
  using Made = Result<BroadcastMemory<Memory>, SetupError>;
  template <class U>
  using Atomic = typename Memory::template Atomic<U>;

  static constexpr std::size_t kAlign = alignof(SlotType) > kOwnerSpacing ? alignof(SlotType)
                                                                          : kOwnerSpacing;

  // static: written by format()
  alignas(kAlign) RingHeader header;
  // producer
  alignas(kOwnerSpacing) Atomic<Sequence> front;  // a hint: where the line being written begins
  ExclusiveRole<Memory> producer_role;
  bool vacant = false;  // the next slot holds no element although it was used before

  explicit BroadcastBlock(const RingHeader& the_header) noexcept
      : header(the_header), front(the_header.start), producer_role(the_header.start) {}

  /// The audience of a ring in which it does not lie apart.
  [[nodiscard]] Audience<Memory>& audience() noexcept {
    return *std::launder(reinterpret_cast<Audience<Memory>*>(this + 1));
  }
  [[nodiscard]] LinesType lines(const Shape& shape) noexcept {
    return LinesType(
        reinterpret_cast<std::byte*>(this) + lines_offset(shape.max_cursors, shape.apart),
        shape.lines, shape.start);
  }
  /// The position after the newest element. Any thread.
  [[nodiscard]] Sequence head(const Shape& shape) noexcept { return lines(shape).head(front); }

  /// Where the lines begin.
  [[nodiscard]] static constexpr std::size_t lines_offset(std::size_t max_cursors,
                                                          bool apart) noexcept {
    const auto inside = apart ? 0 : Audience<Memory>::bytes(max_cursors);
    return round_up(sizeof(BroadcastBlock) + inside, kAlign);
  }

  /// Where a reader begins. For Audience::join(), which asks twice; the answer only grows.
  [[nodiscard]] Sequence first_for(Start start, const Shape& shape) noexcept {
    const Sequence end = head(shape);
    if (start == Start::kNext) return end;
    const auto there = kept_elements(end, shape, LineType::kItems);
    return end - (start == Start::kOldest || there == 0 ? there : 1);
  }

  static Result<RingShape, SetupError> shape_of(const BroadcastOptions& options,
                                                bool apart) noexcept {
    check_element<T>();
    if (options.max_cursors == 0 || options.max_cursors > Attention<Memory>::kMostReaders) {
      return Failure{SetupError::kTooManyCursors};
    }
    // Overwriting begins with a whole line: a lossy ring has one more, so that the last `capacity`
    // elements stay whole.
    const bool spare = kKind == RingKind::kLossyBroadcast || options.retain;
    return RingShape::of(options.capacity, LineType::kItems, sizeof(LineType),
                         lines_offset(options.max_cursors, apart), spare ? 1 : 0);
  }

  static Result<std::size_t, SetupError> footprint(const BroadcastOptions& options) noexcept {
    auto shape = shape_of(options, false);
    if (!shape) return Failure{shape.error()};
    return shape->bytes;
  }
  static Result<BroadcastParts, SetupError> parts(const BroadcastOptions& options) noexcept {
    auto shape = shape_of(options, true);
    if (!shape) return Failure{shape.error()};
    return BroadcastParts{shape->bytes, Audience<Memory>::bytes(options.max_cursors)};
  }

  static Made create(const BroadcastOptions& options) noexcept {
    auto shape = shape_of(options, false);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::allocate(shape->bytes, kAlign), *shape, options, nullptr);
  }

  static Made format(std::span<std::byte> memory, const BroadcastOptions& options) noexcept {
    auto shape = shape_of(options, false);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::borrow(memory, shape->bytes, kAlign), *shape, options, nullptr);
  }
  static Made format(std::span<std::byte> memory, std::span<std::byte> audience,
                     const BroadcastOptions& options) noexcept {
    auto shape = shape_of(options, true);
    if (!shape) return Failure{shape.error()};
    if (auto fits = Audience<Memory>::check(audience, options.max_cursors); !fits) {
      return Failure{fits.error()};
    }
    return lay_out(RingMemory::borrow(memory, shape->bytes, kAlign), *shape, options,
                   audience.data());
  }

  static Made join(std::span<std::byte> memory) noexcept { return join_as(memory, {}, false); }
  static Made join(std::span<std::byte> memory, std::span<std::byte> audience) noexcept {
    return join_as(memory, audience, true);
  }

 private:
  static Made join_as(std::span<std::byte> memory, std::span<std::byte> audience,
                      bool apart) noexcept {
    auto view = RingMemory::join(memory, kKind, sizeof(T), alignof(T), kAlign);
    if (!view) return Failure{view.error()};
    const auto header = copied_once(view->header());
    auto shape = shape_of({.capacity = header.capacity,
                           .max_cursors = header.max_cursors,
                           .start = header.start,
                           .retain = header.retains != 0},
                          apart);
    if (!shape || shape->blocks != header.blocks || shape->bytes != header.bytes ||
        header.apart != (apart ? 1U : 0U)) {
      return Failure{SetupError::kCorruptHeader};
    }
    if (shape->bytes > memory.size()) return Failure{SetupError::kMemoryTooSmall};
    std::byte* at = view->data() + sizeof(BroadcastBlock);
    if (apart) {
      if (auto fits = Audience<Memory>::check(audience, header.max_cursors); !fits) {
        return Failure{fits.error()};
      }
      at = audience.data();
    }
    return BroadcastMemory<Memory>{
        *std::move(view),
        {header.capacity, header.max_cursors, shape->blocks, header.start,
         std::launder(reinterpret_cast<Audience<Memory>*>(at)), apart}};
  }

  static Made lay_out(Result<RingMemory, SetupError> memory, const RingShape& shape,
                      const BroadcastOptions& options, std::byte* apart) noexcept {
    if (!memory) return Failure{memory.error()};
    auto* block = ::new (static_cast<void*>(memory->data()))
        BroadcastBlock({.kind = kKind,
                        .element_size = sizeof(T),
                        .element_align = alignof(T),
                        .capacity = options.capacity,
                        .blocks = shape.blocks,
                        .max_cursors = options.max_cursors,
                        .start = options.start,
                        .bytes = shape.bytes,
                        .retains = options.retain ? 1U : 0U,
                        .apart = apart != nullptr ? 1U : 0U});
    void* at = apart != nullptr ? static_cast<void*>(apart) : static_cast<void*>(block + 1);
    auto* audience = ::new (at) Audience<Memory>(options.max_cursors, options.start);
    const Shape known{options.capacity, options.max_cursors, shape.blocks, options.start,
                      audience,         apart != nullptr};
    block->lines(known).format();
    return BroadcastMemory<Memory>{*std::move(memory), known};
  }
};

/// What both broadcast producers do around the writing of an element: ask for credit, publish, look
/// at the audience.
template <class BlockType, class SlotType, class Memory>
class BroadcastWriter {
 public:
  using LineType = typename BlockType::LineType;

  BroadcastWriter(BlockType* block, const BroadcastShape<Memory>& shape,
                  const GateFinder<Memory>* finder, Sequence position) noexcept
      : block_(block),
        audience_(shape.audience),
        line_writer_(block->lines(shape), position),
        capacity_(shape.capacity),
        max_cursors_(shape.max_cursors),
        finder_(finder) {}

  [[nodiscard]] LineWriter<SlotType, Memory>& line() noexcept { return line_writer_; }
  [[nodiscard]] const LineWriter<SlotType, Memory>& line() const noexcept { return line_writer_; }
  [[nodiscard]] BlockType* block() const noexcept { return block_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t max_cursors() const noexcept { return max_cursors_; }
  [[nodiscard]] Audience<Memory>& audience() const noexcept { return *audience_; }
  [[nodiscard]] Sequence reader_position(std::size_t gate) const noexcept {
    return audience_->position_of(gate, finder_);
  }

  /// Makes room for at least one element, or says that the ring is full. `enter(line, position)` as
  /// in LineWriter.
  template <class Enter>
  [[nodiscard, gnu::always_inline]] bool open(Enter&& enter) noexcept {
    return line_writer_.open(
        [this] {
          return ask_limit(audience_, line_writer_.position(), capacity_, max_cursors_, finder_);
        },
        [this, &enter](LineType* line, Sequence position) { begin(line, position, enter); });
  }

  [[gnu::always_inline]] void publish(std::size_t count) noexcept {
    line_writer_.publish(count);
    if (audience_->attention.wanted()) [[unlikely]]
      look();
  }

  /// Writes and publishes whole lines, as LineWriter::write_lines(); each is a publication, after
  /// which the audience is looked at. \return how many
  template <class Enter, class Write>
  [[gnu::always_inline]] std::size_t publish_lines(std::size_t most, Enter&& enter,
                                                   Write&& write) noexcept {
    bool wanted = false;
    const auto lines = line_writer_.write_lines(
        most, [this, &enter](LineType* line, Sequence position) { begin(line, position, enter); },
        write,
        [this, &wanted] {
          wanted = audience_->attention.wanted();
          return !wanted;
        });
    if (wanted) [[unlikely]]
      look();
    return lines;
  }

  [[nodiscard]] bool has_signals() const noexcept { return signals_ != 0; }
  [[nodiscard]] std::uint64_t take_signals() noexcept { return std::exchange(signals_, 0); }

 private:
  template <class Enter>
  [[gnu::always_inline]] void begin(LineType* line, Sequence position, Enter& enter) noexcept {
    // relaxed: a hint, checked against the line by whoever uses it
    block_->front.store(position, std::memory_order_relaxed);
    // Of small elements it costs more than it gives: docs/design/broadcast-ring.md
    if constexpr (!LineLayout<SlotType>::kShared) {
      line_writer_.lines().fetch_to_write(line, position, line_writer_.limit());
    }
    enter(line, position);
  }
  [[gnu::always_inline]] void look() noexcept {
    const Finding found =
        look_at(audience_, line_writer_.position(), capacity_, max_cursors_, finder_);
    signals_ |= found.asked;
    line_writer_.set_limit(found.limit);
  }

  // What the slow paths find out. They are out of line and take the handle's state by value: a call
  // that took `this` would force the private cursors into memory on the fast path too.
  struct Finding {
    std::uint64_t asked;
    Sequence limit;
  };
  [[gnu::noinline, gnu::cold]] static Finding look_at(Audience<Memory>* audience, Sequence position,
                                                      std::size_t capacity, std::size_t max_cursors,
                                                      const GateFinder<Memory>* finder) noexcept {
    const auto asked = audience->attention.take_signals(max_cursors);
    return {asked, audience->limit(position, capacity, max_cursors, finder)};
  }
  /// Where the ring is full. When it nearly is, waits some hundred nanoseconds before it looks a
  /// second time: a producer that takes each slot as it comes free would take the slowest reader's
  /// gate away at each of its stores (docs/design/broadcast-ring.md).
  [[gnu::noinline]] static Sequence ask_limit(const Audience<Memory>* audience, Sequence position,
                                              std::size_t capacity, std::size_t max_cursors,
                                              const GateFinder<Memory>* finder) noexcept {
    auto limit = audience->limit(position, capacity, max_cursors, finder);
    if (limit != position && limit - position < capacity / 8) {
      static_cast<void>(Memory::soon([] { return false; }));
      limit = audience->limit(position, capacity, max_cursors, finder);
    }
    return limit;
  }

  BlockType* block_;
  Audience<Memory>* audience_;
  LineWriter<SlotType, Memory> line_writer_;
  std::uint64_t signals_ = 0;
  // for the slow paths
  std::size_t capacity_;
  std::size_t max_cursors_;
  const GateFinder<Memory>* finder_;
};

/// Calls the handler of a drain(). \return false if it answers that it wants no more; one that
/// answers nothing goes on.
template <class Handler, class T>
[[gnu::always_inline]] inline bool go_on_after(Handler& handler, T& element) {
  if constexpr (std::is_same_v<std::invoke_result_t<Handler&, T&>, bool>) {
    return handler(element);
  } else {
    handler(element);
    return true;
  }
}

/// True if a reader that hands a line back may own it by a byte of an element that it has read:
/// plain memory, which no reader changes and which the writer leaves alone until the reader's gate
/// has passed it. Not large ones, of which a reader may need no more than the beginning.
template <class SlotType>
inline constexpr bool kOwnedByElement = false;
template <class T>
inline constexpr bool kOwnedByElement<Slot<T>> = std::is_trivially_copyable_v<T> &&
                                                 sizeof(Slot<T>) <= 512;

/// Hands back the cache lines of an element that a reader's gate has not passed yet.
template <class Memory, class SlotType>
[[gnu::always_inline]] inline void own_element(SlotType* slot) noexcept {
  Memory::before_read(slot, sizeof(SlotType));  // nobody may change it
  slot->own_lines();
}

/// Whether the reader's element, or its line, is to go back to the producer: the reader has read
/// all of a line of small elements without a wait, or found several larger ones at once. Not where
/// the audience lies apart: there readers may not be permitted to write the line.
template <class Memory, class SlotType>
[[nodiscard, gnu::always_inline]] inline bool helps(const LineReader<SlotType, Memory>& reader,
                                                    bool hands_back) noexcept {
  return hands_back && reader.ends_streamed_line();
}

/// Hands back the reader's element, which it has not passed yet, or its line, if helps() said so.
template <class Memory, class SlotType>
[[gnu::always_inline]] inline void hand_back(LineReader<SlotType, Memory>& reader) noexcept {
  if constexpr (kOwnedByElement<SlotType>) {
    own_element<Memory>(reader.slot());
  } else if constexpr (LineLayout<SlotType>::kShared) {
    reader.own_line();
  }
}

/// The same of a line that was read as a whole and ends before position `end`.
template <class Memory, class SlotType, class LineType>
[[gnu::always_inline]] inline void hand_line_back(LineReader<SlotType, Memory>& reader,
                                                  LineType* line, Sequence end) noexcept {
  constexpr bool kShared = LineLayout<SlotType>::kShared;
  if constexpr (kOwnedByElement<SlotType>) {
    for (auto* slot = kShared ? line->end() - 1 : line->begin(); slot != line->end(); ++slot) {
      own_element<Memory>(slot);
    }
  } else if constexpr (kShared) {
    reader.own_line(line, end);
  }
}

/// What all cursors do besides reading: leave at the end, ask for signals, tell how far behind they
/// are.
template <class BlockType, class Memory>
class CursorGate {
 public:
  CursorGate(BlockType* block, Audience<Memory>* audience, std::size_t gate) noexcept
      : block_(block), audience_(audience), word_(&audience->gate(gate).position), gate_(gate) {}
  /// With a gate of the reader's own. \pre nothing has been read through the gate
  CursorGate(BlockType* block, Audience<Memory>* audience, std::size_t gate, OwnGate<Memory>& own,
             std::uint64_t place) noexcept
      : block_(block), audience_(audience), word_(&own.position), gate_(gate) {
    audience->bring(gate, own, place);
  }
  CursorGate(CursorGate&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        audience_(other.audience_),
        word_(other.word_),
        gate_(other.gate_) {}
  CursorGate& operator=(CursorGate&&) = delete;
  ~CursorGate() {
    if (block_ != nullptr) audience_->leave(gate_);
  }

  [[nodiscard]] BlockType* block() const noexcept { return block_; }
  [[nodiscard]] std::size_t number() const noexcept { return gate_; }

  void advance(Sequence position) noexcept { Audience<Memory>::advance(*word_, position); }
  /// Where this reader begins.
  [[nodiscard]] Sequence position() const noexcept {
    // relaxed: written by this reader, or by whoever reserved the gate and handed its number over
    return word_->load(std::memory_order_relaxed);
  }

  [[nodiscard]] bool ask_for_signal() noexcept { return audience_->attention.ask(bit()); }
  void ask_for_signal_unfenced() noexcept { audience_->attention.ask_unfenced(bit()); }
  bool withdraw() noexcept { return audience_->attention.withdraw(bit()); }
  void set_address(std::uint64_t address) noexcept {
    // relaxed: "audience" publishes it
    audience_->gate(gate_).address.store(address, std::memory_order_relaxed);
  }

  /// A lossy reader: what tools are to see of it.
  void show(Sequence position, std::uint64_t lost) noexcept {
    auto& gate = audience_->gate(gate_);
    gate.shown_position = position;
    gate.shown_lost = lost;
  }

  /// Elements from the position to the head.
  [[nodiscard]] static std::size_t behind(Sequence position, Sequence head) noexcept {
    const auto count = distance(position, head);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

 private:
  [[nodiscard]] std::uint64_t bit() const noexcept { return std::uint64_t{1} << gate_; }

  BlockType* block_;
  Audience<Memory>* audience_;
  typename Memory::template Atomic<Sequence>* word_;  // this reader's position: in its gate, or own
  std::size_t gate_;
};

}  // namespace ringway
