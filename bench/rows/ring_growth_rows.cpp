// SPDX-License-Identifier: Apache-2.0
/// \file
/// How the rings' rates change with payload, capacity, producers and readers: curves, not points.

#include "adapters/mutex_queue.hpp"
#include "adapters/ringway_broadcast.hpp"
#include "adapters/ringway_ring.hpp"
#include "driver/streaming.hpp"
#include "rows/row_tools.hpp"
#include "workload/broadcast.hpp"
#include "workload/fan_out.hpp"
#include "workload/throughput.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {
namespace {

using T = Message<8>;

Row growth_row(const char* topology, const char* what, std::size_t at) {
  return {.suite = "growth",
          .topology = topology,
          .variant = {.tag = std::to_string(at), .text = std::to_string(at) + " " + what},
          .growth = {.what = what, .at = static_cast<double>(at)}};
}

template <class Adapter, class Message, class Waiting>
void add_queue(Row& row, const Shape& shape) {
  if constexpr (kExists<Adapter>) {
    row.subjects.push_back(throughput_subject<Adapter, Message, Waiting>(shape));
  }
}

/// One to one; few slots, so that the largest messages still lie in the caches.
template <std::size_t kBytes>
Row payload_row() {
  using Payload = Message<kBytes>;
  Row row = growth_row("growth_payload", "bytes", kBytes);
  row.payload_bytes = kBytes;
  row.capacity = 64;
  add_queue<RingwaySpsc<Payload>, Payload, Spin>(row, {.capacity = 64});
  add_queue<BoostSpsc<Payload>, Payload, Spin>(row, {.capacity = 64});
  row.subjects.push_back(block_streaming_subject(kBytes));
  return row;
}

Row capacity_row(std::size_t capacity) {
  Row row = growth_row("growth_capacity", "slots", capacity);
  row.payload_bytes = sizeof(T);
  row.capacity = capacity;
  add_queue<RingwaySpsc<T>, T, Spin>(row, {.capacity = capacity});
  add_queue<RingwayMpmc<T>, T, Spin>(row, {.capacity = capacity});
  add_queue<BoostSpsc<T>, T, Spin>(row, {.capacity = capacity});
  return row;
}

Row publishers_row(std::size_t publishers) {
  Row row = growth_row("growth_producers", "producers", publishers);
  row.payload_bytes = sizeof(T);
  row.capacity = 1024;
  row.threads = publishers + 1;
  const Shape shape{.producers = publishers};
  add_queue<RingwayMpmc<T>, T, SpinThenYield>(row, shape);
  add_queue<XeniumVyukov<T>, T, SpinThenYield>(row, shape);
  add_queue<MutexQueue<T>, T, SpinThenYield>(row, shape);
  return row;
}

Row readers_row(std::size_t readers) {
  using Reliable = RingwayBroadcastAdapter<T, BroadcastRing<T>>;
  Row row = growth_row("growth_readers", "readers", readers);
  row.payload_bytes = sizeof(T);
  row.capacity = 1024;
  row.threads = readers + 1;
  row.subjects.push_back(broadcast_subject<Reliable, T, SpinThenYield>(readers, 1024));
  if constexpr (kExists<BoostSpsc<T>>) {
    row.subjects.push_back(
        named("Boost spsc_queue, one for each reader",
              broadcast_subject<FanOut<T, BoostSpsc<T>>, T, SpinThenYield>(readers, 1024)));
  }
  return row;
}

template <std::size_t... kBytes>
void add_payloads(Rows& rows) {
  (rows.push_back(payload_row<kBytes>()), ...);
}

}  // namespace

void add_ring_growth_rows(Rows& rows, const Options&) {
  add_payloads<8, 64, 512, 4096, 16384, 65536>(rows);
  for (const std::size_t capacity : {64U, 512U, 4096U, 32768U, 262144U, 1048576U}) {
    rows.push_back(capacity_row(capacity));
  }
  for (const std::size_t publishers : {1U, 2U, 4U, 8U, 16U})
    rows.push_back(publishers_row(publishers));
  for (const std::size_t readers : {1U, 2U, 4U, 8U, 16U}) rows.push_back(readers_row(readers));
}

}  // namespace ringway::bench
