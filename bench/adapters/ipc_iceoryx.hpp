// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// iceoryx with its daemon: loaned chunks; a publisher that waits rather than loses; taken by
/// looking, or by a WaitSet where readers sleep. https://iceoryx.io

#include <cstring>

#include "ipc/iceoryx_parts.hpp"

namespace ringway::bench {

template <class T>
class IpcIceoryx {
 public:
  static constexpr AdapterInfo kInfo{.name = "iceoryx"};

  explicit IpcIceoryx(const IpcPlan& plan) : plan_(plan) { IceoryxDaemon::want(plan); }

  struct Writer {
    explicit Writer(IpcIceoryx& adapter)
        : runtime(adapter.plan_), publisher(runtime.service, waiting_publisher()) {}
    void send(const T& message) {
      void* chunk = nullptr;
      auto keep = [&](void*& loaned) { chunk = loaned; };
      while (chunk == nullptr) publisher.loan(sizeof(T), alignof(T)).and_then(keep);
      std::memcpy(chunk, &message, sizeof(T));
      publisher.publish(chunk);
    }
    IceoryxRuntime runtime;
    iox::popo::UntypedPublisher publisher;
  };

  struct Reader {
    Reader(IpcIceoryx& adapter, std::size_t)
        : runtime(adapter.plan_), subscriber(runtime.service, waiting_subscriber(adapter.plan_)) {
      await_subscribed(subscriber);
      if (adapter.plan_.parks) sleep.emplace(subscriber);
    }
    template <class Handler>
    bool poll(Handler&& handler) {
      bool found = false;
      subscriber.take().and_then([&](const void* chunk) {
        handler(*static_cast<const T*>(chunk));
        subscriber.release(chunk);
        found = true;
      });
      if (!found && sleep) static_cast<void>(sleep->waits.wait());
      return found;
    }
    IceoryxRuntime runtime;
    iox::popo::UntypedSubscriber subscriber;
    std::optional<IceoryxSleep> sleep;
  };

 private:
  const IpcPlan plan_;
};

}  // namespace ringway::bench
