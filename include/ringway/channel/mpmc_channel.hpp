// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `mpmc_channel<T>`: a bounded pipe between any number of senders and competing receivers.
///
/// *What.* `auto [sender, receiver] = ringway::mpmc_channel<Task>({.capacity = 1024});`, then copy
/// the ends, one for each thread. Each message reaches one receiver. Use for work queues and
/// fan-in. Do not use for one sender and one receiver (channel.hpp is several times faster) or
/// where each receiver shall see each message (a bus topic).
///
/// *Protocol.* An MpmcRing with the waiting and closing of channel_core.hpp. Closing seals the
/// ring's claim word, so each send either lies before the close, and is received or counted as left
/// over, or says kClosed. The last sender to go closes, and so does the last receiver.
///
/// *Progress.* As sender.hpp and receiver.hpp say, and MpmcRing: a sender that is suspended in the
/// middle of a send holds up the receivers behind its message.

#include "ringway/channel/channel.hpp"
#include "ringway/ring/mpmc_ring.hpp"

namespace ringway {

template <class T, class Wait = SpinPark, class Memory = NativeMemory>
using MpmcSender = ChannelSender<MpmcRing<T, Memory>, Wait, Memory>;

template <class T, class Wait = SpinPark, class Memory = NativeMemory>
using MpmcReceiver = ChannelReceiver<MpmcRing<T, Memory>, Wait, Memory>;

/// A channel whose ends can be copied, or why there is none. Any thread.
template <class T, class Wait = SpinPark, class Memory = NativeMemory>
[[nodiscard]] Result<ChannelEnds<MpmcRing<T, Memory>, Wait, Memory>, SetupError> make_mpmc_channel(
    const ChannelOptions& options) noexcept {
  using Ring = MpmcRing<T, Memory>;
  return ChannelEnds<Ring, Wait, Memory>::around(
      Ring::create({.capacity = options.capacity, .start = options.start}), options);
}

/// The same; stops the program with the error's sentence if there is none.
template <class T, class Wait = SpinPark, class Memory = NativeMemory>
[[nodiscard]] auto mpmc_channel(const ChannelOptions& options) noexcept {
  return make_mpmc_channel<T, Wait, Memory>(options).value();
}

}  // namespace ringway
