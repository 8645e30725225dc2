// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The block of memory behind both broadcast rings: header, the producer's words, the audience with
/// its gates, the lines.
///
/// *Synchronisation.* None of its own: "published" is in ring/line.hpp, "read" and "audience" in
/// ring/audience.hpp.

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/ring/audience.hpp"
#include "ringway/ring/line.hpp"
#include "ringway/ring/ring_block.hpp"

namespace ringway {

struct BroadcastOptions {
  std::size_t capacity = 0;  ///< elements; exactly this many fit before the slowest reliable reader
  std::size_t max_cursors = 8;  ///< readers at a time; at most 62
  Sequence start = 0;           ///< position of the first element; for tests of the wrap
};

/// \tparam T what the ring carries, \tparam SlotType how a slot holds it
template <class T, class SlotType, RingKind kKind, class Memory>
struct BroadcastBlock {
  using LinesType = Lines<SlotType, Memory>;
  using LineType = typename LinesType::LineType;
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

  [[nodiscard]] Audience<Memory>& audience() noexcept {
    return *std::launder(reinterpret_cast<Audience<Memory>*>(this + 1));
  }
  [[nodiscard]] LinesType lines() noexcept {
    return LinesType(reinterpret_cast<std::byte*>(this) + lines_offset(header.max_cursors),
                     header.blocks, header.start);
  }
  /// The position after the newest element. Any thread.
  [[nodiscard]] Sequence head() noexcept { return lines().head(front); }

  static Result<RingShape, SetupError> shape_of(const BroadcastOptions& options) noexcept {
    check_element<T>();
    if (options.max_cursors == 0 || options.max_cursors > Attention<Memory>::kMostReaders) {
      return Failure{SetupError::kTooManyCursors};
    }
    // Overwriting begins with a whole line: a lossy ring has one more, so that the last `capacity`
    // elements stay whole.
    constexpr std::size_t kSpare = kKind == RingKind::kLossyBroadcast ? 1 : 0;
    return RingShape::of(options.capacity, LineType::kItems, sizeof(LineType),
                         lines_offset(options.max_cursors), kSpare);
  }

  static Result<std::size_t, SetupError> footprint(const BroadcastOptions& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return shape->bytes;
  }

  static Result<RingMemory, SetupError> create(const BroadcastOptions& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::allocate(shape->bytes, kAlign), *shape, options);
  }

  static Result<RingMemory, SetupError> format(std::span<std::byte> memory,
                                               const BroadcastOptions& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::borrow(memory, shape->bytes, kAlign), *shape, options);
  }

  static Result<RingMemory, SetupError> join(std::span<std::byte> memory) noexcept {
    auto view = RingMemory::join(memory, kKind, sizeof(T), alignof(T), kAlign);
    if (!view) return view;
    const RingHeader header = view->header();
    auto shape = shape_of(
        {.capacity = header.capacity, .max_cursors = header.max_cursors, .start = header.start});
    if (!shape || shape->blocks != header.blocks || shape->bytes != header.bytes) {
      return Failure{SetupError::kCorruptHeader};
    }
    return view;
  }

 private:
  static constexpr std::size_t lines_offset(std::size_t max_cursors) noexcept {
    return round_up(sizeof(BroadcastBlock) + Audience<Memory>::bytes(max_cursors), kAlign);
  }

  static Result<RingMemory, SetupError> lay_out(Result<RingMemory, SetupError> memory,
                                                const RingShape& shape,
                                                const BroadcastOptions& options) noexcept {
    if (!memory) return memory;
    auto* block = ::new (static_cast<void*>(memory->data()))
        BroadcastBlock({.kind = kKind,
                        .element_size = sizeof(T),
                        .element_align = alignof(T),
                        .capacity = options.capacity,
                        .blocks = shape.blocks,
                        .max_cursors = options.max_cursors,
                        .start = options.start,
                        .bytes = shape.bytes});
    ::new (static_cast<void*>(block + 1)) Audience<Memory>(options.max_cursors, options.start);
    block->lines().format();
    return memory;
  }
};

/// What both broadcast producers do around the writing of an element: ask for credit, publish, look
/// at the audience.
template <class BlockType, class SlotType, class Memory>
class BroadcastWriter {
 public:
  using LineType = typename BlockType::LineType;

  BroadcastWriter(BlockType* block, Sequence position) noexcept
      : block_(block), line_writer_(block->lines(), position) {}

