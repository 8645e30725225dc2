// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A child that stops before and after each of its main thread's system calls, so that a test can
/// kill it at any of them.

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "support/quiet_fork.hpp"

namespace ringway::test {

class TracedProcess {
 public:
  /// Forks a child that runs `prepare` at full speed and `operation` under the tracer. Returns when
  /// the child stands between the two, or is gone.
  TracedProcess(const std::function<void()>& prepare, const std::function<void()>& operation) {
    pid_ = quiet_fork();
    if (pid_ == 0) {
      prepare();
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(77);
      ::raise(SIGSTOP);
      operation();
      ::_exit(0);
    }
    wait();
    if (stopped_) ::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_TRACESYSGOOD);
  }
  TracedProcess(const TracedProcess&) = delete;
  TracedProcess& operator=(const TracedProcess&) = delete;
  ~TracedProcess() { kill(); }

  /// Runs on to the n-th stop, each system call being two. \return false if the operation ended
  /// before
  bool run_to(int stops) {
    for (int i = 0; i < stops && stopped_; ++i) {
      int signal = 0;
      do {
        ::ptrace(PTRACE_SYSCALL, pid_, nullptr, signal);
        wait();
        signal = stopped_ && WSTOPSIG(status_) != (SIGTRAP | 0x80) ? WSTOPSIG(status_) : 0;
      } while (stopped_ && signal != 0);
    }
    return stopped_;
  }
  /// kill -9 where it stands; returns when it is gone.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (pid_ > 0) wait();
  }
  /// Once it has ended by itself.
  [[nodiscard]] int exit_code() const noexcept {
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 1000 + WTERMSIG(status_);
  }
  [[nodiscard]] bool refused() const noexcept { return !stopped_ && exit_code() == 77; }

 private:
  void wait() {
    while (::waitpid(pid_, &status_, __WALL) < 0 && errno == EINTR) {
    }
    stopped_ = WIFSTOPPED(status_);
    if (!stopped_) pid_ = -1;
  }

  ::pid_t pid_ = -1;
  int status_ = 0;
  bool stopped_ = false;
};

}  // namespace ringway::test
