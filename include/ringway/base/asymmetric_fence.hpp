// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A store-load fence whose whole price is paid by the side that runs rarely.
///
/// *What.* Two threads each store one word and then load the other's; at least one must see the
/// other's store. An ordinary fence on both sides does that, for several nanoseconds each. Here the
/// frequent side pays for a compiler barrier, and the rare side asks the kernel to run a full fence
/// in every thread of the process that is running right now. Use it where one side runs a million
/// times more often than the other; do not use it on two equal sides.
///
/// *Protocol.* No state at all. Linux wants a process registered before its first expedited
/// membarrier and answers EPERM otherwise; so heavy() registers when it meets EPERM and asks again.
/// That one rule serves the first call, a race between first calls (registering twice is harmless)
/// and a child made by fork.
///
/// *Synchronisation.* "light" in the frequent thread, between its store and its load, with "heavy"
/// in the rare one, between its store and its load: either the load of the frequent thread or that
/// of the rare one sees the other's store. A thread that does not run at the moment of heavy()
/// passes a full fence when it is switched in.
///
/// *Progress.* light: wait-free. heavy: a system call that waits for an interrupt on each processor
/// that runs a sibling; no thread of the process can hold it up.
///
/// *Source.* man 2 membarrier; P. McKenney et al., P1202 "Asymmetric Fences".

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "ringway/base/native_memory.hpp"

namespace ringway {

class AsymmetricFence {
 public:
  /// Any thread, wait-free: "light".
  static void light() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);  // seq_cst: the caller's store and load
  }

  /// Any thread: "heavy".
  /// \return false if the kernel refuses (an old kernel, a seccomp filter): nothing was fenced in
  ///         other threads, so their light() is worth nothing
  [[nodiscard]] static bool heavy() noexcept {
    if (call(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) {
      return true;
    }
    return errno == EPERM && call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
           call(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  }

  /// Any thread: whether heavy() works here and now. A filter that is installed later may change
  /// the answer, so heavy()'s own result counts.
  [[nodiscard]] static bool available() noexcept { return heavy(); }

 private:
  static bool call(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0) == 0; }
};

inline bool NativeMemory::heavy_fence() noexcept {
  return AsymmetricFence::heavy();
}

/// Whether the policy's heavy fence is to be had here and now, for whoever is about to rely on
/// light ones. A question and no fence: a checking policy answers it without one.
template <class Memory>
[[nodiscard]] bool heavy_fence_granted() noexcept {
  return Memory::heavy_fence();
}

}  // namespace ringway
