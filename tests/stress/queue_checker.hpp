// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Could a first-in-first-out queue have done this? Decided in O(n log n) for histories in which
/// every operation has ended and no value was pushed twice.
///
/// *What is decided.* A history is linearizable if each operation can be given one moment between
/// its begin and its end such that a sequential queue, doing the operations in the order of the
/// moments, gives the same results (Herlihy and Wing, 1990). For a queue and unique values that is
/// so exactly if none of these four is found (T. Henzinger, A. Sezgin, V. Vafeiadis,
/// "Aspect-oriented linearizability proofs", CONCUR 2013, theorem 1; the near-linear way to look
/// for them: Z. H. Lee and U. Mathur, "Efficient decrease-and-conquer linearizability monitoring",
/// arXiv 2410.04581):
///   invention   a value is popped that was not pushed, or before its push began
///   repetition  a value is popped twice
///   order       push(a) ended before push(b) began, b was popped, and a was not, or only after
///               that
///   witness     a pop says empty although at each moment of it some value was in the queue for
///               certain: pushed before that moment, popped after it
///
/// *The bound.* For a capacity C two more are looked for, each of which no queue of that capacity
/// does; that they are all that it cannot do is not claimed (queue_checker_test.cpp compares with
/// brute force):
///   overfull    at some moment more than C values were in the queue for certain
///   room        a push says full although at each moment of it fewer than C values can have been
///               in it
///
/// *Weaker promises.* MpmcRing says "empty" also while a push is under way whose position comes
/// before a later one's that has ended, and "full" while a pop is under way: Answer::kUnlessBusy
/// excuses an answer if such an operation overlaps it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/stress/history.hpp"

namespace ringway::stress {

/// How far an answer "full" or "empty" is to be believed.
enum class Answer : std::uint8_t {
  kExact,       // it was so at some moment of the call
  kUnlessBusy,  // or an operation of the other kind that changes the queue overlapped it
  kAny,         // not looked at
};

struct Promise {
  std::size_t capacity = 0;  // 0: unbounded
  std::size_t more = 0;      // so many more than that may fit, but need not
  Answer empty = Answer::kExact;
  Answer full = Answer::kExact;
};

class QueueChecker {
 public:
  QueueChecker(const std::vector<ThreadLog>& logs, const Promise& promise)
      : logs_(logs), promise_(promise) {}

  /// \return nothing if this is a queue's history, else what is wrong with it
  [[nodiscard]] std::string check() {
    collect();
    if (finding_.empty()) check_order();
    if (finding_.empty()) check_bound();
    if (finding_.empty()) check_empty();
    if (finding_.empty()) check_each_producers_order();
    if (finding_.empty()) {
      const auto wrong = wrong_fulls();
      if (!wrong.empty()) finding_ = "room: " + describe(wrong.front());
    }
    return finding_;
  }

  /// The refused pushes for which no moment of this history is a reason. For rings with several
  /// readers, any of which is reason enough. \pre check() was called
  [[nodiscard]] std::vector<Operation> wrong_fulls() const {
    std::vector<Operation> wrong;
    if (promise_.capacity == 0 || promise_.full == Answer::kAny) return wrong;
    // How many values can be in the queue after each change of that number, in the order of time.
    std::vector<std::pair<Time, int>> changes;
    for (const Life& life : lives_) {
      changes.emplace_back(life.push_begin, 1);
      if (life.pop_end != kNever) changes.emplace_back(life.pop_end + 1, -1);
    }
    std::sort(changes.begin(), changes.end());
    const std::size_t count = changes.size();
    std::vector<bool> can_be_full(count + 1, false);
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      size = changes[i].second > 0 ? size + 1 : size - 1;
      can_be_full[i + 1] = size >= promise_.capacity;
    }
    std::vector<std::size_t> next_full(count + 2, count + 1);
    for (std::size_t i = count + 1; i-- > 0;) {
      next_full[i] = can_be_full[i] ? i : next_full[i + 1];
    }
    const auto after = [&](Time time) {  // changes up to and including this time
      const auto later = std::upper_bound(changes.begin(), changes.end(), std::pair(time, 2));
      return static_cast<std::size_t>(later - changes.begin());
    };
    const Spans pops = spans_of(Kind::kPop);
    for (const ThreadLog& log : logs_) {
      for (const Operation& operation : log) {
        if (operation.kind != Kind::kFull) continue;
        if (next_full[after(operation.begin)] <= after(operation.end)) continue;
        if (promise_.full == Answer::kUnlessBusy && overlaps(pops, operation)) continue;
        wrong.push_back(operation);
      }
    }
    return wrong;
  }

 private:
  /// From the push of a value to its pop.
  struct Life {
    std::uint64_t value;
    Time push_begin;
    Time push_end;
    Time pop_begin = kNever;
    Time pop_end = kNever;
  };
  /// Disjoint, in order: [first, second].
  using Spans = std::vector<std::pair<Time, Time>>;

  void collect() {
    lives_.clear();
    finding_.clear();
    std::unordered_map<std::uint64_t, std::size_t> by_value;
    for (const ThreadLog& log : logs_) {
      for (const Operation& operation : log) {
        if (operation.kind != Kind::kPush) continue;
        const bool is_new = by_value.emplace(operation.value, lives_.size()).second;
        if (!is_new) return complain("the history itself: pushed twice", operation);
        lives_.push_back({operation.value, operation.begin, operation.end});
      }
    }
    for (const ThreadLog& log : logs_) {
      for (const Operation& operation : log) {
        if (operation.kind != Kind::kPop) continue;
        const auto known = by_value.find(operation.value);
        if (known == by_value.end()) return complain("invention", operation);
        Life& life = lives_[known->second];
        if (life.pop_begin != kNever) return complain("repetition", operation);
        if (operation.end < life.push_begin) return complain("invention", operation);
        life.pop_begin = operation.begin;
        life.pop_end = operation.end;
      }
    }
  }

