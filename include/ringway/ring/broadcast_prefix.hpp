// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `BroadcastPrefix<T>`: reads a broadcast ring whose elements begin with a `T` and go on with what
/// this reader does not know.
///
/// *What.* For readers that were compiled before members were appended to the element: size and
/// alignment of the ring's elements are known at run time alone. Joins rings of both kinds, as a
/// reader. Do not use where the element's type is known: the rings' own cursors are faster.
///
/// *Protocol.* That of ring/broadcast_ring.hpp and ring/lossy_broadcast_ring.hpp; the lines' shape
/// is computed as LineLayout does (ring/line.hpp).
///
/// *Synchronisation.* "published" (ring/line.hpp), "overwriting" (ring/lossy_broadcast_ring.hpp),
/// "read", "audience", "gate freed" (ring/audience.hpp).
///
/// *Progress.* As the rings' own readers.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "ringway/base/at_exit.hpp"
#include "ringway/base/copied_once.hpp"
#include "ringway/base/native_memory.hpp"
#include "ringway/ring/audience.hpp"
#include "ringway/ring/broadcast_block.hpp"
#include "ringway/ring/line.hpp"
#include "ringway/ring/line_shape.hpp"
#include "ringway/ring/ring_block.hpp"
#include "ringway/ring/start.hpp"

namespace ringway {

/// \tparam T what is read: the beginning of each element
template <class T, class Memory = NativeMemory>
requires std::is_trivially_copyable_v<T>
class BroadcastPrefix {
  /// Whatever the elements, if their alignment is at most kMostAlign: the block begins alike.
  using Block = BroadcastBlock<std::byte, Slot<std::byte>, RingKind::kBroadcast, Memory>;
  using Published = typename Memory::template Atomic<Sequence>;
  using Word = typename Memory::template Atomic<std::uint64_t>;

 public:
  static constexpr std::size_t kMostAlign = Block::kAlign;

  /// Elements of the ring, and where in them a second value lies that is read with each: the
  /// topic's number of a family.
  struct Element {
    std::size_t size = 0;
    std::size_t align = 0;
    std::size_t number_at = 0;  ///< offset of a 32-bit number; 0: there is none
  };
  class Cursor;
  class LossyCursor;

  /// A view of a ring that somebody else formatted.
  [[nodiscard]] static Result<BroadcastPrefix, SetupError> join(std::span<std::byte> memory,
                                                                const Element& element,
                                                                bool lossy) noexcept {
    return join_as(memory, {}, false, element, lossy);
  }
  /// The same of a ring whose audience lies apart.
  [[nodiscard]] static Result<BroadcastPrefix, SetupError> join(std::span<std::byte> memory,
                                                                std::span<std::byte> audience,
                                                                const Element& element,
                                                                bool lossy) noexcept {
    return join_as(memory, audience, true, element, lossy);
  }

  /// As in BroadcastRing and LossyBroadcastRing.
  [[nodiscard]] Result<std::size_t, SetupError> reserve_cursor(Start start) noexcept {
    return reserve(Gate<Memory>::kReliable, start);
  }
  [[nodiscard]] Result<std::size_t, SetupError> reserve_lossy_cursor(Start start) noexcept {
    return reserve(Gate<Memory>::kLossy, start);
  }
  [[nodiscard]] Cursor adopt_cursor(std::size_t gate) noexcept {
    return Cursor({place_.block, place_.shape.audience, gate}, place_);
  }
  [[nodiscard]] Cursor adopt_cursor(std::size_t gate, OwnGate<Memory>& own,
                                    std::uint64_t place) noexcept {
    return Cursor({place_.block, place_.shape.audience, gate, own, place}, place_);
  }
  /// \pre the ring is of the lossy kind
  [[nodiscard]] LossyCursor adopt_lossy_cursor(std::size_t gate) noexcept {
    return LossyCursor({place_.block, place_.shape.audience, gate}, place_);
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return place_.shape.capacity; }
  [[nodiscard]] std::size_t max_cursors() const noexcept { return place_.shape.max_cursors; }

