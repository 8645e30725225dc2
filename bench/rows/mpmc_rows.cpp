// SPDX-License-Identifier: Apache-2.0
/// \file
/// Many producers, many consumers, one item per call: alone on two processors, and with more
/// threads than processors.

#include "adapters/bare_slots.hpp"
#include "adapters/mutex_queue.hpp"
#include "adapters/ringway_channel.hpp"
#include "adapters/ringway_lock_free.hpp"
#include "adapters/ringway_ring.hpp"
#include "adapters/waiting_queue.hpp"
#include "rows/row_tools.hpp"
#include "workload/throughput.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {
namespace {

using T = Message<8>;

template <class Adapter, class Waiting>
void add_shared(Row& row, const Shape& shape) {
  if constexpr (kExists<Adapter>) {
    row.subjects.push_back(throughput_subject<Adapter, T, Waiting>(shape));
  }
}

template <class Waiting>
void add_atomic_queues(Row& row, const Shape& shape) {
  for_compiled_capacity(shape.capacity, [&]<unsigned kCapacity>() {
    const auto add = [&]<class Queue, bool kTry>(const char* name, std::type_identity<Queue>,
                                                 std::bool_constant<kTry>) {
      using Adapter = AtomicQueueAdapter<T, Queue, kTry>;
      if constexpr (kExists<Adapter>) {
        row.subjects.push_back(named(name, throughput_subject<Adapter, T, Waiting>(shape)));
      }
    };
    using Atomic = std::type_identity<AtomicMpmc<T, kCapacity>>;
    using Optimist = std::type_identity<AtomicOptimist<T, kCapacity>>;
    using Atomic2 = std::type_identity<AtomicMpmc2<T, kCapacity>>;
    if (row.threads <= 2) {
      add("AtomicQueue, push and pop", Atomic{}, std::false_type{});
      add("AtomicQueue for latency, push and pop", Optimist{}, std::false_type{});
    }
    add("AtomicQueue, try_push and try_pop", Atomic{}, std::true_type{});
    add("AtomicQueue2, try_push and try_pop", Atomic2{}, std::true_type{});
  });
}

template <class Waiting>
Row make_row(const char* topology, const Shape& shape) {
  Row row{.suite = "rings",
          .topology = topology,
          .payload_bytes = 8,
          .capacity = shape.capacity,
          .threads = shape.producers + shape.consumers};
  add_shared<RingwayMpmc<T>, Waiting>(row, shape);
  add_shared<RingwayLockFreeMpmc<T>, Waiting>(row, shape);
  add_shared<RingwayChannel<T, MpmcChannelKind<T, SpinPark>>, Waiting>(row, shape);
  add_shared<XeniumVyukov<T>, Waiting>(row, shape);
  add_shared<CdsVyukov<T>, Waiting>(row, shape);
  add_atomic_queues<Waiting>(row, shape);
  add_shared<BoostMpmc<T>, Waiting>(row, shape);
  add_shared<TbbQueue<T, true>, Waiting>(row, shape);
  add_shared<MutexQueue<T>, Waiting>(row, shape);
  add_shared<WaitingQueue<T>, Waiting>(row, shape);
  // with more threads than processors others wait for whoever has a ticket and does not run
  if (row.threads <= 2) add_shared<BareSlots<T>, Waiting>(row, shape);
  for_each_extra<T>(true, [&]<class Adapter>() { add_shared<Adapter, Waiting>(row, shape); });
  return row;
}

}  // namespace

void add_mpmc_rows(Rows& rows, const Options& options) {
  for (const std::size_t capacity : chosen(options.capacities, {1024})) {
    const auto shape = [&](std::size_t each) {
      return Shape{.producers = each, .consumers = each, .capacity = capacity};
    };
    rows.push_back(make_row<Spin>("mpmc_1p1c", shape(1)));
    rows.push_back(make_row<SpinThenYield>("mpmc_2p2c", shape(2)));
    rows.push_back(make_row<SpinThenYield>("mpmc_4p4c", shape(4)));
  }
}

}  // namespace ringway::bench
