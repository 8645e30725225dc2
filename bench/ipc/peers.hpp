// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What goes between processes and was found by this build; as rows/peers.hpp for queues. Pipes,
/// Unix sockets and POSIX message queues are the system's own.

#include "adapters/ipc_posix_queue.hpp"
#include "adapters/ipc_streams.hpp"
#include "rows/peers.hpp"

#if RINGWAY_BENCH_HAS_ZEROMQ
#include "adapters/ipc_zeromq.hpp"
#else
namespace ringway::bench {
template <class T>
class IpcZeroMq : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_NNG
#include "adapters/ipc_nng.hpp"
#else
namespace ringway::bench {
template <class T>
class IpcNng : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_BOOST
#include "adapters/ipc_boost_queue.hpp"
#else
namespace ringway::bench {
template <class T>
class IpcBoostQueue : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_ICEORYX
#include "adapters/ipc_iceoryx.hpp"
#else
namespace ringway::bench {
template <class T>
class IpcIceoryx : public MissingPeer {};
}  // namespace ringway::bench
#endif

namespace ringway::bench {

template <class T>
using IpcPipe = IpcStream<T, PipeKind>;
template <class T>
using IpcUnixSocket = IpcStream<T, UnixSocketKind>;

}  // namespace ringway::bench
