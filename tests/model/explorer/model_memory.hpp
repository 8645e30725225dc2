// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The memory policy that puts the explorer in the hardware's place.
///
/// `SpscRing<int, ModelMemory>` is the library's own code; each operation on a shared word goes to
/// the explorer whose execution is running. With none running, words behave like plain variables.
/// Every operation takes a defaulted `Place`, by which a site is known in traces and
/// in mutation runs.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "explorer/explorer.hpp"
#include "explorer/place.hpp"
#include "ringway/base/asymmetric_fence.hpp"

namespace ringway::model {

struct ModelMemory {
  using Order = std::memory_order;

  /// As large as U and trivially destructible, so that it fits wherever std::atomic<U> does. Words
  /// are known by address; memory that was never constructed holds what its bytes say.
  template <class U>
  class alignas(sizeof(U)) Atomic {
    static_assert(std::is_trivially_copyable_v<U> && sizeof(U) <= sizeof(std::uint64_t));

   public:
    using value_type = U;
    static constexpr bool is_always_lock_free = true;

    Atomic() noexcept : Atomic(U{}) {}
    Atomic(U initial) noexcept
        : value_(initial) {  // NOLINT(google-explicit-constructor): as atomic
      if (!plain()) running()->construct(this, bits(initial));
    }
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    [[nodiscard]] U load(Order order, Place place = Place::current()) const noexcept {
      if (plain()) return value_;
      return value(running()->load(this, bits(value_), order, place));
    }
    void store(U desired, Order order, Place place = Place::current()) noexcept {
      if (plain()) {
        value_ = desired;
      } else {
        running()->store(this, bits(value_), bits(desired), order, place);
      }
    }
    U exchange(U desired, Order order, Place place = Place::current()) noexcept {
      return update([&](U) { return desired; }, order, place);
    }
    U fetch_add(U amount, Order order, Place place = Place::current()) noexcept {
      return update([&](U old) { return static_cast<U>(old + amount); }, order, place);
    }
    U fetch_sub(U amount, Order order, Place place = Place::current()) noexcept {
      return update([&](U old) { return static_cast<U>(old - amount); }, order, place);
    }
    U fetch_and(U mask, Order order, Place place = Place::current()) noexcept {
      return update([&](U old) { return static_cast<U>(old & mask); }, order, place);
    }
    U fetch_or(U mask, Order order, Place place = Place::current()) noexcept {
      return update([&](U old) { return static_cast<U>(old | mask); }, order, place);
    }
    U fetch_xor(U mask, Order order, Place place = Place::current()) noexcept {
      return update([&](U old) { return static_cast<U>(old ^ mask); }, order, place);
    }
    bool compare_exchange_strong(U& expected, U desired, Order success, Order failure,
                                 Place place = Place::current()) noexcept {
      return compare_exchange(expected, desired, success, failure, false, place);
    }
    bool compare_exchange_weak(U& expected, U desired, Order success, Order failure,
                               Place place = Place::current()) noexcept {
      return compare_exchange(expected, desired, success, failure, true, place);
    }

   private:
    static Operations* running() { return Operations::running; }
    static bool plain() { return running() == nullptr || running()->prepares(); }
    static std::uint64_t bits(U value) {
      std::uint64_t wide = 0;
      std::memcpy(&wide, &value, sizeof value);
      return wide;
    }
    static U value(std::uint64_t wide) {
      U narrow;
      std::memcpy(&narrow, &wide, sizeof narrow);
      return narrow;
    }

    template <class Compute>
    U update(Compute&& compute, Order order, const Place& place) noexcept {
      if (plain()) {
        const U old = value_;
        value_ = compute(old);
        return old;
      }
      return value(running()->update(
          this, bits(value_), [&](std::uint64_t old) { return bits(compute(value(old))); }, order,
          place));
    }

    bool compare_exchange(U& expected, U desired, Order success, Order failure, bool weak,
                          const Place& place) noexcept {
      if (plain()) {
        const bool equal = bits(value_) == bits(expected);
        (equal ? value_ : expected) = equal ? desired : value_;
        return equal;
      }
      std::uint64_t wide = bits(expected);
      const bool done = running()->compare_exchange(this, bits(value_), wide, bits(desired),
                                                    success, failure, weak, place);
      expected = value(wide);
      return done;
    }

    U value_;
    friend struct ModelMemory;
  };

  static void fence(Order order, Place place = Place::current()) noexcept {
    if (Operations::running != nullptr) Operations::running->fence(order, place);
  }
  static void light_fence(Place place = Place::current()) noexcept {
    if (Operations::running != nullptr) Operations::running->light_fence(place);
  }
  static bool heavy_fence(Place place = Place::current()) noexcept {
    return Operations::running == nullptr || Operations::running->heavy_fence(place);
  }

  static void before_read(const void* pointer, std::size_t bytes,
                          Place place = Place::current()) noexcept {
    if (Operations::running == nullptr) return;
    Operations::running->access(pointer, bytes, Payload::Access::kRead, place);
  }
  static void before_write(const void* pointer, std::size_t bytes,
                           Place place = Place::current()) noexcept {
    if (Operations::running == nullptr) return;
    Operations::running->access(pointer, bytes, Payload::Access::kWrite, place);
  }

  static bool futex_wait(Atomic<std::uint32_t>& word, std::uint32_t expected,
                         std::int64_t timeout_ns, Place place = Place::current()) noexcept {
    if (Operations::running == nullptr) return false;
    return Operations::running->futex_wait(&word, word.value_, expected, timeout_ns, place);
  }
  static void futex_wake(Atomic<std::uint32_t>& word, int count,
                         Place place = Place::current()) noexcept {
    if (Operations::running == nullptr) return;
    Operations::running->futex_wake(&word, word.value_, count, place);
  }

  /// Both await: the thread goes on when there is something that it has not seen.
  static void relax(Place place = Place::current()) noexcept {
    if (Operations::running != nullptr) Operations::running->await(place);
  }
  static void yield(Place place = Place::current()) noexcept { relax(place); }
  /// Nothing: which thread goes on is explored anyway.
  static void back_off() noexcept {}
  /// One look: that time passes between two is explored anyway.
  template <class Look>
  static bool soon(Look&& look) noexcept {
    return look();
  }
  /// The processor that needs to be helped: more of the code runs.
  static bool streams_in_hardware() noexcept { return false; }
};

}  // namespace ringway::model

template <>
inline bool ringway::heavy_fence_granted<ringway::model::ModelMemory>() noexcept {
  using ringway::model::Operations;
  return Operations::running == nullptr || Operations::running->grants_heavy_fence();
}
