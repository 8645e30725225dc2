// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The bus under the explorer; see bus_models.cpp. None where the bus is not built.

#include "models/model.hpp"

namespace ringway::model {

#if defined(RINGWAY_MODEL_BUS)
Models bus_models();
#else
inline Models bus_models() {
  return {};
}
#endif

}  // namespace ringway::model
