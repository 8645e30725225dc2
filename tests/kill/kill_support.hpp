// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the tests that kill and stop processes have in common: rings in memory that a fork shares,
/// messages that show whether they are whole, a page on which a process notes what it has done
/// before and after it does it, and the count of what was found.
///
/// The element at position p of a ring holds nothing but words computed from p, and each reader
/// knows the position that it reads. So one comparison tells whether an element is torn, out of
/// order, doubled or invented; whether one is missing is told by comparing the ring's head with the
/// publisher's notes.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "ringway/ring/line_shape.hpp"
#include "ringway/ring/ring_block.hpp"
#include "ringway/shm/shared_memory.hpp"
#include "ringway/wait/wait_strategy.hpp"
#include "support/single_step.hpp"
#include "tests/ring/ring_kinds.hpp"

namespace ringway::test {

/// How many kills at random moments, of each ring. script/check kill asks for more than the
/// default.
[[nodiscard]] inline int kills_wanted() {
  const char* wanted = std::getenv("RINGWAY_KILLS");
  return wanted == nullptr ? 200 : std::atoi(wanted);
}
/// True in the long form.
[[nodiscard]] inline bool whole() {
  return kills_wanted() > 200;
}

/// Memory policy of rings that several processes use: that of a bus between processes.
struct BetweenProcesses : SharedMemory {
  /// Each process that publishes, before it does: or its light fences are full ones.
  static bool enter() noexcept { return register_process(); }
};
/// The same with the lines that broadcast rings have elsewhere: several elements of a cache line
/// behind one word.
struct SeveralToAWord : BetweenProcesses {
  static constexpr bool kWordForEach = false;
};
static_assert(LineShape::of<BetweenProcesses>(64, 8, true).items == 1);
static_assert(LineShape::of<SeveralToAWord>(64, 8, true).items == 7);

/// What stands at a position.
template <std::size_t kWords>
struct Message {
  std::uint64_t words[kWords];

  [[nodiscard]] static Message at(Sequence position) noexcept {
    Message message;
    for (std::size_t i = 0; i < kWords; ++i) message.words[i] = word(position, i);
    return message;
  }
  [[nodiscard]] bool is_at(Sequence position) const noexcept {
    for (std::size_t i = 0; i < kWords; ++i) {
      if (words[i] != word(position, i)) return false;
    }
    return true;
  }

 private:
  static std::uint64_t word(Sequence position, std::uint64_t i) noexcept {
    return (position + 1) * 0x9E3779B97F4A7C15 ^ i << 56;
  }
};

/// One process' notes, which its parent reads when it is dead. Positions.
class Witness {
 public:
  void reset(Sequence position) noexcept {
    note(committing_, position);
    note(committed_, position);
    note(passed_, position);
    note(lost_, 0);
  }
  /// A publisher, before it commits everything up to `position`, and after it did.
  void committing(Sequence position) noexcept { note(committing_, position); }
  void committed(Sequence position) noexcept { note(committed_, position); }
  /// A reader, when it is done with everything before `position`.
  void passed(Sequence position) noexcept { note(passed_, position); }
  /// A lossy reader, how many elements it has missed.
  void lost(std::uint64_t count) noexcept { note(lost_, count); }
  /// A reader that met an element that does not belong where it was.
  void count_torn() noexcept { note(torn_, torn() + 1); }

  [[nodiscard]] Sequence committing() const noexcept { return seen(committing_); }
  [[nodiscard]] Sequence committed() const noexcept { return seen(committed_); }
  [[nodiscard]] Sequence passed() const noexcept { return seen(passed_); }
  [[nodiscard]] std::uint64_t lost() const noexcept { return seen(lost_); }
  [[nodiscard]] std::uint64_t torn() const noexcept { return seen(torn_); }

 private:
  // One process writes, and the other looks when the kernel has told it that the first is dead or
  // stopped; between live processes the release orders notes behind what they tell of.
  static void note(std::atomic<std::uint64_t>& word, std::uint64_t value) noexcept {
    word.store(value, std::memory_order_release);
  }
  static std::uint64_t seen(const std::atomic<std::uint64_t>& word) noexcept {
    return word.load(std::memory_order_acquire);
  }

  std::atomic<std::uint64_t> committing_{0};
  std::atomic<std::uint64_t> committed_{0};
  std::atomic<std::uint64_t> passed_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> torn_{0};
};

/// What was found, over all boundaries of an operation.
struct Tally {
  int boundaries = 0;     // at which a process was killed or stopped
  int not_committed = 0;  // the operation had no effect, or
  int partly = 0;         // on a part of a batch, or
  int committed = 0;      // its whole effect
  int again = 0;          // elements that a successor got which the dead one had handled
  int taken = 0;          // elements that left the ring with a reader that had not noted them
  int torn = 0;           // elements that are not what they should be where they are
  int lost = 0;           // elements that were committed and are not there
  int jammed = 0;         // boundaries after which a survivor could not go on
  int leaked = 0;         // boundaries that cost a slot for ever
  int lapped = 0;         // boundaries after which a lossy reader had missed elements
  int astray = 0;         // children that took another way than the first: a fault of the test
  // Instructions of a survivor's next operation: the most, and the most where nothing was cut off.
  std::size_t steps = 0;
  std::size_t undisturbed_steps = 0;

