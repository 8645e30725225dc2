// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Nanoseconds from sending to the handler in a process that has slept for a millisecond; and what
/// its waiting cost, and whether it really slept.

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "driver/clock.hpp"
#include "driver/statistics.hpp"
#include "ipc/nursery.hpp"
#include "ipc/receiver.hpp"
#include "ipc/stream.hpp"

namespace ringway::bench {

/// Processor time and sleeps of the whole process so far.
struct Usage {
  double cpu_ns = 0;
  double sleeps = 0;

  [[nodiscard]] static Usage now() noexcept {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return {static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec),
            static_cast<double>(usage.ru_nvcsw)};
  }
};

template <template <class> class Adapter, class T>
void run_wake(Crew& crew, std::uint64_t count) {
  const IpcPlan plan = crew.plan("there", 1, 64, true);
  Board& board = crew.board();
  Adapter<T> adapter(plan);
  const auto write = [&] {
    IpcSource<T> source;
    typename Adapter<T>::Writer writer(adapter);
    board.start.arrive_and_wait();
    board.start.arrive_and_wait();
    open_writer(writer);
    for (std::uint64_t i = 0; i < count; ++i) {
      const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
      nanosleep(&pause, nullptr);
      board.sent_at.store(ticks(), std::memory_order_relaxed);
      writer.send(source.next());
    }
    board.start.arrive_and_wait();
  };
  const auto read = [&] {
    board.touch_latencies();
    const double rate = ticks_per_ns();
    IpcChecker<T> checker;
    std::vector<double> all_ns;
    all_ns.reserve(count);
    const auto handler = [&](const T& message) {
      const auto late = ticks() - board.sent_at.load(std::memory_order_relaxed);
      checker.take(message);
      all_ns.push_back(static_cast<double>(late) / rate);
      board.record(all_ns.back());
      return all_ns.size() != count;
    };
    board.start.arrive_and_wait();
    Receiver<Adapter<T>, decltype(handler), IpcWaiting> receiver(adapter, plan, 0, handler);
    board.start.arrive_and_wait();
    const std::int64_t begin_ns = now_ns();
    const Usage before = Usage::now();
    receiver.receive();
    const Usage after = Usage::now();
    const double waited_ns = static_cast<double>(now_ns() - begin_ns);
    board.idle_cpu_percent = 100 * (after.cpu_ns - before.cpu_ns) / waited_ns;
    board.sleeps_per_message = (after.sleeps - before.sleeps) / static_cast<double>(count);
    board.value = median_of(all_ns);
    board.seconds = waited_ns * 1e-9;
    board.fail(1, checker.violation(count));
    board.start.arrive_and_wait();
  };
  crew.run(2, [&](std::size_t worker) { worker == 0 ? write() : read(); });
}

}  // namespace ringway::bench
