// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `ByteRing`: messages of any size, written and read in place, from one producer thread to one
/// consumer thread.
///
/// *What.* Use when messages differ in size, or their type is known only at run time: layers that
/// bring their own encoding. Do not use when every message is one type (`SpscRing<T>`: no lengths,
/// no copies of them), or when several shall read (`BroadcastByteRing`).
///
/// *Protocol.* Frames lie one behind the other (ring/frame.hpp): 8 bytes and the message, rounded
/// up to 8.
///   producer   owns the frames' words, and produced: a hint for observers
///   consumer   owns consumed: the position after the last frame taken
///   invariant  consumed <= produced; nothing from consumed to produced is written again
/// Positions count bytes of frames and of the padding between them. Each side's cursor, and what it
/// knows of the block's shape, lives in its handle.
///
/// *Synchronisation.*
///   "frame"     in ring/frame.hpp: the message is written
///   "consumed"  consumer's store to consumed -> producer's load of it: the frame is read
///
/// *Progress.* Every operation is wait-free; a suspended thread blocks nobody but whoever needs its
/// next message or room.
///
/// *Source.* docs/design/byte-ring.md.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/base/at_exit.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/ring/byte_block.hpp"
#include "ringway/ring/frame.hpp"
#include "ringway/ring/ring_block.hpp"

namespace ringway {

template <class Memory = NativeMemory>
class BasicByteRing {
  struct Block;

 public:
  class Producer;
  class Consumer;
  using Claim = FrameClaim<Producer>;

  struct Options {
    std::size_t capacity = 0;   ///< bytes; messages whose frame_bytes() add up to it always fit
    std::size_t max_frame = 0;  ///< bytes of the largest message
    Sequence start = 0;  ///< position of the first frame, rounded down to 8; for tests of the wrap
  };

  /// Alignment in bytes that format() and join() ask of the memory.
  static constexpr std::size_t kAlign = kOwnerSpacing;

  /// Bytes that the ring needs.
  [[nodiscard]] static Result<std::size_t, SetupError> footprint(const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return shape->bytes;
  }

  /// A ring on the heap.
  [[nodiscard]] static Result<BasicByteRing, SetupError> create(const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::allocate(shape->bytes, kAlign), *shape);
  }

  /// A ring in the caller's memory, which must outlive it.
  [[nodiscard]] static Result<BasicByteRing, SetupError> format(std::span<std::byte> memory,
                                                                const Options& options) noexcept {
    auto shape = shape_of(options);
    if (!shape) return Failure{shape.error()};
    return lay_out(RingMemory::borrow(memory, shape->bytes, kAlign), *shape);
  }

  /// A further view of a ring that somebody else formatted. Its shape is copied and checked here,
  /// once.
  [[nodiscard]] static Result<BasicByteRing, SetupError> join(
      std::span<std::byte> memory) noexcept {
    auto joined = JoinedBytes::join(memory, RingKind::kByte, kAlign, false, [](std::size_t) {
      return Result<std::size_t, SetupError>(sizeof(Block));
    });
    if (!joined) return Failure{joined.error()};
    return BasicByteRing(std::move(joined->memory), joined->shape);
  }

  BasicByteRing(BasicByteRing&&) noexcept = default;
  BasicByteRing& operator=(BasicByteRing&&) = delete;
  /// \pre no handle of this ring is left
  ~BasicByteRing() = default;

  /// The sending role. Any thread; kRoleTaken while another producer lives. The ring's memory must
  /// outlive the handle.
  [[nodiscard]] Result<Producer, SetupError> producer() noexcept {
    if (!block()->producer_role.take()) return Failure{SetupError::kRoleTaken};
    return Producer(block(), shape_);
  }

  /// The receiving role. Any thread; kRoleTaken while another consumer lives. The ring's memory
  /// must outlive the handle.
  [[nodiscard]] Result<Consumer, SetupError> consumer() noexcept {
    if (!block()->consumer_role.take()) return Failure{SetupError::kRoleTaken};
    return Consumer(block(), shape_);
  }

