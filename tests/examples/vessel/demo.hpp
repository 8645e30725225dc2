// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Runs the vessel example as its users do.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "json_reader.hpp"

namespace vessel {

inline std::string read_all(const std::filesystem::path& name) {
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// Waits until `ready()`; a minute means a hang. \return false if it came to that
template <class Predicate>
bool eventually(Predicate&& ready) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!ready()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// A folder of its own for each test, gone afterwards.
class Demo : public testing::Test {
 protected:
  struct Outcome {
    int status = -1;  ///< of exit(); -1 if a signal ended the program
    std::string out;
    std::string err;
    pid_t process = -1;  ///< as which it ran
  };

  /// The program, while it runs. Killed at the end if it still does.
  class Running {
   public:
    Running(pid_t process, std::string out, std::string err)
        : process_(process), out_(std::move(out)), err_(std::move(err)) {}
    Running(Running&& other) noexcept
        : process_(std::exchange(other.process_, -1)),
          out_(std::move(other.out_)),
          err_(std::move(other.err_)) {}
    Running& operator=(Running&&) = delete;
    ~Running() {
      if (process_ > 0) end_by(SIGKILL);
    }

    [[nodiscard]] pid_t process() const noexcept { return process_; }
    [[nodiscard]] std::string out() const { return read_all(out_); }
    [[nodiscard]] std::string err() const { return read_all(err_); }
    /// Waits until it has said so; a minute means a hang. \return false if it came to that
    [[nodiscard]] bool says(const std::string& text) const {
      return eventually([&] { return out().find(text) != std::string::npos; });
    }
    Outcome end_by(int signal) {
      kill(process_, signal);
      return wait();
    }
    /// As Ctrl-C at a terminal does: the processes that it has started, too.
    Outcome interrupt() {
      kill(-process_, SIGINT);
      return wait();
    }
    Outcome wait() {
      Outcome outcome;
      outcome.process = std::exchange(process_, -1);
      outcome.status = status_of(outcome.process);
      outcome.out = out();
      outcome.err = err();
      return outcome;
    }

   private:
    pid_t process_;
    std::string out_;
    std::string err_;
  };

  Demo() {
    std::string name = (std::filesystem::temp_directory_path() / "vessel-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~Demo() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }

  [[nodiscard]] std::string file_with(const std::string& text) const {
    std::ofstream(path("input.data"), std::ios::binary) << text;
    return path("input.data");
  }

  [[noreturn]] static void become_vessel(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), VESSEL_PROGRAM);
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    execv(VESSEL_PROGRAM, pointers.data());
    _exit(127);
  }

  static int status_of(pid_t child) {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  /// What it prints goes to `name`.out and `name`.err in the test's folder.
  [[nodiscard]] Running start(const std::vector<std::string>& arguments,
                              const std::string& name) const {
    const std::string out = path(name + ".out");
    const std::string err = path(name + ".err");
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      setpgid(0, 0);
      dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
      dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
      become_vessel(arguments);
    }
    return {child, out, err};
  }
  [[nodiscard]] Outcome run(const std::vector<std::string>& arguments) const {
    return start(arguments, "run").wait();
  }

  /// Runs over `file`, paced fast to save time, and reads the JSON that it wrote.
  [[nodiscard]] Json json_of(std::vector<std::string> arguments, int status = 0) const {
    arguments.insert(arguments.end(), {"--json", path("out.json"), "--interval-us", "5"});
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, status) << outcome.err;
    return Json::parse(read_all(path("out.json")));
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace vessel