  void operator+=(const Tally& other) noexcept {
    boundaries += other.boundaries;
    not_committed += other.not_committed;
    partly += other.partly;
    committed += other.committed;
    again += other.again;
    taken += other.taken;
    torn += other.torn;
    lost += other.lost;
    jammed += other.jammed;
    leaked += other.leaked;
    lapped += other.lapped;
    astray += other.astray;
    steps = std::max(steps, other.steps);
    undisturbed_steps = std::max(undisturbed_steps, other.undisturbed_steps);
  }
  void print(const char* ring, const char* operation) const {
    std::printf("| %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", ring, operation,
                boundaries, not_committed, partly, committed, again, taken, torn, lost, jammed,
                leaked);
    if (steps != 0) std::printf("survivor's next operation: at most %zu instructions\n", steps);
  }
  static void print_head() {
    std::puts(
        "| ring | killed in | boundaries | no effect | part | whole effect | again | taken along | "
        "torn | lost | jams | leaks |\n|---|---|---|---|---|---|---|---|---|---|---|---|");
  }
};

/// Where the child of each turn stops: the first one behind the whole operation, noting the path,
/// the others at one boundary each.
inline void go_to_boundary(std::size_t turn, SteppedChild& child, SteppedChild::Path& path,
                           Tally& tally) {
  if (turn == 0) {
    path = child.step_path();
  } else if (!child.run_to(turn - 1, path)) {
    ++tally.astray;
  }
  ++tally.boundaries;
}

/// Counts the instructions of a survivor's operation, which a child does in its place, with a copy
/// of its handle. The survivor then does the same once more, to the same effect.
template <class Operation>
void count_steps(std::size_t turn, const SteppedChild::Path& path, Tally& tally,
                 Operation&& operation) {
  SteppedChild child([&operation](StepMarks& marks) {
    marks.begin();
    operation();
    marks.end();
    return true;
  });
  const std::size_t steps = child.step_to_end();
  child.kill();
  const bool undisturbed = turn <= 1 || turn == path.size();
  tally.steps = std::max(tally.steps, steps);
  if (undisturbed) tally.undisturbed_steps = std::max(tally.undisturbed_steps, steps);
}

/// A handle that its owner never gives back, as if it had been killed.
template <class Handle>
class Forsaken {
 public:
  explicit Forsaken(Handle handle) { ::new (static_cast<void*>(bytes_)) Handle(std::move(handle)); }
  Handle& operator*() noexcept { return *std::launder(reinterpret_cast<Handle*>(bytes_)); }
  Handle* operator->() noexcept { return &**this; }

 private:
  alignas(Handle) std::byte bytes_[sizeof(Handle)];
};
template <class Handle>
Forsaken(Handle) -> Forsaken<Handle>;

/// A ring in shared memory, and one process' notes.
template <class RingType>
struct Scene {
  using Ring = RingType;
  using Element = typename Ring::value_type;

  explicit Scene(const typename Ring::Options& options)
      : pages(Ring::footprint(options).value()), ring(laid_out(pages.span(), options)) {
    witness.reset(options.start);
  }

  SharedPages pages;
  Ring ring;  // a view that does not own: the roles of the dead are nobody's business at the end
  SharedPages notes{4096};
  Witness& witness = notes.make<Witness>();

 private:
  static Ring laid_out(std::span<std::byte> memory, const typename Ring::Options& options) {
    static_cast<void>(Ring::format(memory, options).value());
    return Ring::join(memory).value();
  }
};

/// Elements after which the writer of a broadcast ring comes back to the first slot: more than the
/// capacity, in whole lines.
template <template <class, class> class RingType, class Element, class Memory>
[[nodiscard]] std::size_t slots_of(const Scene<RingType<Element, Memory>>& scene) {
  const auto& header =
      *std::launder(reinterpret_cast<const RingHeader*>(scene.pages.span().data()));
  return header.blocks * LineShape::of<Memory>(header.element_size, header.element_align,
                                               header.kind == RingKind::kLossyBroadcast)
                             .items;
}

/// Publishes the element that belongs where it goes.
template <class Element, class Producer>
[[nodiscard]] bool publish(Producer& producer) {
  return producer.try_push(Element::at(producer.sequence()));
}

/// Reads the next element. \return false if there is none
template <class Reader>
bool read_one(Reader& reader, Tally& tally) {
  const auto element = next(reader);
  if (!element) return false;
  if (!element->is_at(reader.sequence() - 1)) ++tally.torn;
  return true;
}
template <class Reader>
void read_all(Reader& reader, Tally& tally) {
  while (read_one(reader, tally)) {
  }
}

/// Three laps and a bit of one producer and one reliable reader that begin at the same position.
/// \return how many elements the ring holds when it is full; 0 if either could not go on
template <class Element, class Producer, class Reader>
[[nodiscard]] std::size_t goes_on(Producer& producer, Reader& reader, std::size_t capacity,
                                  Tally& tally) {
  if (reader.sequence() != producer.sequence()) return 0;
  for (std::size_t i = 0; i < 3 * capacity + 8; ++i) {
    if (!publish<Element>(producer) || !read_one(reader, tally)) return 0;
  }
  std::size_t full = 0;
  while (full <= capacity && publish<Element>(producer)) ++full;
  read_all(reader, tally);
  return reader.sequence() == producer.sequence() ? full : 0;
}

// -- for every test

/// Waits for another process; only a hang lasts as long as this.
template <class Condition>
[[nodiscard]] bool comes_true(Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

inline void expect_nothing_wrong(const Tally& tally) {
  EXPECT_GT(tally.boundaries, 20);
  EXPECT_EQ(tally.torn, 0);
  EXPECT_EQ(tally.lost, 0);
  EXPECT_EQ(tally.jammed, 0);
  EXPECT_EQ(tally.astray, 0);
  EXPECT_LE(tally.steps, tally.undisturbed_steps)
      << "a death makes the survivors' operations no longer";
}

/// Skips where nothing can be stepped.
class SteppedTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string refusal = single_step_refusal();
    if (!refusal.empty()) GTEST_SKIP() << refusal;
    Tally::print_head();
  }
};

}  // namespace ringway::test
