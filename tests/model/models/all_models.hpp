// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// All models of the library's headers. Compiled once, in all_models.cpp, for the programs that
/// explore them.

#include <string>

#include "models/model.hpp"

namespace ringway::model {

Models all_models();

/// The family of a row: models of one family differ in their size alone, so that the one that is
/// explored without reduction too speaks for all. Empty if it is of none.
[[nodiscard]] std::string family_of(const std::string& name);

}  // namespace ringway::model
