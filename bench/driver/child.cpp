// SPDX-License-Identifier: Apache-2.0
#include "driver/child.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace ringway::bench {

ChildResult run_child(const std::vector<std::string>& words, const std::string& output_file) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string output = output_file.empty() ? "/dev/null" : output_file;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int failed =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return {};
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child) return {};
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0,
          .cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)};
}

bool is_command(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::string folder = rest.substr(0, rest.find(':'));
    rest.erase(0, folder.size() + 1);
    if (access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

ScratchFolder::ScratchFolder() {
  path_ = (std::filesystem::temp_directory_path() / "ringway_bench_XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) path_ = std::filesystem::temp_directory_path().string();
}

ScratchFolder::~ScratchFolder() {
  std::error_code error;
  if (path_.find("ringway_bench_") != path_.npos) std::filesystem::remove_all(path_, error);
}

}  // namespace ringway::bench
