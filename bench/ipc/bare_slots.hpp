// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The least that can carry a message between processes: payload and sequence in a slot. One slot
/// for round trips, where the answer gives the credit; a ring of them, acknowledged by the eighth,
/// for a stream. No handles, no checks, no recovery.

#include <algorithm>
#include <atomic>
#include <vector>

#include "ipc/plan.hpp"
#include "ipc/shared_block.hpp"

namespace ringway::bench {

template <class T, bool kRing>
class IpcBareSlots {
  struct alignas(sizeof(T) < 64 ? 64 : 128) Slot {
    T payload;
    std::atomic<std::uint64_t> sequence{0};
  };
  struct alignas(128) Credit {
    std::atomic<std::uint64_t> taken{0};
  };

 public:
  static constexpr AdapterInfo kInfo{.name = !kRing             ? "bare slot"
                                             : sizeof(T) > 1024 ? "bare memcpy hand-over"
                                                                : "bare slots",
                                     .kind = Kind::kLimit};

  explicit IpcBareSlots(const IpcPlan& plan)
      : plan_(plan),
        slots_(kRing ? plan.capacity : 1),
        slot_(block_.make<Slot>(slots_)),
        credit_(block_.make<Credit>(plan.readers)) {}

  struct Writer {
    explicit Writer(IpcBareSlots& adapter) : all(adapter) {}
    void send(const T& message) noexcept {
      while (kRing && at == limit) find_room();
      Slot& slot = all.slot_[index];
      slot.payload = message;
      slot.sequence.store(++at, std::memory_order_release);
      if (++index == all.slots_) index = 0;
    }
    void find_room() noexcept {
      IpcWaiting waiting(all.plan_);
      while (true) {
        std::uint64_t slowest = at;
        for (std::size_t i = 0; i < all.plan_.readers; ++i) {
          slowest = std::min(slowest, all.credit_[i].taken.load(std::memory_order_acquire));
        }
        limit = slowest + all.slots_;
        if (limit != at) return;
        waiting.step();
      }
    }
    IpcBareSlots& all;
    std::uint64_t at = 0, limit = 0;
    std::size_t index = 0;
  };

  struct Reader {
    Reader(IpcBareSlots& adapter, std::size_t reader)
        : all(adapter),
          own(adapter.credit_[reader]),
          part(std::max<std::size_t>(all.slots_ / 8, 1)) {}
    template <class Handler>
    bool poll(Handler&& handler) {
      Slot& slot = all.slot_[index];
      if (slot.sequence.load(std::memory_order_acquire) != at + 1) return false;
      if (++index == all.slots_) index = 0;
      handler(slot.payload);
      if (++at % part == 0 && kRing) own.taken.store(at, std::memory_order_release);
      return true;
    }
    IpcBareSlots& all;
    Credit& own;
    const std::size_t part;
    std::uint64_t at = 0;
    std::size_t index = 0;
  };

 private:
  const IpcPlan plan_;
  const std::size_t slots_;
  SharedBlock block_;
  Slot* const slot_;
  Credit* const credit_;
};

template <class T>
using IpcBareSlot = IpcBareSlots<T, false>;
template <class T>
using IpcBareRing = IpcBareSlots<T, true>;

}  // namespace ringway::bench
