// SPDX-License-Identifier: Apache-2.0
#include "post.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

namespace vessel {
namespace {

/// How long a process may take to end. It finds a hang; nobody needs a fraction of it.
constexpr std::chrono::seconds kEndLimit{60};

std::string text_of(double number) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.17g", number);
  return text.data();
}

const char* name_of(Pacing pacing) noexcept {
  switch (pacing) {
    case Pacing::kFullSpeed: return "max";
    case Pacing::kEven: return "even";
    case Pacing::kRecorded: return "real";
  }
  return "";
}

/// The command line of a role's process.
std::vector<std::string> arguments_of(const RolePlan& plan) {
  const FeedPlan& feed = plan.run.feed;
  std::vector<std::string> arguments{"vessel",
                                     "--role",
                                     std::string(name_of(plan.role)),
                                     "--bus",
                                     plan.bus,
                                     "--crew-of",
                                     std::to_string(plan.crew_of),
                                     "--file",
                                     feed.file,
                                     "--passes",
                                     std::to_string(feed.passes),
                                     "--pace",
                                     name_of(feed.pacing),
                                     "--interval-us",
                                     std::to_string(feed.interval_ns / 1000),
                                     "--depth-alarm",
                                     text_of(plan.run.depth_alarm_m),
                                     "--battery-alarm",
                                     text_of(plan.run.battery_alarm_v),
                                     "--skip",
                                     std::to_string(feed.skip)};
  if (feed.strict) arguments.emplace_back("--strict");
  if (!feed.report_malformed) arguments.emplace_back("--quiet");
  return arguments;
}

}  // namespace

bool Post::fill(const RolePlan& plan) {
  auto book = Logbook::make();
  if (!book) {
    failure_ = "no memory for a logbook";
    return false;
  }
  std::vector<std::string> arguments = arguments_of(plan);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, book->fd(), Logbook::kHandedOn);
  const int error =
      posix_spawn(&process_, "/proc/self/exe", &files, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    failure_ = "no process for " + std::string(vessel::name_of(role_));
    return false;
  }
  books_.push_back(std::move(book));
  state_ = State::kFilled;
  return true;
}

Post::State Post::look() {
  int status = 0;
  if (state_ == State::kFilled && waitpid(process_, &status, WNOHANG) == process_) took(status);
  return state_;
}

bool Post::dismiss() {
  if (look() == State::kFilled) ::kill(process_, SIGTERM);
  const auto limit = std::chrono::steady_clock::now() + kEndLimit;
  while (look() == State::kFilled) {
    if (std::chrono::steady_clock::now() > limit) {
      kill();
      failure_ = std::string(vessel::name_of(role_)) + " did not end when it was asked to";
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return state_ != State::kFailed;
}

void Post::kill() {
  if (look() != State::kFilled) return;
  ::kill(process_, SIGKILL);
  int status = 0;
  if (waitpid(process_, &status, 0) == process_) took(status);
}

void Post::took(int status) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    state_ = State::kKilled;
  } else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    state_ = State::kLeft;
  } else {
    state_ = State::kFailed;
    failure_ = std::string(vessel::name_of(role_)) +
               (WIFEXITED(status) ? " ended with status " + std::to_string(WEXITSTATUS(status))
                                  : " was ended by signal " + std::to_string(WTERMSIG(status)));
  }
}

}  // namespace vessel
