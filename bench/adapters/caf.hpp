// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// CAF (C++ Actor Framework): an event-based actor for each reader, on its scheduler's threads; the
/// message is made once and shared. Mailboxes are unbounded. https://actor-framework.org

#include <caf/all.hpp>
#include <vector>

#include "adapters/bus_adapter.hpp"
#include "workload/message.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ringway::bench::Words<64>)

namespace ringway::bench {

template <class T, class Reader>
class CafBus {
 public:
  static constexpr AdapterInfo kInfo{.name = "CAF actors"};

  CafBus(Stage&, std::span<Reader> readers) {
    for (Reader& reader : readers) {
      actors_.push_back(system_.spawn([&reader]() -> caf::behavior {
        return {[&reader](const T& message) { reader.take(message); }};
      }));
    }
  }
  ~CafBus() {
    for (const caf::actor& actor : actors_) {
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    }
  }

  void publish(const T& message) {
    const caf::message shared = caf::make_message(message);
    for (const caf::actor& actor : actors_) caf::anon_send(actor, shared);
  }

 private:
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  std::vector<caf::actor> actors_;
};

}  // namespace ringway::bench
