// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ringway::ByteRing for the driver: every message is a frame, written and read in place.

#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "ringway/ring/byte_ring.hpp"
#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class RingwayBytes {
 public:
  static constexpr AdapterInfo kInfo{
      .name = "ByteRing", .kind = Kind::kRingway, .single_roles = true};

  explicit RingwayBytes(std::size_t capacity)
      : ring_(ByteRing::create(
                  {.capacity = capacity * frame_bytes(sizeof(T)), .max_frame = sizeof(T)})
                  .value()) {}

  struct Producer {
    explicit Producer(RingwayBytes& adapter) : producer(adapter.ring_.producer().value()) {}
    bool try_push(const T& message) {
      auto claim = producer.try_claim(sizeof(T));
      if (!claim) return false;
      std::memcpy(claim.bytes().data(), &message, sizeof(T));
      claim.commit();
      return true;
    }
    ByteRing::Producer producer;
  };

  struct Consumer {
    explicit Consumer(RingwayBytes& adapter) : consumer(adapter.ring_.consumer().value()) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      return consumer.drain(
                 [&](std::span<const std::byte> bytes) {
                   handler(*reinterpret_cast<const T*>(bytes.data()));
                 },
                 1) != 0;
    }
    ByteRing::Consumer consumer;
  };

 private:
  ByteRing ring_;
};

}  // namespace ringway::bench
