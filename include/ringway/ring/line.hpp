// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A line: a few slots behind one sequence. The unit in which single-writer rings publish.
///
/// *What.* `published` is the position after the last element published in this line. Small
/// elements (up to 56 bytes) travel in the same cache line with it, so a message and the news of it
/// cost one coherence transfer, and seven 8-byte elements share it. Up to 512 bytes, several
/// elements lie behind a cache line with their word; larger ones have a word each, and in broadcast
/// rings between processes those of up to 120 bytes too (behind_word()).
///
/// *Protocol.* Only the writer changes `published`, and it only grows (a reader may write it over
/// with itself: own_line()). A reader at position `p` in this line finds
///   published - p <= 0   nothing yet (the word is from this lap, or from an earlier one)
///   published - p >  0   the elements from p to the smaller of `published` and the line's end
/// A word behind the line's end is from a later lap. A reader that the writer waits for may find it
/// only while other slots of the line are used again, which is harmless; to a reader that the
/// writer does not wait for it is the sign of having been lapped.
/// Differences are taken modulo 2^64, so the wrap of the counters is not a special case. A fresh
/// line holds the position of its first slot in lap 0: nothing is there for anybody.
///
/// *Synchronisation.*
///   "published"  LineWriter::publish stores Line::published -> LineReader::open loads it:
///                the elements are constructed. LineReader::own_line's read-modify-write passes it
///                on, as part of the release sequence
///
/// *Progress.* Everything here is wait-free.
///
/// *Source.* A flag beside each payload: J. Giacomoni et al., "FastForward for Efficient Pipeline
/// Parallelism", 2008, and D. Vyukov's bounded queue. Several elements to one flag:
/// docs/design/spsc-ring.md.

#include <cstddef>
#include <cstdint>

#include "ringway/base/cache_line.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/base/sequence.hpp"
#include "ringway/base/slot.hpp"

namespace ringway {

/// Slots in a line whose word has a cache line of its own, unless the ring wants otherwise.
inline constexpr std::size_t kFewBehindWord = 7;

/// How many slots of so many bytes a broadcast ring puts behind one word, if they are too large to
/// lie beside it; 1 means that each lies right behind a word of its own. So do elements of about a
/// cache line where the memory policy asks for it: a message is two neighbouring cache lines then,
/// and a reader that waits takes none of the others' away (docs/design/broadcast-ring.md).
template <class Memory>
[[nodiscard]] constexpr std::size_t behind_word(std::size_t slot_bytes) noexcept {
  constexpr std::size_t kTwoLines = 2 * kCacheLine - sizeof(Sequence);
  if constexpr (requires { requires Memory::kWordForEach; }) {
    if (slot_bytes <= kTwoLines) return 1;
  }
  return kFewBehindWord;
}

/// How slots of this type are laid out in lines.
///   small   one cache line: the word, then as many slots as fit beside it
///   medium  (to 512 bytes) the word in a cache line of its own, then kBehindWord slots, if more
///           than one
///   large   the word, then one slot, as long as it is
template <class SlotType, std::size_t kBehindWord = kFewBehindWord>
struct LineLayout {
  static constexpr std::size_t kBeside = round_up(sizeof(Sequence), alignof(SlotType));
  static constexpr bool kShared = kBeside + sizeof(SlotType) <= kCacheLine;
  static constexpr bool kMedium = !kShared && sizeof(SlotType) <= 512 && kBehindWord > 1;
  static constexpr std::size_t kFirst = kMedium ? round_up(kCacheLine, alignof(SlotType)) : kBeside;
  static constexpr std::size_t kItems =
      kShared ? (kCacheLine - kBeside) / sizeof(SlotType) : (kMedium ? kBehindWord : 1);
  static constexpr std::size_t kAlign = alignof(SlotType) > kCacheLine ? alignof(SlotType)
                                                                       : kCacheLine;
  static constexpr std::size_t kItemAlign =
      kMedium && alignof(SlotType) < kCacheLine ? kCacheLine : alignof(SlotType);
};

template <class SlotType, class Memory,
          std::size_t kBehindWord = behind_word<Memory>(sizeof(SlotType))>
struct alignas(LineLayout<SlotType>::kAlign) Line {
  static constexpr std::size_t kItems = LineLayout<SlotType, kBehindWord>::kItems;

  explicit Line(Sequence first) noexcept : published(first) {}

