// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The memory policy of what several processes map: shared futexes, and an asymmetric fence whose
/// heavy side reaches all of them.
///
/// *What.* The light side stays a compiler barrier in every process that the kernel has registered
/// for global expedited fences (register_process(), at attaching). A process that was refused runs
/// a full fence in its place, so that others may still rely on it.
///
/// *Synchronisation.* "light" and "heavy" as in base/asymmetric_fence.hpp.
///
/// *Source.* man 2 membarrier.

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "ringway/base/asymmetric_fence.hpp"
#include "ringway/wait/futex.hpp"

namespace ringway {

struct SharedMemory : NativeSharedMemory {
  /// Broadcast rings' elements of about a cache line have a word each: behind_word()
  /// (ring/line.hpp).
  static constexpr bool kWordForEach = true;

  /// Asks the kernel that heavy fences of other processes reach this one. Any thread; idempotent.
  /// \return false if it refuses; then light fences of this process are full ones
  static bool register_process() noexcept {
    const bool granted = call(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
    // relaxed: set before this process shares anything
    unreachable_.store(!granted, std::memory_order_relaxed);
    return granted;
  }

  static void light_fence() noexcept {
    if (unreachable_.load(std::memory_order_relaxed)) [[unlikely]] {  // relaxed: as above
      std::atomic_thread_fence(std::memory_order_seq_cst);  // seq_cst: the caller's store and load
    } else {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // seq_cst: the caller's store and load
    }
  }

  /// \return false if the kernel refuses: then no light fence anywhere is worth anything to us
  static bool heavy_fence() noexcept { return call(MEMBARRIER_CMD_GLOBAL_EXPEDITED); }

 private:
  static bool call(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0) == 0; }

  static inline std::atomic<bool> unreachable_{true};
};

}  // namespace ringway
