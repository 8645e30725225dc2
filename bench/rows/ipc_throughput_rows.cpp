// SPDX-License-Identifier: Apache-2.0
/// \file
/// One way between processes: to one, two and four subscribers.

#include "ipc/bare_slots.hpp"
#include "ipc/throughput.hpp"
#include "rows/ipc_tools.hpp"

namespace ringway::bench {
namespace {

template <std::size_t kBytes>
Row make_row(const Options& options, const char* topology, std::size_t readers) {
  using T = Message<kBytes>;
  constexpr std::size_t kCapacity = ipc_capacity(kBytes);
  Row row{.suite = "processes",
          .topology = topology,
          .payload_bytes = kBytes,
          .threads = readers + 1,
          .fixed_count = !options.smoke  ? 0U
                         : kBytes > 1024 ? 50U
                                         : 2000U};
  const auto add = [&]<template <class> class Adapter>() {
    row.subjects.push_back(
        ipc_subject(Adapter<T>::kInfo, [readers](Crew& crew, std::uint64_t count) {
          run_throughput<Adapter, T>(crew, count, readers, kCapacity);
        }));
  };
  add.template operator()<IpcRingwayBus>();
  if constexpr (kBytes <= 64) add.template operator()<IpcRingwayBusThatSlips>();
  for_each_ipc_ring<T>(readers == 1, add);
  for_each_ipc_peer<T>(add);
  add.template operator()<IpcBareRing>();
  return row;
}

}  // namespace

void add_ipc_throughput_rows(Rows& rows, const Options& options) {
  for_each_payload<8, 64, 1024, 65536>(options, {8, 64, 1024, 65536}, [&]<std::size_t kBytes>() {
    rows.push_back(make_row<kBytes>(options, "ipc_throughput", 1));
  });
  for (const std::size_t readers : {2U, 4U}) {
    for_each_payload<8, 64, 1024, 65536>(options, {64, 65536}, [&]<std::size_t kBytes>() {
      rows.push_back(make_row<kBytes>(options, readers == 2 ? "ipc_1to2" : "ipc_1to4", readers));
    });
  }
}

}  // namespace ringway::bench
