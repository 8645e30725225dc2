// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Who runs next: the modelled threads, their announced operations, and the reduction.
///
/// *Protocol.* A thread announces each visible operation before it performs it. The scheduler picks
/// one of the announced operations; what that operation reads or where it writes is a decision of
/// its own, taken when it is performed. Thread-local steps (plain payload, acquire and release
/// fences) are not visible.
///
/// *Reduction.* Two executions are equivalent if every read reads the same store and every word's
/// modification order is the same, as are the orders of fences and of sleeping and waking. Complete
/// searches visit each class at least once and most classes only once, by
/// - sleep sets (P. Godefroid, 1996): once all that follows a thread's operation was explored, that
///   thread sleeps in the sibling branches until something dependent happens;
/// - views: a store never invalidates what another thread might have read or written before it, as
///   old stores stay readable and the middle of a history stays writable. So a sleeping reader
///   wakes for new stores alone, and a sleeping writer not at all;
/// - hence eager stores: a plain store to a word on which nobody sleeps needs no decision. Words on
///   which somebody sleeps are learnt: when the first is found, the search starts again.
/// The tests compare the outcomes with those of a search without any of this.
///
/// *Bounded.* With a preemption bound there are no sleep sets, since their combination would lose
/// executions (K. Coons, M. Musuvathi, K. McKinley, "Bounded partial-order reduction", OOPSLA
/// 2013).

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "explorer/arena.hpp"
#include "explorer/decisions.hpp"
#include "explorer/fiber.hpp"
#include "explorer/memory_model.hpp"
#include "explorer/place.hpp"
#include "explorer/view.hpp"

namespace ringway::model {

enum class Search : std::uint8_t { kComplete, kUnreduced, kBounded, kRandom };

struct Options {
  Search search = Search::kComplete;
  unsigned preemptions = 3;        // kBounded
  std::uint64_t seed = 1;          // kRandom
  std::uint64_t executions = 0;    // most of them; 0: no limit but for kRandom, which makes 1000
  double seconds = 600;            // of a processor
  unsigned spurious_failures = 1;  // of weak compare-exchanges, for each thread
  unsigned early_timeouts = 1;     // of sleeps with a limit, for each thread
  std::uint8_t stale_limit = 2;    // reads of one stale value in one operation
  unsigned stale_reads = ~0U;      // kBounded: reads that miss the newest store, and stores placed
                                   // before it, in one execution
  unsigned time_jumps = 0;         // how often the clock may be found past every deadline
  bool heavy_refused = false;      // the kernel refuses the heavy fence
  bool refused_later = false;      // it grants it while the body prepares, and then no more
  bool relax_waits = true;         // relax() waits for something new; false: it does nothing
  std::uint64_t steps = 4000;      // visible operations in one execution before it is a livelock
};

/// For larger models: one operation reads the same stale value of a word once, and weak
/// compare-exchanges fail only for a reason.
[[nodiscard]] inline Options without_repetition(Options options = {}) {
  options.stale_limit = 1;
  options.spurious_failures = 0;
  return options;
}

enum class Step : std::uint8_t {
  kLocal,  // not visible: start of a thread, return from a sleep
  kLoad,
  kStore,
  kUpdate,  // read-modify-write or compare-exchange
  kSeqCstFence,
  kLightFence,
  kHeavyFence,
  kAwait,       // until there is something new to read
  kFutexWait,   // the kernel's look at the word
  kFutexSleep,  // what follows if it has the expected value
  kFutexWake,
  kLock,   // of a mutex; waits until it is free
  kClock,  // a look at the clock
};

struct Operation {
  Step step = Step::kLocal;
  bool seq_cst = false;
  LocationId location = kNoLocation;
};

class Scheduler {
 public:
  /// Told when another thread of the model goes on: code under test may have thread-local state.
  /// Forgotten when an execution begins.
  static inline void (*on_switch)(ThreadId from, ThreadId to) = nullptr;

 protected:
  enum class Status : std::uint8_t { kRunning, kCompleted, kRedundant, kRestart, kFailed };

