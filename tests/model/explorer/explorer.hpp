// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Runs a small concurrent program in all the ways that the C++ memory model allows.
///
///     Explorer explorer;
///     Result result = explorer.explore({}, [](Explorer& world) {
///       ModelMemory::Atomic<int> x{0};
///       int seen = 0;
///       world.threads([&] { x.store(1, std::memory_order_release); },
///                     [&] { seen = x.load(std::memory_order_acquire); });
///       world.outcome(std::to_string(seen));
///     });
///     // result.outcomes: {"0", "1"}
///
/// The body is run once for each execution and must depend on nothing else: no clock, no random
/// numbers, no statics that it changes. What it allocates is forgotten afterwards. `check` and
/// everything that the explorer finds by itself (data race, use after free, deadlock, lost wake-up,
/// livelock) ends the search, with the trace of the failing execution.
///
/// Source: M. Musuvathi et al., "Finding and reproducing Heisenbugs in concurrent programs"
/// (CHESS), OSDI 2008; D. Vyukov, Relacy race detector; M. Kokologiannakis and V. Vafeiadis,
/// "GenMC", CAV 2021.

#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "explorer/operations.hpp"
#include "explorer/place.hpp"

namespace ringway::model {

struct Result {
  Options options;
  bool finished = false;         // nothing was left to explore
  std::uint64_t executions = 0;  // that ran to their end
  std::uint64_t redundant = 0;   // cut short: equivalent to one explored before
  double seconds = 0;            // of a processor
  std::map<std::string, std::uint64_t> outcomes;
  std::string failure;  // empty: none

  /// "complete", "bounded 3" (preemptions), "bounded 3/2" (and stale reads), "random, seed 1";
  /// "unfinished" if a budget ended the search. A star:
  /// with the tighter bounds of `without_repetition`.
  [[nodiscard]] std::string kind() const {
    if (options.search == Search::kRandom) return "random, seed " + std::to_string(options.seed);
    const std::string star = options.spurious_failures == 0 ? " *" : "";
    if (!finished) return "unfinished" + star;
    if (options.search == Search::kBounded) {
      const std::string stale =
          options.stale_reads == ~0U ? "" : "/" + std::to_string(options.stale_reads);
      return "bounded " + std::to_string(options.preemptions) + stale + star;
    }
    return (options.search == Search::kComplete ? "complete" : "unreduced") + star;
  }
};

class Explorer final : public Operations {
 public:
  using Body = std::function<void(Explorer&)>;

  Result explore(const Options& options, const Body& body) {
    options_ = options;
    body_ = &body;
    learnt_.clear();
    decisions_ = {};
    if (options.search == Search::kRandom) decisions_.begin_random(options.seed);
    const std::uint64_t most = options.executions != 0             ? options.executions
                               : options.search == Search::kRandom ? 1000
                                                                   : ~std::uint64_t{0};
    Result result;
    result.options = options;
    const double begin = processor_seconds();
    const auto spent = [begin] { return processor_seconds() - begin; };
    do {
      run_once();
      if (status_ == Status::kFailed) {
        tracing_ = true;
        decisions_.again();
        run_once();
        tracing_ = false;
        result.failure = std::move(failure_);
        break;
      }
      if (status_ == Status::kRestart) {
        decisions_.restart();
        result = Result{};
        result.options = options;
        continue;
      }
      if (status_ == Status::kRedundant) {
        ++result.redundant;
      } else {
        ++result.executions;
        if (!outcome_.empty()) ++result.outcomes[outcome_];
      }
      if (result.executions >= most ||
          ((result.executions + result.redundant) % 256 == 0 && spent() > options.seconds)) {
        result.seconds = spent();
        return result;
      }
      if (!decisions_.next()) break;
    } while (true);
    result.finished = result.failure.empty();
    result.seconds = spent();
    return result;
  }

  // For the body of a model.

