// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Helper processes, and segments' names that no other test uses.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ringway/shm/shared_bus.hpp"
#include "support/quiet_fork.hpp"

namespace ringway::test {

/// A forked process that runs a function. It dies with its parent; killed at the end if it still
/// runs.
class Process {
 public:
  explicit Process(const std::function<int()>& run) {
    pid_ = quiet_fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      int code = 99;
      try {
        code = run();
      } catch (...) {
      }
      ::_exit(code);
    }
  }
  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Process& operator=(Process&&) = delete;
  ~Process() {
    if (pid_ > 0) kill();
  }

  void signal(int number) const { ::kill(pid_, number); }
  /// kill -9; returns when it is gone.
  void kill() {
    signal(SIGKILL);
    static_cast<void>(wait());
  }
  /// \return its exit code, or 1000 plus the signal that ended it
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  /// True once it has ended; wait() then returns at once.
  [[nodiscard]] bool has_ended() const {
    ::siginfo_t info{};
    return ::waitid(P_PID, static_cast<::id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }
  [[nodiscard]] ::pid_t pid() const noexcept { return pid_; }

 private:
  ::pid_t pid_ = -1;
};

/// A page that parent and children share, outside any segment: what they witness of each other.
template <class T>
class Witness {
 public:
  Witness()
      : page_(
            ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    ::new (page_) T();
  }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { ::munmap(page_, sizeof(T)); }
  T* operator->() const noexcept { return static_cast<T*>(page_); }
  T& operator*() const noexcept { return *static_cast<T*>(page_); }

 private:
  void* page_;
};

/// A name that nobody else uses; its segment is gone at the end.
class SegmentName {
 public:
  explicit SegmentName(std::string folder = "/dev/shm") : folder_(std::move(folder)) {
    static std::atomic<int> count{0};
    name_ = "test-" + std::to_string(::getpid()) + "-" + std::to_string(count.fetch_add(1));
  }
  SegmentName(const SegmentName&) = delete;
  SegmentName& operator=(const SegmentName&) = delete;
  ~SegmentName() {
    for (const auto& file : files()) ::unlink(file.c_str());
  }

  [[nodiscard]] const std::string& str() const noexcept { return name_; }
  [[nodiscard]] std::string path() const { return folder_ + "/ringway-" + name_; }
  /// True if anything of the name is there, participants' own segments included.
  [[nodiscard]] bool exists() const { return !files().empty(); }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored)) {
      const auto file = entry.path().string();
      if (file == path() || file.rfind(path() + "@", 0) == 0) found.push_back(file);
    }
    return found;
  }
  /// Removes the files of the processes' own segments, but for that of number `keep`.
  void remove_own_segments(OwnSegments::Number keep = 0) const {
    for (const auto& file : files()) {
      const auto own = OwnSegments::parse(std::filesystem::path(file).filename());
      if (own && own->number != keep) ::unlink(file.c_str());
    }
  }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& file : files()) sum += std::filesystem::file_size(file);
    return sum;
  }

 private:
  std::string folder_;
  std::string name_;
};

/// Waits until `ready()`; a minute means a hang. \return false if it came to that
template <class Predicate>
bool eventually(Predicate&& ready) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!ready()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

template <class T>
std::string message_of(const absl::StatusOr<T>& result) {
  return std::string(result.status().message());
}
inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace ringway::test