 private:
  static Result<BroadcastPrefix, SetupError> join_as(std::span<std::byte> memory,
                                                     std::span<std::byte> audience, bool apart,
                                                     const Element& element, bool lossy) noexcept {
    if (element.size < sizeof(T) || element.align < alignof(T) || element.align > kMostAlign ||
        (element.align & (element.align - 1)) != 0 || element.size % element.align != 0 ||
        (element.number_at != 0 && (element.size < sizeof(std::uint32_t) ||
                                    element.number_at > element.size - sizeof(std::uint32_t))) ||
        element.size > memory.size()) {
      return Failure{SetupError::kOtherElement};
    }
    auto view = RingMemory::join(memory, lossy ? RingKind::kLossyBroadcast : RingKind::kBroadcast,
                                 element.size, element.align, Block::kAlign);
    if (!view) return Failure{view.error()};
    const auto header = copied_once(view->header());
    if (header.max_cursors == 0 || header.max_cursors > Attention<Memory>::kMostReaders) {
      return Failure{SetupError::kCorruptHeader};
    }
    const auto layout = LineShape::of<Memory>(element.size, element.align, lossy);
    const bool spare = lossy || header.retains != 0;
    const auto shape = RingShape::of(header.capacity, layout.items, layout.bytes,
                                     Block::lines_offset(header.max_cursors, apart), spare ? 1 : 0);
    if (!shape || shape->blocks != header.blocks || shape->bytes != header.bytes ||
        header.apart != (apart ? 1U : 0U)) {
      return Failure{SetupError::kCorruptHeader};
    }
    if (shape->bytes > memory.size()) return Failure{SetupError::kMemoryTooSmall};
    if (apart) {
      if (auto fits = Audience<Memory>::check(audience, header.max_cursors); !fits) {
        return Failure{fits.error()};
      }
    }
    auto* block = std::launder(reinterpret_cast<Block*>(view->data()));
    const BroadcastShape<Memory> known{
        header.capacity,
        header.max_cursors,
        shape->blocks,
        header.start,
        apart ? std::launder(reinterpret_cast<Audience<Memory>*>(audience.data()))
              : &block->audience(),
        apart};
    return BroadcastPrefix({block, known, layout, element.number_at});
  }

  static constexpr int kMostLooks = 10'000;

  /// Where everything lies; a copy in each cursor.
  struct Place {
    Block* block;
    BroadcastShape<Memory> shape;
    LineShape layout;
    std::size_t number_at;

    [[nodiscard]] std::byte* line(std::size_t index) const noexcept {
      return reinterpret_cast<std::byte*>(block) +
             Block::lines_offset(shape.max_cursors, shape.apart) + index * layout.bytes;
    }
    [[nodiscard]] std::size_t slots() const noexcept { return shape.lines * layout.items; }
    [[nodiscard]] std::size_t line_of(Sequence position) const noexcept {
      return static_cast<std::size_t>((position - shape.start) % slots() / layout.items);
    }
    [[nodiscard]] static const Published& published(const std::byte* line) noexcept {
      return *std::launder(reinterpret_cast<const Published*>(line));
    }
    /// As Lines::head(): ends after many looks in any case.
    [[nodiscard]] Sequence head() const noexcept {
      for (int looks = 0;; ++looks) {
        const Sequence entered =
            block->front.load(std::memory_order_relaxed);  // relaxed: checked below
        const Sequence seen = published(line(line_of(entered)))
                                  .load(std::memory_order_relaxed);  // relaxed: a position only
        const auto ahead = distance(entered, seen);
        if (ahead <= 0) return entered;
        if (ahead <= static_cast<std::int64_t>(layout.items)) return seen;
        if (looks == kMostLooks) return entered;
        Memory::relax();  // lapped between the two loads
      }
    }
    /// As BroadcastBlock::first_for().
    [[nodiscard]] Sequence first_for(Start start) const noexcept {
      const Sequence end = head();
      if (start == Start::kNext) return end;
      const auto there = kept_elements(end, shape, layout.items);
      return end - (start == Start::kOldest || there == 0 ? there : 1);
    }
  };

