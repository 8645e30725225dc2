// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a lane of bytes is to the bus: a `BroadcastByteRing` where other lanes have a ring of
/// elements. Everything else (directory, dispatchers, clean-up) does not tell the two apart.
///
/// *Protocol.* A frame holds the message's number in its lane, 8 bytes, and then the message:
/// positions in a ring of bytes count bytes, so they do not tell how many messages there were.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ringway/base/sequence.hpp"
#include "ringway/bus/bus_core.hpp"
#include "ringway/bus/subscription.hpp"
#include "ringway/bus/topic.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"

namespace ringway {

/// Stands for the element of a lane of bytes.
struct Bytes {};

/// What such a lane is made from; `capacity` is bytes.
struct ByteLaneOptions : TopicOptions {
  std::size_t largest = 0;
};

/// The number in front of each message.
inline constexpr std::size_t kByteMessageHeader = sizeof(Sequence);

/// Bytes of a topic's capacity that a message of `size` bytes takes up.
[[nodiscard]] constexpr std::size_t byte_message_cost(std::size_t size) noexcept {
  return frame_bytes(kByteMessageHeader + size);
}

template <class Memory>
struct LaneRings<Bytes, Memory> {
  static constexpr bool kCanBeLossy = false;
  static constexpr const char* kMaxReadersOption = "ByteTopicOptions::max_readers";
  using Reliable = BasicBroadcastByteRing<Memory>;
  using Lossy = NoRing;

  using Options = ByteLaneOptions;
  static typename Reliable::Options ring_options(const Options& options, Sequence start) noexcept {
    return {.capacity = options.capacity,
            .max_frame = kByteMessageHeader + options.largest,
            .max_cursors = options.max_readers + (options.retain ? 1 : 0),  // and the keeper
            .start = start};
  }
  /// The padding before a frame is shorter than the largest one.
  static std::size_t longest_claim(const Options& options) noexcept {
    return 2 * frame_bytes(ring_options(options, 0).max_frame);
  }
};

[[nodiscard]] inline ByteLaneOptions lane_options(const ByteTopicOptions& options) noexcept {
  ByteLaneOptions lane;
  lane.capacity = options.capacity;
  lane.max_readers = options.max_readers;
  lane.retain = options.retain;
  lane.observer_lag_limit = options.observer_lag_limit;
  lane.largest = options.largest;
  return lane;
}

/// \pre the frame is large enough
[[nodiscard]] inline Sequence number_in(std::span<const std::byte> frame) noexcept {
  Sequence number = 0;
  std::memcpy(&number, frame.data(), kByteMessageHeader);
  return number;
}
inline void write_number(std::span<std::byte> frame, Sequence number) noexcept {
  std::memcpy(frame.data(), &number, kByteMessageHeader);
}

/// What the options of a topic of bytes must be, whoever uses it.
[[nodiscard]] inline absl::Status check_byte_options(const ByteTopic& topic) {
  const auto encoding = topic.options.encoding;
  bool printable = !encoding.empty() && encoding.size() <= TypeRecord::kLongestName;
  for (const char c : encoding) printable = printable && c > ' ' && c < '\x7f';
  if (!printable) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", to_absl(topic.name), "\": the name of an encoding is 1 to ", TypeRecord::kLongestName,
        " printable characters without spaces, as \"jpeg/1\" (ByteTopicOptions::encoding)"));
  }
  const auto& options = topic.options;
  if (options.largest >= kLargestFrame - kByteMessageHeader ||
      byte_message_cost(options.largest) > options.capacity) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", to_absl(topic.name), "\": a message of ", options.largest,
        " bytes (ByteTopicOptions::largest) and its header do not fit into the capacity of ",
        options.capacity, " bytes; raise the capacity to byte_message_cost(largest) at least"));
  }
  return absl::OkStatus();
}
/// What subscriptions to it can not have.
[[nodiscard]] inline absl::Status check_byte_subscription(const ByteTopic& topic,
                                                          const SubscribeOptions& options) {
  if (options.lossy || options.latest_only) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", to_absl(topic.name),
                     "\" is a topic of bytes, which admits no lossy subscriptions: subscribe "
                     "reliably (SubscribeOptions::lossy)"));
  }
  return absl::OkStatus();
}

}  // namespace ringway
