// SPDX-License-Identifier: Apache-2.0
/// \file
/// Waking a process that sleeps, and coming in.

#include "ipc/raw_futex.hpp"
#include "ipc/throughput.hpp"
#include "ipc/wake.hpp"
#include "rows/ipc_tools.hpp"

namespace ringway::bench {
namespace {

using T = Message<8>;

}  // namespace

void add_ipc_waiting_rows(Rows& rows, const Options& options) {
  Row wake{.suite = "processes",
           .topology = "ipc_wake",
           .payload_bytes = sizeof(T),
           .unit = "ns",
           .better = Better::kLower,
           .fixed_count = options.smoke   ? 5U
                          : options.quick ? 20U
                                          : 100U};
  const auto add_wake = [&]<template <class> class Adapter>() {
    wake.subjects.push_back(ipc_subject(Adapter<T>::kInfo, run_wake<Adapter, T>));
  };
  add_wake.template operator()<IpcRingwayBus>();
  for_each_ipc_peer<T>(add_wake);
  add_wake.template operator()<IpcFutex>();
  rows.push_back(std::move(wake));

  Row attach{.suite = "processes",
             .topology = "ipc_attach",
             .payload_bytes = sizeof(T),
             .unit = "ns",
             .better = Better::kLower,
             .fixed_count = 1};
  const auto add_attach = [&]<template <class> class Adapter>() {
    // pipes and socket pairs are inherited: nobody comes in
    if constexpr (!std::is_same_v<Adapter<T>, IpcPipe<T>> &&
                  !std::is_same_v<Adapter<T>, IpcUnixSocket<T>>) {
      attach.subjects.push_back(ipc_subject(
          Adapter<T>::kInfo, [](Crew& crew, std::uint64_t) { run_attach<Adapter, T>(crew); }));
    }
  };
  add_attach.template operator()<IpcRingwayBus>();
  for_each_ipc_peer<T>(add_attach);
  rows.push_back(std::move(attach));
}

}  // namespace ringway::bench
