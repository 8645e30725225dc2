#pragma once
#include "models/model.hpp"
namespace ringway::model { inline Models broadcast_models() { return {}; } }
