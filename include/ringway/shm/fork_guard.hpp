// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Tells objects that they find themselves in a forked child.
///
/// *Protocol.* A list of guarded objects, under a lock that is held across the fork, so that the
/// child finds it whole. The handlers are registered once (pthread_atfork). A child that is made
/// past them (vfork, a bare clone) must go on to exec or _exit.
///
/// *Progress.* Blocking.

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace ringway {

/// Base of what must let go of its parent's resources in a forked child.
class ForkGuard {
 public:
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  /// Runs in the child, before fork() returns there; only async-signal-safe things are allowed.
  virtual void after_fork() noexcept = 0;

 protected:
  ForkGuard() {
    auto& all = list();
    const std::scoped_lock lock(all.lock);
    if (!all.registered) all.registered = ::pthread_atfork(before, in_parent, in_child) == 0;
    all.guarded.push_back(this);
  }
  virtual ~ForkGuard() {
    auto& all = list();
    const std::scoped_lock lock(all.lock);
    std::erase(all.guarded, this);
  }

 private:
  struct List {
    std::mutex lock;
    std::vector<ForkGuard*> guarded;
    bool registered = false;
  };
  static List& list() {
    static auto* all = new List;  // never destroyed: a fork may come at any time
    return *all;
  }
  static void before() { list().lock.lock(); }
  static void in_parent() { list().lock.unlock(); }
  static void in_child() {
    for (auto* guarded : list().guarded) guarded->after_fork();
    list().lock.unlock();
  }
};

}  // namespace ringway
