// SPDX-License-Identifier: Apache-2.0
#include "ipc/nursery.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>

#include "driver/child.hpp"
#include "driver/clock.hpp"
#include "driver/cpus.hpp"

namespace ringway::bench {
namespace {

::sigset_t child_signal() {
  ::sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  return set;
}

std::string end_of(int status) {
  if (WIFSIGNALED(status)) {
    return std::string("was ended by signal ") + std::to_string(WTERMSIG(status)) + " (" +
           strsignal(WTERMSIG(status)) + ")";
  }
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

/// A program that runs beside the samples of one subject. Nursery alone.
class Daemon {
 public:
  [[nodiscard]] bool running() const noexcept { return pid_ > 0; }
  void start(const std::vector<std::string>& words, const std::vector<std::string>& leftovers) {
    leftovers_ = leftovers;
    std::vector<std::string> copies = words;
    std::vector<char*> arguments;
    for (std::string& word : copies) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const ::pid_t nursery = getpid();
    pid_ = fork();
    expect(pid_ >= 0, "fork");
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != nursery) _exit(1);
    setpgid(0, 0);  // the terminal's Ctrl-C is for the suite, which ends it in order
    const ::sigset_t set = child_signal();
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    const int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  void stand_still() const noexcept {
    if (running()) kill(pid_, SIGSTOP);
  }
  void go_on() const noexcept {
    if (running()) kill(pid_, SIGCONT);
  }
  /// \return false if it has ended by itself
  [[nodiscard]] bool alive() noexcept {
    if (!running() || waitpid(pid_, nullptr, WNOHANG) == 0) return true;
    pid_ = 0;
    return false;
  }
  void end() noexcept {
    if (!running()) return;
    kill(pid_, SIGTERM);
    kill(pid_, SIGCONT);
    for (int tenths = 0; tenths < 200; ++tenths) {  // in order if it can
      if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
      usleep(100'000);
    }
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    for (const std::string& path : leftovers_) unlink(path.c_str());
  }

 private:
  ::pid_t pid_ = 0;
  std::vector<std::string> leftovers_;
};

Daemon daemon_process;

}  // namespace

void Crew::run(std::size_t workers, const std::function<void(std::size_t)>& body) {
  ::new (static_cast<void*>(&board_)) Board(workers);
  const ::pid_t nursery = getpid();
  std::vector<::pid_t> pids;
  for (std::size_t i = 0; i < workers; ++i) {
    const ::pid_t pid = fork();
    if (pid == 0) be_worker(i, nursery, body);
    if (pid < 0) board_.fail(i, "fork failed");
    if (pid > 0) pids.push_back(pid);
  }
  if (pids.size() < workers) {
    for (const ::pid_t pid : pids) kill(pid, SIGKILL);
  }
  watch(pids);
}

void Crew::be_worker(std::size_t worker, ::pid_t nursery,
                     const std::function<void(std::size_t)>& body) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != nursery) _exit(1);
  const ::sigset_t set = child_signal();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  signal(SIGTERM, SIG_DFL);
  pin_this_thread({plan_.cpu(worker)});
  try {
    body(worker);
  } catch (const std::exception& exception) {
    board_.fail(worker, exception.what());
    _exit(1);
  }
  std::exit(0);  // peers say good-bye to their daemons in static destructors
}

void Crew::watch(std::vector<::pid_t>& pids) {
  const ::sigset_t set = child_signal();
  const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  const std::int64_t until_ns = now_ns() + kLimit_ms * std::int64_t{1'000'000};
  const auto end_all = [&] {
    for (const ::pid_t pid : pids) {
      if (pid != 0) kill(pid, SIGKILL);
    }
  };
  std::size_t left = pids.size();
  bool ended = false;
  while (left != 0) {
    for (std::size_t i = 0; i < pids.size(); ++i) {
      int status = 0;
      if (pids[i] == 0 || waitpid(pids[i], &status, WNOHANG) == 0) continue;
      pids[i] = 0;
      --left;
      if (status == 0) continue;
      if (!ended) board_.fail(i, "process " + std::to_string(i) + " " + end_of(status));
      end_all();
      ended = true;
    }
    if (left == 0) break;
    ::pollfd watched[2] = {{.fd = signals, .events = POLLIN, .revents = 0},
                           {.fd = lifeline_, .events = POLLRDHUP, .revents = 0}};
    const auto left_ms = static_cast<int>((until_ns - now_ns()) / 1'000'000);
    poll(watched, 2, ended ? -1 : std::max(left_ms, 0));
    signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == sizeof info) {
    }
    if (!ended && (now_ns() >= until_ns || watched[1].revents != 0)) {
      board_.fail(0, "its processes did not end within " + std::to_string(kLimit_ms / 1000) +
                         " s: it lost a message or hangs");
      end_all();
      ended = true;
    }
  }
  close(signals);
}

