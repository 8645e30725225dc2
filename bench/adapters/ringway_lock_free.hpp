// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ringway::LockFreeMpmcRing for the driver.

#include "adapters/ringway_ring.hpp"
#include "ringway/ring/lock_free_mpmc_ring.hpp"

namespace ringway::bench {

template <class T>
class RingwayLockFreeMpmc : public RingwayRing<T, LockFreeMpmcRing<T>> {
 public:
  static constexpr AdapterInfo kInfo{.name = "LockFreeMpmcRing", .kind = Kind::kRingway};
  using RingwayRing<T, LockFreeMpmcRing<T>>::RingwayRing;
};

}  // namespace ringway::bench
