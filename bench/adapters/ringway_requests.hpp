// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Requests over ringway::Bus for the driver.

#include <optional>

#include "adapters/bus_adapter.hpp"
#include "ringway/bus/bus.hpp"

namespace ringway::bench {

/// Requests: the asking thread and the dispatcher both spin, or both park.
template <Idle kIdle>
class RingwayRequests {
  static constexpr Service<Question(Question)> kService{"bench.increment"};

 public:
  static constexpr AdapterInfo kInfo{.name = "Bus request", .kind = Kind::kRingway};

  explicit RingwayRequests(Stage& stage)
      : dispatcher_(bus_, {.name = "replier", .cpu = stage.cpu(1), .idle = kIdle}),
        replier_(
            dispatcher_.reply(kService, [](const Question& question) { return question + 1; })) {}

  void open() { requester_.emplace(bus_.requester(kService, {.idle = kIdle})); }
  void close() { requester_.reset(); }
  std::uint64_t request(std::uint64_t question) {
    return requester_->request(question).value_or(0);
  }
  [[nodiscard]] std::uint64_t sleeps() const { return dispatcher_.parks(); }

 private:
  Bus bus_;
  Dispatcher<> dispatcher_;
  Replier replier_;
  std::optional<Requester<Question(Question)>> requester_;
};

}  // namespace ringway::bench