  [[nodiscard]] SlotType* begin() noexcept { return items; }
  [[nodiscard]] SlotType* end() noexcept { return items + kItems; }

  typename Memory::template Atomic<Sequence> published;
  alignas(LineLayout<SlotType, kBehindWord>::kItemAlign) SlotType items[kItems];
};

/// The lines of one ring, made anew in each handle from the block's address.
template <class SlotType, class Memory,
          std::size_t kBehindWord = behind_word<Memory>(sizeof(SlotType))>
class Lines {
 public:
  using LineType = Line<SlotType, Memory, kBehindWord>;
  static constexpr std::size_t kItems = LineType::kItems;

  Lines(std::byte* first, std::size_t count, Sequence start) noexcept
      : first_(reinterpret_cast<LineType*>(first)),
        last_(first_ + (count - 1)),
        start_(start),
        fetches_(!Memory::streams_in_hardware()),
        hands_back_((LineLayout<SlotType>::kShared || fetches_) &&
                    count * sizeof(LineType) <= kSecondLevelCache) {}

  /// Begins the lifetime of all lines, before anybody else knows the block.
  void format() noexcept {
    Sequence position = start_;
    for (LineType* line = first_; line <= last_; ++line, position += kItems) {
      ::new (static_cast<void*>(line)) LineType(position);
    }
  }

  [[nodiscard]] LineType* after(LineType* line) const noexcept {
    return line == last_ ? first_ : line + 1;
  }
  /// False if the processor fetches lines ahead by itself.
  [[nodiscard]] bool fetches() const noexcept { return fetches_; }
  /// Asks for a line that a writer who enters `line` at `position` will need a little later, if it
  /// may write there already: elements before `limit` have been released by their reader.
  void fetch_to_write(LineType* line, Sequence position, Sequence limit) const noexcept {
    if (!fetches_ || distance(position + (kWriteAhead + 1) * kItems, limit) < 0) return;
    prefetch_for_writing(further(line, kWriteAhead));
  }
  /// The same for a reader, if what it will need has been published: everything before `known`. A
  /// line that is fetched while it is being written costs its writer more than it gives.
  void fetch_to_read(LineType* line, Sequence position, Sequence known) const noexcept {
    if (distance(position + (kReadAhead + 1) * kItems, known) < 0) return;
    prefetch_for_reading(further(line, kReadAhead));
  }
  /// True if a line that its reader owns comes back to the writer faster than one that both share:
  /// where all lines fit a second-level cache, so that each is still in its last reader's when the
  /// writer comes back to it; of elements that have cache lines to themselves only on processors
  /// that need to be asked for lines ahead.
  [[nodiscard]] bool hands_back() const noexcept { return hands_back_; }
  /// The same for a reader that its writer does not keep waiting, or that takes many elements at
  /// once. Where the processor fetches lines by itself, handing back is worth its cost only to a
  /// reader that is the faster of the two.
  [[nodiscard]] bool hands_back_always() const noexcept { return hands_back_ && fetches_; }
  /// The slots of all lines together.
  [[nodiscard]] std::size_t slots() const noexcept {
    return static_cast<std::size_t>(last_ - first_ + 1) * kItems;
  }
  /// Where a writer whose next element has `position` stands: in the line of the element before, so
  /// that it enters the next line as every writer does. The very first line needs no entering.
  [[nodiscard]] Sequence place_of_writer(Sequence position) const noexcept {
    return position == start_ ? position : position - 1;
  }
  /// Where `position` lives. A division: for joining and leaving, not for hot paths.
  [[nodiscard]] LineType* line_of(Sequence position) const noexcept {
    return first_ + (position - start_) % slots() / kItems;
  }
  [[nodiscard]] SlotType* slot_of(Sequence position) const noexcept {
    return line_of(position)->begin() + (position - start_) % slots() % kItems;
  }
  /// True if the slot of `position` has been used in an earlier lap.
  [[nodiscard]] bool used_before(Sequence position) const noexcept {
    return position - start_ >= slots();
  }

