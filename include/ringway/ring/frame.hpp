// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A frame: one message of any size in a ring of bytes, behind one word that says that it is there.
///
/// *What.* The core of `ByteRing` and `BroadcastByteRing`: how a writer puts frames one behind the
/// other into a block of bytes and how a reader finds them. Neither knows who else is there.
///
/// *Protocol.* A frame is a word of 8 bytes and the message behind it, rounded up to 8 bytes. It
/// lies in one piece: where the rest of the block is too short, a padding frame fills it and the
/// message begins at the block's first byte. The word at position `p` is
///   0                                   nothing yet
///   tag(p), published, size             a message of that size
///   tag(p), published, padding, size    nothing up to the block's end
/// Before the writer publishes a frame it clears the word behind it. So whoever follows the frames
/// never meets a word that is left over from an earlier lap or was once part of a message: at the
/// position after the last frame there is 0, whatever the messages contain. The tag (the low bits
/// of the position) is a second look only: between processes it tells a foreign hand in the block.
/// The frame behind a padding is written before the padding is published, so both appear at once.
///
/// A reader copies a word once and checks the copy (tag, size against the largest frame and against
/// the block's end) before it uses it. Where the block begins and ends it knows from its own
/// memory. So a wrong word makes it say `corrupt`, and it never looks outside the block.
///
/// *Synchronisation.*
///   "frame"  FrameWriter::publish stores the word of a frame or of the padding before it ->
///            FrameReader::open loads it: the message is written and the word behind it is cleared
///
/// *Progress.* Everything here is wait-free.
///
/// *Source.* Length published last: T. Montgomery, M. Thompson, "Aeron". The cleared word behind
/// the newest frame in place of a cleared buffer: docs/design/byte-ring.md.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/sequence.hpp"

namespace ringway {

/// Frames begin at multiples of this many bytes, and so does the message in each.
inline constexpr std::size_t kFrameAlign = 8;
/// Bytes of a frame before its message.
inline constexpr std::size_t kFrameHeader = 8;
/// The largest message that a frame can hold.
inline constexpr std::size_t kLargestFrame = (std::size_t{1} << 30) - 1;

/// Bytes that a message of `size` bytes takes up in a byte ring. \pre size <= kLargestFrame
[[nodiscard]] constexpr std::size_t frame_bytes(std::size_t size) noexcept {
  return kFrameHeader + round_up(size, kFrameAlign);
}

/// Why try_read() of a byte ring gave nothing.
enum class ReadError : unsigned char {
  kEmpty,           ///< nothing to read yet
  kBufferTooSmall,  ///< the message is larger than the buffer, and still there
  kCorrupt,         ///< what lies in the ring is no frame; this reader reads nothing any more
};

/// A sentence that says what was wrong and what to do about it.
[[nodiscard]] constexpr const char* describe(ReadError error) noexcept {
  switch (error) {
    case ReadError::kEmpty: return "there is no message; try again later";
    case ReadError::kBufferTooSmall:
      return "the message is larger than the buffer; pass next_size() bytes, or max_frame()";
    case ReadError::kCorrupt:
      return "the ring holds something that is no frame: its writer is broken or its memory was "
             "overwritten; leave the ring";
  }
  return "unknown read error";
}

/// The word in front of each message.
class FrameWord {
 public:
  [[nodiscard]] static constexpr std::uint64_t message(Sequence position,
                                                       std::size_t size) noexcept {
    return tag(position) | kPublished | size;
  }
  [[nodiscard]] static constexpr std::uint64_t padding(Sequence position,
                                                       std::size_t bytes) noexcept {
    return tag(position) | kPublished | kPadding | (bytes - kFrameHeader);
  }
  [[nodiscard]] static constexpr bool is_padding(std::uint64_t word) noexcept {
    return (word & kPadding) != 0;
  }
  /// Not checked yet.
  [[nodiscard]] static constexpr std::size_t size(std::uint64_t word) noexcept {
    return static_cast<std::size_t>(word & kLargestFrame);
  }

 private:
  static constexpr std::uint64_t kPadding = std::uint64_t{1} << 30;
  static constexpr std::uint64_t kPublished = std::uint64_t{1} << 31;
  [[nodiscard]] static constexpr std::uint64_t tag(Sequence position) noexcept {
    return position / kFrameAlign << 32;
  }
};

/// Where frames lie. Each handle has a copy of its own, which nobody else can change.
struct FrameSpace {
  std::byte* begin = nullptr;
  std::size_t bytes = 0;      // a multiple of kFrameAlign
  std::size_t max_frame = 0;  // the largest message
  Sequence start = 0;         // position of the first frame ever; a multiple of kFrameAlign

