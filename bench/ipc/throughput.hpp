// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Million messages per second from one process to one, or to each of several, until the last
/// reader has seen the last one; and how long it takes to come in and see a first one.

#include <sched.h>

#include <algorithm>
#include <cstdint>

#include "driver/clock.hpp"
#include "ipc/nursery.hpp"
#include "ipc/receiver.hpp"
#include "ipc/stream.hpp"

namespace ringway::bench {

template <template <class> class Adapter, class T>
void run_throughput(Crew& crew, std::uint64_t count, std::size_t readers, std::size_t capacity) {
  const IpcPlan plan = crew.plan("there", readers, capacity);
  Board& board = crew.board();
  // two laps at least, so that all memory has been touched
  const std::uint64_t warm_up = std::max<std::uint64_t>(count / 10, 2 * capacity);
  Adapter<T> adapter(plan);
  const auto write = [&] {
    IpcSource<T> source;
    typename Adapter<T>::Writer writer(adapter);
    board.start.arrive_and_wait();
    board.start.arrive_and_wait();  // the readers are there
    open_writer(writer);
    for (std::uint64_t i = 0; i < warm_up; ++i) writer.send(source.next());
    for (std::size_t reader = 1; reader <= readers; ++reader) {
      while (board.seats[reader].told.load(std::memory_order_acquire) == 0) sched_yield();
    }
    board.begin_ns = now_ns();
    for (std::uint64_t i = 0; i < count; ++i) writer.send(source.next());
    board.start.arrive_and_wait();
    std::int64_t end_ns = board.begin_ns + 1;
    for (std::size_t reader = 1; reader <= readers; ++reader) {
      end_ns = std::max(end_ns, board.seats[reader].end_ns);
    }
    board.seconds = static_cast<double>(end_ns - board.begin_ns) * 1e-9;
    board.value = static_cast<double>(count) * 1e-6 / board.seconds;
  };
  const auto read = [&](std::size_t worker) {
    Board::Seat& seat = board.seats[worker];
    IpcChecker<T> checker;
    const auto handler = [&](const T& message) {
      checker.take(message);
      if (checker.count() == warm_up) seat.told.store(1, std::memory_order_release);
      if (checker.count() != warm_up + count) return true;
      seat.end_ns = now_ns();
      return false;
    };
    board.start.arrive_and_wait();  // the writer is there
    Receiver<Adapter<T>, decltype(handler), IpcWaiting> receiver(adapter, plan, worker - 1,
                                                                 handler);
    board.start.arrive_and_wait();
    receiver.receive();
    board.fail(worker, checker.violation(warm_up + count));
    board.start.arrive_and_wait();
  };
  crew.run(1 + readers, [&](std::size_t worker) { worker == 0 ? write() : read(worker); });
}

/// The figure: nanoseconds from the beginning of attaching to a writer that is there until its
/// first message has been read.
template <template <class> class Adapter, class T>
void run_attach(Crew& crew) {
  const IpcPlan plan = crew.plan("there", 1, 64);
  Board& board = crew.board();
  Adapter<T> adapter(plan);
  crew.run(2, [&](std::size_t worker) {
    if (worker == 0) {
      IpcSource<T> source;
      typename Adapter<T>::Writer writer(adapter);
      board.start.arrive_and_wait();
      board.start.arrive_and_wait();
      open_writer(writer);
      writer.send(source.next());
      board.start.arrive_and_wait();
      return;
    }
    IpcChecker<T> checker;
    const auto handler = [&](const T& message) {
      checker.take(message);
      board.seats[1].end_ns = now_ns();
      return false;
    };
    board.start.arrive_and_wait();
    const std::int64_t begin_ns = now_ns();
    Receiver<Adapter<T>, decltype(handler), IpcWaiting> receiver(adapter, plan, 0, handler);
    board.start.arrive_and_wait();
    receiver.receive();
    board.fail(1, checker.violation(1));
    board.value = static_cast<double>(board.seats[1].end_ns - begin_ns);
    board.seconds = board.value * 1e-9;
    board.start.arrive_and_wait();
  });
}

}  // namespace ringway::bench
