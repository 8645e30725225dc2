// SPDX-License-Identifier: Apache-2.0
/// \file
/// The bus: one publisher to one subscriber and to four, beside the bare ring and the frameworks.

#include "adapters/ringway_bus.hpp"
#include "adapters/ringway_ring.hpp"
#include "driver/streaming.hpp"
#include "rows/bus_peers.hpp"
#include "rows/row_tools.hpp"
#include "workload/bus_throughput.hpp"
#include "workload/throughput.hpp"
#include "workload/waiting.hpp"

namespace ringway::bench {
namespace {

using T = Message<64>;

template <template <class, class> class Framework>
void add_bus(Row& row, std::size_t subscribers) {
  if constexpr (kExists<Framework<T, BusReader>>) {
    row.subjects.push_back(bus_subject<Framework, T>(subscribers));
  }
}

Row make_row(const char* topology, std::size_t subscribers) {
  Row row{.suite = "bus",
          .topology = topology,
          .payload_bytes = sizeof(T),
          .threads = subscribers == 1 ? 2U : subscribers + 1};
  add_bus<RingwayBus>(row, subscribers);
  add_bus<RingwayBusThatSlips>(row, subscribers);
  if (subscribers == 1) {
    row.subjects.push_back(throughput_subject<RingwaySpsc<T>, T, Spin>({.capacity = 1024}));
  }
  add_bus<CafBus>(row, subscribers);
  add_bus<ZeroMqBus>(row, subscribers);
  add_bus<NngBus>(row, subscribers);
  row.subjects.push_back(line_streaming_subject());
  return row;
}

}  // namespace

void add_bus_rows(Rows& rows, const Options&) {
  rows.push_back(make_row("bus_1to1", 1));
  rows.push_back(make_row("bus_1to4", 4));
}

}  // namespace ringway::bench
