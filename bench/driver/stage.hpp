// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Where samples are taken: the chosen processors and a team for each number of threads.

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "driver/team.hpp"

namespace ringway::bench {

class Stage {
 public:
  explicit Stage(std::vector<int> cpus) : cpus_(std::move(cpus)) {}

  [[nodiscard]] const std::vector<int>& cpus() const noexcept { return cpus_; }
  /// The processor of worker i.
  [[nodiscard]] int cpu(std::size_t worker) const noexcept { return cpus_[worker % cpus_.size()]; }

  /// Runs `body(i)` on `workers` pinned threads. Ends the program with a message that names what
  /// was running if they do not come back within the limit: a message was lost, or a queue hangs.
  void run(std::size_t workers, const Team::Body& body);

  /// What a message about a hang should name.
  void set_running(std::string what) { running_ = std::move(what); }

  static constexpr std::chrono::seconds kLimit{60};

 private:
  const std::vector<int> cpus_;
  std::string running_ = "the first measurement";
  std::map<std::size_t, std::unique_ptr<Team>> teams_;
};

}  // namespace ringway::bench