  /// A reader's place in the lines.
  class Reader {
   public:
    Reader(const Place& place, Sequence position) noexcept
        : place_(place), position_(position), stop_(position) {
      const auto inside = (position - place.shape.start) % place.layout.items;
      index_ = place.line_of(position);
      line_end_ = position - inside + place.layout.items;
    }
    [[nodiscard]] Sequence position() const noexcept { return position_; }
    [[nodiscard]] Sequence line_end() const noexcept { return line_end_; }
    [[nodiscard]] const Place& place() const noexcept { return place_; }
    [[nodiscard]] const std::byte* slot() const noexcept {
      const auto item = place_.layout.items - static_cast<std::size_t>(line_end_ - position_);
      return place_.line(index_) + place_.layout.first + item * place_.layout.slot;
    }
    [[nodiscard]] bool open() noexcept {
      if (position_ != stop_) return true;
      if (position_ == line_end_) {
        index_ = index_ + 1 == place_.shape.lines ? 0 : index_ + 1;
        line_end_ += place_.layout.items;
      }
      const auto seen = Place::published(place_.line(index_))
                            .load(std::memory_order_acquire);  // acquire "published"
      if (distance(position_, seen) <= 0) return false;
      stop_ = earlier(seen, line_end_);
      return true;
    }
    /// The line's word once more: behind line_end() if the line is overwritten.
    [[nodiscard]] bool was_lapped() const noexcept {
      // relaxed: ordered behind the words' loads by "overwriting"
      const auto seen = Place::published(place_.line(index_)).load(std::memory_order_relaxed);
      return precedes(line_end_, seen);
    }
    void advance() noexcept { ++position_; }

   private:
    Place place_;
    std::size_t index_ = 0;
    Sequence line_end_ = 0;
    Sequence position_;
    Sequence stop_;
  };

  /// A copy of the beginning of an element, and of its number.
  struct Copy {
    alignas(T) std::byte bytes[sizeof(T)];
    std::uint32_t number = 0;

    Copy(const std::byte* slot, std::size_t number_at, bool words) noexcept {
      if (words) {
        copy_words(bytes, slot, 0, sizeof(T));
        if (number_at != 0) {
          copy_words(reinterpret_cast<std::byte*>(&number), slot, number_at, sizeof(number));
        }
        return;
      }
      Memory::before_read(slot, sizeof(T));
      std::memcpy(bytes, slot, sizeof(T));
      if (number_at == 0) return;
      Memory::before_read(slot + number_at, sizeof(number));
      std::memcpy(&number, slot + number_at, sizeof(number));
    }
    [[nodiscard]] const T& value() const noexcept {
      return *std::launder(reinterpret_cast<const T*>(bytes));
    }

   private:
    /// \pre [at, at + size) crosses the end of a word only if `at` is a word's beginning
    static void copy_words(std::byte* to, const std::byte* slot, std::size_t at,
                           std::size_t size) noexcept {
      constexpr std::size_t kBytes = sizeof(std::uint64_t);
      for (std::size_t done = 0; done < size;) {
        const auto word = (at + done) / kBytes * kBytes;
        const auto inside = at + done - word;
        const auto* atomic = std::launder(reinterpret_cast<const Word*>(slot + word));
        const std::uint64_t bits =
            atomic->load(std::memory_order_acquire);  // acquire "overwriting"
        const auto part = size - done < kBytes - inside ? size - done : kBytes - inside;
        std::memcpy(to + done, reinterpret_cast<const std::byte*>(&bits) + inside, part);
        done += part;
      }
    }
  };

  explicit BroadcastPrefix(const Place& place) noexcept : place_(place) {}

  [[nodiscard]] Result<std::size_t, SetupError> reserve(std::uint32_t state, Start start) noexcept {
    return place_.shape.audience->join(state, place_.shape.max_cursors,
                                       [this, start] { return place_.first_for(start); });
  }

  Place place_;
};

/// What both kinds of cursors share.
template <class T, class Memory>
requires std::is_trivially_copyable_v<T>
class BroadcastPrefix<T, Memory>::Cursor {
 public:
  /// Calls `handler(const T&, number)` with copies of the next elements' beginnings, in order, at
  /// most `limit` of them, as the rings' cursors do; false from it ends that. \return how many
  template <class Handler>
  std::size_t drain(Handler&& handler, std::size_t limit) {
    std::size_t read = 0;
    const AtExit pass([this] { gate_.advance(reader_.position()); });  // also when it throws
    while (read < limit && reader_.open()) {
      const Copy copy(reader_.slot(), reader_.place().number_at, words_);
      reader_.advance();
      ++read;
      if (!handler(copy.value(), copy.number)) break;
    }
    return read;
  }
  /// Calls `handler(const T&, number, Sequence)` for what is there before `end`, and leaves it
  /// unread.
  template <class Handler>
  void look_ahead(Handler&& handler, Sequence end) {
    auto ahead = reader_;
    while (precedes(ahead.position(), end) && ahead.open()) {
      const Copy copy(ahead.slot(), ahead.place().number_at, words_);
      handler(copy.value(), copy.number, ahead.position());
      ahead.advance();
    }
  }