  /// Where `position` lies: always inside, and aligned, whatever number it is. A division: for
  /// joining and leaving.
  [[nodiscard]] std::size_t offset_of(Sequence position) const noexcept {
    return static_cast<std::size_t>((position - start) % bytes) & ~(kFrameAlign - 1);
  }
  /// Begins the lifetime of the first frame's word, before anybody else knows the block.
  template <class Memory>
  void format() const noexcept {
    ::new (static_cast<void*>(begin)) typename Memory::template Atomic<std::uint64_t>(0);
  }
};

/// The writer's private place among the frames: where the next one goes and how far it may go
/// without looking.
template <class Memory>
class FrameWriter {
 public:
  using Word = typename Memory::template Atomic<std::uint64_t>;
  static_assert(sizeof(Word) == kFrameHeader && alignof(Word) <= kFrameAlign);
  static_assert(std::is_trivially_destructible_v<Word>, "a word ends when its bytes are reused");

  FrameWriter(const FrameSpace& space, Sequence position) noexcept
      : space_(space),
        offset_(space.offset_of(position)),
        position_(position),
        limit_(position),
        last_(offset_) {}

  /// Makes room for a message of `size` bytes, or says that there is none. `ask_limit()` is called
  /// when the remembered limit is too near: the writer may write up to the position that it
  /// returns. \pre size <= max_frame
  template <class AskLimit>
  [[nodiscard, gnu::always_inline]] bool open(std::size_t size, AskLimit&& ask_limit) noexcept {
    const std::size_t rest = space_.bytes - offset_;
    padding_ = frame_bytes(size) <= rest ? 0 : rest;
    // Up to the end of the word behind the frame, which publish() clears.
    const Sequence end = position_ + padding_ + frame_bytes(size) + kFrameHeader;
    if (distance(end, limit_) < 0) {
      limit_ = ask_limit();
      if (distance(end, limit_) < 0) return false;
    }
    return true;
  }

  /// Where the message that there is room for goes. \pre open() said true, nothing published since
  [[nodiscard]] std::byte* message() const noexcept {
    return space_.begin + (padding_ == 0 ? offset_ : 0) + kFrameHeader;
  }

  /// The message is written: everybody may see it. \pre as message(); size <= what was opened
  [[gnu::always_inline]] void publish(std::size_t size) noexcept {
    const std::size_t padded = padding_;
    const std::size_t at = padded == 0 ? offset_ : 0;
    const std::size_t behind = at + frame_bytes(size);
    const std::size_t next = behind == space_.bytes ? 0 : behind;
    begin_word(next, 0);
    const Sequence position = position_ + padded;
    if (padded == 0) [[likely]] {
      word(at)->store(FrameWord::message(position, size),
                      std::memory_order_release);  // release "frame"
    } else {
      begin_word(at, FrameWord::message(position, size));  // nobody comes here before the padding
      word(offset_)->store(FrameWord::padding(position_, padded),
                           std::memory_order_release);  // release "frame"
    }
    last_ = at;
    last_size_ = size;
    offset_ = next;
    position_ = position + frame_bytes(size);
  }

  /// The message published last. \pre this writer has published one
  [[nodiscard]] std::span<const std::byte> last() const noexcept {
    return {space_.begin + last_ + kFrameHeader, last_size_};
  }

  /// A reader so many bytes behind leaves no room for a message of `size` bytes. \pre size <=
  /// max_frame
  [[nodiscard]] std::size_t behind_if_full(std::size_t size) const noexcept {
    const std::size_t rest = space_.bytes - offset_;
    const std::size_t needed =
        (frame_bytes(size) <= rest ? 0 : rest) + frame_bytes(size) + kFrameHeader;  // as in open()
    return needed > space_.bytes ? 0 : space_.bytes - needed + 1;
  }

  [[nodiscard]] const FrameSpace& space() const noexcept { return space_; }
  /// Of the next frame, or of the padding before it.
  [[nodiscard]] Sequence position() const noexcept { return position_; }
  /// Replaces the remembered limit, which may also shrink below the position.
  void set_limit(Sequence limit) noexcept { limit_ = limit; }

 private:
  [[nodiscard]] Word* word(std::size_t offset) const noexcept {
    return std::launder(reinterpret_cast<Word*>(space_.begin + offset));
  }
  void begin_word(std::size_t offset, std::uint64_t value) const noexcept {
    Memory::before_write(space_.begin + offset, kFrameHeader);
    ::new (static_cast<void*>(space_.begin + offset)) Word(value);
  }

  FrameSpace space_;
  std::size_t offset_;       // of the next frame, or of the padding before it
  std::size_t padding_ = 0;  // bytes of padding before the frame that open() made room for
  Sequence position_;        // of offset_
  Sequence limit_;           // no byte may be written at or after it, as far as we know
  std::size_t last_;         // offset of the frame published last
  std::size_t last_size_ = 0;
};

/// A reader's private place among the frames.
template <class Memory>
class FrameReader {
 public:
  using Word = typename Memory::template Atomic<std::uint64_t>;

  FrameReader(const FrameSpace& space, Sequence position) noexcept
      : space_(space), offset_(space.offset_of(position)), position_(position) {}

  /// True if there is a message: message() is its place.
  [[nodiscard, gnu::always_inline]] bool open() noexcept {
    if (frame_ != 0) return true;
    const std::uint64_t word = load(offset_);
    if (word == 0) return false;
    if (is_message(word, position_, space_.bytes - offset_) && !corrupt_) [[likely]] {
      found(FrameWord::size(word));
      return true;
    }
    return open_behind_padding(word);
  }

