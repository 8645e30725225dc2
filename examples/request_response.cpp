// SPDX-License-Identifier: Apache-2.0
/// \file
/// Request and response: a replier on a dispatcher's thread quotes prices, this thread asks for
/// them, once waiting for the answer and once doing something else meanwhile.

#include <cstdint>
#include <cstdio>

#include "ringway/ringway.hpp"

using std::chrono_literals::operator""s;

// [contract]
struct PriceRequest {
  std::uint32_t instrument;
};
struct PriceReply {
  double bid, ask;
};
inline constexpr ringway::Service<PriceReply(PriceRequest)> kPricing{"pricing", {.timeout = 5s}};
// [/contract]

int main() {
  // [request_response]
  ringway::Bus bus;
  ringway::Dispatcher desk{bus, {.name = "desk"}};
  auto replier = desk.reply(kPricing, [](const PriceRequest& request) {
    return PriceReply{.bid = 100.0 + request.instrument, .ask = 100.5 + request.instrument};
  });

  auto pricing = bus.requester(kPricing);
  const auto quote =
      pricing.request({.instrument = 7});  // a Result: the reply, or why there is none
  if (quote) std::printf("bid %.2f, ask %.2f\n", quote->bid, quote->ask);

  auto pending = pricing.request_async({.instrument = 8});
  // ... do something else ...
  const auto later = pending.get();
  // [/request_response]

  bus.stop({.drain = 1s});
  return quote && quote->bid == 107 && later && later->ask == 108.5 ? 0 : 1;
}
