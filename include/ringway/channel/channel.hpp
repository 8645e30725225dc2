// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `channel<T>`: a bounded pipe from one sender thread to one receiver thread that waits and
/// closes.
///
/// *What.* `auto [sender, receiver] = ringway::channel<Order>({.capacity = 1024});` and give each
/// end to its thread. Use when a thread should wait for messages or for room. Do not use when
/// several threads send or receive (mpmc_channel.hpp), or when neither side ever waits: then the
/// ring alone is enough.
///
/// *Protocol.* A SpscRing with the waiting and closing of channel_core.hpp. Both ends own the block
/// together and may be destroyed in any order.
///
/// *Progress.* As sender.hpp and receiver.hpp say. While nobody sleeps: no system call, no
/// allocation.

#include <utility>

#include "ringway/channel/receiver.hpp"
#include "ringway/channel/sender.hpp"
#include "ringway/ring/spsc_ring.hpp"

namespace ringway {

template <class T, class Wait = SpinPark, class Memory = NativeMemory>
using Sender = ChannelSender<SpscRing<T, Memory>, Wait, Memory>;

template <class T, class Wait = SpinPark, class Memory = NativeMemory>
using Receiver = ChannelReceiver<SpscRing<T, Memory>, Wait, Memory>;

/// The two ends of a new channel, of any kind.
template <class Ring, class Wait, class Memory>
struct ChannelEnds {
  ChannelSender<Ring, Wait, Memory> sender;
  ChannelReceiver<Ring, Wait, Memory> receiver;

  /// Puts a channel around a ring that has given out no role yet.
  [[nodiscard]] static Result<ChannelEnds, SetupError> around(
      Result<Ring, SetupError> ring, const ChannelOptions& options) noexcept {
    if (!ring) {
      return Failure{ring.error()};
    }
    if (options.overflow == Overflow::kDropOldest && !SharedRing<Ring>) {
      return Failure{SetupError::kOverflowNotPossible};
    }
    auto* core = ChannelCore<Ring, Wait, Memory>::make(*std::move(ring), options);
    if (core == nullptr) {
      return Failure{SetupError::kOutOfMemory};
    }
    return ChannelEnds{ChannelSender<Ring, Wait, Memory>(*core),
                       ChannelReceiver<Ring, Wait, Memory>(*core)};
  }
};

/// A channel for one sender and one receiver thread, or why there is none. Any thread.
template <class T, class Wait = SpinPark, class Memory = NativeMemory>
[[nodiscard]] Result<ChannelEnds<SpscRing<T, Memory>, Wait, Memory>, SetupError> make_channel(
    const ChannelOptions& options) noexcept {
  using Ring = SpscRing<T, Memory>;
  return ChannelEnds<Ring, Wait, Memory>::around(
      Ring::create({.capacity = options.capacity, .start = options.start}), options);
}

/// The same; stops the program with the error's sentence if there is none.
template <class T, class Wait = SpinPark, class Memory = NativeMemory>
[[nodiscard]] auto channel(const ChannelOptions& options) noexcept {
  return make_channel<T, Wait, Memory>(options).value();
}

}  // namespace ringway