  /// \pre open()
  [[nodiscard]] std::span<const std::byte> message() const noexcept {
    return {space_.begin + offset_ + kFrameHeader, size_};
  }
  /// Goes behind the message. \pre open()
  void advance() noexcept {
    position_ += frame_;
    offset_ += frame_;
    if (offset_ == space_.bytes) offset_ = 0;
    frame_ = 0;
  }

  /// True if what was found is no frame. Then open() stays false.
  [[nodiscard]] bool corrupt() const noexcept { return corrupt_; }
  /// Of the next frame.
  [[nodiscard]] Sequence position() const noexcept { return position_; }
  [[nodiscard]] const FrameSpace& space() const noexcept { return space_; }

 private:
  [[nodiscard]] std::uint64_t load(std::size_t offset) const noexcept {
    const auto* word = std::launder(reinterpret_cast<const Word*>(space_.begin + offset));
    return word->load(std::memory_order_acquire);  // acquire "frame"
  }
  [[nodiscard]] bool is_message(std::uint64_t word, Sequence position,
                                std::size_t room) const noexcept {
    const std::size_t size = FrameWord::size(word);
    return word == FrameWord::message(position, size) && size <= space_.max_frame &&
           frame_bytes(size) <= room;
  }
  void found(std::size_t size) noexcept {
    size_ = size;
    frame_ = frame_bytes(size);
    Memory::before_read(space_.begin + offset_, kFrameHeader + size);
  }
  /// `word` is no message. A padding ends where the block does and is never as long as the largest
  /// frame, so it does not begin where the block does; and a message is behind it.
  [[gnu::noinline, gnu::cold]] bool open_behind_padding(std::uint64_t word) noexcept {
    const std::size_t padding = space_.bytes - offset_;
    if (corrupt_ || offset_ == 0 || padding >= frame_bytes(space_.max_frame) ||
        word != FrameWord::padding(position_, padding)) {
      corrupt_ = true;
      return false;
    }
    const std::uint64_t behind = load(0);
    if (!is_message(behind, position_ + padding, space_.bytes)) {
      corrupt_ = true;
      return false;
    }
    position_ += padding;
    offset_ = 0;
    found(FrameWord::size(behind));
    return true;
  }

  FrameSpace space_;
  std::size_t offset_;
  Sequence position_;      // of offset_
  std::size_t frame_ = 0;  // bytes of the frame that open() found; 0: not looked yet
  std::size_t size_ = 0;   // of its message
  bool corrupt_ = false;
};

/// Where the frames end whose writer died: it stored `noted` behind a frame after publishing it, so
/// at most one more is there.
template <class Memory>
[[nodiscard]] Sequence end_of_frames(const FrameSpace& space, Sequence noted) noexcept {
  FrameReader<Memory> reader(space, noted);
  if (reader.open()) reader.advance();
  return reader.position();
}

/// A message of a byte ring that is being written and not sent. Lives no longer than its producer,
/// which sends nothing else meanwhile.
template <class Producer>
class FrameClaim {
 public:
  /// An empty claim.
  FrameClaim() noexcept = default;
  FrameClaim(FrameClaim&& other) noexcept
      : producer_(std::exchange(other.producer_, nullptr)), bytes_(other.bytes_) {}
  FrameClaim& operator=(FrameClaim&&) = delete;
  /// Takes the message back, if it was not sent: the next claim begins at the same place.
  ~FrameClaim() {}  // NOLINT(modernize-use-equals-default): dropping a claim is an act

  /// False if there was no room.
  explicit operator bool() const noexcept { return producer_ != nullptr; }
  /// Where the message goes: as many bytes as were claimed, holding anything, aligned to
  /// kFrameAlign. \pre not empty
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

  /// Sends the message; the claim is empty afterwards. \pre not empty
  void commit() noexcept { commit(bytes_.size()); }
  /// Sends the first `size` bytes of the message; the rest of the room stays free. \pre not empty,
  /// size <= bytes().size()
  void commit(std::size_t size) noexcept {
    assert(size <= bytes_.size());
    std::exchange(producer_, nullptr)->publish(size);
  }

 private:
  friend Producer;
  FrameClaim(Producer* producer, std::span<std::byte> bytes) noexcept
      : producer_(producer), bytes_(bytes) {}

  Producer* producer_ = nullptr;
  std::span<std::byte> bytes_;
};

/// Calls the handler of a drain(). \return false if it answers that it wants no more; one that
/// answers nothing goes on.
template <class Handler>
[[gnu::always_inline]] inline bool go_on_after_message(Handler& handler,
                                                       std::span<const std::byte> message) {
  using Answer = std::invoke_result_t<Handler&, std::span<const std::byte>>;
  if constexpr (std::is_same_v<Answer, bool>) {
    return handler(message);
  } else {
    handler(message);
    return true;
  }
}

}  // namespace ringway
