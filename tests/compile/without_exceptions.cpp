// SPDX-License-Identifier: Apache-2.0
// Uses rings and a channel, so that their templates are instantiated in a translation unit that has
// neither exceptions nor run-time types.
#include "ringway/channel/channel.hpp"
#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/lock_free_mpmc_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"
#include "ringway/ring/mpmc_ring.hpp"
#include "ringway/ring/spsc_ring.hpp"

// Every member function that is not itself a template.
template class ringway::SpscRing<int>;
template class ringway::MpmcRing<int>;
template class ringway::LockFreeMpmcRing<int>;
template class ringway::BroadcastRing<int>;
template class ringway::LossyBroadcastRing<int>;

int ringway_send_and_receive() {
  auto [sender, receiver] = ringway::channel<int>({.capacity = 4});
  if (sender.try_send(42) != ringway::SendStatus::kSent) {
    return 1;
  }
  const auto received = receiver.try_receive();
  return received && *received == 42 ? 0 : 1;
}
