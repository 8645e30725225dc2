#pragma once
#include "models/model.hpp"
namespace ringway::model { inline Models event_count_models() { return {}; } }