  struct Thread {
    Fiber fiber;
    ThreadMemory memory;
    Operation pending;
    Place place;  // of the pending operation
    bool alive = false;
    bool asleep = false;         // in the sleep set
    bool timed = false;          // kFutexSleep ends by itself
    std::int64_t limit_ns = 0;   // and how long it takes at most
    StoreId covered = 0;         // stores before this one were explored when it fell asleep
    StoreId least = 0;           // the operation being performed may read no earlier store
    std::uint32_t expected = 0;  // kFutexSleep
    unsigned spurious = 0;
    unsigned timeouts = 0;
    std::vector<LocationId> reads;  // since its last await
    void (*call)(void*) = nullptr;
    void* argument = nullptr;
  };

  Thread& self() { return threads_[current_]; }
  [[nodiscard]] bool alone() const { return current_ == 0; }

  /// Lets the scheduler decide when the running thread performs `operation`.
  void announce(const Operation& operation, const Place& place) {
    Thread& thread = self();
    thread.least = 0;
    thread.place = place;
    if (alone()) return;
    if (++steps_ > options_.steps) fail("livelock: too many steps in one execution");
    thread.pending = operation;
    if (eager(operation)) {
      wake_dependents(current_);
      return;
    }
    yield();
  }

  /// Runs whoever is next; returns when that is the caller again.
  void yield() {
    const ThreadId from = current_;
    current_ = pick();
    if (current_ == from) return;
    if (on_switch != nullptr) on_switch(from, current_);
    Fiber::hand_over(threads_[from].fiber, threads_[current_].fiber);
  }

  /// Ends this execution where it stands.
  [[noreturn]] void abandon(Status status) {
    status_ = status;
    Fiber::hand_over(threads_[current_].fiber, root_);
    std::abort();
  }

  [[noreturn]] virtual void fail(const std::string& what) = 0;
  virtual void deadlock() = 0;  // does not return

  std::size_t choose(std::size_t count) { return decisions_.choose(count); }

  Options options_;
  MemoryModel model_;
  Decisions decisions_;
  Fiber root_;
  std::array<Thread, kMaxThreads> threads_;
  std::size_t thread_count_ = 1;
  ThreadId current_ = 0;
  Status status_ = Status::kRunning;
  std::uint64_t steps_ = 0;
  unsigned preemptions_ = 0;

 private:
  [[nodiscard]] bool reduces() const { return options_.search == Search::kComplete; }

  [[nodiscard]] bool eager(const Operation& operation) const {
    // A bound on stale reads must not count those that only an eager store made stale.
    const bool counts_stale = options_.search == Search::kBounded && options_.stale_reads != ~0U;
    return options_.search != Search::kUnreduced && !counts_stale &&
           operation.step == Step::kStore && !operation.seq_cst &&
           !model_.location(operation.location).futex;
  }

  static bool reads(Step step) { return step == Step::kLoad || step == Step::kUpdate; }

  [[nodiscard]] bool enabled(const Thread& thread) const {
    if (!thread.alive) return false;
    switch (thread.pending.step) {
      case Step::kAwait:
        for (const LocationId id : thread.reads) {
          if (model_.has_news(thread.memory, id)) return true;
        }
        return false;
      case Step::kFutexSleep: return thread.timed && thread.timeouts < options_.early_timeouts;
      case Step::kLock: return model_.newest_value(thread.pending.location) == 0;
      default: return true;
    }
  }

  /// Asleep, and nothing to read that was not explored.
  [[nodiscard]] bool sound_asleep(const Thread& thread) const {
    if (!thread.asleep) return false;
    if (!reads(thread.pending.step)) return true;
    std::array<StoreId, kMaxStoresPerLocation> choices;
    return model_.readable(thread.memory, thread.pending.location, thread.pending.seq_cst,
                           thread.covered, choices.data()) == 0;
  }

