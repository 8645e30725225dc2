// SPDX-License-Identifier: Apache-2.0
#include "rows/rows.hpp"

#include <algorithm>

#include "driver/child.hpp"

namespace ringway::bench {

Rows all_rows(const Options& options) {
  Rows rows;
  add_spsc_rows(rows, options);
  add_spsc_batch_rows(rows, options);
  add_round_trip_rows(rows, options);
  add_mpmc_rows(rows, options);
  add_mpmc_batch_rows(rows, options);
  add_broadcast_rows(rows, options);
  add_channel_rows(rows, options);
  add_waiting_rows(rows, options);
  add_latency_rows(rows, options);
#if RINGWAY_BENCH_HAS_BUS
  add_bus_rows(rows, options);
  add_request_rows(rows, options);
  add_inline_rows(rows, options);
#endif
#if RINGWAY_BENCH_HAS_IPC
  add_ipc_round_trip_rows(rows, options);
  add_ipc_throughput_rows(rows, options);
  add_ipc_waiting_rows(rows, options);
#endif
  add_ring_growth_rows(rows, options);
#if RINGWAY_BENCH_HAS_BUS
  add_bus_growth_rows(rows, options);
#endif
  add_single_thread_rows(rows, options);
  add_instruction_rows(rows, options);
  add_build_cost_rows(rows, options);
  std::erase_if(rows, [&](const Row& row) {
    const std::string name = row.suite + " " + row.title();
    const bool skipped = !options.skip.empty() && matches(options.skip, name);
    return skipped || !matches(options.filter, name);
  });
  for (Row& row : rows) {
    std::erase_if(row.subjects, [&](const Subject& subject) {
      return subject.kind != Kind::kLimit && !matches(options.subjects, subject.name);
    });
  }
  std::erase_if(rows, [](const Row& row) { return row.subjects.empty(); });
  return rows;
}

std::vector<std::string> missing_peers() {
  std::vector<std::string> missing;
  const auto note = [&](bool there, const char* name) {
    if (!there) missing.emplace_back(name);
  };
  note(RINGWAY_BENCH_HAS_BOOST, "Boost (libboost-dev)");
  note(RINGWAY_BENCH_HAS_READERWRITERQUEUE, "ReaderWriterQueue (libreaderwriterqueue-dev)");
  note(RINGWAY_BENCH_HAS_CONCURRENTQUEUE, "ConcurrentQueue (libconcurrentqueue-dev)");
  note(RINGWAY_BENCH_HAS_ATOMIC_QUEUE, "atomic_queue (libatomic-queue-dev)");
  note(RINGWAY_BENCH_HAS_TBB, "oneTBB (libtbb-dev)");
  note(RINGWAY_BENCH_HAS_XENIUM, "xenium (libxenium-dev)");
  note(RINGWAY_BENCH_HAS_ZEROMQ, "ZeroMQ (libzmq3-dev)");
  note(RINGWAY_BENCH_HAS_NNG, "nng (libnng-dev)");
  note(RINGWAY_BENCH_HAS_CAF, "CAF (libcaf-dev)");
  note(RINGWAY_BENCH_HAS_CDS, "libcds (libcds-dev)");
#if RINGWAY_BENCH_HAS_IPC
  note(RINGWAY_BENCH_HAS_ICEORYX, "iceoryx (libiceoryx-posh-dev, iceoryx)");
#endif
  note(is_command("valgrind"), "instruction counts (valgrind)");
  return missing;
}

}  // namespace ringway::bench
