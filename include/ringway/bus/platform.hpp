// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the bus needs beside a memory policy: locks, threads, who is running, how to wait where the
/// user has no choice. A checking memory policy specialises it, so that the bus as it is runs under
/// the checker; every other policy means the standard library.

#include <pthread.h>
#include <sched.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "ringway/base/sequence.hpp"
#include "ringway/wait/wait_strategy.hpp"

namespace ringway {

/// When a dispatcher that has no time to sleep asks for signals instead of looking at idle cursors.
struct Cooling {
  std::size_t most_hot = 16;       ///< so many stay hot, whatever comes
  std::uint32_t patience = 64;     ///< rounds without news before one turns idle
  std::size_t asked_at_once = 64;  ///< together with so many others: for one fence
};

template <class Memory>
struct Platform {
  using Mutex = std::mutex;
  using Thread = std::thread;
  using ThreadId = const void*;  // null is nobody
  using Wait = SpinPark;
  static constexpr Cooling kCooling{};
  static constexpr Sequence kLaneStart = 0;  // a checker begins shortly before the wrap, too

  /// Cheap enough for each message: the address of something that each thread has.
  [[nodiscard]] static ThreadId this_thread() noexcept { return &mark_; }

  /// \return false if the thread may not run on that processor
  [[nodiscard]] static bool pin(Thread& thread, int cpu) noexcept {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    return ::pthread_setaffinity_np(thread.native_handle(), sizeof(set), &set) == 0;
  }
  static void set_name(Thread& thread, const std::string& name) noexcept {
    ::pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  }

 private:
  static inline thread_local const char mark_ = 0;
};

}  // namespace ringway
