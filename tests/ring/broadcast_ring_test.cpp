// SPDX-License-Identifier: Apache-2.0
/// \file
/// The broadcast ring by itself: the conformance suite, and what is its own.

#include "ringway/ring/broadcast_ring.hpp"

#include "tests/ring/element_conformance.hpp"
#include "tests/ring/ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(Broadcast, RingConformance, BroadcastKind);
INSTANTIATE_TYPED_TEST_SUITE_P(Broadcast, ElementConformance, BroadcastKind);

}  // namespace ringway::test
