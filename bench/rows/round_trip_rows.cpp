// SPDX-License-Identifier: Apache-2.0
/// \file
/// There and back over two queues, one message at a time.

#include "adapters/ringway_ring.hpp"
#include "adapters/waiting_queue.hpp"
#include "driver/ping_pong.hpp"
#include "rows/row_tools.hpp"
#include "workload/round_trip.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {
namespace {

template <class Adapter, class T>
void add_round_trip(Row& row) {
  if constexpr (kExists<Adapter>) {
    row.subjects.push_back(round_trip_subject<Adapter, T, Spin>(row.capacity));
  }
}

template <std::size_t kBytes>
Row make_row(std::size_t capacity) {
  using T = Message<kBytes>;
  Row row{.suite = "rings",
          .topology = "spsc_rtt",
          .payload_bytes = kBytes,
          .capacity = capacity,
          .unit = "ns",
          .better = Better::kLower};
  row.subjects.push_back(ping_pong_subject());
  row.subjects.push_back(ping_pong_subject(PingPong::kLineEachWay));
  add_round_trip<RingwaySpsc<T>, T>(row);
  for_compiled_capacity(capacity, [&]<unsigned kCapacity>() {
    using Queue =
        std::conditional_t<kBytes == 8, AtomicSpsc<T, kCapacity>, AtomicSpsc2<T, kCapacity>>;
    using Adapter = AtomicQueueAdapter<T, Queue, false>;
    if constexpr (kExists<Adapter>) {
      row.subjects.push_back(named(kBytes == 8 ? "AtomicQueue SPSC" : "AtomicQueue2 SPSC",
                                   round_trip_subject<Adapter, T, Spin>(capacity)));
    }
  });
  add_round_trip<BoostSpsc<T>, T>(row);
  add_round_trip<ReaderWriterQueue<T>, T>(row);
  add_round_trip<ReaderWriterCircular<T>, T>(row);
  add_round_trip<CdsWeakRing<T>, T>(row);
  add_round_trip<WaitingQueue<T>, T>(row);
  for_each_extra<T>(false, [&]<class Adapter>() { add_round_trip<Adapter, T>(row); });
  return row;
}

}  // namespace

void add_round_trip_rows(Rows& rows, const Options& options) {
  for_each_payload<8, 64>(options, {8, 64}, [&]<std::size_t kBytes>() {
    for (const std::size_t capacity : chosen(options.capacities, {1024})) {
      rows.push_back(make_row<kBytes>(capacity));
    }
  });
}

}  // namespace ringway::bench
