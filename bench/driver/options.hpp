// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The command line of ringway_bench.

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace ringway::bench {

struct Options {
  std::size_t samples = 15;      ///< clean samples wanted for each subject
  double sample_seconds = 0.06;  ///< the timed part of one sample
  double limit_seconds = 0;      ///< for the whole run; 0: three times what it takes undisturbed
  bool quick = false;
  bool smoke = false;  ///< tiny counts, one sample, no bracket: correctness only
  bool list = false;
  bool help = false;
  std::string filter;         ///< parts of suite, topology or title, separated by commas
  std::string skip;           ///< rows to leave out, in the same form
  std::string subjects;       ///< parts of subject names, separated by commas
  std::string json_file;      ///< results.json goes here too
  std::string baseline_file;  ///< results.json of an earlier run
  std::string out = "build/bench-report";
  std::string command;                ///< the arguments, as they were given
  std::vector<int> cpus;              ///< default: the first two allowed
  std::vector<std::size_t> payloads;  ///< empty: each row's own
  std::vector<std::size_t> capacities;
};

/// The options, or a sentence that says which argument is wrong.
[[nodiscard]] std::variant<Options, std::string> parse_options(int argc, char** argv);

[[nodiscard]] const char* usage() noexcept;

/// Whether `text` contains one of the comma-separated parts; an empty list matches everything.
[[nodiscard]] bool matches(const std::string& parts, const std::string& text);

}  // namespace ringway::bench