  /// The position after the newest element, for observers and joiners.
  /// `front` is the writer's hint: the position at which it entered its current line. Any thread;
  /// ends as soon as the writer does not go round the whole ring within one call's two loads, and
  /// after many looks in any case: what lies there may not be the writer's any more.
  template <class Hint>
  [[nodiscard]] Sequence head(const Hint& front) const noexcept {
    for (int looks = 0;; ++looks) {
      const Sequence entered = front.load(std::memory_order_relaxed);  // relaxed: checked below
      const Sequence published =
          line_of(entered)->published.load(std::memory_order_relaxed);  // relaxed: a position only
      const auto ahead = distance(entered, published);
      if (ahead <= 0) return entered;
      if (ahead <= static_cast<std::int64_t>(kItems)) return published;
      if (looks == kMostLooks) return entered;
      Memory::relax();  // lapped between the two loads
    }
  }

 private:
  static constexpr int kMostLooks = 10'000;
  static constexpr std::size_t kSecondLevelCache = std::size_t{1} << 20;  // bytes

  // In lines (docs/design/spsc-ring.md). Of a line of several cache lines the first one is asked
  // for, with the word; the elements come in a row.
  static constexpr std::size_t kWriteAhead = LineLayout<SlotType>::kShared ? 32 : 4;
  static constexpr std::size_t kReadAhead = LineLayout<SlotType>::kShared ? 8 : 1;

  [[nodiscard]] LineType* further(LineType* line, std::size_t lines) const noexcept {
    const auto left = static_cast<std::size_t>(last_ - line);
    return left >= lines ? line + lines : first_ + (lines - left - 1);
  }

  LineType* first_;
  LineType* last_;
  Sequence start_;
  bool fetches_;
  bool hands_back_;
};

/// What a reader knows of the lines ahead of it, to ask for those that it will need.
class ReadAhead {
 public:
  explicit ReadAhead(Sequence position) noexcept : look_(position), known_(position) {}

  /// A reader enters `line` at `position`. \param front the writer's hint, looked at now and then
  template <class LinesType, class Hint>
  [[gnu::always_inline]] void enter(const LinesType& lines, typename LinesType::LineType* line,
                                    Sequence position, const Hint& front) noexcept {
    if (!lines.fetches()) return;
    if (distance(look_, position) >= 0) [[unlikely]] {
      look_ = position + kLinesPerLook * LinesType::kItems;
      known_ = front.load(std::memory_order_relaxed);  // relaxed: for prefetching only
    }
    lines.fetch_to_read(line, position, known_);
  }

 private:
  static constexpr std::size_t kLinesPerLook = 32;

  Sequence look_;   // from here on, `known_` is old
  Sequence known_;  // everything before it had been published when we last looked
};

/// Where the slots of one line lie, so that a position alone says which slot it has: a handle that
/// lives in memory has one word less to write per element.
template <class SlotType>
class SlotOrigin {
 public:
  /// \param slot that of `position`; the other positions of its line follow from it
  SlotOrigin(SlotType* slot, Sequence position) noexcept
      : origin_(reinterpret_cast<std::uintptr_t>(slot) - position * sizeof(SlotType)) {}

  [[nodiscard]] SlotType* slot_of(Sequence position) const noexcept {
    return reinterpret_cast<SlotType*>(origin_ + position * sizeof(SlotType));  // modulo 2^64
  }

 private:
  std::uintptr_t origin_;
};

/// The writer's private place in the lines: where the next element goes and how far it may go
/// without looking.
template <class SlotType, class Memory,
          std::size_t kBehindWord = behind_word<Memory>(sizeof(SlotType))>
class LineWriter {
 public:
  using LinesType = Lines<SlotType, Memory, kBehindWord>;
  using LineType = typename LinesType::LineType;

  LineWriter(const LinesType& lines, Sequence position) noexcept
      : LineWriter(lines, position, lines.place_of_writer(position)) {}

  [[nodiscard]] SlotType* slot() const noexcept { return origin_.slot_of(position_); }
  [[nodiscard]] Sequence position() const noexcept { return position_; }
  /// The ring is full at this position, as far as is known here.
  [[nodiscard]] Sequence limit() const noexcept { return limit_; }
  [[nodiscard]] const LinesType& lines() const noexcept { return lines_; }
  /// Free slots of the current line that the cached limit allows.
  [[nodiscard]] std::size_t room() const noexcept {
    return static_cast<std::size_t>(stop_ - position_);
  }

