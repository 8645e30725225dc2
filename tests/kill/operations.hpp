// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a process is killed or stopped in: publishing and receiving, with what it notes.

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "tests/kill/kill_support.hpp"

namespace ringway::test {

/// What has happened when the operation begins.
struct Moment {
  std::size_t published = 0;  // by a producer before, of which
  std::size_t unread = 0;     // nobody has read these yet
  std::size_t warm = 0;       // by the handle that will be killed
};

inline constexpr std::size_t kCapacity = 10;
inline constexpr std::size_t kBatch = 5;
inline constexpr Sequence kStart = ~Sequence{0} - 11;  // the counters wrap on the way

template <class Ring>
[[nodiscard]] typename Ring::Options scene_options() noexcept {
  auto options = options_of<Ring>(kCapacity, kStart);
  if constexpr (requires { options.max_cursors; }) options.max_cursors = 2;
  return options;
}

struct Spsc : SpscKind {
  static constexpr const char* kName = "SpscRing";
};
struct Broadcast : BroadcastKind {
  static constexpr const char* kName = "BroadcastRing";
};
struct LossyBroadcast : LossyBroadcastKind {
  static constexpr const char* kName = "LossyBroadcastRing";
};
struct BroadcastSeveralToAWord : BroadcastKind {
  template <class T, class>
  using RingOn = BroadcastRing<T, SeveralToAWord>;
  static constexpr const char* kName = "BroadcastRing, 7 to a word";
};
struct LossyBroadcastSeveralToAWord : LossyBroadcastKind {
  template <class T, class>
  using RingOn = LossyBroadcastRing<T, SeveralToAWord>;
  static constexpr const char* kName = "LossyBroadcastRing, 7 to a word";
};

// An operation is made before the stepping begins: what it prepares is not part of it.

template <class Element>
struct Push {
  static constexpr const char* kName = "try_push";
  explicit Push(Sequence at) : element(Element::at(at)) {}

  template <class Producer>
  void run(Producer& producer, Witness& witness) const {
    witness.committing(producer.sequence() + 1);
    static_cast<void>(producer.try_push(element));
    witness.committed(producer.sequence());
  }
  Element element;
};

template <class Element>
struct ClaimAndCommit {
  static constexpr const char* kName = "try_claim, commit";
  explicit ClaimAndCommit(Sequence at) : element(Element::at(at)) {}

  template <class Producer>
  void run(Producer& producer, Witness& witness) const {
    auto claim = producer.try_claim();
    if (!claim) return;
    *claim = element;
    witness.committing(producer.sequence() + 1);
    claim.commit();
    witness.committed(producer.sequence());
  }
  Element element;
};

template <class Element>
struct PushBatch {
  static constexpr const char* kName = "try_push_batch";
  explicit PushBatch(Sequence at) {
    for (std::size_t i = 0; i < kBatch; ++i) batch[i] = Element::at(at + i);
  }

  template <class Producer>
  void run(Producer& producer, Witness& witness) const {
    witness.committing(producer.sequence() + kBatch);
    static_cast<void>(producer.try_push_batch(std::span(batch)));
    witness.committed(producer.sequence());
  }
  std::array<Element, kBatch> batch;
};

template <class Element>
struct ReadOne {
  static constexpr bool kNotesBeforeItPasses = false;
  template <class Reader>
  void run(Reader& reader, Witness& witness) {
    element = next(reader);
    witness.passed(reader.sequence());
  }
  /// How many elements are not what stands at `begin` and behind it.
  [[nodiscard]] int torn(Sequence begin) const { return element && !element->is_at(begin) ? 1 : 0; }
  std::optional<Element> element;
};

template <class Element>
struct Drain {
  static constexpr bool kNotesBeforeItPasses = true;
  template <class Reader>
  void run(Reader& reader, Witness& witness) {
    reader.drain(
        [&](auto& element) noexcept {
          elements[count++] = element;
          witness.passed(witness.passed() + 1);
        },
        kBatch);
  }
  [[nodiscard]] int torn(Sequence begin) const {
    int found = 0;
    for (std::size_t i = 0; i < count; ++i) found += elements[i].is_at(begin + i) ? 0 : 1;
    return found;
  }
  std::array<Element, kBatch> elements;
  std::size_t count = 0;
};

/// The role or gate of a reader that is dead, continued by a new handle.
template <class Ring>
auto successor_of_reader(Ring& ring, [[maybe_unused]] std::size_t gate) {
  if constexpr (requires { ring.vacate_consumer(); }) {
    ring.vacate_consumer();
    return ring.consumer().value();
  } else {
    return ring.adopt_cursor(gate);
  }
}

}  // namespace ringway::test
