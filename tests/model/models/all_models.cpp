// SPDX-License-Identifier: Apache-2.0
#include "models/all_models.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "models/broadcast_models.hpp"
#include "models/broadcast_prefix_models.hpp"
#include "models/brought_gate_models.hpp"
#include "models/bus_models.hpp"
#include "models/byte_ring_models.hpp"
#include "models/channel_models.hpp"
#include "models/event_count_models.hpp"
#include "models/lock_free_mpmc_models.hpp"
#include "models/model.hpp"
#include "models/mpmc_models.hpp"
#include "models/ready_map_models.hpp"
#include "models/relatives.hpp"
#include "models/spsc_models.hpp"
#ifdef RINGWAY_MODEL_UNBOUNDED
#include "models/unbounded_models.hpp"
#endif

namespace ringway::model {

#ifndef RINGWAY_MODEL_UNBOUNDED
inline Models unbounded_models() {
  return {};
}
#endif

Models all_models() {
  Models all;
  for (Models (*part)() :
       {&spsc_models, &mpmc_models, &lock_free_mpmc_models, &broadcast_models,
        &broadcast_prefix_models, &brought_gate_models, &byte_ring_models, &event_count_models,
        &channel_models, &unbounded_models, &ready_map_models, &bus_models, &small_relatives}) {
    for (Model& model : part()) all.push_back(std::move(model));
  }
  mark_tight(all);
  return all;
}

/// The longest of these that the name begins with. All channels are one family, since who waits and
/// who closes is the same; so is all that is inline on the bus, and so are gates that readers bring
/// along.
std::string family_of(const std::string& name) {
  static constexpr std::string_view kFamilies[] = {
      "SPSC",
      "SPSC roles handed over",
      "SPSC batches, claims, drain",
      "SPSC 2 x 2, nearly full",
      "MPMC",
      "MPMC never full",
      "MPMC holes, batch, drain",
      "MPMC seal against push and pop",
      "index ring",
      "lock-free MPMC",
      "lock-free MPMC claim, push, seal, drain",
      "broadcast 1P2C",
      "broadcast, batch",
      "broadcast, join while publishing",
      "broadcast, join at",
      "broadcast, leave",
      "broadcast, signal or sleep",
      "lossy ring, reliable reader, signal or sleep",
      "lossy 1W",
      "lossy and reliable reader",
      "older reader, 1P1C",
      "older reader, and one of today",
      "older reader, lossy ring, 1P1C",
      "older reader, lossy 1W",
      "older reader, joins",
      "bytes 1P1C",
      "bytes, broadcast",
      "bytes, claims and drain",
      "bytes, roles handed over",
      "bytes, join",
      "bytes, signal or sleep",
      "EventCount",
      "EventCount ring of one slot",
      "channel",
      "unbounded queue",
      "ready map",
      "bus, inline",
      "bus, publisher publishes and leaves",
      "bus, request answered",
  };
  std::string_view found;
  for (const auto family : kFamilies) {
    if (name.starts_with(family) && family.size() > found.size()) found = family;
  }
  if (name.starts_with("MPMC channel") || name.starts_with("unbounded channel")) found = "channel";
  if (name.starts_with("older reader, lossy ring, joins")) found = "older reader, joins";
  if (name.starts_with("bytes, leave and join")) found = "bytes, join";
  if (name.starts_with("bus, bytes")) found = "bytes, join";  // which looks at a second gate too
  if (name.find("brought along") != std::string::npos) found = "gates brought along";
  if (name.starts_with("bus, a call of an inline subscriber")) found = "bus, inline";
  return std::string(found);
}

}  // namespace ringway::model
