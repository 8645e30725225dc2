// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ringway::BroadcastRing and ringway::LossyBroadcastRing (with reliable cursors) for the driver:
/// every consumer sees every message.

#include <span>
#include <type_traits>
#include <utility>

#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"
#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T, class Ring>
class RingwayBroadcastAdapter {
 public:
  static constexpr AdapterInfo kInfo{
      .name = std::is_same_v<Ring, BroadcastRing<T>> ? "BroadcastRing" : "LossyBroadcastRing",
      .kind = Kind::kRingway};

  RingwayBroadcastAdapter(std::size_t capacity, std::size_t readers)
      : ring_(Ring::create({.capacity = capacity, .max_cursors = readers}).value()) {}

  struct Producer {
    explicit Producer(RingwayBroadcastAdapter& adapter)
        : producer(adapter.ring_.producer().value()) {}
    bool try_push(const T& message) { return producer.try_push(message); }
    std::size_t try_push_batch(std::span<const T> messages) {
      return producer.try_push_batch(messages);
    }
    typename Ring::Producer producer;
  };

  struct Consumer {
    Consumer(RingwayBroadcastAdapter& adapter, std::size_t /*reader*/)
        : cursor(adapter.ring_.cursor().value()) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      return hand_over(cursor.try_read(), handler);
    }
    template <class Handler>
    std::size_t try_pop_batch(Handler&& handler, std::size_t limit) {
      return cursor.drain(std::forward<Handler>(handler), limit);
    }
    typename Ring::Cursor cursor;
  };

 private:
  Ring ring_;
};

}  // namespace ringway::bench