  /// Frees the sending role of a producer that died with it, wherever it was killed. The next one
  /// continues behind the last message that was sent; one that was being written was not. The same
  /// again changes nothing. \pre the kernel says that the producer's thread or process has ended
  /// (a time-out does not), and nobody takes or vacates the role meanwhile
  void vacate_producer() noexcept {
    const auto noted =
        block()->produced.load(std::memory_order_relaxed);  // relaxed: its writer has ended
    block()->producer_role.vacate(end_of_frames<Memory>(shape_.space(memory_.data()), noted));
  }
  /// The same for a consumer. The next one continues with the first message that was not
  /// acknowledged: what a handler was busy with comes again. \pre as for vacate_producer()
  void vacate_consumer() noexcept {
    block()->consumer_role.vacate(
        block()->consumed.load(std::memory_order_relaxed));  // relaxed: its writer has ended
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return shape_.capacity; }
  [[nodiscard]] std::size_t max_frame() const noexcept { return shape_.max_frame; }
  /// Bytes of frames and padding that are not taken. Any thread, wait-free. Exact when nobody is
  /// sending or receiving.
  [[nodiscard]] std::size_t size_approx() const noexcept {
    return block()->size_approx(shape_.frames);
  }

 private:
  template <class U>
  using Atomic = typename Memory::template Atomic<U>;

  /// The shared memory of one ring. Positions only; handles hold the pointers.
  struct Block {
    explicit Block(const ByteHeader& the_header) noexcept
        : header(the_header),
          produced(the_header.ring.start),
          producer_role(the_header.ring.start),
          consumed(the_header.ring.start),
          consumer_role(the_header.ring.start) {}

    // static: written by format()
    alignas(kAlign) ByteHeader header;
    // producer
    alignas(kOwnerSpacing) Atomic<Sequence> produced;  // a hint: the position after the last frame
    ExclusiveRole<Memory> producer_role;
    // consumer
    alignas(kOwnerSpacing) Atomic<Sequence> consumed;
    ExclusiveRole<Memory> consumer_role;
    // the frames follow the block

    [[nodiscard]] std::size_t size_approx(std::size_t most) noexcept {
      const auto taken = consumed.load(std::memory_order_relaxed);  // relaxed: an estimate
      const auto sent = produced.load(std::memory_order_relaxed);   // relaxed: an estimate
      const auto size = distance(taken, sent);
      return size < 0 ? 0 : std::min(static_cast<std::size_t>(size), most);
    }
  };

  static Result<ByteShape, SetupError> shape_of(const Options& options) noexcept {
    return ByteShape::of(options.capacity, options.max_frame, options.start, sizeof(Block));
  }

  static Result<BasicByteRing, SetupError> lay_out(Result<RingMemory, SetupError> memory,
                                                   const ByteShape& shape) noexcept {
    if (!memory) return Failure{memory.error()};
    ::new (static_cast<void*>(memory->data())) Block(shape.header(RingKind::kByte, 0));
    shape.space(memory->data()).template format<Memory>();
    return BasicByteRing(*std::move(memory), shape);
  }

  BasicByteRing(RingMemory memory, const ByteShape& shape) noexcept
      : memory_(std::move(memory)), shape_(shape) {}

  [[nodiscard]] Block* block() const noexcept {
    return std::launder(reinterpret_cast<Block*>(memory_.data()));
  }

  RingMemory memory_;
  ByteShape shape_;
};

using ByteRing = BasicByteRing<>;

