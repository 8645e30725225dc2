// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `BroadcastByteRing`: messages of any size from one producer thread to any number of readers,
/// each of which sees every message, in place.
///
/// *What.* A lane of bytes: use when messages differ in size, or their type is known only at run
/// time, and several readers must miss nothing. Do not use when every message is one type
/// (`BroadcastRing<T>`), or when there is one reader (`ByteRing`).
///
/// *Protocol.* Frames lie one behind the other (ring/frame.hpp); readers have gates
/// (ring/audience.hpp), which may lie apart, as in ring/broadcast_block.hpp.
///   producer   owns the frames, and head: the position after the newest one
///   reader     owns its gate
///   invariant  nothing from the slowest gate to the head is written again
/// The producer stores `head` after the frame's word and before it looks at the audience, so what
/// ring/audience.hpp says of "the ring's head" holds of this word.
///
/// *Synchronisation.*
///   "frame"  in ring/frame.hpp: the message is written
///   "head"   producer's store to head -> a joiner's load of it: the word at that position is
///            there, published or cleared
///   "read", "audience", "gate freed" in ring/audience.hpp; "role handed over" in
///   ring/ring_block.hpp
///
/// *Progress.* Publishing and reading are wait-free. A suspended reader withholds credit: the
/// producer's try_claim says full when the capacity is used up. A suspended producer blocks nobody.
/// Joining is lock-free and includes one system call.
///
/// *Source.* docs/design/byte-ring.md, docs/design/broadcast-ring.md.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/base/at_exit.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/ring/audience.hpp"
#include "ringway/ring/broadcast_block.hpp"
#include "ringway/ring/byte_block.hpp"
#include "ringway/ring/frame.hpp"
#include "ringway/ring/ring_block.hpp"

namespace ringway {

template <class Memory = NativeMemory>
class BasicBroadcastByteRing {
  struct Block;

 public:
  class Producer;
  class Cursor;
  using Claim = FrameClaim<Producer>;

  struct Options {
    std::size_t capacity = 0;     ///< bytes; messages whose frame_bytes() add up to it always fit
                                  ///< before the slowest reader
    std::size_t max_frame = 0;    ///< bytes of the largest message
    std::size_t max_cursors = 8;  ///< readers at a time; at most 62
    Sequence start = 0;  ///< position of the first frame, rounded down to 8; for tests of the wrap
  };

  /// Alignment in bytes that format() and join() ask of the memory.
  static constexpr std::size_t kAlign = kOwnerSpacing;

  /// Where the audience lies in the block, unless it lies apart.
  [[nodiscard]] static constexpr std::size_t audience_offset() noexcept { return sizeof(Block); }
  /// Where the position after the newest frame lies; for tools.
  [[nodiscard]] static constexpr std::size_t head_offset() noexcept {
    return offsetof(Block, newest);
  }

