// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Ringway's bare rings in memory that the processes share: SpscRing and BroadcastRing for
/// elements, ByteRing and BroadcastByteRing for frames that are written and read in place.

#include <cstring>

#include "ipc/ring_kinds.hpp"

namespace ringway::bench {

template <class T, class Kind>
class IpcRing {
  using Ring = typename Kind::Ring;

 public:
  static constexpr AdapterInfo kInfo{.name = Kind::kName, .kind = bench::Kind::kRingway};

  explicit IpcRing(const IpcPlan& plan)
      : memory_(block_.bytes(Ring::footprint(Kind::options(plan)).value())),
        formatted_(Ring::format(memory_, Kind::options(plan)).value()),
        plan_(plan) {}

  struct Writer {
    explicit Writer(IpcRing& adapter)
        : plan(adapter.plan_), ring(adapter.join()), producer(ring.producer().value()) {}
    void send(const T& message) {
      IpcWaiting waiting(plan);
      while (!Kind::try_send(producer, message)) waiting.step();
    }
    const IpcPlan& plan;
    Ring ring;
    typename Ring::Producer producer;
  };

  struct Reader {
    Reader(IpcRing& adapter, std::size_t) : ring(adapter.join()), reader(Kind::reader(ring)) {}
    template <class Handler>
    bool poll(Handler&& handler) {
      return Kind::drain(reader, handler) != 0;
    }
    Ring ring;
    typename Kind::Reader reader;
  };

 private:
  Ring join() {
    SharedMemory::register_process();
    return Ring::join(memory_).value();
  }
  SharedBlock block_;
  std::span<std::byte> memory_;
  Ring formatted_;
  const IpcPlan plan_;
};

}  // namespace ringway::bench
