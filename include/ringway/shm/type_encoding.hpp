// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A `MessageType` as bytes, for the memory that processes share, and back with distrust.
///
/// *Layout*, in the byte order of the machine: a header of 40 bytes (`EncodedTypeHeader`), the
/// name, the members at the next multiple of 4. Reading copies everything once and checks the copy:
/// whatever the bytes are, the result is a type that holds together, or an error.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringway/base/result.hpp"
#include "ringway/bus/type_description.hpp"

namespace ringway {

/// Why no type could be read.
enum class TypeError : unsigned char {
  kTooShort,  ///< the memory ends before the description does
  kNotAType,  ///< no description of this layout
  kCorrupt,   ///< the description contradicts itself
  kTooLarge,  ///< the name or the number of members is beyond what is ever written
};

[[nodiscard]] constexpr const char* describe(TypeError error) noexcept {
  switch (error) {
    case TypeError::kTooShort: return "the description of a message type is cut off";
    case TypeError::kNotAType:
      return "there is no description of a message type, or one of another layout version; rebuild "
             "both sides with one version of Ringway";
    case TypeError::kCorrupt: return "the description of a message type contradicts itself";
    case TypeError::kTooLarge:
      return "the message type has too long a name (255 characters are the most) or too many "
             "members (1024 are the most, those of nested types counted)";
  }
  return "unknown error of a message type";
}

inline constexpr std::size_t kLongestTypeName = 255;
inline constexpr std::size_t kMostTypeEntries = 1024;

struct EncodedTypeHeader {
  static constexpr std::uint32_t kMagic = 0x31545752;  // "RWT1" in memory order

  std::uint32_t magic = kMagic;
  std::uint32_t bytes = 0;  // all of it
  std::uint64_t size = 0;
  std::uint64_t hash = 0;  // layout_hash()
  std::uint32_t version = 0;
  std::uint32_t align = 0;
  std::uint16_t name_size = 0;
  std::uint16_t members = 0;
  std::uint32_t unused = 0;
};
static_assert(sizeof(EncodedTypeHeader) == 40);

/// Bytes that encode() writes.
[[nodiscard]] constexpr std::size_t encoded_size(const MessageType& type) noexcept {
  return sizeof(EncodedTypeHeader) + (type.name.size() + 3) / 4 * 4 +
         type.members.size() * sizeof(TypeMember);
}

/// Writes the description. \return how many bytes it takes
[[nodiscard]] inline Result<std::size_t, TypeError> encode(const MessageType& type,
                                                           std::span<std::byte> memory) noexcept {
  if (type.name.size() > kLongestTypeName || type.members.size() > kMostTypeEntries) {
    return Failure{TypeError::kTooLarge};
  }
  const std::size_t bytes = encoded_size(type);
  if (memory.size() < bytes) return Failure{TypeError::kTooShort};
  const EncodedTypeHeader header{.bytes = static_cast<std::uint32_t>(bytes),
                                 .size = type.size,
                                 .hash = layout_hash(type),
                                 .version = type.version,
                                 .align = type.align,
                                 .name_size = static_cast<std::uint16_t>(type.name.size()),
                                 .members = static_cast<std::uint16_t>(type.members.size())};
  std::byte* at = memory.data();
  std::memcpy(at, &header, sizeof header);
  at += sizeof header;
  const std::size_t room = (type.name.size() + 3) / 4 * 4;
  if (room != 0) {
    std::memset(at, 0, room);
    std::memcpy(at, type.name.data(), type.name.size());
  }
  at += room;
  if (!type.members.empty()) std::memcpy(at, type.members.data(), type.members.size_bytes());
  return bytes;
}

/// A description that was read from somebody else's memory: copied and checked.
class DecodedMessageType {
 public:
  DecodedMessageType(const EncodedTypeHeader& header, std::string name,
                     std::vector<TypeMember> members)
      : header_(header), name_(std::move(name)), members_(std::move(members)) {}

  /// Valid as long as this object is neither changed nor destroyed.
  [[nodiscard]] MessageType type() const noexcept {
    return {.name = name_,
            .version = header_.version,
            .align = header_.align,
            .size = header_.size,
            .members = members_};
  }
  /// Bytes that it took.
  [[nodiscard]] std::size_t encoded_bytes() const noexcept { return header_.bytes; }

 private:
  EncodedTypeHeader header_;
  std::string name_;
  std::vector<TypeMember> members_;
};

/// True if members[begin, end) lie in an aggregate of `size` bytes, in order and without overlap,
/// and those of nested ones do likewise. `depth` is how deep they may be nested.
[[nodiscard]] inline bool holds_together(std::span<const TypeMember> members, std::uint64_t size,
                                         int depth = 32) noexcept {
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const TypeMember& member = members[i];
    const std::uint64_t bytes = std::uint64_t{member.size} * member.count;
    const bool is_aggregate = member.kind == TypeKind::kAggregate;
    const bool is_number = member.kind >= TypeKind::kBool && member.kind <= TypeKind::kEnum;
    if (!is_aggregate && !is_number && member.kind != TypeKind::kOpaque) return false;
    if (bytes == 0 || member.offset < end || bytes > size || member.offset > size - bytes) {
      return false;
    }
    if (is_number && (!std::has_single_bit(member.size) || member.size > 16)) return false;
    if (member.is_array > 1 || (member.is_array == 0 && member.count != 1)) return false;
    if (member.inside != 0) {
      if (!is_aggregate || depth == 0 || member.inside > members.size() - i - 1 ||
          !holds_together(members.subspan(i + 1, member.inside), member.size, depth - 1)) {
        return false;
      }
      i += member.inside;
    }
    end = member.offset + bytes;
  }
  return true;
}

/// Reads the description at the beginning of `memory`, which somebody else may be writing.
[[nodiscard]] inline Result<DecodedMessageType, TypeError> decode_message_type(
    std::span<const std::byte> memory) {
  EncodedTypeHeader header;
  if (memory.size() < sizeof header) return Failure{TypeError::kTooShort};
  std::memcpy(&header, memory.data(), sizeof header);
  if (header.magic != EncodedTypeHeader::kMagic) return Failure{TypeError::kNotAType};
  if (header.name_size > kLongestTypeName || header.members > kMostTypeEntries) {
    return Failure{TypeError::kTooLarge};
  }
  const std::size_t name_room = (std::size_t{header.name_size} + 3) / 4 * 4;
  const std::size_t members_bytes = header.members * sizeof(TypeMember);
  if (header.bytes != sizeof header + name_room + members_bytes) {
    return Failure{TypeError::kCorrupt};
  }
  if (memory.size() < header.bytes) return Failure{TypeError::kTooShort};
  std::string name(header.name_size, '\0');
  std::vector<TypeMember> members(header.members);
  const std::byte* at = memory.data() + sizeof header;
  if (!name.empty()) std::memcpy(name.data(), at, name.size());
  if (!members.empty()) std::memcpy(members.data(), at + name_room, members_bytes);

  for (const char c : name) {
    if (c < ' ' || c > '~') return Failure{TypeError::kCorrupt};  // it will be printed
  }
  DecodedMessageType decoded(header, std::move(name), std::move(members));
  const MessageType type = decoded.type();
  if (!std::has_single_bit(header.align) || !holds_together(type.members, header.size) ||
      layout_hash(type) != header.hash) {
    return Failure{TypeError::kCorrupt};
  }
  return decoded;
}

}  // namespace ringway