  /// Bytes that the ring needs.
  [[nodiscard]] static Result<std::size_t, SetupError> footprint(const Options& options) noexcept {
    auto shape = shape_of(options, false);
    if (!shape) return Failure{shape.error()};
    return shape->bytes;
  }
  /// Bytes that the ring needs if its audience lies apart.
  [[nodiscard]] static Result<BroadcastParts, SetupError> parts(const Options& options) noexcept {
    auto shape = shape_of(options, true);
    if (!shape) return Failure{shape.error()};
    return BroadcastParts{shape->bytes, Audience<Memory>::bytes(options.max_cursors)};
  }
  /// A ring on the heap.
  [[nodiscard]] static Result<BasicBroadcastByteRing, SetupError> create(
      const Options& options) noexcept {
    auto shape = shape_of(options, false);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::allocate(shape->bytes, kAlign), *shape, options.max_cursors, {});
  }
  /// A ring in the caller's memory, which must outlive it.
  [[nodiscard]] static Result<BasicBroadcastByteRing, SetupError> format(
      std::span<std::byte> memory, const Options& options) noexcept {
    auto shape = shape_of(options, false);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::borrow(memory, shape->bytes, kAlign), *shape, options.max_cursors,
                   {});
  }
  /// The same with an audience apart: the readers write nothing else, if they bring their gates.
  [[nodiscard]] static Result<BasicBroadcastByteRing, SetupError> format(
      std::span<std::byte> memory, std::span<std::byte> audience, const Options& options) noexcept {
    auto shape = shape_of(options, true);
    if (!shape) return Failure{shape.error()};
    if (auto fits = Audience<Memory>::check(audience, options.max_cursors); !fits) {
      return Failure{fits.error()};
    }
    return lay_out(RingMemory::borrow(memory, shape->bytes, kAlign), *shape, options.max_cursors,
                   audience);
  }
  /// A further view of a ring that somebody else formatted. Its shape is copied and checked here,
  /// once.
  [[nodiscard]] static Result<BasicBroadcastByteRing, SetupError> join(
      std::span<std::byte> memory) noexcept {
    auto joined = joined_as(memory, false);
    if (!joined) return Failure{joined.error()};
    auto* audience = joined->memory.data() + sizeof(Block);
    return BasicBroadcastByteRing(*std::move(joined), audience);
  }
  [[nodiscard]] static Result<BasicBroadcastByteRing, SetupError> join(
      std::span<std::byte> memory, std::span<std::byte> audience) noexcept {
    auto joined = joined_as(memory, true);
    if (!joined) return Failure{joined.error()};
    if (auto fits = Audience<Memory>::check(audience, joined->max_cursors); !fits) {
      return Failure{fits.error()};
    }
    return BasicBroadcastByteRing(*std::move(joined), audience.data());
  }

  BasicBroadcastByteRing(BasicBroadcastByteRing&&) noexcept = default;
  BasicBroadcastByteRing& operator=(BasicBroadcastByteRing&&) = delete;
  /// \pre no handle of this ring is left
  ~BasicBroadcastByteRing() = default;

  /// The sending role. Any thread; kRoleTaken while another producer lives. The ring's memory must
  /// outlive the handle.
  /// \param finder where the words of readers lie that bring their gates; outlives the handle
  [[nodiscard]] Result<Producer, SetupError> producer(
      const GateFinder<Memory>* finder = nullptr) noexcept {
    if (!block()->producer_role.take()) return Failure{SetupError::kRoleTaken};
    return Producer(block(), audience_, shape_, max_cursors_, finder);
  }

  /// A reader that sees every message published after this call returns, and perhaps some published
  /// meanwhile. Any thread, while the producer runs. The ring's memory must outlive the handle.
  [[nodiscard]] Result<Cursor, SetupError> cursor() noexcept {
    auto gate = reserve_cursor();
    if (!gate) return Failure{gate.error()};
    return adopt_cursor(*gate);
  }
  /// cursor() in two steps: a gate that already holds the producer back, for somebody else to pick
  /// up.
  [[nodiscard]] Result<std::size_t, SetupError> reserve_cursor() noexcept {
    return audience_->join(Gate<Memory>::kReliable, max_cursors_,
                           [this] { return block()->head(); });
  }
  /// \pre the gate was reserved and not adopted yet, or its reader died (as in vacate_cursor): then
  /// this one continues with the first message that the dead one had not passed
  [[nodiscard]] Cursor adopt_cursor(std::size_t gate) noexcept {
    return Cursor({block(), audience_, gate}, shape_);
  }
  /// The same with a gate that the reader brings along, as in BroadcastRing.
  [[nodiscard]] Cursor adopt_cursor(std::size_t gate, OwnGate<Memory>& own,
                                    std::uint64_t place) noexcept {
    return Cursor({block(), audience_, gate, own, place}, shape_);
  }

  /// Frees the sending role of a producer that died with it, wherever it was killed. The next one
  /// continues behind the last message that was published; one that was being written was not. The
  /// same again changes nothing. \pre the kernel says that the producer's thread or process has
  /// ended (a time-out does not), and nobody takes or vacates the role meanwhile
  void vacate_producer() noexcept {
    block()->producer_role.vacate(
        end_of_frames<Memory>(shape_.space(memory_.data()), block()->head()));
  }
  /// Frees the gate of a reader that died with it, so that the producer no longer waits for it. Any
  /// thread, while the producer runs. \pre that reader has ended, as above, and nobody else adopts
  /// or vacates its gate
  void vacate_cursor(std::size_t gate) noexcept { audience_->leave(gate); }

  /// As in BroadcastRing; of bytes nothing is destroyed.
  void hold_elements(bool holds) noexcept { memory_.hold_elements(holds); }

  [[nodiscard]] std::size_t capacity() const noexcept { return shape_.capacity; }
  [[nodiscard]] std::size_t max_frame() const noexcept { return shape_.max_frame; }
  [[nodiscard]] std::size_t max_cursors() const noexcept { return max_cursors_; }
  /// The position after the newest frame. Any thread.
  [[nodiscard]] Sequence head_approx() const noexcept { return block()->head(); }

 private:
  template <class U>
  using Atomic = typename Memory::template Atomic<U>;

  /// The shared memory of one ring; the audience with its gates, unless it lies apart, and then the
  /// frames follow it.
  struct Block {
    explicit Block(const ByteHeader& the_header) noexcept
        : header(the_header), newest(the_header.ring.start), producer_role(the_header.ring.start) {}

    // static: written by format()
    alignas(kAlign) ByteHeader header;
    // producer
    alignas(kOwnerSpacing) Atomic<Sequence> newest;  // the position after the newest frame
    ExclusiveRole<Memory> producer_role;

    [[nodiscard]] Sequence head() noexcept {
      return newest.load(std::memory_order_acquire);  // acquire "head"
    }
  };

  static Result<std::size_t, SetupError> frames_offset(std::size_t max_cursors,
                                                       bool apart) noexcept {
    if (max_cursors == 0 || max_cursors > Attention<Memory>::kMostReaders) {
      return Failure{SetupError::kTooManyCursors};
    }
    const auto inside = apart ? 0 : Audience<Memory>::bytes(max_cursors);
    return round_up(sizeof(Block) + inside, kAlign);
  }
  static Result<ByteShape, SetupError> shape_of(const Options& options, bool apart) noexcept {
    auto offset = frames_offset(options.max_cursors, apart);
    if (!offset) return Failure{offset.error()};
    return ByteShape::of(options.capacity, options.max_frame, options.start, *offset);
  }
  static Result<JoinedBytes, SetupError> joined_as(std::span<std::byte> memory,
                                                   bool apart) noexcept {
    return JoinedBytes::join(
        memory, RingKind::kBroadcastByte, kAlign, apart,
        [apart](std::size_t max_cursors) { return frames_offset(max_cursors, apart); });
  }

  static Result<BasicBroadcastByteRing, SetupError> lay_out(Result<RingMemory, SetupError> memory,
                                                            const ByteShape& shape,
                                                            std::size_t max_cursors,
                                                            std::span<std::byte> apart) noexcept {
    if (!memory) return Failure{memory.error()};
    auto* block = ::new (static_cast<void*>(memory->data()))
        Block(shape.header(RingKind::kBroadcastByte, max_cursors, !apart.empty()));
    auto* audience = apart.empty() ? reinterpret_cast<std::byte*>(block + 1) : apart.data();
    ::new (static_cast<void*>(audience)) Audience<Memory>(max_cursors, shape.start);
    shape.space(memory->data()).template format<Memory>();
    return BasicBroadcastByteRing({*std::move(memory), shape, max_cursors}, audience);
  }

  BasicBroadcastByteRing(JoinedBytes known, std::byte* audience) noexcept
      : memory_(std::move(known.memory)),
        shape_(known.shape),
        max_cursors_(known.max_cursors),
        audience_(std::launder(reinterpret_cast<Audience<Memory>*>(audience))) {}

  [[nodiscard]] Block* block() const noexcept {
    return std::launder(reinterpret_cast<Block*>(memory_.data()));
  }

  RingMemory memory_;
  ByteShape shape_;
  std::size_t max_cursors_;
  Audience<Memory>* audience_;  // as it is mapped here
};

