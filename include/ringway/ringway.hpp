// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Rings, waits, bounded channels and the bus between threads; needs Abseil. Whoever wants one ring
/// includes that ring's header instead. Not here: ringway/channel/unbounded_channel.hpp, which
/// needs moodycamel's queue, and ringway/shm/shared_bus.hpp, the bus between processes.

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
