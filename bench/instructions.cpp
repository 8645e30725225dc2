// SPDX-License-Identifier: Apache-2.0
/// \file
/// ringway_instructions spsc|mpmc SUBJECT COUNT: pushes and pops COUNT messages of 8 bytes on one
/// thread. Run under valgrind --tool=callgrind with two counts, the difference of the instructions
/// tells what one push with its pop costs (rows op_instructions).

#include <cstdio>
#include <cstdlib>
#include <string>

#include "rows/pair_subjects.hpp"
#include "workload/single_thread.hpp"

namespace {

using namespace ringway::bench;
using T = Message<8>;
constexpr unsigned kCapacity = 1024;

template <bool kShared>
int run(const std::string& subject, std::uint64_t count) {
  int status = 2;
  for_each_pair_subject<T, kCapacity, kShared>([&]<class Adapter>() {
    if (subject != Adapter::kInfo.name) return;
    status = measure_pairs<Adapter, T>(kCapacity, count).violation.empty() ? 0 : 1;
  });
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: ringway_instructions spsc|mpmc SUBJECT COUNT\n");
    return 2;
  }
  const std::uint64_t count = std::strtoull(argv[3], nullptr, 10);
  return std::string(argv[1]) == "mpmc" ? run<true>(argv[2], count) : run<false>(argv[2], count);
}
