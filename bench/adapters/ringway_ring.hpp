// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ringway::SpscRing and ringway::MpmcRing for the driver.

#include <span>
#include <type_traits>
#include <utility>

#include "ringway/ring/mpmc_ring.hpp"
#include "ringway/ring/spsc_ring.hpp"
#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T, class Ring>
class RingwayRing {
 public:
  static constexpr AdapterInfo kInfo{
      .name = std::is_same_v<Ring, SpscRing<T>> ? "SpscRing" : "MpmcRing", .kind = Kind::kRingway};

  explicit RingwayRing(std::size_t capacity)
      : ring_(Ring::create({.capacity = capacity}).value()) {}

  struct Producer {
    explicit Producer(RingwayRing& adapter) : producer(adapter.ring_.producer().value()) {}
    bool try_push(const T& message) { return producer.try_push(message); }
    std::size_t try_push_batch(std::span<const T> messages) {
      return producer.try_push_batch(messages);
    }
    typename Ring::Producer producer;
  };

  struct Consumer {
    explicit Consumer(RingwayRing& adapter) : consumer(adapter.ring_.consumer().value()) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      return hand_over(consumer.try_pop(), handler);
    }
    template <class Handler>
    std::size_t try_pop_batch(Handler&& handler, std::size_t limit) {
      return consumer.drain(std::forward<Handler>(handler), limit);
    }
    typename Ring::Consumer consumer;
  };

 private:
  Ring ring_;
};

/// Each message is read where it lies instead of being moved out first.
template <class T>
class RingwaySpscInPlace : public RingwayRing<T, SpscRing<T>> {
  using Ring = RingwayRing<T, SpscRing<T>>;

 public:
  static constexpr AdapterInfo kInfo{.name = "SpscRing, in place", .kind = Kind::kRingway};

  using Ring::Ring;

  struct Consumer : Ring::Consumer {
    using Ring::Consumer::Consumer;
    template <class Handler>
    bool try_pop(Handler&& handler) {
      return this->consumer.drain(std::forward<Handler>(handler), 1) != 0;
    }
  };
};

template <class T>
using RingwaySpsc = RingwayRing<T, SpscRing<T>>;
template <class T>
using RingwayMpmc = RingwayRing<T, MpmcRing<T>>;

}  // namespace ringway::bench