  [[nodiscard]] LineWriter<SlotType, Memory>& line() noexcept { return line_writer_; }
  [[nodiscard]] const LineWriter<SlotType, Memory>& line() const noexcept { return line_writer_; }
  [[nodiscard]] BlockType* block() const noexcept { return block_; }

  /// Makes room for at least one element, or says that the ring is full. `enter(line, position)` as
  /// in LineWriter.
  template <class Enter>
  [[nodiscard, gnu::always_inline]] bool open(Enter&& enter) noexcept {
    return line_writer_.open([this] { return ask_limit(block_, line_writer_.position()); },
                             [this, &enter](LineType* line, Sequence position) {
                               // relaxed: a hint, checked against the line by whoever uses it
                               block_->front.store(position, std::memory_order_relaxed);
                               enter(line, position);
                             });
  }

  [[gnu::always_inline]] void publish(std::size_t count) noexcept {
    line_writer_.publish(count);
    if (block_->audience().attention.wanted()) [[unlikely]] {
      const Finding found = look(block_, line_writer_.position());
      signals_ |= found.asked & Attention<Memory>::kSignals;
      line_writer_.set_limit(found.limit);
    }
  }

  [[nodiscard]] bool has_signals() const noexcept { return signals_ != 0; }
  [[nodiscard]] std::uint64_t take_signals() noexcept { return std::exchange(signals_, 0); }

 private:
  // What the slow paths find out. They are out of line and take the handle's state by value: a call
  // that took `this` would force the private cursors into memory on the fast path too.
  struct Finding {
    std::uint64_t asked;
    Sequence limit;
  };
  [[gnu::noinline, gnu::cold]] static Finding look(BlockType* block, Sequence position) noexcept {
    const auto asked = block->audience().attention.take();
    return {asked, block->audience().limit(position, block->header.capacity)};
  }
  /// Where the ring is full. When it nearly is, waits a moment (16 pauses) before it looks a second
  /// time: a producer that takes each slot as it comes free would take the slowest reader's gate
  /// away at each of its stores (docs/design/broadcast-ring.md).
  [[gnu::noinline]] static Sequence ask_limit(BlockType* block, Sequence position) noexcept {
    const auto capacity = block->header.capacity;
    auto limit = block->audience().limit(position, capacity);
    if (limit != position && limit - position < capacity / 8) {
      for (int i = 0; i < 16; ++i) Memory::relax();
      limit = block->audience().limit(position, capacity);
    }
    return limit;
  }

  BlockType* block_;
  LineWriter<SlotType, Memory> line_writer_;
  std::uint64_t signals_ = 0;
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

/// What all cursors do besides reading: leave at the end, ask for signals, tell how far behind they
/// are.
template <class BlockType, class Memory>
class CursorGate {
 public:
  CursorGate(BlockType* block, std::size_t gate) noexcept : block_(block), gate_(gate) {}
  CursorGate(CursorGate&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), gate_(other.gate_) {}
  CursorGate& operator=(CursorGate&&) = delete;
  ~CursorGate() {
    if (block_ != nullptr) block_->audience().leave(gate_);
  }

  [[nodiscard]] BlockType* block() const noexcept { return block_; }
  [[nodiscard]] std::size_t number() const noexcept { return gate_; }

  void advance(Sequence position) noexcept { block_->audience().advance(gate_, position); }
  /// Where this reader begins.
  [[nodiscard]] Sequence position() const noexcept {
    // relaxed: written by this reader, or by whoever reserved the gate and handed its number over
    return block_->audience().gate(gate_).position.load(std::memory_order_relaxed);
  }

  [[nodiscard]] bool ask_for_signal() noexcept { return block_->audience().attention.ask(bit()); }
  void ask_for_signal_unfenced() noexcept { block_->audience().attention.ask_unfenced(bit()); }
  bool withdraw() noexcept { return block_->audience().attention.withdraw(bit()); }
  void set_address(std::uint64_t address) noexcept {
    block_->audience().gate(gate_).address.store(
        address, std::memory_order_relaxed);  // relaxed: "audience" publishes it
  }

  [[nodiscard]] std::size_t behind(Sequence position) const noexcept {
    const auto count = distance(position, block_->head());
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

 private:
  [[nodiscard]] std::uint64_t bit() const noexcept { return std::uint64_t{1} << gate_; }

  BlockType* block_;
  std::size_t gate_;
};

}  // namespace ringway
