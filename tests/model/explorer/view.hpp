// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What a thread, a message or a fence knows: the small value types of the memory model.
///
/// *View*: for each word, the newest store that must not be missed any more. *Clock*: a vector
/// clock, how much of each thread's past happens before here; it decides about data races. A view
/// grows by reading, whatever the order; a clock grows by synchronising alone.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace ringway::model {

using ThreadId = std::uint8_t;
using LocationId = std::uint16_t;
using StoreId = std::uint16_t;  // counts the stores to one word in the order of their execution

inline constexpr std::size_t kMaxThreads = 6;  // the body of the model is thread 0
inline constexpr std::size_t kMaxLocations = 128;
inline constexpr std::size_t kMaxStoresPerLocation = 96;
inline constexpr std::size_t kMaxStores = 2048;
inline constexpr LocationId kNoLocation = 0xffff;

struct Clock {
  std::array<std::uint32_t, kMaxThreads> time{};

  void join(const Clock& other) {
    for (std::size_t i = 0; i < kMaxThreads; ++i) time[i] = std::max(time[i], other.time[i]);
  }
  [[nodiscard]] bool covers(ThreadId thread, std::uint32_t at) const { return time[thread] >= at; }
};

/// Store 0 of a word is its initial value, so the empty view knows nothing beyond that.
struct View {
  std::array<StoreId, kMaxLocations> newest{};
};

struct Knowledge {
  View view;
  Clock clock;
};

/// One store in a word's history. `message` is what an acquiring reader learns with the value.
struct Store {
  std::uint64_t value = 0;
  ThreadId thread = 0;
  bool update =
      false;  // written by a read-modify-write: nothing may come between it and its source
  std::uint32_t step = 0;
  Knowledge message;
};

/// A shared word and its modification order: order[rank] is a store, rank[store] its place.
struct Location {
  const void* address = nullptr;
  std::uint16_t count = 0;
  ThreadId made_by = 0;
  std::uint32_t made_at = 0;  // 0: it was there before the execution began
  bool freed = false;
  bool futex = false;  // learnt in an earlier execution: somebody sleeps on it
  std::array<std::uint32_t, kMaxThreads> accessed{};  // each thread's clock at its last access
  std::array<std::uint16_t, kMaxStoresPerLocation> pool{};
  std::array<StoreId, kMaxStoresPerLocation> order{};
  std::array<std::uint16_t, kMaxStoresPerLocation> rank{};
};

/// The part of a modelled thread that the memory model needs.
struct ThreadMemory {
  Knowledge current;
  Knowledge acquirable;  // read without acquire; an acquire fence makes it current
  Knowledge released;    // current at the last release fence; what relaxed stores hand on
  std::array<StoreId, kMaxLocations> last_read{};
  std::array<std::uint8_t, kMaxLocations> repeats{};  // of last_read, within one operation
};

}  // namespace ringway::model
