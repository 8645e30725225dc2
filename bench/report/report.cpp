// SPDX-License-Identifier: Apache-2.0
#include "report/report.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace ringway::bench {
namespace {

bool write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return true;
  std::fprintf(stderr, "ringway_bench: cannot write %s\n", path.c_str());
  return false;
}

}  // namespace

bool write_report(const Options& options, const MachineDescription& machine,
                  const Results& results) {
  const std::filesystem::path out = options.out;
  std::error_code error;
  std::filesystem::create_directories(out, error);
  const std::string contract = results_json(results.cells);
  bool written = write_file(out / "raw.json", raw_json(results, machine)) &&
                 write_file(out / "results.json", contract);
  if (!options.json_file.empty()) written = write_file(options.json_file, contract) && written;
  return written;
}

}  // namespace ringway::bench
