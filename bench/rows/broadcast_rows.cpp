// SPDX-License-Identifier: Apache-2.0
/// \file
/// One producer, one to four readers that each see everything. No packaged peer broadcasts, so the
/// peers keep a queue for each reader.

#include "adapters/mutex_queue.hpp"
#include "adapters/ringway_broadcast.hpp"
#include "adapters/ringway_ring.hpp"
#include "driver/streaming.hpp"
#include "rows/row_tools.hpp"
#include "workload/broadcast.hpp"
#include "workload/fan_out.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {
namespace {

using T = Message<8>;
using Reliable = RingwayBroadcastAdapter<T, BroadcastRing<T>>;
using Lossy = RingwayBroadcastAdapter<T, LossyBroadcastRing<T>>;
constexpr std::size_t kBatch = 32;

Row empty_row(std::string topology, std::size_t readers, std::size_t capacity) {
  return {.suite = "rings",
          .topology = std::move(topology),
          .payload_bytes = sizeof(T),
          .capacity = capacity,
          .threads = readers + 1};
}

template <class Adapter, class Waiting>
void add_fan_out(Row& row, std::size_t readers) {
  if constexpr (kExists<Adapter>) {
    row.subjects.push_back(
        named(std::string(Adapter::kInfo.name) + ", one for each reader",
              broadcast_subject<FanOut<T, Adapter>, T, Waiting>(readers, row.capacity)));
  }
}

template <class Waiting>
Row single_row(std::size_t readers, std::size_t capacity) {
  Row row = empty_row("broadcast_" + std::to_string(readers), readers, capacity);
  row.subjects.push_back(broadcast_subject<Reliable, T, Waiting>(readers, capacity));
  row.subjects.push_back(broadcast_subject<Lossy, T, Waiting>(readers, capacity));
  if (readers == 1) {
    row.subjects.push_back(throughput_subject<RingwaySpsc<T>, T, Waiting>({.capacity = capacity}));
  }
  add_fan_out<BoostSpsc<T>, Waiting>(row, readers);
  add_fan_out<ReaderWriterQueue<T>, Waiting>(row, readers);
  add_fan_out<MutexQueue<T>, Waiting>(row, readers);
  row.subjects.push_back(block_streaming_subject(sizeof(T)));
  return row;
}

template <class Waiting>
Row batch_row(std::size_t readers, std::size_t capacity) {
  Row row = empty_row("broadcast_batch_" + std::to_string(readers), readers, capacity);
  row.subjects.push_back(broadcast_subject<Reliable, T, Waiting, kBatch>(readers, capacity));
  row.subjects.push_back(broadcast_subject<Lossy, T, Waiting, kBatch>(readers, capacity));
  row.subjects.push_back(block_streaming_subject(sizeof(T)));
  return row;
}

/// What publishing costs with so many readers, on one processor.
Row publishing_row(std::size_t readers, std::size_t capacity) {
  Row row = empty_row("broadcast_publish_" + std::to_string(readers), readers, capacity);
  row.threads = 1;
  row.unit = "ns";
  row.better = Better::kLower;
  const auto add = [&]<class Adapter>(std::type_identity<Adapter>) {
    row.subjects.push_back({.name = Adapter::kInfo.name,
                            .kind = Adapter::kInfo.kind,
                            .run = [=](Stage& stage, std::uint64_t count) {
                              Measurement measurement;
                              stage.run(1, [&](std::size_t) {
                                measurement =
                                    measure_publishing<Adapter, T>(readers, capacity, count);
                              });
                              return measurement;
                            }});
  };
  add(std::type_identity<Reliable>{});
  add(std::type_identity<Lossy>{});
  return row;
}

}  // namespace

void add_broadcast_rows(Rows& rows, const Options& options) {
  for (const std::size_t capacity : chosen(options.capacities, {1024})) {
    rows.push_back(single_row<Spin>(1, capacity));
    rows.push_back(single_row<SpinThenYield>(2, capacity));
    rows.push_back(single_row<SpinThenYield>(4, capacity));
    rows.push_back(batch_row<Spin>(1, capacity));
    rows.push_back(batch_row<SpinThenYield>(4, capacity));
    for (const std::size_t readers : {1U, 2U, 4U})
      rows.push_back(publishing_row(readers, capacity));
  }
}

}  // namespace ringway::bench
