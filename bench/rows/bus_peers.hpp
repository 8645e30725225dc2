// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The buses and frameworks that this build found; as peers.hpp for queues.

#include "rows/peers.hpp"

#if RINGWAY_BENCH_HAS_ZEROMQ
#include "adapters/zeromq.hpp"
#include "adapters/zeromq_requests.hpp"
#else
namespace ringway::bench {
template <class T, class Reader>
class ZeroMqBus : public MissingPeer {};
class ZeroMqRequests : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_NNG
#include "adapters/nng.hpp"
#include "adapters/nng_requests.hpp"
#else
namespace ringway::bench {
template <class T, class Reader>
class NngBus : public MissingPeer {};
class NngRequests : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_CAF
#include "adapters/caf.hpp"
#include "adapters/caf_requests.hpp"
#else
namespace ringway::bench {
template <class T, class Reader>
class CafBus : public MissingPeer {};
class CafRequests : public MissingPeer {};
}  // namespace ringway::bench
#endif
