// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// fork() for tests whose other threads may be at work.

#include <dirent.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "support/sanitized.hpp"

namespace ringway::test {

/// True if all threads of this process but the caller's sleep. False as well if that is not to be
/// found out.
inline bool other_threads_sleep() {
  ::DIR* const tasks = ::opendir("/proc/self/task");
  if (tasks == nullptr) return false;
  bool all = true;
  while (const ::dirent* entry = ::readdir(tasks)) {
    if (entry->d_name[0] == '.' || std::atoi(entry->d_name) == ::gettid()) continue;
    const auto path = std::string("/proc/self/task/") + entry->d_name + "/stat";
    std::FILE* const file = std::fopen(path.c_str(), "re");
    if (file == nullptr) continue;  // it has ended
    char state = '?';
    if (std::fscanf(file, "%*d (%*[^)]) %c", &state) != 1 || state != 'S') all = false;
    std::fclose(file);
  }
  ::closedir(tasks);
  return all;
}

/// fork(). AddressSanitizer's allocator does not let go of its locks in the child, as glibc's does:
/// a child that is forked while another thread allocates waits for ever when it allocates. There,
/// this waits until the other threads sleep, for a while.
inline ::pid_t quiet_fork() {
  if constexpr (kAddressSanitized) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
    while (!other_threads_sleep() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  return ::fork();
}

}  // namespace ringway::test
