// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Nanoseconds for a message to another process and an answer back, one at a time; as
/// workload/round_trip.hpp does it between threads.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "driver/clock.hpp"
#include "driver/statistics.hpp"
#include "ipc/nursery.hpp"
#include "ipc/receiver.hpp"
#include "ipc/stream.hpp"

namespace ringway::bench {

/// How many rounds, and the clock readings of the process that asks: chunks of 100 timed as a
/// whole give the figure, single ones the percentiles.
class RoundTripClock {
 public:
  static constexpr std::uint64_t kChunk = 100;

  RoundTripClock(Board& board, std::uint64_t count)
      : board_(board),
        chunks_(std::max<std::uint64_t>(count / kChunk, 4)),
        singles_(std::clamp<std::uint64_t>(count / 4, 100, Board::kMostLatencies)) {
    chunk_ns_.reserve(chunks_);
  }

  [[nodiscard]] std::uint64_t rounds() const noexcept {
    return kChunk + chunks_ * kChunk + singles_;
  }
  /// After each round. \return whether there is another
  bool round_done() noexcept {
    ++done_;
    if (done_ > kChunk + chunks_ * kChunk) {
      const std::uint64_t now = ticks();
      board_.record(static_cast<double>(now - begin_) / rate_);
      begin_ = now;
      return done_ != rounds();
    }
    if (done_ % kChunk == 0) {
      if (done_ > kChunk) {
        chunk_ns_.push_back(static_cast<double>(ticks() - begin_) / rate_ / kChunk);
      }
      begin_ = ticks();
    }
    return true;
  }
  void tell() {
    board_.value = median_of(chunk_ns_);
    board_.seconds = static_cast<double>(chunks_ * kChunk) * board_.value * 1e-9;
  }

 private:
  Board& board_;
  const std::uint64_t chunks_;
  const std::uint64_t singles_;
  const double rate_ = ticks_per_ns();
  std::uint64_t done_ = 0;
  std::uint64_t begin_ = 0;
  std::vector<double> chunk_ns_;
};

template <template <class> class Adapter, class T>
void ask(Crew& crew, const IpcPlan& plan, Adapter<T>& there, Adapter<T>& back,
         std::uint64_t count) {
  crew.board().touch_latencies();
  RoundTripClock clock(crew.board(), count);
  IpcSource<T> source;
  IpcChecker<T> checker;
  typename Adapter<T>::Writer writer(there);
  crew.board().start.arrive_and_wait();  // both writers are there
  const auto handler = [&](const T& message) {
    checker.take(message);
    if (!clock.round_done()) return false;
    writer.send(source.next());
    return true;
  };
  Receiver<Adapter<T>, decltype(handler), IpcBareWaiting> receiver(back, plan, 0, handler);
  crew.board().start.arrive_and_wait();  // and both readers
  open_writer(writer);
  writer.send(source.next());
  receiver.receive();
  crew.board().fail(0, checker.violation(clock.rounds()));
  clock.tell();
  crew.board().start.arrive_and_wait();
}

template <template <class> class Adapter, class T>
void answer(Crew& crew, const IpcPlan& plan, Adapter<T>& there, Adapter<T>& back,
            std::uint64_t count) {
  const std::uint64_t rounds = RoundTripClock(crew.board(), count).rounds();
  IpcSource<T> source;
  IpcChecker<T> checker;
  typename Adapter<T>::Writer writer(back);
  crew.board().start.arrive_and_wait();
  std::uint64_t left = rounds;
  const auto handler = [&](const T& message) {
    checker.take(message);
    writer.send(source.next());
    return --left != 0;
  };
  Receiver<Adapter<T>, decltype(handler), IpcBareWaiting> receiver(there, plan, 0, handler);
  crew.board().start.arrive_and_wait();
  open_writer(writer);
  receiver.receive();
  crew.board().fail(1, checker.violation(rounds));
  crew.board().start.arrive_and_wait();
}

template <template <class> class Adapter, class T>
void run_round_trip(Crew& crew, std::uint64_t count, std::size_t capacity) {
  Adapter<T> there(crew.plan("there", 1, capacity));
  Adapter<T> back(crew.plan("back", 1, capacity));
  const IpcPlan plan = crew.plan("there", 1, capacity);
  crew.run(2, [&](std::size_t worker) {
    worker == 0 ? ask<Adapter, T>(crew, plan, there, back, count)
                : answer<Adapter, T>(crew, plan, there, back, count);
  });
}

}  // namespace ringway::bench
