// SPDX-License-Identifier: Apache-2.0
/// \file
/// One producer, one consumer, one item per call; looking again at once, and slipping.

#include "adapters/mutex_queue.hpp"
#include "adapters/ringway_bytes.hpp"
#include "adapters/ringway_ring.hpp"
#include "driver/streaming.hpp"
#include "rows/row_tools.hpp"
#include "workload/throughput.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {
namespace {

template <class Waiting, class Adapter, class T>
void add_one_to_one(Row& row) {
  if constexpr (kExists<Adapter>) {
    row.subjects.push_back(throughput_subject<Adapter, T, Waiting>({.capacity = row.capacity}));
  }
}

template <class Waiting, class T>
void add_atomic_queues(Row& row) {
  for_compiled_capacity(row.capacity, [&]<unsigned kCapacity>() {
    const auto add = [&]<class Queue>(const char* name, std::type_identity<Queue>) {
      using Adapter = AtomicQueueAdapter<T, Queue, false>;
      if constexpr (kExists<Adapter>) {
        row.subjects.push_back(
            named(name, throughput_subject<Adapter, T, Waiting>({.capacity = row.capacity})));
      }
    };
    if constexpr (sizeof(T) == 8) {
      add("AtomicQueue SPSC", std::type_identity<AtomicSpsc<T, kCapacity>>{});
    }
    add("AtomicQueue2 SPSC", std::type_identity<AtomicSpsc2<T, kCapacity>>{});
  });
}

template <class Waiting, std::size_t kBytes>
Row make_row(const char* topology, std::size_t capacity) {
  using T = Message<kBytes>;
  Row row{.suite = "rings", .topology = topology, .payload_bytes = kBytes, .capacity = capacity};
  add_one_to_one<Waiting, RingwaySpsc<T>, T>(row);
  if constexpr (kBytes > 8) add_one_to_one<Waiting, RingwaySpscInPlace<T>, T>(row);
  add_one_to_one<Waiting, RingwayBytes<T>, T>(row);
  add_atomic_queues<Waiting, T>(row);
  add_one_to_one<Waiting, BoostSpsc<T>, T>(row);
  add_one_to_one<Waiting, ReaderWriterQueue<T>, T>(row);
  add_one_to_one<Waiting, ReaderWriterCircular<T>, T>(row);
  add_one_to_one<Waiting, CdsWeakRing<T>, T>(row);
  add_one_to_one<Waiting, MutexQueue<T>, T>(row);
  for_each_extra<T>(false, [&]<class Adapter>() { add_one_to_one<Waiting, Adapter, T>(row); });
  // 64-byte messages can have their flag in their line or beside it; smaller and larger ones are
  // compared with what the lines can carry at all.
  row.subjects.push_back(kBytes == 64 ? line_streaming_subject() : block_streaming_subject(kBytes));
  // Beyond what a core's own caches hold, the memory has a limit of its own.
  if constexpr (kBytes > 64) {
    if (const std::size_t bytes = kBytes * row.capacity; bytes >= (std::size_t{4} << 20)) {
      row.subjects.push_back(block_streaming_subject(kBytes, bytes));
    }
  }
  return row;
}

}  // namespace

void add_spsc_rows(Rows& rows, const Options& options) {
  for_each_payload<8, 64, 256, 1024>(options, {8, 64, 256}, [&]<std::size_t kBytes>() {
    for (const std::size_t capacity : chosen(options.capacities, {1024, 65536})) {
      rows.push_back(make_row<Spin, kBytes>("spsc_single", capacity));
    }
    for (const std::size_t capacity : chosen(options.capacities, {1024, 65536})) {
      rows.push_back(make_row<SlipThenSpin, kBytes>("spsc_slip", capacity));
    }
  });
}

}  // namespace ringway::bench
