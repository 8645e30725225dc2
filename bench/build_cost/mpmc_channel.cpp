// SPDX-License-Identifier: Apache-2.0
#include "ringway/channel/mpmc_channel.hpp"

bool through(long value) {
  auto [sender, receiver] = ringway::mpmc_channel<long>({.capacity = 1024});
  return sender.send(value) == ringway::SendStatus::kSent && receiver.receive().value() == value;
}
