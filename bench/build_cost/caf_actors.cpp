// SPDX-License-Identifier: Apache-2.0
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

void through(long value) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto reader =
      system.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](long) {}}; });
  caf::anon_send(reader, value);
}