  void check_order() {
    std::vector<const Life*> by_begin;
    for (const Life& life : lives_) by_begin.push_back(&life);
    std::vector<const Life*> by_end = by_begin;
    std::sort(by_begin.begin(), by_begin.end(),
              [](auto* a, auto* b) { return a->push_begin < b->push_begin; });
    std::sort(by_end.begin(), by_end.end(),
              [](auto* a, auto* b) { return a->push_end < b->push_end; });
    const Life* latest = nullptr;  // popped last, of those whose push ended before b's began
    std::size_t ended = 0;
    for (const Life* b : by_begin) {
      for (; ended < by_end.size() && by_end[ended]->push_end < b->push_begin; ++ended) {
        if (latest == nullptr || by_end[ended]->pop_begin > latest->pop_begin) {
          latest = by_end[ended];
        }
      }
      if (latest != nullptr && b->pop_end < latest->pop_begin) {
        finding_ = "order: " + describe(*latest) + " was pushed before " + describe(*b);
        return;
      }
    }
  }

  void check_bound() {
    if (promise_.capacity == 0) return;
    std::vector<std::pair<Time, int>> changes;  // at the same time, first those that go
    for (const Life& life : lives_) {
      if (life.push_end >= life.pop_begin) continue;
      changes.emplace_back(life.push_end, 1);
      if (life.pop_begin != kNever) changes.emplace_back(life.pop_begin, -1);
    }
    std::sort(changes.begin(), changes.end());
    std::size_t size = 0;
    for (const auto& [time, change] : changes) {
      size = change > 0 ? size + 1 : size - 1;
      if (size > promise_.capacity + promise_.more) {
        finding_ = "overfull: " + std::to_string(size) + " at " + std::to_string(time);
        return;
      }
    }
  }

  void check_empty() {
    if (promise_.empty == Answer::kAny) return;
    Spans present;  // something was in the queue at each moment strictly inside
    for (const Life& life : lives_) {
      if (life.push_end < life.pop_begin) present.emplace_back(life.push_end, life.pop_begin);
    }
    merge(present);
    const Spans pushes = spans_of(Kind::kPush);
    for (const ThreadLog& log : logs_) {
      for (const Operation& operation : log) {
        if (operation.kind != Kind::kEmpty) continue;
        const Time begin = operation.begin;
        const auto later =
            std::lower_bound(present.begin(), present.end(), std::pair(begin, -kNever));
        if (later == present.begin() || std::prev(later)->second <= operation.end) continue;
        if (promise_.empty == Answer::kUnlessBusy && overlaps(pushes, operation)) continue;
        return complain("witness", operation);
      }
    }
  }

  /// What a batch or a thread pushed in order, a thread that pops gets in order, though the times
  /// may be the same.
  void check_each_producers_order() {
    for (const ThreadLog& log : logs_) {
      std::unordered_map<std::uint64_t, std::uint64_t> last;
      for (const Operation& operation : log) {
        if (operation.kind != Kind::kPop) continue;
        const auto [place, is_first] = last.emplace(producer_of(operation.value), operation.value);
        if (is_first) continue;
        if (operation.value <= place->second) return complain("a producer's order", operation);
        place->second = operation.value;
      }
    }
  }

  [[nodiscard]] Spans spans_of(Kind kind) const {
    Spans spans;
    for (const ThreadLog& log : logs_) {
      for (const Operation& operation : log) {
        if (operation.kind == kind) spans.emplace_back(operation.begin, operation.end);
      }
    }
    merge(spans);
    return spans;
  }

  /// Joins what overlaps. Spans that only touch stay apart: between them there is a moment.
  static void merge(Spans& spans) {
    std::sort(spans.begin(), spans.end());
    std::size_t kept = 0;
    for (const auto& span : spans) {
      if (kept != 0 && span.first < spans[kept - 1].second) {
        spans[kept - 1].second = std::max(spans[kept - 1].second, span.second);
      } else {
        spans[kept++] = span;
      }
    }
    spans.resize(kept);
  }

  [[nodiscard]] static bool overlaps(const Spans& spans, const Operation& operation) {
    const auto later =
        std::upper_bound(spans.begin(), spans.end(), std::pair(operation.end, kNever));
    // Spans that touch were kept apart, so the one before the last may reach in as well; the last
    // one begins later and ends later.
    return later != spans.begin() && std::prev(later)->second >= operation.begin;
  }

  void complain(const char* what, const Operation& operation) {
    finding_ = std::string(what) + ": " + stress::describe(operation);
  }
  static std::string describe(const Operation& operation) { return stress::describe(operation); }
  static std::string describe(const Life& life) {
    std::string text =
        stress::describe({Kind::kPush, life.value, life.push_begin, life.push_end}) + ", ";
    if (life.pop_begin == kNever) return text + "never popped,";
    return text + stress::describe({Kind::kPop, life.value, life.pop_begin, life.pop_end}) + ",";
  }

  const std::vector<ThreadLog>& logs_;
  Promise promise_;
  std::vector<Life> lives_;
  std::string finding_;
};

/// \return nothing if this is the history of a queue with these promises, else what is wrong
[[nodiscard]] inline std::string check_queue(const std::vector<ThreadLog>& logs,
                                             const Promise& promise) {
  return QueueChecker(logs, promise).check();
}

}  // namespace ringway::stress
