// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// SIGINT and SIGTERM, fetched instead of handled: a program that leaves in order needs its own
/// time for it.

#include <chrono>
#include <csignal>
#include <ctime>

namespace vessel {

class EndSignals {
 public:
  /// From now on they wait to be fetched, also by threads made later. Before any other thread.
  EndSignals() noexcept {
    sigemptyset(&both_);
    sigaddset(&both_, SIGINT);
    sigaddset(&both_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &both_, nullptr);
  }

  /// Sleeps until one comes, `limit` at most. \return true from the first one on
  bool wait_for(std::chrono::microseconds limit) noexcept {
    if (came_) return true;
    const timespec time{static_cast<time_t>(limit.count() / 1'000'000),
                        static_cast<long>(limit.count() % 1'000'000 * 1000)};
    came_ = sigtimedwait(&both_, nullptr, &time) > 0;
    return came_;
  }

  [[nodiscard]] bool came() const noexcept { return came_; }

 private:
  sigset_t both_{};
  bool came_ = false;
};

}  // namespace vessel
