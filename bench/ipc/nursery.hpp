// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Where the processes of a sample come from: a small process without threads, forked before this
/// program has any, which forks them, watches over them and clears up behind them.
///
/// A process that crashes, or does not end in time, makes the sample a wrong result; the others are
/// ended. So does a file, a socket or a queue that is left behind. If the program itself is killed,
/// the nursery ends its processes and clears up all the same.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driver/row.hpp"
#include "ipc/board.hpp"
#include "ipc/plan.hpp"

namespace ringway::bench {

/// The processes of one sample, as seen from the nursery.
class Crew {
 public:
  Crew(Board& board, IpcPlan plan, int lifeline)
      : board_(board), plan_(std::move(plan)), lifeline_(lifeline) {}

  [[nodiscard]] Board& board() const noexcept { return board_; }
  [[nodiscard]] IpcPlan plan(const char* topic, std::size_t readers, std::size_t capacity,
                             bool parks = false) const {
    IpcPlan plan = plan_;
    plan.topic = topic;
    plan.readers = readers;
    plan.capacity = capacity;
    plan.parks = parks;
    return plan;
  }

  /// Runs `body(i)` in `workers` new processes, process i on its processor. What one throws, how it
  /// crashed, or that it had to be ended stands on the board afterwards.
  void run(std::size_t workers, const std::function<void(std::size_t worker)>& body);

  /// Removes what is left and says so on the board.
  void sweep();

  static constexpr int kLimit_ms = 60'000;

 private:
  [[noreturn]] void be_worker(std::size_t worker, ::pid_t nursery,
                              const std::function<void(std::size_t)>& body);
  void watch(std::vector<::pid_t>& pids);

  Board& board_;
  const IpcPlan plan_;
  const int lifeline_;
};

class Nursery {
 public:
  /// Runs in the nursery with a crew for one sample.
  using Program = std::function<void(Crew& crew, std::uint64_t count)>;

  [[nodiscard]] static Nursery& get();

  /// \pre not started. \return what run() wants to hear
  [[nodiscard]] std::size_t enroll(Program program);
  /// One sample.
  [[nodiscard]] Measurement run(std::size_t program, std::uint64_t count);

  /// The nursery lives as long as this. \pre this program has one thread
  class Lifetime {
   public:
    explicit Lifetime(const std::vector<int>& cpus) { get().start(cpus); }
    Lifetime(const Lifetime&) = delete;
    Lifetime& operator=(const Lifetime&) = delete;
    ~Lifetime() { get().stop(); }
  };

  /// Starts a daemon that a subject needs, by PATH, unless it is there already; it stands still
  /// between samples, so that it disturbs nobody. In the nursery. `leftovers`: what it does not
  /// remove if it has to be killed.
  static void want_daemon(const std::vector<std::string>& words,
                          const std::vector<std::string>& leftovers);

 private:
  struct Request {
    std::size_t program;
    std::uint64_t count;
  };

  void start(const std::vector<int>& cpus);
  void stop();
  [[noreturn]] void serve(const std::vector<int>& cpus, int lifeline);

  std::vector<Program> programs_;
  Board* board_ = nullptr;
  ::pid_t child_ = 0;
  int line_ = -1;
};

}  // namespace ringway::bench
