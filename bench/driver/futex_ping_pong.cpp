// SPDX-License-Identifier: Apache-2.0
#include "driver/futex_ping_pong.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "driver/clock.hpp"

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

void sleep_for(long ns) {
  const timespec pause{.tv_sec = 0, .tv_nsec = ns};
  nanosleep(&pause, nullptr);
}

}  // namespace

Subject futex_wake_subject() {
  return {.name = "raw futex", .kind = Kind::kLimit, .run = [](Stage& stage, std::uint64_t count) {
            Word word;
            std::atomic<std::uint64_t> raised_at{0};
            StartLine start(2);
            Histogram latencies;
            stage.run(2, [&](std::size_t worker) {
              start.arrive_and_wait();
              for (std::uint32_t i = 0; i < count; ++i) {
                if (worker == 0) {
                  sleep_for(1'000'000);
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

Subject futex_ping_pong_subject(long pause_ns) {
  return {.name = "raw futex ping-pong",
          .kind = Kind::kLimit,
          .run = [pause_ns](Stage& stage, std::uint64_t count) {
            Word there;
            Word back;
            StartLine start(2);
            Histogram latencies;
            std::uint64_t sleeps = 0;
            stage.run(2, [&](std::size_t worker) {
              start.arrive_and_wait();
              for (std::uint32_t i = 0; i < count; ++i) {
                if (worker == 1) {
                  sleeps += there.wait_beyond(i);
                  back.raise();
                  continue;
                }
                sleep_for(pause_ns);
                const std::uint64_t begin = ticks();
                there.raise();
                back.wait_beyond(i);
                latencies.record(static_cast<std::uint64_t>(static_cast<double>(ticks() - begin) /
                                                            ticks_per_ns()));
              }
            });
            Measurement measurement;
            measurement.value = static_cast<double>(latencies.percentile(50));
            measurement.latencies = std::move(latencies);
            measurement.extras["sleeps per request"] =
                static_cast<double>(sleeps) / static_cast<double>(count);
            return measurement;
          }};
}

}  // namespace ringway::bench
