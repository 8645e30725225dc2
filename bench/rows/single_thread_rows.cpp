// SPDX-License-Identifier: Apache-2.0
/// \file
/// One thread: the cost of a push and its pop, and the memory of a slot.

#include "adapters/bare_slots.hpp"
#include "rows/pair_subjects.hpp"
#include "workload/single_thread.hpp"

namespace ringway::bench {
namespace {

constexpr unsigned kCapacity = 1024;
constexpr unsigned kManySlots = 65536;

template <class T, class... Adapters>
void add_memory(Row& row) {
  const auto add = [&]<class Adapter>(std::type_identity<Adapter>) {
    if constexpr (kExists<Adapter>) {
      row.subjects.push_back(alone_subject<Adapter>(
          [](std::uint64_t) { return measure_bytes_per_slot<Adapter, T>(kManySlots); }));
    }
  };
  (add(std::type_identity<Adapters>{}), ...);
}

Row op_cost_row(Variant variant) {
  return {.suite = "single thread",
          .topology = "op_cost",
          .variant = std::move(variant),
          .payload_bytes = 8,
          .capacity = kCapacity,
          .unit = "ns",
          .better = Better::kLower,
          .threads = 1};
}

/// Without oneTBB, whose allocator keeps its own books.
template <std::size_t kBytes>
Row memory_row() {
  using T = Message<kBytes>;
  Row row{.suite = "single thread",
          .topology = "memory",
          .payload_bytes = kBytes,
          .capacity = kManySlots,
          .unit = "bytes/slot",
          .better = Better::kLower,
          .threads = 1,
          .fixed_count = 1};
  add_memory<T, RingwaySpsc<T>, RingwayMpmc<T>, RingwayLockFreeMpmc<T>, BoostSpsc<T>,
             ReaderWriterQueue<T>, CdsWeakRing<T>, XeniumVyukov<T>, CdsVyukov<T>, BoostMpmc<T>,
             Moodycamel<T>, MutexQueue<T>>(row);
  return row;
}

}  // namespace

void add_single_thread_rows(Rows& rows, const Options& options) {
  using T = Message<8>;
  const auto add_pairs = [&]<bool kShared>(Variant variant, std::bool_constant<kShared>) {
    Row row = op_cost_row(std::move(variant));
    const auto add = [&]<class Adapter>() {
      row.subjects.push_back(alone_subject<Adapter>(
          [](std::uint64_t count) { return measure_pairs<Adapter, T>(kCapacity, count); }));
    };
    for_each_pair_subject<T, kCapacity, kShared>(add);
    add.template operator()<std::conditional_t<kShared, BareSlots<T>, BareFlags<T>>>();
    rows.push_back(std::move(row));
  };
  add_pairs({"spsc", "SPSC"}, std::false_type{});
  add_pairs({"mpmc", "MPMC"}, std::true_type{});
  for_each_payload<8, 64, 256>(options, {8, 64, 256},
                               [&]<std::size_t kBytes>() { rows.push_back(memory_row<kBytes>()); });
}

}  // namespace ringway::bench
