// SPDX-License-Identifier: Apache-2.0
/// \file
/// Nanoseconds to publish 64 bytes to 1, 4 and 16 subscribers on the publisher's own thread.

#include "adapters/inline_loop.hpp"
#include "adapters/ringway_inline.hpp"
#include "driver/clock.hpp"
#include "driver/statistics.hpp"
#include "rows/row_tools.hpp"

#if RINGWAY_BENCH_HAS_BOOST
#include "adapters/boost_signal.hpp"
#endif

namespace ringway::bench {
namespace {

using T = Message<64>;

/// \return the median over chunks of 1000 publications
template <class Publishing>
Measurement measure_inline(std::size_t subscribers, std::uint64_t count) {
  constexpr std::uint64_t kChunk = 1000;
  std::uint64_t sum = 0;
  Publishing publishing(subscribers, sum);
  std::vector<double> chunk_ns;
  Measurement measurement;
  std::uint64_t i = 0;
  while (i < count) {
    const std::uint64_t begin = ticks();
    for (const std::uint64_t end = i + kChunk; i < end; ++i) {
      const T message = make_message<T>(make_tag(0, i));
      asm volatile("" : : "r"(&message) : "memory");  // the message must exist
      publishing.publish(message);
    }
    const double ns = static_cast<double>(ticks() - begin) / ticks_per_ns();
    chunk_ns.push_back(ns / kChunk);
    measurement.seconds += ns * 1e-9;
  }
  if (sum != expected_sum(1, i) * subscribers) measurement.violation = "a handler missed a message";
  measurement.value = median_of(chunk_ns);
  return measurement;
}

template <class Publishing>
void add_inline(Row& row, std::size_t subscribers) {
  row.subjects.push_back({.name = Publishing::kName,
                          .kind = Publishing::kKind,
                          .run = [subscribers](Stage& stage, std::uint64_t count) {
                            Measurement measurement;
                            stage.run(1, [&](std::size_t) {
                              measurement = measure_inline<Publishing>(subscribers, count);
                            });
                            return measurement;
                          }});
}

}  // namespace

void add_inline_rows(Rows& rows, const Options&) {
  for (const std::size_t subscribers : {1U, 4U, 16U}) {
    Row row{.suite = "bus",
            .topology = "inline_" + std::to_string(subscribers),
            .payload_bytes = sizeof(T),
            .unit = "ns",
            .better = Better::kLower,
            .threads = 1};
    add_inline<RingwayInline<T>>(row, subscribers);
#if RINGWAY_BENCH_HAS_BOOST
    add_inline<BoostSignal<T>>(row, subscribers);
#endif
    add_inline<FunctionLoop<T>>(row, subscribers);
    rows.push_back(std::move(row));
  }
}

}  // namespace ringway::bench
