// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Descriptions of message types and their comparison are the bus's, whatever its home:
/// bus/type_description.hpp, bus/type_compatibility.hpp. Here for those who include them under the
/// name of the layer that needs them most.

#include "ringway/bus/type_compatibility.hpp"
#include "ringway/bus/type_description.hpp"