  [[nodiscard]] ThreadId pick() {
    std::array<ThreadId, kMaxThreads> candidates{};
    std::size_t count = 0;
    bool anyone_alive = false;
    bool anyone_enabled = false;
    for (std::size_t i = 0; i < thread_count_; ++i) {
      const auto id =
          static_cast<ThreadId>((current_ + i) % thread_count_);  // the running one first
      const Thread& thread = threads_[id];
      if (id == 0 || !thread.alive) continue;
      anyone_alive = true;
      if (thread.pending.step == Step::kLocal) return id;
      if (!enabled(thread)) continue;
      anyone_enabled = true;
      if (!sound_asleep(thread)) candidates[count++] = id;
    }
    if (!anyone_alive) return 0;
    if (!anyone_enabled) return last_resort();
    if (count == 0) abandon(Status::kRedundant);
    return options_.search == Search::kBounded ? pick_bounded(candidates, count)
                                               : pick_reduced(candidates, count);
  }

  /// A sleep with a limit ends when nothing else can happen.
  ThreadId last_resort() {
    for (std::size_t id = 1; id < thread_count_; ++id) {
      const Thread& thread = threads_[id];
      if (thread.alive && thread.pending.step == Step::kFutexSleep && thread.timed) {
        return static_cast<ThreadId>(id);
      }
    }
    deadlock();
    return 0;
  }

  ThreadId pick_reduced(const std::array<ThreadId, kMaxThreads>& candidates, std::size_t count) {
    const std::size_t taken = choose(count);
    const ThreadId chosen = candidates[taken];
    if (!reduces()) return chosen;
    for (std::size_t i = 0; i < taken; ++i) {
      Thread& explored = threads_[candidates[i]];
      explored.asleep = true;
      explored.covered =
          reads(explored.pending.step)
              ? static_cast<StoreId>(model_.location(explored.pending.location).count)
              : StoreId{0};
    }
    Thread& thread = threads_[chosen];
    thread.least = thread.asleep ? thread.covered : StoreId{0};
    thread.asleep = false;
    wake_dependents(chosen);
    return chosen;
  }

  ThreadId pick_bounded(const std::array<ThreadId, kMaxThreads>& candidates, std::size_t count) {
    const Thread& running = threads_[current_];
    const bool preempts =
        candidates[0] == current_ && running.alive && running.pending.step != Step::kAwait;
    if (!preempts) return candidates[choose(count)];
    if (preemptions_ >= options_.preemptions) return current_;
    const std::size_t taken = choose(count);
    if (taken != 0) ++preemptions_;
    return candidates[taken];
  }

  void wake_dependents(ThreadId actor) {
    if (!reduces()) return;
    for (std::size_t id = 1; id < thread_count_; ++id) {
      Thread& sleeper = threads_[id];
      if (id != actor && sleeper.asleep && dependent(sleeper, threads_[actor].pending)) {
        sleeper.asleep = false;
      }
    }
  }

  /// True if the sleeper's operation may do something after `act` that it could not do before it
  /// (beyond reading a new store), or if their order matters otherwise.
  [[nodiscard]] static bool dependent(const Thread& sleeper, const Operation& act) {
    const Operation& own = sleeper.pending;
    const auto global = [](const Operation& o) {
      return o.step == Step::kSeqCstFence || o.step == Step::kHeavyFence;
    };
    const auto futex = [](const Operation& o) {
      return o.step == Step::kFutexWait || o.step == Step::kFutexWake ||
             o.step == Step::kFutexSleep;
    };
    if (global(own)) {
      return global(act) || act.seq_cst ||
             (own.step == Step::kHeavyFence && act.step == Step::kLightFence);
    }
    if (global(act)) {
      return own.seq_cst || (act.step == Step::kHeavyFence && own.step == Step::kLightFence);
    }
    if (own.step == Step::kAwait) {
      if (act.step != Step::kStore && act.step != Step::kUpdate) return false;
      for (const LocationId id : sleeper.reads) {
        if (id == act.location) return true;
      }
      return false;
    }
    const auto clock = [&](const Operation& o) {
      return o.step == Step::kClock || o.step == Step::kFutexSleep;  // one that ends by itself
    };
    if (clock(own) && clock(act)) return true;
    if (own.location != act.location || own.location == kNoLocation) return false;
    if (own.step == Step::kLock || act.step == Step::kLock) return true;
    if (futex(own) || futex(act)) return own.step != Step::kLoad && act.step != Step::kLoad;
    return own.seq_cst && act.seq_cst;
  }
};

}  // namespace ringway::model
