// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the row families between processes share.

#include "adapters/ipc_ringway_bus.hpp"
#include "adapters/ipc_ringway_rings.hpp"
#include "ipc/nursery.hpp"
#include "ipc/peers.hpp"
#include "rows/row_tools.hpp"

namespace ringway::bench {

template <class T>
using IpcSpsc = IpcRing<T, SpscKind<T>>;
template <class T>
using IpcBroadcast = IpcRing<T, BroadcastKind<T>>;
template <class T>
using IpcBytes = IpcRing<T, ByteKind<T>>;
template <class T>
using IpcBroadcastBytes = IpcRing<T, BroadcastByteKind<T>>;

/// Messages under way: small ones as in the rows between threads, large ones so that all of them
/// fit the second-level cache together with what they were copied from.
[[nodiscard]] constexpr std::size_t ipc_capacity(std::size_t payload_bytes) noexcept {
  return payload_bytes <= 64 ? 1024 : payload_bytes <= 1024 ? 256 : 8;
}

/// A subject whose samples are taken by processes of the nursery.
[[nodiscard]] inline Subject ipc_subject(AdapterInfo info, Nursery::Program program) {
  const std::size_t number = Nursery::get().enroll(std::move(program));
  return {.name = info.name, .kind = info.kind, .run = [number](Stage&, std::uint64_t count) {
            return Nursery::get().run(number, count);
          }};
}

/// Calls `add.template operator()<Adapter>()` for each peer of this build that carries such
/// messages here.
template <class T, class Add>
void for_each_ipc_peer(Add&& add) {
  const auto add_if_there = [&]<template <class> class Adapter>() {
    if constexpr (kExists<Adapter<T>>) add.template operator()<Adapter>();
  };
  add_if_there.template operator()<IpcIceoryx>();
  add_if_there.template operator()<IpcZeroMq>();
  add_if_there.template operator()<IpcNng>();
  add_if_there.template operator()<IpcBoostQueue>();
  if (posix_queue_carries(sizeof(T))) add_if_there.template operator()<IpcPosixQueue>();
  add_if_there.template operator()<IpcUnixSocket>();
  add_if_there.template operator()<IpcPipe>();
}

/// Calls `add.template operator()<Adapter>()` for the rings of ours that suit such messages: of
/// elements, or of frames written and read in place.
template <class T, class Add>
void for_each_ipc_ring(bool one_reader, Add&& add) {
  if constexpr (sizeof(T) <= 1024) {
    if (one_reader) add.template operator()<IpcSpsc>();
    add.template operator()<IpcBroadcast>();
  } else {
    if (one_reader) add.template operator()<IpcBytes>();
    add.template operator()<IpcBroadcastBytes>();
  }
}

}  // namespace ringway::bench
