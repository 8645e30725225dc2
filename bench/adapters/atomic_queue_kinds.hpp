// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The variants of atomic_queue that are measured. Spsc: one producer, one consumer, no shuffling
/// of indices. Optimist: for latency instead of throughput, as its OptimistAtomicQueue is.

#include <atomic_queue/atomic_queue.h>

namespace ringway::bench {

/// For elements that fit an atomic; 0 means empty there, so 0 cannot be sent.
template <class T, unsigned kSize>
using AtomicSpsc = atomic_queue::AtomicQueue<T, kSize, T{}, false, true, false, true>;
template <class T, unsigned kSize>
using AtomicMpmc = atomic_queue::AtomicQueue<T, kSize>;
template <class T, unsigned kSize>
using AtomicOptimist = atomic_queue::AtomicQueue<T, kSize, T{}, true, false>;
/// For elements of any size, a state byte beside each.
template <class T, unsigned kSize>
using AtomicSpsc2 = atomic_queue::AtomicQueue2<T, kSize, false, true, false, true>;
template <class T, unsigned kSize>
using AtomicMpmc2 = atomic_queue::AtomicQueue2<T, kSize>;

/// Which of them serve one producer and one consumer only.
template <class Queue>
inline constexpr bool kOneProducer = false;
template <class T, unsigned kSize, T kNil, bool kA, bool kB, bool kC, bool kSpsc>
inline constexpr bool kOneProducer<atomic_queue::AtomicQueue<T, kSize, kNil, kA, kB, kC, kSpsc>> =
    kSpsc;
template <class T, unsigned kSize, bool kA, bool kB, bool kC, bool kSpsc>
inline constexpr bool kOneProducer<atomic_queue::AtomicQueue2<T, kSize, kA, kB, kC, kSpsc>> = kSpsc;

}  // namespace ringway::bench
