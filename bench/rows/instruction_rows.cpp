// SPDX-License-Identifier: Apache-2.0
/// \file
/// Instructions for a push and its pop on one thread, counted by callgrind, which noise does not
/// touch. Left out where valgrind is not installed.

#include <fstream>

#include "build_commands.hpp"  // made by CMake
#include "driver/child.hpp"
#include "rows/pair_subjects.hpp"

namespace ringway::bench {
namespace {

constexpr unsigned kCapacity = 1024;
/// Multiples of the 1000 pairs after which measure_pairs() looks at the clock.
constexpr std::uint64_t kFew = 2'000;
constexpr std::uint64_t kMany = 22'000;

/// Instructions of the whole program, or 0 if it failed.
double count_instructions(const std::string& tag, const std::string& subject, std::uint64_t pairs) {
  const ScratchFolder scratch;
  const std::string told = scratch.file("told");
  const ChildResult child =
      run_child({"valgrind", "--tool=callgrind", "--callgrind-out-file=" + scratch.file("out"),
                 kInstructionsProgram, tag, subject, std::to_string(pairs)},
                told);
  if (!child.ok) return 0;
  std::ifstream lines(told);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find("Collected : ");
    if (at != line.npos) return std::stod(line.substr(at + 12));
  }
  return 0;
}

Measurement measure_instructions(const std::string& tag, const std::string& subject) {
  Measurement measurement;
  const double few = count_instructions(tag, subject, kFew);
  const double many = count_instructions(tag, subject, kMany);
  measurement.value = (many - few) / static_cast<double>(kMany - kFew);
  if (few == 0 || many <= few) measurement.violation = "it did not run under valgrind";
  return measurement;
}

template <bool kShared>
Row make_row(const std::string& tag, const std::string& text) {
  using T = Message<8>;
  Row row{.suite = "single thread",
          .topology = "op_instructions",
          .variant = {.tag = tag, .text = text},
          .payload_bytes = 8,
          .capacity = kCapacity,
          .unit = "instructions",
          .better = Better::kLower,
          .threads = 1,
          .fixed_count = 1,
          .samples = 1,
          .sample_seconds = 1.8};
  for_each_pair_subject<T, kCapacity, kShared>([&]<class Adapter>() {
    row.subjects.push_back({.name = Adapter::kInfo.name,
                            .kind = Adapter::kInfo.kind,
                            .run = [tag](Stage&, std::uint64_t) {
                              return measure_instructions(tag, Adapter::kInfo.name);
                            }});
  });
  return row;
}

}  // namespace

void add_instruction_rows(Rows& rows, const Options& options) {
  if (options.smoke || !is_command("valgrind")) return;
  rows.push_back(make_row<false>("spsc", "SPSC"));
  rows.push_back(make_row<true>("mpmc", "MPMC"));
}

}  // namespace ringway::bench