  /// Runs the functions as threads, all beginning now, and returns when the last has ended.
  template <class... Functions>
  void threads(Functions&&... functions) {
    static_assert(sizeof...(functions) < kMaxThreads);
    {
      const OutsideModel outside;
      began_ = true;
      thread_count_ = 1;
      (start(functions), ...);
      ++self().memory.current.clock.time[0];
      yield();
      for (std::size_t id = 1; id < thread_count_; ++id) {
        model_.join(self().memory.current, threads_[id].memory.current);
      }
      thread_count_ = 1;
    }
  }

  /// Says that the running thread begins another operation: stale reads are counted anew.
  void operation() {
    const OutsideModel outside;
    self().memory.repeats.fill(0);
    self().reads.clear();
  }

  void check(bool holds, const char* what) {
    if (holds) return;
    const OutsideModel outside;
    fail(std::string("check failed: ") + what);
  }

  /// Adds to the text that names this execution's outcome.
  void outcome(const std::string& text) {
    const OutsideModel outside;
    if (!outcome_.empty()) outcome_ += ' ';
    outcome_ += std::string(text.data(), text.size());
  }

  /// The running thread, and what happens before this point of it.
  [[nodiscard]] ThreadId thread() const { return current_; }
  [[nodiscard]] const Clock& clock() { return self().memory.current.clock; }

  /// Adds a line to the trace of a failing execution.
  void note(const std::string& text) {
    const OutsideModel outside;
    trace(text, {});
  }

 private:
  template <class Function>
  void start(Function& function) {
    const auto id = static_cast<ThreadId>(thread_count_++);
    Thread& thread = threads_[id];
    thread.memory = self().memory;
    thread.memory.acquirable = thread.memory.released = thread.memory.current;
    ++thread.memory.current.clock.time[id];
    thread.memory.repeats.fill(0);
    thread.pending = {};
    thread.alive = true;
    thread.asleep = false;
    thread.spurious = 0;
    thread.timeouts = 0;
    thread.reads.clear();
    thread.argument = const_cast<void*>(static_cast<const void*>(&function));
    thread.call = [](void* argument) { (*static_cast<Function*>(argument))(); };
    thread.fiber.prepare(&Explorer::thread_main, this);
  }

  static void thread_main(void* explorer) {
    auto* self = static_cast<Explorer*>(explorer);
    Thread& thread = self->self();
    self->run_user_code([&] { thread.call(thread.argument); });
    thread.alive = false;
    self->yield();
  }

  static void body_main(void* explorer) {
    auto* self = static_cast<Explorer*>(explorer);
    self->run_user_code([&] { (*self->body_)(*self); });
    self->abandon(Status::kCompleted);
  }

  /// Of this process: a search has as long on a machine that is busy.
  [[nodiscard]] static double processor_seconds() noexcept {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  }

  template <class Code>
  void run_user_code(Code&& code) {
    arena().active = true;
    try {
      code();
    } catch (...) {
      arena().active = false;
      fail("an exception left a modelled thread");
    }
    arena().active = false;
  }

  void run_once() {
    arena().reset();
    arena().on_delete = [](void* begin, std::size_t bytes) {
      const OutsideModel outside;
      static_cast<Explorer*>(running)->freed(begin, bytes);
    };
    forget_execution();
    outcome_.clear();
    thread_count_ = 1;
    current_ = 0;
    steps_ = 0;
    preemptions_ = 0;
    on_switch = nullptr;
    status_ = Status::kRunning;
    Thread& body = threads_[0];
    body.memory = {};
    body.memory.current.clock.time[0] = 1;
    body.reads.clear();
    body.fiber.prepare(&Explorer::body_main, this);
    running = this;
    Fiber::hand_over(root_, body.fiber);
    running = nullptr;
    arena().active = false;
  }

  const Body* body_ = nullptr;
  std::string outcome_;
};

}  // namespace ringway::model
