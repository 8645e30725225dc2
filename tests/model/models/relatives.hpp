// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Small relatives: each complete row is explored without any reduction too, or belongs to a family
/// of which a smaller row is. Rows of a family run the same code of the library in the same way;
/// relatives have fewer operations or threads, or tighter limits on repeated stale reads and
/// spurious failures (Model::tight).

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "models/broadcast_models.hpp"
#include "models/broadcast_prefix_models.hpp"
#include "models/brought_gate_models.hpp"
#include "models/byte_ring_models.hpp"
#include "models/channel_models.hpp"
#include "models/event_count_models.hpp"
#include "models/lock_free_mpmc_models.hpp"
#include "models/model.hpp"
#include "models/mpmc_models.hpp"
#include "models/spsc_models.hpp"

namespace ringway::model {

/// Marks the rows that are small enough with tighter limits.
inline void mark_tight(Models& models) {
  static constexpr std::string_view kTight[] = {
      "MPMC 2P1C x 1, capacity 3 from 2^64-2",
      "MPMC 2P1C x 1, capacity 3 from 2^64-2, 2 full",
      "MPMC 2P1C x 1, capacity 3 from 2^64-2, 3 full",
      "MPMC 1P2C x 1, capacity 3 from 2^64-2, 3 full",
      "MPMC never full, pop pop push push against a push",
      "MPMC never full, pop pop push push against a batch",
      "index ring of 2, PT PT from 0",
      "index ring of 2, P P T from 0",
      "lock-free MPMC 1P1C x 2, capacity 1 from 0",
      "lock-free MPMC 1P2C x 1, capacity 1 from 0",
      "older reader, 1P1C x 3, capacity 1 from 0",
      "older reader, lossy ring, 1P1C x 2, capacity 1 from 0",
      "bytes, roles handed over from 0",
      "bus, inline subscription begins, 2 messages from 0",
      "bus, inline subscription begins, 2 messages from 0, heavy fence refused",
  };
  for (Model& model : models) {
    for (const auto name : kTight) {
      if (model.name == name) model.tiny = model.tight = true;
    }
  }
}

inline Models small_relatives() {
  Models models;
  const auto add = [&](const std::string& name, bool refused, bool tight, Explorer::Body body) {
    Options options;
    options.heavy_refused = refused;
    models.push_back(model_of(name + (refused ? ", heavy fence refused" : ""), options,
                              Size::kQuick, std::move(body), true));
    models.back().tight = tight;
  };
  for (const std::size_t capacity : {1U, 2U}) {
    const std::string of = ", capacity " + std::to_string(capacity) + " from 0";
    add("SPSC 3 x 3, shared line" + of, false, false,
        [=](Explorer& world) { spsc_body<Number>(world, capacity, 0, 3); });
    add("SPSC 3 x 3, a line each" + of, false, false,
        [=](Explorer& world) { spsc_body<Element<56>>(world, capacity, 0, 3); });
  }
  add("SPSC batches, claims, drain, once, capacity 1 from 0", false, false,
      [](Explorer& world) { spsc_batch_body<Element<56>>(world, 1, 0, true); });
  add("MPMC holes, batch, drain 1P1C, capacity 1 from 0", false, true,
      [](Explorer& world) { mpmc_hole_body(world, 1, 0, false); });
  add("MPMC seal against push and pop, 1P1C, capacity 1 from 0", false, true,
      [](Explorer& world) { small_seal_body<MpmcRing>(world, 0); });
  add("lock-free MPMC claim, push, seal, drain, 2 threads, capacity 1 from 0", false, true,
      [](Explorer& world) { small_seal_body<LockFreeMpmcRing>(world, 0); });
  add("lossy and reliable reader, 1W x 1 from 0", false, true,
      [](Explorer& world) { mixed_body(world, 0, 1); });
  add("older reader, and one of today, 1P2C x 1, capacity 1 from 0", false, true,
      [](Explorer& world) { older_reader_body<BroadcastRing>(world, 1, 2, 1, 0); });
  add("older reader, lossy 1W x 1, 1 reader x 1, lapping, capacity 1 from 0", false, true,
      [](Explorer& world) { older_lossy_body(world, 1, 1, 1, 0); });
  add("bytes, claims and drain, 1 message from 0", false, false,
      [](Explorer& world) { byte_small_claims_body(world, 0); });
  add("broadcast, join at the oldest while publishing 1, capacity 1 from 0", false, true,
      [](Explorer& world) {
        join_behind_body<BroadcastRing, Element<56>>(world, 1, 2, 1, Start::kOldest, false, 0, 1);
      });
  add("broadcast, gate brought along while publishing 1 from 0", false, true,
      [](Explorer& world) { brought_come_body(world, 0); });
  add("older reader, joins while publishing 1, capacity 1 from 0", false, true,
      [](Explorer& world) { older_come_body(world, 0); });
  add("bytes, join while publishing 1, no look from 0", false, true,
      [](Explorer& world) { byte_join_body(world, 1, 1, 0, 0); });
  for (const bool refused : {false, true}) {
    add("broadcast, join while publishing 1, a look, capacity 1 from 0", refused, true,
        [](Explorer& world) { come_or_go_body(world, true, 0); });
    add("lossy ring, reliable reader, signal or sleep, 1 message from 0", refused, true,
        [](Explorer& world) { signal_body<LossyBroadcastRing, Pair>(world, 1, 0); });
    add("bytes, signal or sleep, 1 message from 0", refused, true,
        [](Explorer& world) { byte_signal_body(world, 1, 0); });
    add("EventCount ring of one slot, both sides park, 1 message", refused, true,
        [](Explorer& world) { parked_ring_body<Park>(world, 1); });
  }
  return models;
}

}  // namespace ringway::model
