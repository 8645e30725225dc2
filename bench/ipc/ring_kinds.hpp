// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What ipc_ringway_rings.hpp has to know of each kind of ring.

#include <cstddef>
#include <cstring>
#include <span>

#include "ipc/plan.hpp"
#include "ipc/shared_block.hpp"
#include "ringway/ring/broadcast_byte_ring.hpp"
#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/byte_ring.hpp"
#include "ringway/ring/spsc_ring.hpp"
#include "ringway/shm/shared_memory.hpp"

namespace ringway::bench {

inline constexpr std::size_t kDrainAtOnce = 64;

template <class T>
struct SpscKind {
  using Ring = SpscRing<T, SharedMemory>;
  using Reader = typename Ring::Consumer;
  static constexpr const char* kName = "SpscRing";
  static typename Ring::Options options(const IpcPlan& plan) { return {.capacity = plan.capacity}; }
  static Reader reader(Ring& ring) { return ring.consumer().value(); }
  static bool try_send(typename Ring::Producer& producer, const T& message) {
    return producer.try_push(message);
  }
  template <class Handler>
  static std::size_t drain(Reader& reader, Handler&& handler) {
    return reader.drain([&](T& message) { handler(message); }, kDrainAtOnce);
  }
};

template <class T>
struct BroadcastKind {
  using Ring = BroadcastRing<T, SharedMemory>;
  using Reader = typename Ring::Cursor;
  static constexpr const char* kName = "BroadcastRing";
  static typename Ring::Options options(const IpcPlan& plan) {
    return {.capacity = plan.capacity, .max_cursors = plan.readers};
  }
  static Reader reader(Ring& ring) { return ring.cursor().value(); }
  static bool try_send(typename Ring::Producer& producer, const T& message) {
    return producer.try_push(message);
  }
  template <class Handler>
  static std::size_t drain(Reader& reader, Handler&& handler) {
    return reader.drain([&](const T& message) { handler(message); }, kDrainAtOnce);
  }
};

/// What both rings of bytes share.
template <class T, class ByteRing>
struct FrameKind {
  static bool try_send(typename ByteRing::Producer& producer, const T& message) {
    auto claim = producer.try_claim(sizeof(T));
    if (!claim) return false;
    std::memcpy(claim.bytes().data(), &message, sizeof(T));
    claim.commit();
    return true;
  }
  template <class Reader, class Handler>
  static std::size_t drain(Reader& reader, Handler&& handler) {
    return reader.drain(
        [&](std::span<const std::byte> bytes) {
          handler(*reinterpret_cast<const T*>(bytes.data()));
        },
        1);
  }
};

template <class T>
struct ByteKind : FrameKind<T, BasicByteRing<SharedMemory>> {
  using Ring = BasicByteRing<SharedMemory>;
  using Reader = Ring::Consumer;
  static constexpr const char* kName = "ByteRing";
  static Ring::Options options(const IpcPlan& plan) {
    return {.capacity = plan.capacity * frame_bytes(sizeof(T)), .max_frame = sizeof(T)};
  }
  static Reader reader(Ring& ring) { return ring.consumer().value(); }
};

template <class T>
struct BroadcastByteKind : FrameKind<T, BasicBroadcastByteRing<SharedMemory>> {
  using Ring = BasicBroadcastByteRing<SharedMemory>;
  using Reader = Ring::Cursor;
  static constexpr const char* kName = "BroadcastByteRing";
  static Ring::Options options(const IpcPlan& plan) {
    return {.capacity = plan.capacity * frame_bytes(sizeof(T)),
            .max_frame = sizeof(T),
            .max_cursors = plan.readers};
  }
  static Reader reader(Ring& ring) { return ring.cursor().value(); }
};

}  // namespace ringway::bench
