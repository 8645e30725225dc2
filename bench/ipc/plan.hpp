// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What an adapter of something between processes is, at most 60 lines:
///
///   template <class T>
///   class IpcMine {
///    public:
///     static constexpr AdapterInfo kInfo{.name = "mine"};
///     explicit IpcMine(const IpcPlan& plan);   // before the fork; its destruction comes after all
///     class Writer {                           // processes are gone
///      public:
///       explicit Writer(IpcMine& adapter);     // in the writing process, before any reader's
///       void open();                           // optional: once all readers are there
///       void send(const T& message);           // waits while there is no room
///     };
///     class Reader {
///      public:
///       Reader(IpcMine& adapter, std::size_t index);   // in its own process
///       bool poll(Handler&& handler);   // handler(const T&) for what is there, as often as it
///     };                                // answers true; false: nothing is there. May wait.
///   };
///
/// One that calls back on a thread of its own has `static constexpr bool kPushes = true` and
/// `template <class Handler> class Reader` with `Reader(adapter, index, handler)` and `receive()`,
/// which returns when the handler has answered false.
/// Failures are thrown; they count as wrong results.

#include <sched.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "ringway/base/cpu_relax.hpp"
#include "workload/adapter.hpp"

namespace ringway::bench {

struct IpcPlan {
  std::string name;    ///< unique; begins the names of all files, sockets and queues
  std::string topic;   ///< of this direction
  std::string folder;  ///< for sockets; nothing of this name may be left in it
  std::size_t readers = 1;
  std::size_t capacity = 1024;  ///< messages, where it can be chosen
  bool parks = false;           ///< who waits is to sleep
  std::vector<int> cpus{};

  /// More processes than processors: who waits gives its processor away.
  [[nodiscard]] bool crowded() const noexcept { return readers + 1 > cpus.size(); }
  [[nodiscard]] bool sleeps() const noexcept { return parks || crowded(); }
  [[nodiscard]] int cpu(std::size_t worker) const { return cpus[worker % cpus.size()]; }
  [[nodiscard]] std::string full_name() const { return name + "-" + topic; }
  [[nodiscard]] std::string socket_path(std::size_t reader) const {
    return folder + "/" + full_name() + "-" + std::to_string(reader);
  }
  [[nodiscard]] std::string socket(std::size_t reader) const {
    return "ipc://" + socket_path(reader);
  }
};

/// Waits for somebody else's step: pauses, and yields where processors are shared.
class IpcWaiting {
 public:
  explicit IpcWaiting(const IpcPlan& plan) noexcept : yields_(plan.crowded()) {}
  void begin_again() noexcept { steps_ = 0; }
  void step() noexcept {
    if (yields_ && ++steps_ > 16) {
      sched_yield();
    } else {
      cpu_relax();
    }
  }

 private:
  const bool yields_;
  int steps_ = 0;
};

/// \throw with `what` and errno's text, unless `right`
inline void expect(bool right, const char* what) {
  if (!right) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace ringway::bench
