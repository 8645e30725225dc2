// SPDX-License-Identifier: Apache-2.0
// Compiles the rings over atomics that know no default memory order and no operators: an order that
// is not spelled does not compile. It also shows that a ring needs nothing but its Memory policy.
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/lock_free_mpmc_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"
#include "ringway/ring/mpmc_ring.hpp"
#include "ringway/ring/spsc_ring.hpp"

namespace {

template <class U>
class StrictAtomic {
 public:
  static constexpr bool is_always_lock_free = std::atomic<U>::is_always_lock_free;

  StrictAtomic() noexcept = default;
  constexpr StrictAtomic(U value) noexcept  // NOLINT(google-explicit-constructor): like std::atomic
      : word_(value) {}

  U load(std::memory_order order) const noexcept { return word_.load(order); }
  void store(U value, std::memory_order order) noexcept { word_.store(value, order); }
  U exchange(U value, std::memory_order order) noexcept { return word_.exchange(value, order); }
  bool compare_exchange_weak(U& expected, U value, std::memory_order success,
                             std::memory_order failure) noexcept {
    return word_.compare_exchange_weak(expected, value, success, failure);
  }
  bool compare_exchange_strong(U& expected, U value, std::memory_order success,
                               std::memory_order failure) noexcept {
    return word_.compare_exchange_strong(expected, value, success, failure);
  }
  U fetch_add(U value, std::memory_order order) noexcept { return word_.fetch_add(value, order); }
  U fetch_sub(U value, std::memory_order order) noexcept { return word_.fetch_sub(value, order); }
  U fetch_or(U value, std::memory_order order) noexcept { return word_.fetch_or(value, order); }
  U fetch_and(U value, std::memory_order order) noexcept { return word_.fetch_and(value, order); }

 private:
  std::atomic<U> word_;
};

struct StrictMemory {
  template <class U>
  using Atomic = StrictAtomic<U>;

  static void fence(std::memory_order order) noexcept { std::atomic_thread_fence(order); }
  static void light_fence() noexcept { fence(std::memory_order_seq_cst); }
  static bool heavy_fence() noexcept {
    fence(std::memory_order_seq_cst);
    return true;
  }
  static void before_read(const void*, std::size_t) noexcept {}
  static void before_write(const void*, std::size_t) noexcept {}
  static void relax() noexcept {}
  static void back_off() noexcept {}
  static void yield() noexcept {}
  template <class Look>
  static bool soon(Look&& look) noexcept {
    return look();
  }
  static bool streams_in_hardware() noexcept { return false; }
};

}  // namespace

// Instantiates every member function that is not itself a template; the functions below do those.
template class ringway::SpscRing<int, StrictMemory>;
template class ringway::MpmcRing<int, StrictMemory>;
template class ringway::LockFreeMpmcRing<int, StrictMemory>;
template class ringway::BroadcastRing<int, StrictMemory>;
template class ringway::LossyBroadcastRing<int, StrictMemory>;

namespace {

constexpr auto kIgnore = [](const int&) {};

template <class Ring>
bool pass_one(Ring& ring) {
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  auto claim = producer.try_claim(1);
  if (claim) claim.commit();
  return producer.try_emplace(2) && consumer.drain(kIgnore, 1) == 1 && consumer.try_pop() == 2;
}

}  // namespace

int main() {
  auto spsc = ringway::SpscRing<int, StrictMemory>::create({.capacity = 2}).value();
  auto mpmc = ringway::MpmcRing<int, StrictMemory>::create({.capacity = 2}).value();
  auto lock_free = ringway::LockFreeMpmcRing<int, StrictMemory>::create({.capacity = 2}).value();
  auto broadcast = ringway::BroadcastRing<int, StrictMemory>::create({.capacity = 2}).value();
  auto cursor = broadcast.cursor().value();
  auto lossy = ringway::LossyBroadcastRing<int, StrictMemory>::create({.capacity = 2}).value();
  auto lossy_cursor = lossy.lossy_cursor().value();
  const bool passed = pass_one(spsc) && pass_one(mpmc) && pass_one(lock_free) &&
                      broadcast.producer().value().try_push(1) && cursor.drain(kIgnore, 1) == 1 &&
                      lossy.producer().value().try_push(1) && lossy_cursor.drain(kIgnore, 1) == 1;
  return passed ? 0 : 1;
}