void Crew::sweep() {
  const bool ended_in_order = board_.violation().empty();
  std::error_code error;
  for (const char* const folder : {"/dev/shm", "/tmp", plan_.folder.c_str()}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      const std::string path = entry.path().string();
      if (path.find(plan_.name) == path.npos) continue;
      std::error_code removal;
      std::filesystem::remove(path, removal);
      if (ended_in_order && !removal) board_.fail(0, "left " + path + " behind");
    }
  }
  for (const char* const topic : {"there", "back"}) {
    for (std::size_t reader = 0; reader < Board::kSeats; ++reader) {
      const std::string name = "/" + plan_.name + "-" + topic + "-" + std::to_string(reader);
      if (mq_unlink(name.c_str()) == 0 && ended_in_order)
        board_.fail(0, "left " + name + " behind");
    }
  }
}

Nursery& Nursery::get() {
  static Nursery nursery;
  return nursery;
}

std::size_t Nursery::enroll(Program program) {
  programs_.push_back(std::move(program));
  return programs_.size() - 1;
}

void Nursery::start(const std::vector<int>& cpus) {
  if (programs_.empty()) return;
  static_cast<void>(ticks_per_ns());  // measured once for all
  void* memory =
      mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  expect(memory != MAP_FAILED, "mmap");
  board_ = ::new (memory) Board(0);
  int ends[2];
  expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  std::fflush(nullptr);  // what is buffered now is not to be written twice
  child_ = fork();
  expect(child_ >= 0, "fork");
  if (child_ == 0) {
    close(ends[0]);
    serve(cpus, ends[1]);
  }
  close(ends[1]);
  line_ = ends[0];
}

void Nursery::stop() {
  if (line_ < 0) return;
  close(line_);
  line_ = -1;
  waitpid(child_, nullptr, 0);
  munmap(board_, sizeof(Board));
}

void Nursery::serve(const std::vector<int>& cpus, int lifeline) {
  // Whatever ends the suite, this one comes after it and clears up.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  const ::sigset_t set = child_signal();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  {
    const ScratchFolder scratch;
    IpcPlan plan{.name = "", .topic = "", .folder = scratch.file("")};
    plan.folder.pop_back();
    plan.cpus = cpus;
    std::uint64_t samples = 0;
    Request request{};
    while (recv(lifeline, &request, sizeof request, 0) == sizeof request) {
      plan.name = "bench-" + std::to_string(getpid()) + "-" + std::to_string(samples++);
      Crew crew(*board_, plan, lifeline);
      ::new (static_cast<void*>(board_)) Board(0);
      std::string thrown;
      try {
        programs_[request.program](crew, request.count);
      } catch (const std::exception& exception) {
        thrown = exception.what();
      }
      if (!thrown.empty()) board_->fail(0, thrown);
      if (!daemon_process.alive()) board_->fail(0, "its daemon ended");
      daemon_process.stand_still();
      crew.sweep();
      if (send(lifeline, "", 1, MSG_NOSIGNAL) != 1) break;
    }
    daemon_process.end();
  }
  _exit(0);
}

void Nursery::want_daemon(const std::vector<std::string>& words,
                          const std::vector<std::string>& leftovers) {
  if (daemon_process.running()) {
    daemon_process.go_on();
  } else {
    daemon_process.start(words, leftovers);
  }
}

Measurement Nursery::run(std::size_t program, std::uint64_t count) {
  Measurement measurement;
  const Request request{program, count};
  char answer = 0;
  if (line_ < 0 || send(line_, &request, sizeof request, MSG_NOSIGNAL) != sizeof request ||
      recv(line_, &answer, 1, 0) != 1) {
    measurement.violation = "the process that forks the others has ended";
    return measurement;
  }
  const Board& board = *board_;
  measurement.violation = board.violation();
  if (!measurement.violation.empty()) return measurement;
  measurement.value = board.value;
  measurement.seconds = board.seconds;
  if (board.idle_cpu_percent >= 0) measurement.extras["idle CPU %"] = board.idle_cpu_percent;
  if (board.sleeps_per_message >= 0) {
    measurement.extras["sleeps per message"] = board.sleeps_per_message;
  }
  if (board.latency_count != 0) {
    measurement.latencies.emplace();
    for (std::size_t i = 0; i < board.latency_count; ++i) {
      measurement.latencies->record(board.latencies_ns[i]);
    }
  }
  return measurement;
}

}  // namespace ringway::bench