  /// Makes room() at least 1, or says that the ring is full. `ask_limit()` is called when the
  /// cached limit is reached; `enter(line, position)` when a new line begins, before anything is
  /// written into it.
  /// Inlined always: a call would force the handle's cursors into memory on the fast path too.
  template <class AskLimit, class Enter>
  [[nodiscard, gnu::always_inline]] bool open(AskLimit&& ask_limit, Enter&& enter) noexcept {
    if (distance(position_, limit_) <= 0) {
      limit_ = ask_limit();
      if (distance(position_, limit_) <= 0) return false;
    }
    if (position_ == line_end_) {
      line_ = lines_.after(line_);
      origin_ = SlotOrigin<SlotType>(line_->begin(), position_);
      line_end_ = position_ + LinesType::kItems;
      enter(line_, position_);
    }
    clip();
    return true;
  }

  /// Writes and publishes whole lines, at most `most` of them, for as long as the cached limit
  /// allows and the writer stands between two lines: `write(slots)` constructs a line's elements,
  /// `enter` is as for open(), `goes_on()` is asked when a line is published. With its place in
  /// registers, which calls for one line after the other would not leave there. \return how many
  template <class Enter, class Write, class GoesOn>
  [[gnu::always_inline]] std::size_t write_lines(std::size_t most, Enter&& enter, Write&& write,
                                                 GoesOn&& goes_on) noexcept {
    if (position_ != line_end_) return 0;
    auto* line = line_;
    auto position = position_;
    std::size_t lines = 0;
    bool on = true;
    while (on && lines < most && distance(position + LinesType::kItems, limit_) >= 0) {
      line = lines_.after(line);
      enter(line, position);
      write(line->begin());
      position += LinesType::kItems;
      line->published.store(position, std::memory_order_release);  // release "published"
      ++lines;
      on = goes_on();
    }
    if (lines != 0) {
      line_ = line;
      origin_ = SlotOrigin<SlotType>(line->end(), position);
      position_ = stop_ = line_end_ = position;
    }
    return lines;
  }

  /// The elements in the next `count` slots are constructed: everybody may see them.
  void publish(std::size_t count) noexcept {
    position_ += count;
    line_->published.store(position_, std::memory_order_release);  // release "published"
  }

  /// Replaces the cached limit, which may also shrink below the current position: then there is no
  /// room.
  void set_limit(Sequence limit) noexcept {
    limit_ = limit;
    if (distance(position_, limit_) <= 0) {
      stop_ = position_;
    } else {
      clip();
    }
  }

 private:
  LineWriter(const LinesType& lines, Sequence position, Sequence place) noexcept
      : lines_(lines),
        line_(lines.line_of(place)),
        origin_(lines.slot_of(place), place),
        line_end_(place + static_cast<Sequence>(line_->end() - lines.slot_of(place))),
        position_(position),
        stop_(position),
        limit_(position) {}

  void clip() noexcept { stop_ = earlier(limit_, line_end_); }

  LinesType lines_;
  LineType* line_;
  SlotOrigin<SlotType> origin_;
  Sequence line_end_;  // the position after the current line's last slot
  Sequence position_;  // of the next element
  Sequence stop_;      // up to here without looking
  Sequence limit_;
};

/// A reader's private place in the lines: which element is next and how many are known to be there.
template <class SlotType, class Memory,
          std::size_t kBehindWord = behind_word<Memory>(sizeof(SlotType))>
class LineReader {
 public:
  using LinesType = Lines<SlotType, Memory, kBehindWord>;
  using LineType = typename LinesType::LineType;

  LineReader(const LinesType& lines, Sequence position) noexcept
      : lines_(lines),
        line_(lines.line_of(position)),
        origin_(lines.slot_of(position), position),
        line_end_(position + static_cast<Sequence>(line_->end() - lines.slot_of(position))),
        position_(position),
        stop_(position),
        stream_end_(position - 1),
        helps_until_(position) {}

  /// Goes to `position`; a division.
  void seek(Sequence position) noexcept { *this = LineReader(lines_, position); }

  [[nodiscard]] SlotType* slot() const noexcept { return origin_.slot_of(position_); }
  [[nodiscard]] LineType* line() const noexcept { return line_; }
  [[nodiscard]] Sequence position() const noexcept { return position_; }
  [[nodiscard]] const LinesType& lines() const noexcept { return lines_; }
  /// Elements of the current line that are known to be there.
  [[nodiscard]] std::size_t available() const noexcept {
    return static_cast<std::size_t>(stop_ - position_);
  }

