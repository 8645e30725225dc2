// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ringway::open_shared: a publisher, and a dispatcher with one subscription, in processes that
/// attach by name. Dispatchers spin where they have a processor of their own, else they park.

#include <atomic>

#include "ipc/plan.hpp"
#include "ringway/shm/shared_bus.hpp"

namespace ringway::bench {

/// What is not as it comes.
enum class IpcBusKind : unsigned char {
  kPlain,
  kForWriting,  ///< others' lanes are mapped for writing too
  kSlips,       ///< dispatchers stay behind a stream
};

template <class T, IpcBusKind kKind>
class IpcRingwayBusOf {
 public:
  static constexpr AdapterInfo kInfo{.name = kKind == IpcBusKind::kPlain ? "SharedBus"
                                             : kKind == IpcBusKind::kForWriting
                                                 ? "SharedBus, mapped for writing"
                                                 : "SharedBus, slip",
                                     .kind = Kind::kRingway};
  static constexpr bool kPushes = true;

  explicit IpcRingwayBusOf(const IpcPlan& plan) : plan_(plan) {}

  struct Writer {
    explicit Writer(IpcRingwayBusOf& adapter)
        : bus(adapter.open()), publisher(bus.publisher(adapter.topic())) {}
    void send(const T& message) { static_cast<void>(publisher.publish(message)); }
    SharedBus bus;
    Publisher<T, SegmentHome> publisher;
  };

  template <class Handler>
  struct Reader {
    Reader(IpcRingwayBusOf& adapter, std::size_t, Handler& handler)
        : bus(adapter.open()),
          dispatcher(bus, {.name = "reader",
                           .cpu = sched_getcpu(),  // where this process was put
                           .idle = adapter.plan_.sleeps() ? Idle::kPark : Idle::kSpin,
                           .slip = kKind == IpcBusKind::kSlips ? 256U : 1U}),
          subscription(dispatcher.subscribe(adapter.topic(), [&](const T& message) {
            if (handler(message)) return;
            over.store(true, std::memory_order_release);
            over.notify_one();
          })) {}
    void receive() { over.wait(false, std::memory_order_acquire); }
    std::atomic<bool> over{false};
    SharedBus bus;
    Dispatcher<SegmentHome> dispatcher;
    Subscription subscription;
  };

 private:
  [[nodiscard]] Topic<T> topic() const { return {plan_.topic, {.capacity = plan_.capacity}}; }
  [[nodiscard]] SharedBus open() const {
    const std::size_t lane = plan_.capacity * (sizeof(T) + 128);
    return open_shared(plan_.name, {.lane_bytes = (std::size_t{1} << 20) + 2 * lane,
                                    .map_others_for_writing = kKind == IpcBusKind::kForWriting})
        .value();
  }

  const IpcPlan plan_;
};

template <class T>
using IpcRingwayBus = IpcRingwayBusOf<T, IpcBusKind::kPlain>;
template <class T>
using IpcRingwayBusForWriting = IpcRingwayBusOf<T, IpcBusKind::kForWriting>;
template <class T>
using IpcRingwayBusThatSlips = IpcRingwayBusOf<T, IpcBusKind::kSlips>;

}  // namespace ringway::bench
