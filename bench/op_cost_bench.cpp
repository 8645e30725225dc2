// SPDX-License-Identifier: Apache-2.0
/// \file
/// ringway_op_cost: what single operations cost on one thread without contention, by Google
/// Benchmark. Names: topology / operation / subject / bytes. Times are of one push with its pop.

#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <span>
#include <string>

#include "adapters/mutex_queue.hpp"
#include "adapters/ringway_channel.hpp"
#include "adapters/ringway_ring.hpp"
#include "rows/peers.hpp"
#include "workload/message.hpp"

namespace ringway::bench {
namespace {

constexpr std::size_t kCapacity = 1024;
constexpr std::size_t kBatch = 32;

/// One push, one pop.
template <class Adapter, class T>
void push_pop(benchmark::State& state) {
  const auto queue = std::make_unique<Adapter>(kCapacity);
  typename Adapter::Producer producer(*queue);
  typename Adapter::Consumer consumer(*queue);
  WholeStreamChecker checker;
  std::uint64_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(producer.try_push(make_message<T>(make_tag(0, i++))));
    benchmark::DoNotOptimize(
        consumer.try_pop([&](const T& message) noexcept { checker.take(message); }));
  }
  if (checker.count() != i || !checker.violation().empty()) {
    state.SkipWithError("a message was lost or arrived wrongly");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(i));
}

/// A batch in, a batch out; items per second count single messages.
template <class Adapter, class T>
void push_pop_batch(benchmark::State& state) {
  const auto queue = std::make_unique<Adapter>(kCapacity);
  typename Adapter::Producer producer(*queue);
  typename Adapter::Consumer consumer(*queue);
  WholeStreamChecker checker;
  std::array<T, kBatch> items;
  std::uint64_t i = 0;
  for (auto _ : state) {
    for (T& item : items) item = make_message<T>(make_tag(0, i++));
    benchmark::DoNotOptimize(producer.try_push_batch(std::span<const T>(items)));
    benchmark::DoNotOptimize(
        consumer.try_pop_batch([&](const T& message) noexcept { checker.take(message); }, kBatch));
  }
  if (checker.count() != i || !checker.violation().empty()) {
    state.SkipWithError("a message was lost or arrived wrongly");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(i));
}

template <class Adapter, class T>
void add(const std::string& topology) {
  if constexpr (!std::is_base_of_v<MissingPeer, Adapter>) {
    const std::string rest =
        std::string(Adapter::kInfo.name) + "/" + std::to_string(sizeof(T)) + "B";
    benchmark::RegisterBenchmark((topology + "/push_pop/" + rest).c_str(), push_pop<Adapter, T>);
    if constexpr (BatchAdapter<Adapter, T>) {
      benchmark::RegisterBenchmark((topology + "/batch_of_32/" + rest).c_str(),
                                   push_pop_batch<Adapter, T>);
    }
  }
}

template <class T>
void add_payload() {
  add<RingwaySpsc<T>, T>("OneToOne");
  add<RingwayChannel<T, SpscChannelKind<T, SpinPark>>, T>("OneToOne");
  add<BoostSpsc<T>, T>("OneToOne");
  add<ReaderWriterQueue<T>, T>("OneToOne");
  add<CdsWeakRing<T>, T>("OneToOne");
  add<RingwayMpmc<T>, T>("ManyToMany");
  add<XeniumVyukov<T>, T>("ManyToMany");
  add<CdsVyukov<T>, T>("ManyToMany");
  add<BoostMpmc<T>, T>("ManyToMany");
  add<Moodycamel<T>, T>("ManyToMany");
  add<MutexQueue<T>, T>("ManyToMany");
}

}  // namespace
}  // namespace ringway::bench

int main(int argc, char** argv) {
  ringway::bench::add_payload<ringway::bench::Message<8>>();
  ringway::bench::add_payload<ringway::bench::Message<64>>();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
