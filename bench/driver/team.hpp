// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A team of pinned threads that run the parts of one sample together.
///
/// Worker i runs on processor `cpus[i % cpus.size()]`; more workers than processors are
/// oversubscribed on purpose. Between runs the workers sleep.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ringway::bench {

/// Where the workers of one run meet; usable again and again.
class StartLine {
 public:
  explicit StartLine(std::size_t parties) : parties_(parties) {}

  /// Returns when all parties have arrived. Spins for a moment, then yields.
  void arrive_and_wait() noexcept;

 private:
  const std::size_t parties_;
  alignas(128) std::atomic<std::size_t> arrived_{0};
  alignas(128) std::atomic<std::size_t> round_{0};
};

class Team {
 public:
  using Body = std::function<void(std::size_t worker)>;

  Team(const std::vector<int>& cpus, std::size_t workers);
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();

  /// Runs `body(i)` on every worker i. \return false if they did not all come back in time; they
  /// are still running then, and the process can only be ended.
  [[nodiscard]] bool run(const Body& body, std::chrono::seconds limit);

  [[nodiscard]] std::size_t size() const noexcept { return threads_.size(); }

 private:
  void serve(std::size_t worker, int cpu);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const Body* body_ = nullptr;
  std::size_t generation_ = 0;
  std::size_t running_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ringway::bench
