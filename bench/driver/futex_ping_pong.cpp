// SPDX-License-Identifier: Apache-2.0
#include "driver/futex_ping_pong.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "driver/clock.hpp"
#include "driver/statistics.hpp"

namespace ringway::bench {
namespace {

/// A word that one thread raises and another waits for.
class Word {
 public:
  void raise() noexcept {
    value_.fetch_add(1, std::memory_order_release);
    futex(FUTEX_WAKE_PRIVATE, 1);
  }
  /// \return how often it slept
  std::uint64_t wait_beyond(std::uint32_t seen) noexcept {
    std::uint64_t sleeps = 0;
    while (value_.load(std::memory_order_acquire) == seen) {
      futex(FUTEX_WAIT_PRIVATE, seen);
      ++sleeps;
    }
    return sleeps;
  }

 private:
  void futex(int operation, std::uint32_t argument) noexcept {
    syscall(SYS_futex, &value_, operation, argument, nullptr, nullptr, 0);
  }
  alignas(128) std::atomic<std::uint32_t> value_{0};
};

}  // namespace

Subject futex_wake_subject() {
  return {.name = "raw futex",
          .kind = Kind::kLimit,
          .run = [](Stage& stage, std::uint64_t count) {
            Word word;
            std::atomic<std::uint64_t> raised_at{0};
            StartLine start(2);
            Histogram latencies;
            stage.run(2, [&](std::size_t worker) {
              start.arrive_and_wait();
              for (std::uint32_t i = 0; i < count; ++i) {
                if (worker == 0) {
                  const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
                  nanosleep(&pause, nullptr);
                  raised_at.store(ticks(), std::memory_order_relaxed);
                  word.raise();
                } else {
                  word.wait_beyond(i);
                  const auto late = ticks() - raised_at.load(std::memory_order_relaxed);
                  latencies.record(
                      static_cast<std::uint64_t>(static_cast<double>(late) / ticks_per_ns()));
                }
                start.arrive_and_wait();
              }
            });
            Measurement measurement;
            measurement.value = static_cast<double>(latencies.percentile(50));
            measurement.seconds = static_cast<double>(count) * 1e-3;
            measurement.latencies = std::move(latencies);
            return measurement;
          }};
}

Subject futex_ping_pong_subject() {
  return {.name = "raw futex ping-pong",
          .kind = Kind::kLimit,
          .run = [](Stage& stage, std::uint64_t count) {
            Word there;
            Word back;
            StartLine start(2);
            Histogram latencies;
            std::uint64_t sleeps = 0;
            double total_ns = 0;
            stage.run(2, [&](std::size_t worker) {
              start.arrive_and_wait();
              const std::uint64_t first = ticks();
              std::uint64_t begin = first;
              for (std::uint32_t i = 0; i < count; ++i) {
                if (worker == 1) {
                  there.wait_beyond(i);
                  back.raise();
                  continue;
                }
                there.raise();
                sleeps += back.wait_beyond(i);
                const std::uint64_t now = ticks();
                latencies.record(
                    static_cast<std::uint64_t>(static_cast<double>(now - begin) / ticks_per_ns()));
                begin = now;
              }
              if (worker == 0) total_ns = static_cast<double>(begin - first) / ticks_per_ns();
            });
            Measurement measurement;
            measurement.value = static_cast<double>(latencies.percentile(50));
            measurement.seconds = total_ns * 1e-9;
            measurement.latencies = std::move(latencies);
            measurement.extras["sleeps per round trip"] =
                static_cast<double>(sleeps) / static_cast<double>(count);
            return measurement;
          }};
}

}  // namespace ringway::bench
