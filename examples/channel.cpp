// SPDX-License-Identifier: Apache-2.0
/// \file
/// A channel: a ring with waiting and closing. The receiver sleeps while there is nothing to do,
/// the sender waits while the channel is full, and closing ends the receiver's loop once all is
/// taken.

#include "ringway/channel/channel.hpp"

#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>

struct Order {
  std::uint64_t id;
  std::string instrument;
  std::uint32_t quantity;
};

int main() {
  // [channel]
  auto [sender, receiver] = ringway::channel<Order>({.capacity = 64});

  std::thread desk([sender = std::move(sender)]() mutable {
    for (std::uint64_t id = 1; id <= 1000; ++id) {
      const auto status = sender.send({.id = id, .instrument = "RWY", .quantity = 10});
      if (status != ringway::SendStatus::kSent) break;  // the receiver is gone
    }
    sender.close();  // what was sent is still received
  });

  std::uint64_t shares = 0;
  for (Order& order : receiver) shares += order.quantity;
  // [/channel]

  desk.join();
  std::printf("%llu shares ordered\n", static_cast<unsigned long long>(shares));
  return shares == 10'000 ? 0 : 1;
}
