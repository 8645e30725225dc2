// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A message for people: its members by the description of its type, or its bytes in hex.

#include <cstddef>
#include <span>
#include <string>

#include "output.hpp"
#include "ringway/shm/type_identity.hpp"

namespace tool {

/// "{17, 100.25, [1, 2], "text"}": the members in their order; types do not carry their names.
/// \pre the members hold together (as decode_message_type() has checked)
[[nodiscard]] std::string fields_text(const ringway::MessageType& type,
                                      std::span<const std::byte> message);
/// The same as a JSON array under `key`.
void add_fields(Json& json, std::string_view key, const ringway::MessageType& type,
                std::span<const std::byte> message);

/// 16 bytes a line, with their offset and as characters; `most` bytes are shown, 0: all.
[[nodiscard]] std::string hex_lines(std::span<const std::byte> message, std::size_t most);
/// All bytes, without blanks.
[[nodiscard]] std::string hex_digits(std::span<const std::byte> message);

}  // namespace tool
