// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// All models of the library's headers.

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

inline Models all_models() {
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

}  // namespace ringway::model