using BroadcastByteRing = BasicBroadcastByteRing<>;

/// The sending role: one producer thread.
template <class Memory>
class BasicBroadcastByteRing<Memory>::Producer {
 public:
  Producer(Producer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        audience_(other.audience_),
        capacity_(other.capacity_),
        writer_(other.writer_),
        signals_(other.signals_),
        max_cursors_(other.max_cursors_),
        finder_(other.finder_) {}
  Producer& operator=(Producer&&) = delete;
  ~Producer() {
    if (block_ != nullptr) block_->producer_role.give(writer_.position());
  }

  /// Room for a message of `size` bytes, to be written in place; commit() publishes it, dropping
  /// the claim takes it back. The claim is empty if the slowest reader is too far behind, and
  /// always if size > max_frame(). Wait-free. \pre no other claim of this producer is open
  [[nodiscard]] Claim try_claim(std::size_t size) noexcept {
    if (!open(size)) [[unlikely]]
      return Claim();
    Memory::before_write(writer_.message(), size);
    return Claim(this, {writer_.message(), size});
  }

  /// Publishes a copy. \return false if the slowest reader is too far behind, and always if the
  /// message is larger than max_frame(). Wait-free.
  [[nodiscard]] bool try_push(std::span<const std::byte> message) noexcept {
    if (!open(message.size())) [[unlikely]]
      return false;
    Memory::before_write(writer_.message(), message.size());
    if (!message.empty()) std::memcpy(writer_.message(), message.data(), message.size());
    publish(message.size());
    return true;
  }

  /// The readers that asked to be signalled and were overtaken by a publication, as bits by gate;
  /// clears them. For the layer that puts waiting around the ring.
  [[nodiscard]] std::uint64_t take_signals() noexcept { return std::exchange(signals_, 0); }
  [[nodiscard]] bool has_signals() const noexcept { return signals_ != 0; }

  /// The message published last; its bytes stay until this producer claims or pushes the next.
  /// \pre there is one, published by this handle
  [[nodiscard]] std::span<const std::byte> last() const noexcept { return writer_.last(); }

  /// The gate of a reader, for the layer above.
  [[nodiscard]] Gate<Memory>& gate(std::size_t i) noexcept { return audience_->gate(i); }
  /// How far that reader is.
  [[nodiscard]] Sequence reader_position(std::size_t i) const noexcept {
    return audience_->position_of(i, finder_);
  }
  /// A reader so many bytes behind leaves no room for a message of `size` bytes. \pre size <=
  /// max_frame()
  [[nodiscard]] std::size_t behind_if_full(std::size_t size) const noexcept {
    return writer_.behind_if_full(size);
  }
  [[nodiscard]] std::size_t max_cursors() const noexcept { return max_cursors_; }

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t max_frame() const noexcept { return writer_.space().max_frame; }
  /// The position of the next frame, or of the padding before it.
  [[nodiscard]] Sequence sequence() const noexcept { return writer_.position(); }

 private:
  friend BasicBroadcastByteRing;
  friend Claim;

  Producer(Block* block, Audience<Memory>* audience, const ByteShape& shape,
           std::size_t max_cursors, const GateFinder<Memory>* finder) noexcept
      : block_(block),
        audience_(audience),
        capacity_(shape.capacity),
        writer_(shape.space(reinterpret_cast<std::byte*>(block)), block->producer_role.position()),
        max_cursors_(max_cursors),
        finder_(finder) {}

  // What the slow paths find out. They are out of line and take the handle's state by value: a call
  // that took `this` would force the private cursors into memory on the fast path too.
  struct Finding {
    std::uint64_t asked;
    Sequence limit;
  };
  [[gnu::noinline, gnu::cold]] static Finding look(Audience<Memory>* audience, Sequence position,
                                                   std::size_t bytes, std::size_t max_cursors,
                                                   const GateFinder<Memory>* finder) noexcept {
    const auto asked = audience->attention.take_signals(max_cursors);
    return {asked, ask_limit(audience, position, bytes, max_cursors, finder)};
  }
  [[gnu::noinline]] static Sequence ask_limit(const Audience<Memory>* audience, Sequence position,
                                              std::size_t bytes, std::size_t max_cursors,
                                              const GateFinder<Memory>* finder) noexcept {
    return audience->limit(position, bytes, max_cursors, finder);
  }
  [[nodiscard, gnu::always_inline]] bool open(std::size_t size) noexcept {
    return size <= writer_.space().max_frame && writer_.open(size, [this] {
      return ask_limit(audience_, writer_.position(), writer_.space().bytes, max_cursors_, finder_);
    });
  }
  void publish(std::size_t size) noexcept {
    writer_.publish(size);
    block_->newest.store(writer_.position(), std::memory_order_release);  // release "head"
    if (audience_->attention.wanted()) [[unlikely]] {
      const Finding found =
          look(audience_, writer_.position(), writer_.space().bytes, max_cursors_, finder_);
      signals_ |= found.asked;
      writer_.set_limit(found.limit);
    }
  }

  Block* block_;
  Audience<Memory>* audience_;
  std::size_t capacity_;
  FrameWriter<Memory> writer_;
  std::uint64_t signals_ = 0;
  std::size_t max_cursors_;
  const GateFinder<Memory>* finder_;
};

/// One reliable reader: one thread at a time. Its destruction leaves: the producer no longer waits
/// for it.
template <class Memory>
class BasicBroadcastByteRing<Memory>::Cursor {
 public:
  /// Copies the next message into `buffer`. \return its size, or why there is none. Wait-free.
  [[nodiscard]] Result<std::size_t, ReadError> try_read(std::span<std::byte> buffer) noexcept {
    if (!reader_.open()) return Failure{corrupt() ? ReadError::kCorrupt : ReadError::kEmpty};
    const auto message = reader_.message();
    if (message.size() > buffer.size()) return Failure{ReadError::kBufferTooSmall};
    if (!message.empty()) std::memcpy(buffer.data(), message.data(), message.size());
    pass();
    return message.size();
  }

