// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The families of rows; each is a .cpp of its own, so that they compile side by side.

#include <vector>

#include "driver/options.hpp"
#include "driver/row.hpp"

namespace ringway::bench {

using Rows = std::vector<Row>;

void add_spsc_rows(Rows& rows, const Options& options);
void add_spsc_batch_rows(Rows& rows, const Options& options);
void add_round_trip_rows(Rows& rows, const Options& options);
void add_mpmc_rows(Rows& rows, const Options& options);
void add_mpmc_batch_rows(Rows& rows, const Options& options);
void add_broadcast_rows(Rows& rows, const Options& options);
void add_channel_rows(Rows& rows, const Options& options);
void add_waiting_rows(Rows& rows, const Options& options);
void add_latency_rows(Rows& rows, const Options& options);
void add_bus_rows(Rows& rows, const Options& options);
void add_request_rows(Rows& rows, const Options& options);
void add_inline_rows(Rows& rows, const Options& options);
void add_ipc_round_trip_rows(Rows& rows, const Options& options);
void add_ipc_throughput_rows(Rows& rows, const Options& options);
void add_ipc_waiting_rows(Rows& rows, const Options& options);
void add_ring_growth_rows(Rows& rows, const Options& options);
void add_bus_growth_rows(Rows& rows, const Options& options);
void add_single_thread_rows(Rows& rows, const Options& options);
void add_instruction_rows(Rows& rows, const Options& options);
void add_build_cost_rows(Rows& rows, const Options& options);

/// Every row that the options ask for, with the subjects that they ask for.
[[nodiscard]] Rows all_rows(const Options& options);

/// The names of the peers and tools that this build does not have.
[[nodiscard]] std::vector<std::string> missing_peers();

}  // namespace ringway::bench
