# SPDX-License-Identifier: Apache-2.0
# CLI11 reads the example's command line. For the example and its tests.
include(RingwayCli11)
