// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Everything that needs no dependency beyond Abseil. Whoever wants one ring includes that ring's
/// header instead.

#include "ringway/bus/bus.hpp"
#include "ringway/channel/channel.hpp"
#include "ringway/channel/mpmc_channel.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/byte_ring.hpp"
#include "ringway/ring/lock_free_mpmc_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"
#include "ringway/ring/mpmc_ring.hpp"
#include "ringway/ring/spsc_ring.hpp"
#include "ringway/wait/wait_strategy.hpp"