/// The sending role: one producer thread.
template <class Memory>
class BasicByteRing<Memory>::Producer {
 public:
  Producer(Producer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        capacity_(other.capacity_),
        writer_(other.writer_) {}
  Producer& operator=(Producer&&) = delete;
  ~Producer() {
    if (block_ != nullptr) block_->producer_role.give(writer_.position());
  }

  /// Room for a message of `size` bytes, to be written in place; commit() sends it, dropping the
  /// claim takes it back. The claim is empty if the ring is full, and always if size > max_frame().
  /// Wait-free. \pre no other claim of this producer is open
  [[nodiscard]] Claim try_claim(std::size_t size) noexcept {
    if (!open(size)) [[unlikely]]
      return Claim();
    Memory::before_write(writer_.message(), size);
    return Claim(this, {writer_.message(), size});
  }

  /// Sends a copy. \return false if the ring is full, and always if the message is larger than
  /// max_frame(). Wait-free.
  [[nodiscard]] bool try_push(std::span<const std::byte> message) noexcept {
    if (!open(message.size())) [[unlikely]]
      return false;
    Memory::before_write(writer_.message(), message.size());
    if (!message.empty()) std::memcpy(writer_.message(), message.data(), message.size());
    publish(message.size());
    return true;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t max_frame() const noexcept { return writer_.space().max_frame; }
  /// Bytes of frames and padding not taken yet; at least the true number when the call returns.
  [[nodiscard]] std::size_t size_approx() const noexcept {
    return block_->size_approx(writer_.space().bytes);
  }
  /// The position of the next frame, or of the padding before it.
  [[nodiscard]] Sequence sequence() const noexcept { return writer_.position(); }

 private:
  friend BasicByteRing;
  friend Claim;

  Producer(Block* block, const ByteShape& shape) noexcept
      : block_(block),
        capacity_(shape.capacity),
        writer_(shape.space(reinterpret_cast<std::byte*>(block)), block->producer_role.position()) {
  }

  /// What the consumer says is in its own memory: a wrong word costs its messages, nothing else.
  [[gnu::noinline]] static Sequence ask_limit(Block* block, Sequence position,
                                              std::size_t bytes) noexcept {
    const auto consumed = block->consumed.load(std::memory_order_acquire);  // acquire "consumed"
    return earlier(position, consumed) + bytes;
  }
  [[nodiscard, gnu::always_inline]] bool open(std::size_t size) noexcept {
    return size <= writer_.space().max_frame && writer_.open(size, [this] {
      return ask_limit(block_, writer_.position(), writer_.space().bytes);
    });
  }
  void publish(std::size_t size) noexcept {
    writer_.publish(size);
    // relaxed: a hint for observers
    block_->produced.store(writer_.position(), std::memory_order_relaxed);
  }

  Block* block_;
  std::size_t capacity_;
  FrameWriter<Memory> writer_;
};

/// The receiving role: one consumer thread.
template <class Memory>
class BasicByteRing<Memory>::Consumer {
 public:
  Consumer(Consumer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        capacity_(other.capacity_),
        reader_(other.reader_) {}
  Consumer& operator=(Consumer&&) = delete;
  ~Consumer() {
    if (block_ != nullptr) block_->consumer_role.give(reader_.position());
  }

  /// Copies the oldest message into `buffer` and takes it. \return its size, or why there is none.
  /// Wait-free.
  [[nodiscard]] Result<std::size_t, ReadError> try_read(std::span<std::byte> buffer) noexcept {
    if (!reader_.open()) return Failure{corrupt() ? ReadError::kCorrupt : ReadError::kEmpty};
    const auto message = reader_.message();
    if (message.size() > buffer.size()) return Failure{ReadError::kBufferTooSmall};
    if (!message.empty()) std::memcpy(buffer.data(), message.data(), message.size());
    take();
    return message.size();
  }

  /// Calls `handler(std::span<const std::byte>)` for the oldest messages, in order and in place, at
  /// most `limit` of them. The bytes are the ring's until the handler returns; if it throws, its
  /// message counts as taken; if it answers false, the drain ends. \return how many were taken.
  /// Wait-free but for the handler, which must not use this consumer.
  template <class Handler>
  std::size_t drain(Handler&& handler, std::size_t limit) noexcept(
      std::is_nothrow_invocable_v<Handler&, std::span<const std::byte>>) {
    std::size_t taken = 0;
    while (taken < limit && reader_.open()) {
      const AtExit take_it([this] { take(); });  // also when the handler throws
      ++taken;
      if (!go_on_after_message(handler, reader_.message())) break;
    }
    return taken;
  }

  /// True if there is a message. Wait-free.
  [[nodiscard]] bool has_news() noexcept { return reader_.open(); }
  /// Bytes of the oldest message. \pre has_news()
  [[nodiscard]] std::size_t next_size() const noexcept { return reader_.message().size(); }
  /// True if this consumer has found something that is no frame; it reads nothing any more.
  [[nodiscard]] bool corrupt() const noexcept { return reader_.corrupt(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t max_frame() const noexcept { return reader_.space().max_frame; }
  /// Bytes of frames and padding that can be taken; at most the true number when the call returns.
  [[nodiscard]] std::size_t size_approx() const noexcept {
    return block_->size_approx(reader_.space().bytes);
  }
  /// The position of the next frame.
  [[nodiscard]] Sequence sequence() const noexcept { return reader_.position(); }

 private:
  friend BasicByteRing;

  Consumer(Block* block, const ByteShape& shape) noexcept
      : block_(block),
        capacity_(shape.capacity),
        reader_(shape.space(reinterpret_cast<std::byte*>(block)), block->consumer_role.position()) {
  }

  void take() noexcept {
    reader_.advance();
    block_->consumed.store(reader_.position(), std::memory_order_release);  // release "consumed"
  }

  Block* block_;
  std::size_t capacity_;
  FrameReader<Memory> reader_;
};

}  // namespace ringway
