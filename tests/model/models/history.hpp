// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the threads of a queue model did, and whether some order of it is that of a queue.
///
/// Linearizability by brute force (J. Wing and C. Gong, "Testing and verifying concurrent objects",
/// 1993): the operations must have a total order that a sequential bounded queue could have
/// produced. Where the original asks that the order respects real time, this asks that it respects
/// happens-before, the only time that the C++ memory model knows: operation B must come after A if
/// A's end happens before B's begin.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "explorer/explorer.hpp"

namespace ringway::model {

class History {
 public:
  enum class Kind : std::uint8_t { kPush, kPop, kFull, kEmpty };

  explicit History(Explorer& world) : world_(world) {}

  /// Runs one operation of the calling thread and records it. `run` returns true if it succeeded
  /// and sets the value.
  template <class Run>
  bool record(bool is_push, std::uint64_t& value, Run&& run) {
    world_.operation();
    Entry& entry = entries_[count_++];
    entry.thread = world_.thread();
    entry.begin = world_.clock();
    const bool done = run(value);
    entry.kind = is_push ? (done ? Kind::kPush : Kind::kFull) : (done ? Kind::kPop : Kind::kEmpty);
    entry.value = done ? value : 0;
    entry.end = world_.clock().time[entry.thread];
    return done;
  }

  /// Ends the search unless a queue of this capacity could have done all that. An operation that
  /// failed counts only if asked for: not every ring promises that full and empty were true at one
  /// moment.
  void check_linearizable(std::size_t capacity, bool with_full, bool with_empty) {
    capacity_ = capacity;
    used_ = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const Kind kind = entries_[i].kind;
      if ((kind == Kind::kFull && !with_full) || (kind == Kind::kEmpty && !with_empty)) {
        used_ |= 1U << i;
      }
    }
    queue_begin_ = queue_end_ = 0;
    if (!place_rest()) {
      for (std::size_t i = 0; i < count_; ++i) world_.note(describe(entries_[i]));
      world_.check(false, "no order of these operations is that of a queue");
    }
  }

  /// All results, in the order of threads: the outcome for comparisons of searches.
  void show_outcome() {
    std::string text;
    for (ThreadId thread = 1; thread < kMaxThreads; ++thread) {
      for (std::size_t i = 0; i < count_; ++i) {
        if (entries_[i].thread == thread) text += describe(entries_[i]) + ";";
      }
    }
    world_.outcome(text);
  }

  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  static constexpr std::size_t kMost = 16;
  struct Entry {
    Kind kind = Kind::kPush;
    ThreadId thread = 0;
    std::uint32_t end = 0;
    std::uint64_t value = 0;
    Clock begin;
  };

  static std::string describe(const Entry& entry) {
    static constexpr const char* kNames[] = {"push ", "pop ", "full", "empty"};
    std::string text = std::to_string(entry.thread) + ":" + kNames[static_cast<int>(entry.kind)];
    if (entry.kind == Kind::kPush || entry.kind == Kind::kPop) text += std::to_string(entry.value);
    return text;
  }

  [[nodiscard]] bool precedes(const Entry& a, const Entry& b) const {
    return &a != &b && (a.thread == b.thread ? &a < &b : b.begin.covers(a.thread, a.end));
  }

  bool place_rest() {
    bool left = false;
    for (std::size_t i = 0; i < count_; ++i) {
      if ((used_ >> i & 1U) != 0) continue;
      left = true;
      if (!may_come_next(i)) continue;
      const auto begin = queue_begin_;
      const auto end = queue_end_;
      if (apply(entries_[i])) {
        used_ |= 1U << i;
        if (place_rest()) return true;
        used_ &= ~(1U << i);
      }
      queue_begin_ = begin;
      queue_end_ = end;
    }
    return !left;
  }

  [[nodiscard]] bool may_come_next(std::size_t i) const {
    for (std::size_t j = 0; j < count_; ++j) {
      if ((used_ >> j & 1U) == 0 && precedes(entries_[j], entries_[i])) return false;
    }
    return true;
  }

  bool apply(const Entry& entry) {
    const std::size_t size = queue_end_ - queue_begin_;
    switch (entry.kind) {
      case Kind::kPush:
        if (size == capacity_) return false;
        queue_[queue_end_++] = entry.value;
        return true;
      case Kind::kPop:
        if (size == 0 || queue_[queue_begin_] != entry.value) return false;
        ++queue_begin_;
        return true;
      case Kind::kFull: return size == capacity_;
      case Kind::kEmpty: return size == 0;
    }
    return false;
  }

  Explorer& world_;
  std::array<Entry, kMost> entries_{};
  std::size_t count_ = 0;
  std::size_t capacity_ = 0;
  unsigned used_ = 0;
  std::array<std::uint64_t, kMost> queue_{};
  std::size_t queue_begin_ = 0;
  std::size_t queue_end_ = 0;
};

}  // namespace ringway::model
