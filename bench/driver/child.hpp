// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Other programs: compilers, valgrind, converters.

#include <string>
#include <vector>

namespace ringway::bench {

struct ChildResult {
  bool ok = false;         ///< it could be started, and ended with 0
  double cpu_seconds = 0;  ///< of it and of what it started
};

/// Runs a program found by PATH to its end; what it prints goes to `output_file`, or nowhere.
ChildResult run_child(const std::vector<std::string>& words, const std::string& output_file = "");

/// Whether PATH leads to such a program.
[[nodiscard]] bool is_command(const std::string& name);

/// A folder for intermediate files, removed with its contents.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace ringway::bench
