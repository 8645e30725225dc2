// SPDX-License-Identifier: Apache-2.0
/// \file
/// There and back between two processes.

#include "ipc/bare_slots.hpp"
#include "ipc/raw_ping_pong.hpp"
#include "ipc/round_trip.hpp"
#include "rows/ipc_tools.hpp"

namespace ringway::bench {
namespace {

template <std::size_t kBytes>
Row make_row(const Options& options) {
  using T = Message<kBytes>;
  constexpr std::size_t kCapacity = ipc_capacity(kBytes);
  Row row{.suite = "processes",
          .topology = "ipc_rtt",
          .payload_bytes = kBytes,
          .unit = "ns",
          .better = Better::kLower,
          .fixed_count = options.smoke ? 400U : 0U};
  const auto add = [&]<template <class> class Adapter>() {
    row.subjects.push_back(ipc_subject(Adapter<T>::kInfo, [](Crew& crew, std::uint64_t count) {
      run_round_trip<Adapter, T>(crew, count, kCapacity);
    }));
  };
  add.template operator()<IpcRingwayBus>();
  if constexpr (kBytes <= 64) add.template operator()<IpcRingwayBusForWriting>();
  for_each_ipc_ring<T>(true, add);
  for_each_ipc_peer<T>(add);
  // What fits a line with its sequence is held against the line, anything larger against the slot.
  if constexpr (kBytes <= 48) {
    row.subjects.push_back(
        ipc_subject({.name = "raw cache-line ping-pong", .kind = Kind::kLimit}, run_raw_ping_pong));
    row.subjects.push_back(
        ipc_subject({.name = "a line each, mapped for reading", .kind = Kind::kLimit},
                    run_ping_pong_for_reading));
  } else {
    add.template operator()<IpcBareSlot>();
  }
  return row;
}

}  // namespace

void add_ipc_round_trip_rows(Rows& rows, const Options& options) {
  for_each_payload<8, 48, 64, 1024, 65536>(
      options, {8, 48, 64, 1024, 65536},
      [&]<std::size_t kBytes>() { rows.push_back(make_row<kBytes>(options)); });
}

}  // namespace ringway::bench
