// SPDX-License-Identifier: Apache-2.0
/// \file
/// Wake-up latency against the processor time that waiting takes, for each wait strategy.

#include "adapters/ringway_channel.hpp"
#include "adapters/waiting_queue.hpp"
#include "driver/futex_ping_pong.hpp"
#include "rows/row_tools.hpp"
#include "workload/wake_up.hpp"

namespace ringway::bench {

void add_waiting_rows(Rows& rows, const Options& options) {
  using T = Message<8>;
  Row row{.suite = "waiting",
          .topology = "wake_up",
          .payload_bytes = 8,
          .unit = "ns",
          .better = Better::kLower,
          .fixed_count = options.smoke   ? 5U
                         : options.quick ? 20U
                                         : 100U};
  const auto add = [&]<class Adapter>(std::type_identity<Adapter>) {
    if constexpr (kExists<Adapter>) row.subjects.push_back(wake_up_subject<Adapter, T>());
  };
  add(std::type_identity<RingwayChannel<T, SpscChannelKind<T, BusySpin>>>{});
  add(std::type_identity<RingwayChannel<T, SpscChannelKind<T, SpinYield>>>{});
  add(std::type_identity<RingwayChannel<T, SpscChannelKind<T, SpinPark>>>{});
  add(std::type_identity<RingwayChannel<T, SpscChannelKind<T, Park>>>{});
  add(std::type_identity<ReaderWriterCircular<T>>{});
  add(std::type_identity<WaitingQueue<T>>{});
  row.subjects.push_back(futex_wake_subject());
  rows.push_back(std::move(row));
}

}  // namespace ringway::bench
