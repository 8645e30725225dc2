// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A forked child with one thread that runs an operation one instruction at a time, so that a test
/// can suspend or kill it between any two of them.
///
///   auto body = [&](StepMarks& marks) {         // in the child
///     auto producer = ring.producer().value();  // at full speed
///     marks.begin();
///     const bool sent = producer.try_push(7);   // stepped
///     marks.end();
///     return sent;                              // at full speed
///   };
///   SteppedChild child(body);                   // returns when the child is about to begin()
///   while (child.step_to(child.boundary() + 1)) ...
///   child.finish();                             // or child.kill(), or child.suspend()
///
/// Boundary k lies behind the k-th instruction of the operation; at boundary 0 nothing of it has
/// run. While step_to() is not running the stepped thread stands still, as after SIGSTOP; other
/// threads of the child go on. What both processes use must lie in shared memory (SharedPages).
///
/// Stepping to each boundary in turn costs the square of their number. A child that notes its path
/// once, step_path(), spares the others the way: run_to() goes straight to a boundary, by a
/// breakpoint of the processor where there is one. All these children must be made by one statement
/// of the test: only then is their operation the very same instructions.
///
/// What is resolved lazily, such as a first call through the linker's table, should have happened
/// before the fork, or it is stepped as well. The operation must not wait: nobody steps the others.
/// Tests ask single_step_refusal() first and skip where the kernel refuses ptrace(2).

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/quiet_fork.hpp"

namespace ringway::test {

/// Zeroed memory that a fork shares.
class SharedPages {
 public:
  explicit SharedPages(std::size_t bytes) : bytes_(bytes) {
    data_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED) {
      std::perror("mmap");
      std::abort();
    }
  }
  SharedPages(const SharedPages&) = delete;
  SharedPages& operator=(const SharedPages&) = delete;
  ~SharedPages() { ::munmap(data_, bytes_); }

  [[nodiscard]] std::span<std::byte> span() const noexcept {
    return {static_cast<std::byte*>(data_), bytes_};
  }
  /// A T at the first byte, which nobody destroys.
  template <class T, class... Args>
  [[nodiscard]] T& make(Args&&... args) const {
    return *::new (data_) T(std::forward<Args>(args)...);
  }

 private:
  std::size_t bytes_;
  void* data_;
};

/// What the child says to its parent. Lives in memory that both share.
class StepMarks {
 public:
  /// The calling thread is stepped from here on. Once in a child, by any one thread of it.
  void begin() noexcept {
    thread_.store(static_cast<int>(::syscall(SYS_gettid)));
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(kRefused);
    ::raise(SIGTRAP);  // the parent takes over
    phase_.store(kInside);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  /// Ends what begin() began.
  void end() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    phase_.store(kBehind);
  }

 private:
  friend class SteppedChild;
  static constexpr int kRefused = 77;  // exit status
  enum Phase : int { kBefore, kInside, kBehind };

  std::atomic<int> thread_{0};
  std::atomic<int> phase_{kBefore};
};

class SteppedChild {
 public:
  /// Where the operation stands at each of its boundaries but the last, behind which it has ended.
  using Path = std::vector<std::uintptr_t>;

  /// Forks a child that runs `bool body(StepMarks&)`, which calls begin() and end(); true means
  /// that all is well. Returns when the child stands at begin(), or is gone.
  template <class Body>
  explicit SteppedChild(Body&& body) {
    std::fflush(nullptr);
    process_ = quiet_fork();
    if (process_ == 0) ::_exit(body(marks_) ? 0 : 1);
    if (process_ > 0) await_begin();
  }
  SteppedChild(const SteppedChild&) = delete;
  SteppedChild& operator=(const SteppedChild&) = delete;
  ~SteppedChild() { kill(); }

  /// Runs on to boundary `target`. \return false if the operation ended at or before it (all of it
  /// has run then), or the child is gone
  bool step_to(std::size_t target) {
    while (stopped_ && marks_.phase_.load() == StepMarks::kInside && boundary_ < target) {
      if (step()) ++boundary_;
    }
    return stopped_ && marks_.phase_.load() == StepMarks::kInside;
  }
  /// Runs the rest of the operation. \return how many instructions it has in all
  std::size_t step_to_end() {
    step_to(std::numeric_limits<std::size_t>::max());
    return boundary_;
  }
  /// Runs the rest of the operation and notes its path. \pre nothing of it has run
  [[nodiscard]] Path step_path() {
    Path path;
    do {
      path.push_back(place());
    } while (step_to(boundary_ + 1));
    return path;
  }
  /// Goes to boundary `target` of an operation that takes the same path. \pre nothing of it has run
  /// \return as step_to(); false too if the operation went another way and so ended
  bool run_to(std::size_t target, const Path& path) {
    constexpr std::size_t kNear = 4;
    if (target < kNear || target >= path.size()) return step_to(target);
    const std::uintptr_t place_of_target = path[target];
    // One repeated instruction (rep movs) is many steps, but meets a breakpoint once.
    std::size_t first = target;
    while (first > 0 && path[first - 1] == place_of_target) --first;
    std::size_t from = 1;  // a breakpoint where we stand would hold us there
    while (from < first && path[from] == place_of_target) ++from;
    if (!step_to(from) || from >= first || !break_at(place_of_target)) return step_to(target);
    for (std::size_t i = from + 1; i <= first; ++i) {
      if (path[i] != place_of_target || path[i - 1] == place_of_target) continue;
      if (!run_to_break()) return false;
    }
    boundary_ = first;
    break_at(0);
    return place() == place_of_target && step_to(target);
  }
  [[nodiscard]] std::size_t boundary() const noexcept { return boundary_; }
  /// False if the child has exited or was killed.
  [[nodiscard]] bool alive() const noexcept { return process_ > 0; }
  /// The child's process, for signals to all of it.
  [[nodiscard]] pid_t process() const noexcept { return process_; }

