// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What all kinds of channel are asked for and answer.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ringway/base/sequence.hpp"

namespace ringway {

/// What became of a message. Unless it says kSent (or kDropped), the argument is untouched.
enum class [[nodiscard]] SendStatus : unsigned char{
    kSent,
    kFull,      ///< no room, and this operation or channel does not wait (unbounded: no memory)
    kClosed,    ///< somebody closed the channel, or nobody is left to receive
    kTimedOut,  ///< no room until the deadline
    kStopped,   ///< no room until a stop was requested
    kDropped,   ///< no room, and Overflow::kDropNewest: counted, and gone as far as you care
};

/// Why there is no message.
enum class ReceiveError : unsigned char {
  kClosed,  ///< closed, and everything that was accepted has been received
  kTimedOut,
  kStopped,
};

[[nodiscard]] constexpr const char* describe(ReceiveError error) noexcept {
  switch (error) {
    case ReceiveError::kClosed: return "the channel is closed and drained: no message will come";
    case ReceiveError::kTimedOut: return "no message came before the deadline";
    case ReceiveError::kStopped: return "a stop was requested before a message came";
  }
  return "unknown receive error";
}

/// What sending does at a full channel.
enum class Overflow : unsigned char {
  kWait,        ///< send waits by the channel's strategy
  kFail,        ///< send returns kFull
  kDropNewest,  ///< send drops its own message, counts it and returns kDropped
  kDropOldest,  ///< send takes the oldest message out, counts it as dropped, and sends (MPMC only)
};

/// Where a channel adds up what became of its messages: each handle when it is destroyed, the
/// channel when its last handle is. Must outlive the channel. Once that is gone,
///   sent == received + left, plus dropped if the channel drops the oldest.
struct ChannelTally {
  std::atomic<std::uint64_t> sent{0};      ///< accepted
  std::atomic<std::uint64_t> received{0};  ///< handed to a receiver
  std::atomic<std::uint64_t> dropped{0};   ///< by the channel's choice of overflow
  std::atomic<std::uint64_t> left{0};      ///< accepted, and destroyed with the channel
};

struct ChannelOptions {
  std::size_t capacity = 0;  ///< messages; exactly this many fit
  Overflow overflow = Overflow::kWait;
  Sequence start = 0;             ///< position of the first message; for tests of the wrap
  ChannelTally* tally = nullptr;  ///< where to add up what happened, if anybody wants to know
};

}  // namespace ringway
