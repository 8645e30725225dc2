// SPDX-License-Identifier: Apache-2.0
/// \file
/// The mpmc ring by itself: the conformance suite, and what is its own.

#include "ringway/ring/mpmc_ring.hpp"

#include "tests/ring/element_conformance.hpp"
#include "tests/ring/ring_conformance.hpp"

namespace ringway::test {

INSTANTIATE_TYPED_TEST_SUITE_P(Mpmc, RingConformance, MpmcKind);
INSTANTIATE_TYPED_TEST_SUITE_P(Mpmc, ElementConformance, MpmcKind);

}  // namespace ringway::test
