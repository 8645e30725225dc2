// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The C++ memory model as a machine: words with histories, threads with views.
///
/// *What.* Each word keeps all its stores in modification order. A thread may read any store that
/// is not older than what its view already knows of that word; it may place a store anywhere after
/// that point, as modification order need not be the order of execution. What the machine may do is
/// listed by `readable` and `places`; the explorer chooses.
///
/// *Rules.*
/// - Coherence: reading or writing a word moves the thread's view of it.
/// - Release and acquire: a store carries what its thread knew (release) or had known at its last
///   release fence (relaxed). An acquire load, or a later acquire fence, takes that over.
/// - A read-modify-write reads the store just before its own and hands on what that one carried: a
///   release sequence, which since C++20 plain stores of the same thread do not continue.
/// - seq_cst: one global view. A fence joins with it both ways; an access joins with it on its own
///   word. That is C++20's coherence-ordered-before, with execution as the single total order.
/// - Asymmetric fences (P1202): the heavy one is a seq_cst fence that also joins what the light
///   ones have put down; a light one joins what heavy ones have put down. So a heavy fence acts as
///   a seq_cst fence in every thread, at the place of its nearest light fence.
///
/// *Left out.* Load buffering: no thread reads a store that has not been executed yet. Orders of
/// seq_cst operations that contradict happens-before, which C++20 allows where seq_cst and weaker
/// accesses to one word are mixed (Z6.U of the paper below). `consume` is `acquire`.
///
/// Sources: J. Kang et al., "A promising semantics for relaxed-memory concurrency", POPL 2017 (the
/// views; promises left out); O. Lahav et al., "Repairing sequential consistency in C/C++11", PLDI
/// 2017; D. Goldblatt, P1202R5, "Asymmetric fences".

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "explorer/view.hpp"

namespace ringway::model {

constexpr bool acquires(std::memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_consume ||
         order == std::memory_order_acq_rel || order == std::memory_order_seq_cst;
}
constexpr bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}
constexpr bool is_seq_cst(std::memory_order order) {
  return order == std::memory_order_seq_cst;
}

class MemoryModel {
 public:
  /// A thread reads one stale store of a word at most so often in one operation of the model.
  std::uint8_t stale_limit = 2;

  MemoryModel() : locations_(kMaxLocations), stores_(kMaxStores), table_(kTableSize) {}

  void reset() {
    location_count_ = 0;
    store_count_ = 0;
    ++generation_;
    global_ = View{};
    light_ = View{};
    heavy_ = View{};
    woken_ = View{};
    overflow_ = false;
  }

  /// The word at `address`, or kNoLocation.
  [[nodiscard]] LocationId find(const void* address) const {
    for (std::size_t i = hash(address);; i = (i + 1) % kTableSize) {
      if (table_[i].generation != generation_) return kNoLocation;
      if (table_[i].address == address) return table_[i].location;
    }
  }

  /// Ends the history of the word at `address`, if there is one.
  void forget(const void* address) {
    for (std::size_t i = hash(address); table_[i].generation == generation_;
         i = (i + 1) % kTableSize) {
      if (table_[i].address == address) table_[i].location = kNoLocation;
    }
  }

  /// Begins the history of a word with its initial value; a former one at this address is over.
  LocationId add(const void* address, std::uint64_t initial, ThreadId by, std::uint32_t at) {
    if (location_count_ == kMaxLocations) {
      overflow_ = true;
      return 0;
    }
    const auto id = static_cast<LocationId>(location_count_++);
    Location& location = locations_[id];
    location.address = address;
    location.count = 0;
    location.made_by = by;
    location.made_at = at;
    location.freed = false;
    location.futex = false;
    location.accessed.fill(0);
    std::size_t i = hash(address);
    while (table_[i].generation == generation_ && table_[i].address != address) {
      i = (i + 1) % kTableSize;
    }
    table_[i] = {address, generation_, id};
    Store& store = insert(location, 0);
    store.value = initial;
    store.thread = by;
    store.update = false;
    store.message = Knowledge{};
    return id;
  }

  [[nodiscard]] Location& location(LocationId id) { return locations_[id]; }
  [[nodiscard]] const Location& location(LocationId id) const { return locations_[id]; }
  [[nodiscard]] std::size_t location_count() const { return location_count_; }
  [[nodiscard]] bool overflow() const { return overflow_; }
  [[nodiscard]] Store& store_of(LocationId id, StoreId store) {
    return stores_[locations_[id].pool[store]];
  }
  [[nodiscard]] std::uint64_t newest_value(LocationId id) const {
    return stores_[locations_[id].pool[latest(id)]].value;
  }
  [[nodiscard]] StoreId latest(LocationId id) const {
    return locations_[id].order[locations_[id].count - 1U];
  }

