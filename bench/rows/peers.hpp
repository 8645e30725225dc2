// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The queues that this build found. A missing one stands here as a `MissingPeer`, so that rows can
/// name them all; add_subject() leaves it out. Which are there is decided by CMake alone.

#include "workload/adapter.hpp"

namespace ringway::bench {

struct MissingPeer {};

}  // namespace ringway::bench

#if RINGWAY_BENCH_HAS_BOOST
#include "adapters/boost_mpmc.hpp"
#include "adapters/boost_spsc.hpp"
#else
namespace ringway::bench {
template <class T>
class BoostSpsc : public MissingPeer {};
template <class T>
class BoostMpmc : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_READERWRITERQUEUE
#include "adapters/reader_writer_circular.hpp"
#include "adapters/reader_writer_queue.hpp"
#else
namespace ringway::bench {
template <class T>
class ReaderWriterQueue : public MissingPeer {};
template <class T>
class ReaderWriterCircular : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_CONCURRENTQUEUE
#include "adapters/moodycamel.hpp"
#include "adapters/moodycamel_no_tokens.hpp"
#else
namespace ringway::bench {
template <class T>
class Moodycamel : public MissingPeer {};
template <class T>
class MoodycamelNoTokens : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_TBB
#include "adapters/tbb.hpp"
#else
namespace ringway::bench {
template <class T, bool kBounded>
class TbbQueue : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_XENIUM
#include "adapters/xenium_vyukov.hpp"
#else
namespace ringway::bench {
template <class T>
class XeniumVyukov : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_CDS
#include "adapters/cds_queues.hpp"
#else
namespace ringway::bench {
template <class T>
class CdsWeakRing : public MissingPeer {};
template <class T>
class CdsVyukov : public MissingPeer {};
}  // namespace ringway::bench
#endif

#if RINGWAY_BENCH_HAS_ATOMIC_QUEUE
#include "adapters/atomic_queue.hpp"
#else
namespace ringway::bench {
template <class T, unsigned kSize>
class AtomicSpsc : public MissingPeer {};
template <class T, unsigned kSize>
class AtomicMpmc : public MissingPeer {};
template <class T, unsigned kSize>
class AtomicOptimist : public MissingPeer {};
template <class T, unsigned kSize>
class AtomicSpsc2 : public MissingPeer {};
template <class T, unsigned kSize>
class AtomicMpmc2 : public MissingPeer {};
template <class T, class Queue, bool kTry>
class AtomicQueueAdapter : public MissingPeer {};
}  // namespace ringway::bench
#endif
