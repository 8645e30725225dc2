// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// CAF requests: a scoped actor asks a detached one, which answers faster than a pooled one. One
/// actor system serves all samples and is never destroyed: with detached actors, the destruction of
/// CAF 0.17's was seen to wait for ever here. https://actor-framework.org

#include <caf/all.hpp>
#include <optional>

#include "adapters/bus_adapter.hpp"

namespace ringway::bench {

class CafRequests {
 public:
  static constexpr AdapterInfo kInfo{.name = "CAF request"};

  explicit CafRequests(Stage&)
      : replier_(system().spawn<caf::detached>(
            []() -> caf::behavior { return {[](Question question) { return question + 1; }}; })) {}
  ~CafRequests() { caf::anon_send_exit(replier_, caf::exit_reason::user_shutdown); }

  void open() { asker_.emplace(system()); }
  void close() { asker_.reset(); }
  std::uint64_t request(Question question) {
    Question answer = 0;
    (*asker_)
        ->request(replier_, caf::infinite, question)
        .receive([&](Question value) { answer = value; }, [](const caf::error&) {});
    return answer;
  }

 private:
  static caf::actor_system& system() {
    static auto& config = *new caf::actor_system_config;
    static auto& made = [&]() -> caf::actor_system& {
      config.set("scheduler.max-threads", 1);  // nobody here runs on the pool
      return *new caf::actor_system(config);
    }();
    return made;
  }

  caf::actor replier_;
  std::optional<caf::scoped_actor> asker_;
};

}  // namespace ringway::bench
