// SPDX-License-Identifier: Apache-2.0
/// \file
/// Many producers, many consumers: batches of 32, each claimed by one atomic operation.

#include "adapters/bare_runs.hpp"
#include "adapters/ringway_lock_free.hpp"
#include "adapters/ringway_ring.hpp"
#include "rows/row_tools.hpp"
#include "workload/throughput.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {
namespace {

using T = Message<8>;
constexpr std::size_t kBatch = 32;

template <class Waiting>
Row make_row(Variant variant, const Shape& shape) {
  Row row{.suite = "rings",
          .topology = "mpmc_batch",
          .variant = std::move(variant),
          .payload_bytes = 8,
          .capacity = shape.capacity,
          .threads = shape.producers + shape.consumers};
  row.subjects.push_back(throughput_subject<RingwayMpmc<T>, T, Waiting, kBatch>(shape));
  row.subjects.push_back(throughput_subject<RingwayLockFreeMpmc<T>, T, Waiting, kBatch>(shape));
  if constexpr (kExists<Moodycamel<T>>) {
    row.subjects.push_back(throughput_subject<Moodycamel<T>, T, Waiting, kBatch>(shape));
  }
  row.subjects.push_back(throughput_subject<BareRuns<T>, T, Waiting, kBatch>(shape));
  return row;
}

}  // namespace

void add_mpmc_batch_rows(Rows& rows, const Options& options) {
  for (const std::size_t capacity : chosen(options.capacities, {1024})) {
    rows.push_back(make_row<Spin>({"1p1c", "1P1C"}, {.capacity = capacity}));
    rows.push_back(make_row<SpinThenYield>({"2p2c", "2P2C"},
                                           {.producers = 2, .consumers = 2, .capacity = capacity}));
  }
}

}  // namespace ringway::bench
