// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a bounded queue in one order costs at least if it is shared: runs of 32 items, claimed by a
/// ticket, each under one flag. Not a queue: who has taken a ticket must use it.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class BareRuns {
  struct alignas(64) Run {
    std::array<T, 32> items;
    alignas(64) std::atomic<std::uint64_t> state{0};  // 2 * ticket: free; one more: full
    std::size_t count = 0;
  };

 public:
  static constexpr AdapterInfo kInfo{.name = "limit: bare runs in one order", .kind = Kind::kLimit};

  explicit BareRuns(std::size_t capacity) : runs_(std::max<std::size_t>(capacity / 32, 1)) {
    for (std::size_t i = 0; i < runs_.size(); ++i) runs_[i].state = 2 * i;
  }

  struct Producer {
    std::size_t try_push_batch(std::span<const T> messages) {
      if (ticket == kNone) ticket = queue.claimed_.fetch_add(1, std::memory_order_relaxed);
      Run& run = queue.runs_[ticket % queue.runs_.size()];
      if (run.state.load(std::memory_order_acquire) != 2 * ticket) return 0;
      const std::size_t count = std::min(messages.size(), run.items.size());
      run.count = count;
      std::copy_n(messages.begin(), count, run.items.begin());
      run.state.store(2 * std::exchange(ticket, kNone) + 1, std::memory_order_release);
      return count;
    }
    BareRuns& queue;
    std::uint64_t ticket = kNone;
  };

  struct Consumer {
    template <class Handler>
    std::size_t try_pop_batch(Handler&& handler, std::size_t) {
      if (ticket == kNone) ticket = queue.taken_.fetch_add(1, std::memory_order_relaxed);
      Run& run = queue.runs_[ticket % queue.runs_.size()];
      if (run.state.load(std::memory_order_acquire) != 2 * ticket + 1) return 0;
      const std::size_t count = run.count;
      for (std::size_t i = 0; i < count; ++i) handler(run.items[i]);
      run.state.store(2 * (std::exchange(ticket, kNone) + queue.runs_.size()),
                      std::memory_order_release);
      return count;
    }
    BareRuns& queue;
    std::uint64_t ticket = kNone;
  };

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::vector<Run> runs_;
  alignas(128) std::atomic<std::uint64_t> claimed_{0};
  alignas(128) std::atomic<std::uint64_t> taken_{0};
};

}  // namespace ringway::bench
