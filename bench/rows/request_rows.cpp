// SPDX-License-Identifier: Apache-2.0
/// \file
/// Request and reply, one at a time: both sides spinning beside the raw cache line, and with pauses
/// in which everyone sleeps beside the raw futex.

#include "adapters/ringway_requests.hpp"
#include "driver/futex_ping_pong.hpp"
#include "driver/ping_pong.hpp"
#include "rows/bus_peers.hpp"
#include "rows/row_tools.hpp"
#include "workload/bus_throughput.hpp"

namespace ringway::bench {
namespace {

/// Long enough for a spin-then-park waiter to be asleep.
constexpr long kPauseNs = 200'000;

Row make_row(const char* topology) {
  return {.suite = "bus",
          .topology = topology,
          .payload_bytes = sizeof(Question),
          .unit = "ns",
          .better = Better::kLower};
}

template <class Service>
void add_requests(Row& row, long pause_ns) {
  if constexpr (kExists<Service>) row.subjects.push_back(request_subject<Service>(pause_ns));
}

}  // namespace

void add_request_rows(Rows& rows, const Options& options) {
  Row spin = make_row("request_spin");
  add_requests<RingwayRequests<Idle::kSpin>>(spin, 0);
  add_requests<CafRequests>(spin, 0);
  add_requests<ZeroMqRequests>(spin, 0);
  add_requests<NngRequests>(spin, 0);
  spin.subjects.push_back(ping_pong_subject());
  spin.subjects.push_back(ping_pong_subject(PingPong::kLineEachWay));
  rows.push_back(std::move(spin));

  Row park = make_row("request_park");
  park.fixed_count = options.smoke ? 10 : options.quick ? 60 : 200;
  add_requests<RingwayRequests<Idle::kPark>>(park, kPauseNs);
  add_requests<CafRequests>(park, kPauseNs);
  add_requests<ZeroMqRequests>(park, kPauseNs);
  add_requests<NngRequests>(park, kPauseNs);
  park.subjects.push_back(futex_ping_pong_subject(kPauseNs));
  rows.push_back(std::move(park));
}

}  // namespace ringway::bench
