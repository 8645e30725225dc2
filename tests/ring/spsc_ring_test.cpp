// SPDX-License-Identifier: Apache-2.0
/// \file
/// The spsc ring by itself: the conformance suite, and what is its own.

#include "ringway/ring/spsc_ring.hpp"

#include "tests/ring/element_conformance.hpp"
#include "tests/ring/ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(Spsc, RingConformance, SpscKind);
INSTANTIATE_TYPED_TEST_SUITE_P(Spsc, ElementConformance, SpscKind);

}  // namespace ringway::test
