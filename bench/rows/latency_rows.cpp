// SPDX-License-Identifier: Apache-2.0
/// \file
/// Open-loop latency of 64-byte messages, one to one, at several offered loads.

#include <cstdio>

#include "adapters/mutex_queue.hpp"
#include "adapters/ringway_ring.hpp"
#include "rows/row_tools.hpp"
#include "workload/open_loop.hpp"

namespace ringway::bench {
namespace {

using T = TimedMessage;
constexpr std::size_t kCapacity = 1024;

std::string name_of_load(double million_per_second) {
  char text[32];
  std::snprintf(text, sizeof text, "latency_at_%gM", million_per_second);
  return text;
}

Row make_row(const Options& options, double million_per_second) {
  const double seconds = options.smoke ? 0.002 : options.sample_seconds;
  Row row{.suite = "latency",
          .topology = name_of_load(million_per_second),
          .payload_bytes = sizeof(T),
          .capacity = kCapacity,
          .unit = "ns",
          .better = Better::kLower,
          .fixed_count = static_cast<std::uint64_t>(million_per_second * 1e6 * seconds)};
  const auto add = [&]<class Adapter>(std::type_identity<Adapter>) {
    if constexpr (kExists<Adapter>) {
      row.subjects.push_back(open_loop_subject<Adapter>(kCapacity, million_per_second));
    }
  };
  add(std::type_identity<RingwaySpsc<T>>{});
  add(std::type_identity<RingwayMpmc<T>>{});
  add(std::type_identity<BoostSpsc<T>>{});
  add(std::type_identity<ReaderWriterQueue<T>>{});
  add(std::type_identity<XeniumVyukov<T>>{});
  add(std::type_identity<Moodycamel<T>>{});
  add(std::type_identity<MutexQueue<T>>{});
  return row;
}

}  // namespace

void add_latency_rows(Rows& rows, const Options& options) {
  for (const double load : {0.1, 1.0, 5.0, 10.0, 20.0}) rows.push_back(make_row(options, load));
}

}  // namespace ringway::bench
