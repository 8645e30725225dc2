// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The other physical limit: how fast one core can stream cache lines to another.
///
/// *Block streaming*: 64 lines under one flag, written and read 32 bytes at a time. *Line
/// streaming*: every line carries its own flag in its last word, as a ring whose slots carry their
/// sequence must. Both with the flow control that any bounded queue needs.

#include <cstddef>

#include "driver/row.hpp"

namespace ringway::bench {

/// Million messages/s of `payload_bytes` that block streaming amounts to, through 64 KiB that stay
/// in caches, or through `bytes`, as a queue must that uses every place of its memory in turn.
[[nodiscard]] Subject block_streaming_subject(std::size_t payload_bytes, std::size_t bytes = 0);

/// Million lines/s with a flag for each line.
[[nodiscard]] Subject line_streaming_subject();

}  // namespace ringway::bench