  /// Lets the child run to its end. \return true if its body said that all is well
  bool finish() {
    if (process_ <= 0) return false;
    if (stopped_) ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
    stopped_ = false;
    const int status = wait_for(process_);
    process_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  /// Stops the whole child where it stands with SIGSTOP and steps it no more; resume() goes on with
  /// SIGCONT at full speed.
  void suspend() {
    if (!stopped_) return;
    ::ptrace(PTRACE_DETACH, thread_, nullptr, static_cast<long>(SIGSTOP));
    stopped_ = false;
    int status = 0;
    while (::waitpid(process_, &status, WUNTRACED) < 0 && errno == EINTR) {
    }
    if (!WIFSTOPPED(status)) process_ = -1;
  }
  void resume() const {
    if (process_ > 0) ::kill(process_, SIGCONT);
  }

  /// Ends the child where it stands (SIGKILL), and returns when it is gone.
  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    if (stopped_ && thread_ != process_) wait_for(thread_);
    wait_for(process_);
    stopped_ = false;
    process_ = -1;
  }

 private:
  void await_begin() {
    int status = 0;
    while (thread_ == 0) {  // at full speed until some thread calls begin()
      thread_ = marks_.thread_.load();
      // A child that begins between these two lines is found stopped.
      if (thread_ == 0 && ::waitpid(process_, &status, WNOHANG) == process_) {
        if (!WIFSTOPPED(status)) {
          process_ = -1;
          return;
        }
        thread_ = process_;
        stopped_ = true;
      }
      if (!stopped_) ::usleep(50);
    }
    if (!stopped_) status = wait_for(thread_);
    stopped_ = WIFSTOPPED(status);
    if (!stopped_) {
      if (thread_ != process_) wait_for(process_);
      process_ = -1;
      return;
    }
    ::ptrace(PTRACE_SETOPTIONS, thread_, nullptr, PTRACE_O_EXITKILL);
    while (stopped_ && marks_.phase_.load() == StepMarks::kBefore) step();
  }

  /// One instruction, or one signal handed on. \return true if it was an instruction
  bool step() { return resume(PTRACE_SINGLESTEP); }
  bool resume(decltype(PTRACE_SINGLESTEP) how) {
    const int handed_on = std::exchange(signal_, 0);
    ::ptrace(how, thread_, nullptr, static_cast<long>(handed_on));
    const int status = wait_for(thread_);
    stopped_ = WIFSTOPPED(status);
    if (!stopped_) {
      if (thread_ != process_) wait_for(process_);
      process_ = -1;
      return false;
    }
    if (WSTOPSIG(status) != SIGTRAP) {
      signal_ = WSTOPSIG(status);
      return false;
    }
    return true;
  }

#if defined(__x86_64__)
  [[nodiscard]] std::uintptr_t place() const {
    return static_cast<std::uintptr_t>(
        ::ptrace(PTRACE_PEEKUSER, thread_, offsetof(user, regs.rip), nullptr));
  }
  /// Stops the thread before the instruction at `address`; nowhere, if that is 0. \return false if
  /// there are no breakpoints to be had
  bool break_at(std::uintptr_t address) {
    constexpr std::size_t kRegisters = offsetof(user, u_debugreg);
    constexpr std::size_t kControl = kRegisters + 7 * sizeof(user::u_debugreg[0]);
    if (::ptrace(PTRACE_POKEUSER, thread_, kControl, 0) != 0) return false;
    return address == 0 || (::ptrace(PTRACE_POKEUSER, thread_, kRegisters, address) == 0 &&
                            ::ptrace(PTRACE_POKEUSER, thread_, kControl, 1) == 0);
  }
#else
  [[nodiscard]] std::uintptr_t place() const {
    return 0;
  }
  bool break_at(std::uintptr_t) {
    return false;
  }
#endif
  bool run_to_break() {
    return resume(PTRACE_CONT);
  }

  static int wait_for(pid_t thread) {
    int status = 0;
    while (::waitpid(thread, &status, __WALL) < 0) {
      if (errno != EINTR) return 0;
    }
    return status;
  }

  SharedPages page_{4096};
  StepMarks& marks_ = page_.make<StepMarks>();
  pid_t process_ = -1;
  pid_t thread_ = 0;
  bool stopped_ = false;
  int signal_ = 0;  // to hand on with the next step
  std::size_t boundary_ = 0;
};

/// Why nothing can be stepped here, for GTEST_SKIP(); empty if it can be.
[[nodiscard]] inline std::string single_step_refusal() {
  volatile int value = 0;
  SteppedChild child([&](StepMarks& marks) {
    marks.begin();
    value = 1;
    marks.end();
    return true;
  });
  const std::size_t instructions = child.step_to_end();
  if (child.finish() && instructions > 0) return {};
  return std::string("this kernel or container refuses to step a child with ptrace(2): ") +
         std::strerror(errno);
}

}  // namespace ringway::test
