// SPDX-License-Identifier: Apache-2.0
#include "driver/team.hpp"

#include <sched.h>

#include "driver/cpus.hpp"
#include "ringway/base/cpu_relax.hpp"

namespace ringway::bench {

void StartLine::arrive_and_wait() noexcept {
  const std::size_t round = round_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
    if (spins < 2000) {
      cpu_relax();
    } else {
      sched_yield();
    }
  }
}

Team::Team(const std::vector<int>& cpus, std::size_t workers) {
  for (std::size_t i = 0; i < workers; ++i) {
    threads_.emplace_back([this, i, cpu = cpus[i % cpus.size()]] { serve(i, cpu); });
  }
}

Team::~Team() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Team::run(const Body& body, std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  body_ = &body;
  running_ = threads_.size();
  ++generation_;
  wake_.notify_all();
  return done_.wait_for(lock, limit, [this] { return running_ == 0; });
}

void Team::serve(std::size_t worker, int cpu) {
  pin_this_thread({cpu});
  std::size_t served = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return ending_ || generation_ != served; });
    if (ending_) return;
    served = generation_;
    const Body& body = *body_;
    lock.unlock();
    body(worker);
    lock.lock();
    if (--running_ == 0) done_.notify_one();
  }
}

}  // namespace ringway::bench