  /// Makes available() at least 1, or says that there is nothing. `enter(line, position)` is called
  /// when a new line begins.
  template <class Enter>
  [[nodiscard, gnu::always_inline]] bool open(Enter&& enter) noexcept {
    const auto position = position_;  // once: behind an acquire load it would be loaded again
    auto line_end = line_end_;
    if (position == line_end) {
      line_ = lines_.after(line_);
      origin_ = SlotOrigin<SlotType>(line_->begin(), position);
      line_end_ = line_end = position + LinesType::kItems;
      if (lines_.hands_back() && (lines_.hands_back_always() || helps(position))) {
        stream_end_ = line_end - 1;
      }
      enter(line_, position);
    }
    const auto published = line_->published.load(std::memory_order_acquire);  // acquire "published"
    if (distance(position, published) <= 0) {
      stream_end_ = position - 1;
      helps_until_ = position + kLinesOfHelp * LinesType::kItems;
      return false;
    }
    stop_ = earlier(published, line_end);
    if constexpr (!LineLayout<SlotType>::kShared) {
      if (stop_ - position > 1 && lines_.hands_back()) stream_end_ = line_end - 1;
    }
    return true;
  }

  [[nodiscard, gnu::always_inline]] bool open() noexcept {
    return open([](LineType*, Sequence) {});
  }

  /// Reads whole lines, at most `most` of them, for as long as all of a line is there and the
  /// reader stands between two: `read(line, after)` is given a line and the position after its
  /// elements, `enter` is as for open(). With its place in registers, as LineWriter::write_lines.
  /// \return how many
  template <class Enter, class Read>
  [[gnu::always_inline]] std::size_t read_lines(std::size_t most, Enter&& enter,
                                                Read&& read) noexcept {
    if (position_ != line_end_) return 0;
    auto* line = line_;
    auto position = position_;
    std::size_t lines = 0;
    for (; lines < most; ++lines) {
      auto* next = lines_.after(line);
      // acquire "published"
      const auto published = next->published.load(std::memory_order_acquire);
      if (distance(position + LinesType::kItems, published) < 0) break;
      line = next;
      enter(line, position);
      position += LinesType::kItems;
      read(line, position);
    }
    if (lines != 0) {
      line_ = line;
      origin_ = SlotOrigin<SlotType>(line->end(), position);
      position_ = stop_ = line_end_ = position;
      stream_end_ = position - 1;
    }
    return lines;
  }

  void advance() noexcept { ++position_; }
  /// As many advance() as it takes to get to `position`, in the current line.
  void advance_to(Sequence position) noexcept { position_ = position; }

  /// True at the last element of a cache line that is to be handed back. The writer is ahead of
  /// this reader there, so that throughput counts for more than the latency of the next element:
  /// the reader did not have to wait in this line (small elements), or found several at once
  /// (larger ones).
  [[nodiscard]] bool ends_streamed_line() const noexcept {
    if constexpr (LineLayout<SlotType>::kShared) {
      return position_ == stream_end_;
    } else {
      return distance(position_, stream_end_) >= 0;  // every element has cache lines of its own
    }
  }

  /// Makes this processor the owner of the current line, all of which has been published, so that
  /// its writer gets it back faster: docs/design/broadcast-ring.md. For lines that several read;
  /// changes nothing in them, whatever the writer does meanwhile. Wait-free.
  void own_line() noexcept { own_line(line_, line_end_); }
  /// The same of a line that ends before position `end`, and has been read.
  static void own_line(LineType* line, Sequence end) noexcept {
    auto whole = end;  // another position is from a later lap
    // relaxed: writes the same position over itself
    line->published.compare_exchange_strong(whole, end, std::memory_order_relaxed,
                                            std::memory_order_relaxed);  // relaxed: no matter
  }

  /// The position after the last slot of the current line, in this reader's lap.
  [[nodiscard]] Sequence line_end() const noexcept { return line_end_; }

 private:
  /// docs/design/spsc-ring.md, "Who is the slower one".
  static constexpr std::size_t kLinesOfHelp = 128;

  /// True while it is not long ago that this reader had to wait: the writer is the slower one.
  [[nodiscard]] bool helps(Sequence position) const noexcept {
    return distance(position, helps_until_) > 0;
  }

  LinesType lines_;
  LineType* line_;
  SlotOrigin<SlotType> origin_;
  Sequence line_end_;
  Sequence position_;
  Sequence stop_;
  Sequence stream_end_;  // the current line's last position; one passed if it is not handed back
  Sequence helps_until_;
};

}  // namespace ringway
