// SPDX-License-Identifier: Apache-2.0
/// \file
/// What waits: channels and the peers that block, one item per call; and the unbounded queues.

#include "adapters/ringway_channel.hpp"
#include "adapters/waiting_queue.hpp"
#include "rows/row_tools.hpp"
#include "workload/throughput.hpp"
#include "workload/waiting.hpp"

#if RINGWAY_BENCH_HAS_CONCURRENTQUEUE
#include "adapters/ringway_unbounded.hpp"
#endif

namespace ringway::bench {
namespace {

template <class Adapter, class T, class Waiting, std::size_t kBatch = 1>
void add_queue(Row& row, const Shape& shape) {
  if constexpr (kExists<Adapter>) {
    row.subjects.push_back(throughput_subject<Adapter, T, Waiting, kBatch>(shape));
  }
}

template <std::size_t kBytes>
Row channel_row(std::size_t capacity) {
  using T = Message<kBytes>;
  Row row{.suite = "channels",
          .topology = "channel_1p1c",
          .payload_bytes = kBytes,
          .capacity = capacity};
  const Shape shape{.capacity = capacity};
  add_queue<RingwayChannel<T, SpscChannelKind<T, SpinPark>>, T, Spin>(row, shape);
  add_queue<RingwayChannel<T, SpscChannelKind<T, SpinYield>>, T, Spin>(row, shape);
  add_queue<ReaderWriterCircular<T>, T, Spin>(row, shape);
  add_queue<WaitingQueue<T>, T, Spin>(row, shape);
  return row;
}

#if RINGWAY_BENCH_HAS_CONCURRENTQUEUE
template <class Waiting, std::size_t kBatch>
Row unbounded_row(const char* topology, std::size_t each) {
  using T = Message<8>;
  const Shape shape{.producers = each, .consumers = each, .capacity = 1024};
  Row row{.suite = "channels", .topology = topology, .payload_bytes = 8, .threads = 2 * each};
  add_queue<RingwayUnbounded<T>, T, Waiting, kBatch>(row, shape);
  add_queue<Moodycamel<T>, T, Waiting, kBatch>(row, shape);
  if constexpr (kBatch == 1) {
    add_queue<MoodycamelNoTokens<T>, T, Waiting>(row, shape);
    add_queue<TbbQueue<T, false>, T, Waiting>(row, shape);
  }
  return row;
}
#endif

}  // namespace

void add_channel_rows(Rows& rows, const Options& options) {
  for_each_payload<8, 64>(options, {8, 64}, [&]<std::size_t kBytes>() {
    for (const std::size_t capacity : chosen(options.capacities, {1024})) {
      rows.push_back(channel_row<kBytes>(capacity));
    }
  });
#if RINGWAY_BENCH_HAS_CONCURRENTQUEUE
  rows.push_back(unbounded_row<Spin, 1>("unbounded_1p1c", 1));
  rows.push_back(unbounded_row<SpinThenYield, 1>("unbounded_2p2c", 2));
  rows.push_back(unbounded_row<Spin, 32>("unbounded_batch_1p1c", 1));
#endif
}

}  // namespace ringway::bench
