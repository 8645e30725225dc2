// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// One reading process: takes messages until its handler has had enough, whether its adapter is
/// asked (poll) or calls back (kPushes); and what it does at its end.

#include <cstddef>

#include "ipc/plan.hpp"

namespace ringway::bench {

template <class Adapter>
inline constexpr bool kPushes = requires {
  Adapter::kPushes;
};

/// \tparam Waiting what a reader does while nothing is there, if its adapter does not wait itself
template <class Adapter, class Handler, class Waiting>
class Receiver {
 public:
  Receiver(Adapter& adapter, const IpcPlan& plan, std::size_t index, Handler& handler)
      : plan_(plan), handler_(handler), reader_(adapter, index) {}

  /// Returns when the handler has answered false.
  void receive() {
    bool more = true;
    const auto handle = [&](const auto& message) noexcept { return more = handler_(message); };
    Waiting waiting(plan_);
    while (more) {
      if (reader_.poll(handle)) {
        waiting.begin_again();
      } else {
        waiting.step();
      }
    }
  }

 private:
  const IpcPlan& plan_;
  Handler& handler_;
  typename Adapter::Reader reader_;
};

template <class Adapter, class Handler, class Waiting>
requires kPushes<Adapter>
class Receiver<Adapter, Handler, Waiting> {
 public:
  Receiver(Adapter& adapter, const IpcPlan&, std::size_t index, Handler& handler)
      : reader_(adapter, index, handler) {}
  void receive() { reader_.receive(); }

 private:
  typename Adapter::template Reader<Handler> reader_;
};

/// Looks again at once, unless processors are shared.
class IpcBareWaiting {
 public:
  explicit IpcBareWaiting(const IpcPlan&) noexcept {}
  void begin_again() noexcept {}
  void step() noexcept {}
};

/// Tells a writer that all its readers are there, if it wants to know.
template <class Writer>
void open_writer(Writer& writer) {
  if constexpr (requires { writer.open(); }) writer.open();
}

}  // namespace ringway::bench
