// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a bounded queue in one order costs at least if it takes one item per call: slots of an item
/// and a flag. Shared, each is claimed by a ticket: not a queue, since who has taken one must use
/// it.

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "workload/adapter.hpp"

namespace ringway::bench {

/// One thread at either end, which counts for itself.
template <class T>
class BareFlags {
  struct alignas(16) Slot {
    std::atomic<std::uint64_t> full{0};
    T item;
  };

 public:
  static constexpr AdapterInfo kInfo{
      .name = "limit: bare slots with a flag", .kind = Kind::kLimit, .single_roles = true};

  explicit BareFlags(std::size_t capacity) : slots_(std::bit_ceil(capacity)) {}

  struct Producer {
    explicit Producer(BareFlags& queue)
        : slots(queue.slots_.data()), mask(queue.slots_.size() - 1) {}
    bool try_push(const T& message) {
      Slot& slot = slots[at & mask];
      if (slot.full.load(std::memory_order_acquire) != 0) return false;
      slot.item = message;
      slot.full.store(1, std::memory_order_release);
      ++at;
      return true;
    }
    Slot* slots;
    std::uint64_t mask;
    std::uint64_t at = 0;
  };

  struct Consumer {
    explicit Consumer(BareFlags& queue)
        : slots(queue.slots_.data()), mask(queue.slots_.size() - 1) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      Slot& slot = slots[at & mask];
      if (slot.full.load(std::memory_order_acquire) == 0) return false;
      handler(slot.item);
      slot.full.store(0, std::memory_order_release);
      ++at;
      return true;
    }
    Slot* slots;
    std::uint64_t mask;
    std::uint64_t at = 0;
  };

 private:
  std::vector<Slot> slots_;
};

/// Any number of threads at either end.
template <class T>
class BareSlots {
  struct alignas(16) Slot {
    std::atomic<std::uint64_t> state{0};  // 2 * ticket: free; one more: full
    T item;
  };

 public:
  static constexpr AdapterInfo kInfo{.name = "limit: bare slots in one order",
                                     .kind = Kind::kLimit};

  explicit BareSlots(std::size_t capacity) : slots_(std::bit_ceil(capacity)) {
    for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].state = 2 * i;
  }

  struct Producer {
    explicit Producer(BareSlots& the_queue)
        : queue(the_queue), slots(queue.slots_.data()), mask(queue.slots_.size() - 1) {}
    bool try_push(const T& message) {
      if (ticket == kNone) ticket = queue.claimed_.fetch_add(1, std::memory_order_relaxed);
      Slot& slot = slots[ticket & mask];
      if (slot.state.load(std::memory_order_acquire) != 2 * ticket) return false;
      slot.item = message;
      slot.state.store(2 * std::exchange(ticket, kNone) + 1, std::memory_order_release);
      return true;
    }
    BareSlots& queue;
    Slot* slots;
    std::uint64_t mask;
    std::uint64_t ticket = kNone;
  };

  struct Consumer {
    explicit Consumer(BareSlots& the_queue)
        : queue(the_queue), slots(queue.slots_.data()), mask(queue.slots_.size() - 1) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      if (ticket == kNone) ticket = queue.taken_.fetch_add(1, std::memory_order_relaxed);
      Slot& slot = slots[ticket & mask];
      if (slot.state.load(std::memory_order_acquire) != 2 * ticket + 1) return false;
      handler(slot.item);
      slot.state.store(2 * (std::exchange(ticket, kNone) + mask + 1), std::memory_order_release);
      return true;
    }
    BareSlots& queue;
    Slot* slots;
    std::uint64_t mask;
    std::uint64_t ticket = kNone;
  };

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::vector<Slot> slots_;
  alignas(128) std::atomic<std::uint64_t> claimed_{0};
  alignas(128) std::atomic<std::uint64_t> taken_{0};
};

}  // namespace ringway::bench
