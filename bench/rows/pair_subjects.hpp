// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Whose push and pop are measured on one thread: in nanoseconds by the suite, in instructions by
/// ringway_instructions under valgrind.

#include "adapters/mutex_queue.hpp"
#include "adapters/ringway_lock_free.hpp"
#include "adapters/ringway_ring.hpp"
#include "rows/row_tools.hpp"

namespace ringway::bench {

template <class T, class Queue>
using AtomicPushPop = AtomicQueueAdapter<T, Queue, false>;

/// Calls `add.template operator()<Adapter>()` for the adapters that exist, and for those added from
/// outside. `kShared`: many producers and consumers.
template <class T, unsigned kCapacity, bool kShared, class Add>
void for_each_pair_subject(Add&& add) {
  const auto each = [&]<class... Adapters>(AdapterList<Adapters...>) {
    const auto one = [&]<class Adapter>(std::type_identity<Adapter>) {
      if constexpr (kExists<Adapter>) add.template operator()<Adapter>();
    };
    (one(std::type_identity<Adapters>{}), ...);
  };
  if constexpr (kShared) {
    each(AdapterList<RingwayMpmc<T>, RingwayLockFreeMpmc<T>,
                     AtomicPushPop<T, AtomicMpmc<T, kCapacity>>, XeniumVyukov<T>, CdsVyukov<T>,
                     BoostMpmc<T>, TbbQueue<T, true>, Moodycamel<T>, MutexQueue<T>>{});
  } else {
    each(AdapterList<RingwaySpsc<T>, AtomicPushPop<T, AtomicSpsc<T, kCapacity>>, BoostSpsc<T>,
                     ReaderWriterQueue<T>, CdsWeakRing<T>, MutexQueue<T>>{});
  }
  for_each_extra<T>(kShared, add);
}

}  // namespace ringway::bench