  /// As in BroadcastRing.
  [[nodiscard]] bool has_news() noexcept { return reader_.open(); }
  void ask_for_signal_unfenced() noexcept { gate_.ask_for_signal_unfenced(); }
  void set_address(std::uint64_t address) noexcept { gate_.set_address(address); }
  [[nodiscard]] std::size_t size_approx() const noexcept {
    const auto behind = gate_.behind(reader_.position(), reader_.place().head());
    return behind < reader_.place().slots() ? behind : reader_.place().slots();
  }
  [[nodiscard]] Sequence sequence() const noexcept { return reader_.position(); }

 private:
  friend BroadcastPrefix;
  Cursor(CursorGate<Block, Memory> gate, const Place& place) noexcept
      : gate_(std::move(gate)),
        reader_(place, gate_.position()),
        words_(copied_once(place.block->header.kind) == RingKind::kLossyBroadcast) {}

  CursorGate<Block, Memory> gate_;
  Reader reader_;
  bool words_;
};

template <class T, class Memory>
requires std::is_trivially_copyable_v<T>
class BroadcastPrefix<T, Memory>::LossyCursor {
 public:
  /// As in Cursor; what was overwritten is skipped, and counted.
  template <class Handler>
  std::size_t drain(Handler&& handler, std::size_t limit) {
    std::size_t read = 0;
    for (std::size_t laps = 0; read < limit && laps < kMostLaps && reader_.open();) {
      const Copy copy(reader_.slot(), reader_.place().number_at, true);
      if (reader_.was_lapped()) {
        catch_up();
        ++laps;
        continue;
      }
      reader_.advance();
      ++read;
      if (!handler(copy.value(), copy.number)) break;
    }
    return read;
  }
  template <class Handler>
  void look_ahead(Handler&& handler, Sequence end) {
    auto ahead = reader_;
    while (precedes(ahead.position(), end) && ahead.open()) {
      const Copy copy(ahead.slot(), ahead.place().number_at, true);
      if (ahead.was_lapped()) return;
      handler(copy.value(), copy.number, ahead.position());
      ahead.advance();
    }
  }

  /// As in LossyBroadcastRing.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  /// Where gates tell tools about their readers.
  void show_place() noexcept {
    if constexpr (requires { gate_.show(reader_.position(), lost_); }) {
      gate_.show(reader_.position(), lost_);
    }
  }
  void skip_to_newest() noexcept {
    const auto head = reader_.place().head();
    if (distance(reader_.position(), head) > 1) skip_to(head - 1);
  }
  [[nodiscard]] bool has_news() noexcept { return reader_.open(); }
  void ask_for_signal_unfenced() noexcept { gate_.ask_for_signal_unfenced(); }
  void set_address(std::uint64_t address) noexcept { gate_.set_address(address); }
  [[nodiscard]] std::size_t size_approx() const noexcept {
    return gate_.behind(reader_.position(), reader_.place().head());
  }
  [[nodiscard]] Sequence sequence() const noexcept { return reader_.position(); }

 private:
  friend BroadcastPrefix;
  static constexpr std::size_t kMostLaps = 4;

  LossyCursor(CursorGate<Block, Memory> gate, const Place& place) noexcept
      : gate_(std::move(gate)), reader_(place, gate_.position()) {}

  /// As in LossyBroadcastRing.
  void catch_up() noexcept {
    const auto capacity = reader_.place().shape.capacity;
    const auto head = reader_.place().head();
    const auto target = head - (capacity - capacity / 8);
    skip_to(precedes(reader_.position(), target) ? target : head);
  }
  void skip_to(Sequence position) noexcept {
    lost_ += position - reader_.position();
    reader_ = Reader(reader_.place(), position);
  }

  CursorGate<Block, Memory> gate_;
  Reader reader_;
  std::uint64_t lost_ = 0;
};

}  // namespace ringway
