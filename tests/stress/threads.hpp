// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Threads that push and pop at random and write down what happened.
///
/// A subject is one queue with its handles (subjects.hpp). Each of its threads has a log; random
/// yields and pauses move the threads against each other. Seeds are printed: RINGWAY_SEED repeats
/// the choices of a run, not its interleaving. RINGWAY_STRESS=n makes the runs n times as many.

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ringway/base/native_memory.hpp"
#include "tests/stress/history.hpp"

namespace ringway::stress {

using Random = std::mt19937_64;

/// Where the threads of a run are.
enum class Placement : std::uint8_t {
  kPinned,          // a few, each kept on one processor, in turn
  kUnpinned,        // a few, where the kernel likes
  kOversubscribed,  // eight threads, which is more than small machines have processors
};

[[nodiscard]] inline const char* name_of(Placement placement) {
  static constexpr const char* kNames[] = {"Pinned", "Unpinned", "Oversubscribed"};
  return kNames[static_cast<int>(placement)];
}

/// How much longer than usual: RINGWAY_STRESS.
[[nodiscard]] inline std::uint64_t scale() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("RINGWAY_STRESS");
    return given == nullptr ? std::uint64_t{1} : std::strtoull(given, nullptr, 10);
  }();
  return value;
}

[[nodiscard]] inline std::uint64_t seed_of_this_run() {
  static const std::uint64_t seed = [] {
    const char* given = std::getenv("RINGWAY_SEED");
    const std::uint64_t chosen =
        given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    std::printf("[   seed   ] RINGWAY_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return seed;
}

/// Puts this thread on the `index`-th of the processors that the process may use.
inline void pin(std::size_t index) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  std::size_t left = index % static_cast<std::size_t>(CPU_COUNT(&allowed));
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || left-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);  // a container may forbid it: then it is not pinned
    return;
  }
}

/// How long one run lasts: until each producer has pushed so many, or the time is up.
struct Budget {
  std::uint64_t pushes = 3000;
  Time time = 12'000'000;
};

/// What a thread of a run has at hand.
class Worker {
 public:
  static constexpr std::size_t kMostEntries = 20'000;

  Worker(ThreadLog& log, std::uint64_t seed) : random_(seed), log_(log) {
    log.reserve(kMostEntries);
  }

  [[nodiscard]] Random& random() noexcept { return random_; }

  /// Runs `operation`, which calls push(), pop() and so on for what it did; all of that lasted from
  /// before it to after it.
  template <class Run>
  void record(Run&& operation) {
    const std::size_t first = log_.size();
    const Time begin = stamp();
    operation();
    now_ = stamp();
    for (std::size_t i = first; i < log_.size(); ++i) {
      log_[i].begin = begin;
      log_[i].end = now_;
    }
  }
  void did(Kind kind, std::uint64_t value = 0) {
    // A failed try may be left out of a history, a success may not.
    const bool failed = kind == Kind::kFull || kind == Kind::kEmpty;
    if (failed && log_.size() >= kMostEntries) return;
    log_.push_back({kind, value, 0, 0});
  }
  /// The end of the last operation.
  [[nodiscard]] Time now() const noexcept { return now_; }

  /// Between two operations: mostly nothing, sometimes a pause, sometimes another thread.
  void stray() {
    const auto dice = random_() % 64;
    if (dice < 2) {
      std::this_thread::yield();
    } else if (dice < 6) {
      for (auto i = random_() % 64; i > 0; --i) NativeMemory::relax();
    }
  }

 private:
  Random random_;
  ThreadLog& log_;
  Time now_ = 0;
};

/// All logs of one subject: producers first.
using Logs = std::vector<ThreadLog>;

/// Runs the subjects' threads all at once. \return the logs, one set for each subject
template <class Subject>
std::vector<Logs> run_threads(std::vector<std::unique_ptr<Subject>>& subjects, Placement placement,
                              const Budget& budget, Random& random) {
  std::vector<Logs> all;
  std::size_t count = 0;
  for (const auto& subject : subjects) {
    all.emplace_back(subject->producers.size() + subject->consumers.size());
    count += all.back().size();
  }
  std::vector<std::atomic<std::size_t>> sending(subjects.size());
  std::atomic<std::size_t> waiting{count};
  std::vector<std::thread> threads;
  const auto begin = [&waiting, placement](std::size_t number) {
    if (placement == Placement::kPinned) pin(number);
    waiting.fetch_sub(1);
    while (waiting.load() != 0) std::this_thread::yield();
  };
  for (std::size_t s = 0; s < subjects.size(); ++s) {
    Subject& subject = *subjects[s];
    sending[s].store(subject.producers.size());
    for (std::size_t i = 0; i < subject.producers.size(); ++i) {
      threads.emplace_back([&, s, i, number = threads.size(), seed = random()] {
        Worker worker(all[s][i], seed);
        auto handle = std::move(subject.producers[i]);
        begin(number);
        const Time until = stamp() + budget.time;
        std::uint64_t sent = 0;
        while (sent < budget.pushes && worker.now() < until) {
          const std::uint64_t before = sent;
          subject.push_some(handle, worker, i, sent);
          if (sent == before) std::this_thread::yield();
          worker.stray();
        }
        sending[s].fetch_sub(1);
      });
    }
    for (std::size_t i = 0; i < subject.consumers.size(); ++i) {
      threads.emplace_back([&, s, i, number = threads.size(), seed = random()] {
        Worker worker(all[s][subject.producers.size() + i], seed);
        auto handle = std::move(subject.consumers[i]);
        begin(number);
        for (;;) {
          const bool last_look = sending[s].load() == 0;
          if (subject.pop_some(handle, worker) == 0) {
            if (last_look) return;
            std::this_thread::yield();
          }
          worker.stray();
        }
      });
    }
  }
  for (auto& thread : threads) thread.join();
  return all;
}

}  // namespace ringway::stress
