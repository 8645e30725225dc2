// SPDX-License-Identifier: Apache-2.0
#include "driver/stage.hpp"

#include <cstdio>
#include <cstdlib>

namespace ringway::bench {

void Stage::run(std::size_t workers, const Team::Body& body) {
  std::unique_ptr<Team>& team = teams_[workers];
  if (!team) team = std::make_unique<Team>(cpus_, workers);
  if (team->run(body, kLimit)) return;
  std::fprintf(stderr,
               "\nringway_bench: %s did not end within %lld s: it lost a message or hangs. This is "
               "an error, not a number.\n",
               running_.c_str(), static_cast<long long>(kLimit.count()));
  std::_Exit(3);
}

}  // namespace ringway::bench