  /// Stores that `thread` may read, newest first, none executed before store number `least`.
  /// \return how many were put into `out`.
  std::size_t readable(const ThreadMemory& thread, LocationId id, bool seq_cst, StoreId least,
                       StoreId* out) const {
    const Location& word = locations_[id];
    const std::size_t floor = floor_of(thread, id, seq_cst);
    std::size_t n = 0;
    for (std::size_t rank = word.count; rank-- > floor;) {
      const StoreId store = word.order[rank];
      const bool worn_out = rank + 1U != word.count && store == thread.last_read[id] &&
                            thread.repeats[id] >= stale_limit;
      if (store >= least && !worn_out) out[n++] = store;
    }
    return n;
  }

  /// Takes out of the first `count` stores of `choices` those that a relaxed load need not read:
  /// an older readable store has the same value and carries no more. Who reads that one knows less,
  /// and so can do all that the other could. \return how many are left
  std::size_t without_equals(const ThreadMemory& thread, LocationId id, bool seq_cst,
                             StoreId* choices, std::size_t count) {
    std::array<StoreId, kMaxStoresPerLocation> all;
    const std::size_t readable_count = readable(thread, id, seq_cst, 0, all.data());
    std::size_t left = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Store& store = store_of(id, choices[i]);
      bool equalled = false;
      for (std::size_t j = readable_count; j-- > 0 && all[j] != choices[i] && !equalled;) {
        const Store& older = store_of(id, all[j]);
        equalled = older.value == store.value && within(older.message, store.message);
      }
      if (!equalled) choices[left++] = choices[i];
    }
    return left;
  }

  /// True if an update may read `store`: no other update has taken the place behind it.
  [[nodiscard]] bool can_update(LocationId id, StoreId store) {
    const Location& word = locations_[id];
    const std::size_t next = word.rank[store] + 1U;
    return next == word.count || !stores_[word.pool[word.order[next]]].update;
  }

  /// Ranks at which `thread` may place a plain store, the end of the history first.
  std::size_t places(const ThreadMemory& thread, LocationId id, bool seq_cst, std::uint16_t* out) {
    const Location& word = locations_[id];
    const std::size_t floor = floor_of(thread, id, seq_cst);
    std::size_t n = 0;
    out[n++] = word.count;
    for (std::size_t rank = word.count; --rank > floor;) {
      if (!stores_[word.pool[word.order[rank]]].update) out[n++] = static_cast<std::uint16_t>(rank);
    }
    return n;
  }

  void read(ThreadMemory& thread, LocationId id, StoreId store, std::memory_order order) {
    const Store& source = store_of(id, store);
    if (thread.last_read[id] == store) {
      if (thread.repeats[id] != 0xff) ++thread.repeats[id];
    } else {
      thread.last_read[id] = store;
      thread.repeats[id] = 1;
    }
    learn(thread.current.view, id, store);
    if (is_seq_cst(order)) learn(global_, id, store);
    join(acquires(order) ? thread.current : thread.acquirable, source.message);
  }

  void write(ThreadMemory& thread, ThreadId self, LocationId id, std::size_t rank,
             std::uint64_t value, std::memory_order order) {
    Store& store = insert(locations_[id], rank);
    store.value = value;
    store.thread = self;
    store.update = false;
    store.message = releases(order) ? thread.current : thread.released;
    settle(thread, self, id, store, order);
  }

  /// A read-modify-write that reads `source`.
  void update(ThreadMemory& thread, ThreadId self, LocationId id, StoreId source,
              std::uint64_t value, std::memory_order order) {
    read(thread, id, source, order);
    Store& store = insert(locations_[id], locations_[id].rank[source] + 1U);
    store.value = value;
    store.thread = self;
    store.update = true;
    store.message = releases(order) ? thread.current : thread.released;
    join(store.message, store_of(id, source).message);
    settle(thread, self, id, store, order);
  }

  void fence(ThreadMemory& thread, ThreadId self, std::memory_order order) {
    if (acquires(order)) join(thread.current, thread.acquirable);
    if (is_seq_cst(order)) {
      join(thread.current.view, global_);
      global_ = thread.current.view;
    }
    if (releases(order)) {
      thread.released = thread.current;
      ++thread.current.clock.time[self];
    }
  }

  void light_fence(ThreadMemory& thread) {
    join(thread.current.view, heavy_);
    join(light_, thread.current.view);
  }

  void heavy_fence(ThreadMemory& thread, ThreadId self) {
    join(global_, light_);
    fence(thread, self, std::memory_order_seq_cst);
    heavy_ = global_;
  }

  /// A futex wake and a later wait meet in the kernel: the sleeper cannot miss what the waker knew
  /// of this word.
  void futex_wake(const ThreadMemory& thread, LocationId id) {
    learn(woken_, id, thread.current.view.newest[id]);
  }
  void before_futex_wait(ThreadMemory& thread, LocationId id) {
    learn(thread.current.view, id, woken_.newest[id]);
  }

  [[nodiscard]] bool has_news(const ThreadMemory& thread, LocationId id) const {
    const Location& word = locations_[id];
    return word.rank[thread.current.view.newest[id]] + 1U < word.count;
  }
  /// The thread will not read its present value of this word again.
  void advance(ThreadMemory& thread, LocationId id) {
    const Location& word = locations_[id];
    thread.current.view.newest[id] = word.order[word.rank[thread.current.view.newest[id]] + 1U];
  }

  void join(View& into, const View& from) const {
    for (std::size_t i = 0; i < location_count_; ++i) {
      learn(into, static_cast<LocationId>(i), from.newest[i]);
    }
  }
  void join(Knowledge& into, const Knowledge& from) const {
    join(into.view, from.view);
    into.clock.join(from.clock);
  }

 private:
  static constexpr std::size_t kTableSize = 1024;
  struct Entry {
    const void* address = nullptr;
    std::uint64_t generation = 0;
    LocationId location = 0;
  };

  static std::size_t hash(const void* address) {
    return (reinterpret_cast<std::uintptr_t>(address) >> 2U) * 0x9e3779b97f4a7c15U >> 54U;
  }

  [[nodiscard]] bool within(const Knowledge& less, const Knowledge& more) const {
    for (std::size_t i = 0; i < kMaxThreads; ++i) {
      if (less.clock.time[i] > more.clock.time[i]) return false;
    }
    for (std::size_t i = 0; i < location_count_; ++i) {
      const Location& word = locations_[i];
      if (word.rank[less.view.newest[i]] > word.rank[more.view.newest[i]]) return false;
    }
    return true;
  }

  void learn(View& view, LocationId id, StoreId store) const {
    StoreId& known = view.newest[id];
    if (known != store && locations_[id].rank[store] > locations_[id].rank[known]) known = store;
  }

  [[nodiscard]] std::size_t floor_of(const ThreadMemory& thread, LocationId id,
                                     bool seq_cst) const {
    const Location& word = locations_[id];
    const std::size_t own = word.rank[thread.current.view.newest[id]];
    return seq_cst ? std::max<std::size_t>(own, word.rank[global_.newest[id]]) : own;
  }

  /// Makes room for a store at `rank` of the modification order.
  Store& insert(Location& word, std::size_t rank) {
    if (word.count == kMaxStoresPerLocation || store_count_ == kMaxStores) {
      overflow_ = true;
      return stores_[0];
    }
    const auto id = static_cast<StoreId>(word.count);
    for (std::size_t i = word.count; i > rank; --i) {
      word.order[i] = word.order[i - 1];
      word.rank[word.order[i]] = static_cast<std::uint16_t>(i);
    }
    word.order[rank] = id;
    word.rank[id] = static_cast<std::uint16_t>(rank);
    word.pool[id] = static_cast<std::uint16_t>(store_count_++);
    ++word.count;
    return stores_[word.pool[id]];
  }

  /// What follows every store: its own word is part of its message and of its thread's view.
  void settle(ThreadMemory& thread, ThreadId self, LocationId id, Store& store,
              std::memory_order order) {
    const auto number = static_cast<StoreId>(locations_[id].count - 1U);
    store.message.view.newest[id] = number;
    thread.current.view.newest[id] = number;
    if (is_seq_cst(order)) learn(global_, id, number);
    ++thread.current.clock.time[self];
  }

  std::size_t location_count_ = 0;
  std::size_t store_count_ = 0;
  std::uint64_t generation_ = 1;
  bool overflow_ = false;
  View global_;  // of the seq_cst fences and accesses
  View light_;   // put down by light fences, for heavy ones
  View heavy_;   // put down by heavy fences, for light ones
  View woken_;   // put down by futex wakes, for futex waits
  std::vector<Location> locations_;
  std::vector<Store> stores_;
  std::vector<Entry> table_;
};

}  // namespace ringway::model
