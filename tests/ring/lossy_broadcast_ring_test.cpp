// SPDX-License-Identifier: Apache-2.0
/// \file
/// The lossy broadcast ring by itself: the conformance suite, and what is its own.

#include "ringway/ring/lossy_broadcast_ring.hpp"

#include "tests/ring/ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(LossyBroadcast, RingConformance, LossyBroadcastKind);

}  // namespace ringway::test