  /// Calls `handler(std::span<const std::byte>)` for the next messages, in order and in place, at
  /// most `limit` of them. The bytes are the ring's until the handler returns; if it throws, its
  /// message counts as read; if it answers false, the drain ends. \return how many were read.
  /// Wait-free but for the handler, which must not use this cursor.
  template <class Handler>
  std::size_t drain(Handler&& handler, std::size_t limit) noexcept(
      std::is_nothrow_invocable_v<Handler&, std::span<const std::byte>>) {
    std::size_t read = 0;
    while (read < limit && reader_.open()) {
      const AtExit pass_it([this] { pass(); });  // also when the handler throws
      ++read;
      if (!go_on_after_message(handler, reader_.message())) break;
    }
    return read;
  }

  /// True if a message can be read. Wait-free.
  [[nodiscard]] bool has_news() noexcept { return reader_.open(); }
  /// Bytes of the next message. \pre has_news()
  [[nodiscard]] std::size_t next_size() const noexcept { return reader_.message().size(); }
  /// True if this cursor has found something that is no frame; it reads nothing any more.
  [[nodiscard]] bool corrupt() const noexcept { return reader_.corrupt(); }

  /// Asks the producer to signal this reader after its next publication. Look again (has_news)
  /// afterwards. \return false if the kernel refuses the fence: then nobody may sleep on the answer
  [[nodiscard]] bool ask_for_signal() noexcept { return gate_.ask_for_signal(); }
  void ask_for_signal_unfenced() noexcept { gate_.ask_for_signal_unfenced(); }
  /// Takes ask_for_signal() back. \return false if the signal is already on its way
  bool withdraw() noexcept { return gate_.withdraw(); }
  /// Whom the layer above shall signal; see Gate::address.
  void set_address(std::uint64_t address) noexcept { gate_.set_address(address); }

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t max_frame() const noexcept { return reader_.space().max_frame; }
  /// Bytes of frames and padding that wait to be read; exact when the producer is idle.
  [[nodiscard]] std::size_t size_approx() const noexcept {
    return gate_.behind(reader_.position(), gate_.block()->head());
  }
  /// The position of the next frame.
  [[nodiscard]] Sequence sequence() const noexcept { return reader_.position(); }
  /// The number of this reader's gate.
  [[nodiscard]] std::size_t gate() const noexcept { return gate_.number(); }

 private:
  friend BasicBroadcastByteRing;

  Cursor(CursorGate<Block, Memory> gate, const ByteShape& shape) noexcept
      : gate_(std::move(gate)),
        capacity_(shape.capacity),
        reader_(shape.space(reinterpret_cast<std::byte*>(gate_.block())), gate_.position()) {}

  void pass() noexcept {
    reader_.advance();
    gate_.advance(reader_.position());
  }

  CursorGate<Block, Memory> gate_;
  std::size_t capacity_;
  FrameReader<Memory> reader_;
};

}  // namespace ringway
