// SPDX-License-Identifier: Apache-2.0
/// \file
/// One producer, one consumer, batches of 32 and of 256.

#include "adapters/ringway_ring.hpp"
#include "driver/streaming.hpp"
#include "rows/row_tools.hpp"
#include "workload/throughput.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {
namespace {

template <class Adapter, class T, std::size_t kBatch>
void add_batches(Row& row) {
  if constexpr (kExists<Adapter>) {
    row.subjects.push_back(
        throughput_subject<Adapter, T, Spin, kBatch>({.capacity = row.capacity}));
  }
}

template <std::size_t kBytes, std::size_t kBatch>
Row make_row(std::size_t capacity) {
  using T = Message<kBytes>;
  Row row{
      .suite = "rings",
      .topology = "spsc_batch",
      .variant = {.tag = std::to_string(kBatch), .text = "batches of " + std::to_string(kBatch)},
      .payload_bytes = kBytes,
      .capacity = capacity};
  add_batches<RingwaySpsc<T>, T, kBatch>(row);
  add_batches<BoostSpsc<T>, T, kBatch>(row);
  add_batches<Moodycamel<T>, T, kBatch>(row);
  row.subjects.push_back(block_streaming_subject(kBytes));
  return row;
}

}  // namespace

void add_spsc_batch_rows(Rows& rows, const Options& options) {
  for_each_payload<8, 64>(options, {8}, [&]<std::size_t kBytes>() {
    for (const std::size_t capacity : chosen(options.capacities, {1024, 65536})) {
      rows.push_back(make_row<kBytes, 32>(capacity));
      rows.push_back(make_row<kBytes, 256>(capacity));
    }
  });
}

}  // namespace ringway::bench
