// SPDX-License-Identifier: Apache-2.0
/// \file
/// Overload for a long time: billions of messages, each checked; what was sent is what was
/// received, dropped and refused, exactly; memory does not grow and nothing faults.
///
///     soak [--scale X] [--only ROW]
///
/// Each row has a number of messages, which --scale multiplies. After a warm-up of a twentieth, at
/// most a million messages per thread, no thread may take a page fault and the process may not
/// grow. Exits with 1 if anything was wrong. Progress is shown: on a terminal each second,
/// elsewhere in a line each half minute.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "ringway/channel/channel.hpp"
#include "ringway/channel/mpmc_channel.hpp"
#include "ringway/ring/broadcast_ring.hpp"
#include "ringway/ring/lock_free_mpmc_ring.hpp"
#include "ringway/ring/lossy_broadcast_ring.hpp"
#include "ringway/ring/mpmc_ring.hpp"
#include "ringway/ring/spsc_ring.hpp"
#include "ringway/wait/wait_strategy.hpp"

namespace ringway::soak {
namespace {

constexpr std::size_t kCapacity = 1024;
constexpr unsigned kNumberBits = 48;  // of a message; the rest is its producer
constexpr std::uint64_t kNumber = (std::uint64_t{1} << kNumberBits) - 1;

/// How much a process has in memory.
[[nodiscard]] std::uint64_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long long all = 0;
  unsigned long long resident = 0;
  const int read = std::fscanf(file, "%llu %llu", &all, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

/// Minor faults of this thread so far.
[[nodiscard]] std::uint64_t faults_of_thread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

/// Somebody has to wait a moment: two processors, perhaps more threads.
class Patience {
 public:
  void wait() {
    if (++tries_ % 64 == 0) {
      std::this_thread::yield();
    } else {
      NativeMemory::relax();
    }
  }

 private:
  unsigned tries_ = 0;
};

/// What one row says about itself while and after it runs.
class Row {
 public:
  Row(std::string name, std::uint64_t messages) : name_(std::move(name)), messages_(messages) {}

  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }
  [[nodiscard]] std::uint64_t warm_up() const noexcept {
    return std::max<std::uint64_t>(std::min<std::uint64_t>(messages_ / 20, 1'000'000),
                                   4 * kCapacity);
  }

  /// A thread's part: tells progress, and counts faults from the end of its warm-up on.
  class Thread {
   public:
    explicit Thread(Row& row) : row_(row) {}
    ~Thread() {
      if (warm_) row_.faults_.fetch_add(faults_of_thread() - faults_);
    }
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;

    /// \param done messages that this thread has sent or received
    void step(std::uint64_t done) {
      if (!warm_ && done >= row_.warm_up()) {
        warm_ = true;
        row_.resident_warm();
        faults_ = faults_of_thread();
      }
      if (done >= told_ + (1U << 18)) {
        row_.progress_.fetch_add(done - told_, std::memory_order_relaxed);
        told_ = done;
      }
    }

   private:
    Row& row_;
    bool warm_ = false;
    std::uint64_t faults_ = 0;
    std::uint64_t told_ = 0;
  };

  void wrong(const char* what) noexcept {
    if (errors_.fetch_add(1) == 0) std::fprintf(stderr, "\n%s: %s\n", name_.c_str(), what);
  }
  void expect_equal(std::uint64_t a, std::uint64_t b, const char* what) {
    if (a == b) return;
    wrong(what);
    std::fprintf(stderr, "  %llu and %llu\n", static_cast<unsigned long long>(a),
                 static_cast<unsigned long long>(b));
  }
  void note(const std::string& text) { notes_ += ", " + text; }

  /// Runs `work` beside a look at the progress. `parts`: how often each message is counted.
  template <class Work>
  bool run(std::uint64_t parts, Work&& work) {
    const auto begin = std::chrono::steady_clock::now();
    const auto seconds = [&begin] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    std::atomic<bool> ended{false};
    const bool terminal = isatty(STDERR_FILENO) != 0;
    std::thread watch([&] {
      double next = terminal ? 1 : 30;
      while (!ended.load()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (seconds() < next) continue;
        next += terminal ? 1 : 30;
        const double share =
            static_cast<double>(progress_.load()) / static_cast<double>(messages_ * parts);
        std::fprintf(stderr, "%s%-16s %5.1f %%, %.0f s, about %.0f s to go   %s",
                     terminal ? "\r" : "", name_.c_str(), share * 100, seconds(),
                     share > 0 ? seconds() * (1 - share) / share : 0.0, terminal ? "" : "\n");
      }
      if (terminal) std::fprintf(stderr, "\r%70s\r", "");
    });
    work(*this);
    const double took = seconds();
    ended.store(true);
    watch.join();
    const std::uint64_t after = resident_bytes();
    const std::uint64_t before = resident_.load();
    const std::uint64_t growth = after > before ? after - before : 0;
    // Threads that end give memory back or keep their stacks; a leak of one byte in a thousand
    // messages would be far more.
    if (growth > 256 * 1024) wrong("resident memory has grown");
    if (faults_.load() != 0) wrong("page faults after the warm-up");
    std::printf("%-16s %14llu messages, %7.1f s, grown by %llu bytes, %llu faults%s: %s\n",
                name_.c_str(), static_cast<unsigned long long>(messages_), took,
                static_cast<unsigned long long>(growth),
                static_cast<unsigned long long>(faults_.load()), notes_.c_str(),
                errors_.load() == 0 ? "right" : "WRONG");
    std::fflush(stdout);
    return errors_.load() == 0;
  }

 private:
  /// The last thread that is warm decides.
  void resident_warm() { resident_.store(resident_bytes()); }

  std::string name_;
  std::uint64_t messages_;
  std::atomic<std::uint64_t> progress_{0};
  std::atomic<std::uint64_t> faults_{0};
  std::atomic<std::uint64_t> resident_{0};
  std::atomic<int> errors_{0};
  std::string notes_;
};

/// One producer: sends `count` numbers in order, singly and in batches.
template <class Producer>
void send_numbers(Row& row, Producer& producer, std::uint64_t from, std::uint64_t count) {
  Row::Thread thread(row);
  Patience patience;
  std::uint64_t batch[8];
  for (std::uint64_t sent = 0; sent < count;) {
    if ((sent & 15) == 0 && count - sent >= 8) {
      for (std::uint64_t i = 0; i < 8; ++i) batch[i] = from + sent + i;
      const std::size_t accepted = producer.try_push_batch(std::span<std::uint64_t>(batch));
      sent += accepted;
      if (accepted == 0) patience.wait();
    } else if (producer.try_push(from + sent)) {
      ++sent;
    } else {
      patience.wait();
    }
    thread.step(sent);
  }
}

/// Reads `count` numbers that follow each other.
template <class Reader>
void expect_numbers(Row& row, Reader& reader, std::uint64_t count) {
  Row::Thread thread(row);
  Patience patience;
  std::uint64_t next = 0;
  while (next < count) {
    const auto check = [&](const std::uint64_t& number) noexcept {
      if (number != next) row.wrong("a number is not the next one");
      next = number + 1;
    };
    if (reader.drain(check, 256) == 0) patience.wait();
    thread.step(next);
  }
}

bool spsc(double scale) {
  Row row("spsc", static_cast<std::uint64_t>(10e9 * scale));
  return row.run(2, [](Row& r) {
    auto ring = SpscRing<std::uint64_t>::create({.capacity = kCapacity}).value();
    auto producer = ring.producer().value();
    auto consumer = ring.consumer().value();
    std::thread other([&] { expect_numbers(r, consumer, r.messages()); });
    send_numbers(r, producer, 0, r.messages());
    other.join();
  });
}

bool broadcast(double scale) {
  Row row("broadcast", static_cast<std::uint64_t>(1e9 * scale));
  return row.run(3, [](Row& r) {
    auto ring = BroadcastRing<std::uint64_t>::create({.capacity = kCapacity}).value();
    auto producer = ring.producer().value();
    auto one = ring.cursor().value();
    auto two = ring.cursor().value();
    std::thread first([&] { expect_numbers(r, one, r.messages()); });
    std::thread second([&] { expect_numbers(r, two, r.messages()); });
    send_numbers(r, producer, 0, r.messages());
    first.join();
    second.join();
  });
}

/// Two producers, two consumers: each producer's numbers rise at each consumer, and together they
/// are all that were sent, once.
template <class Ring>
bool many(const char* name, std::uint64_t messages) {
  Row row(name, messages);
  return row.run(2, [](Row& r) {
    auto ring = Ring::create({.capacity = kCapacity}).value();
    const std::uint64_t each = r.messages() / 2;
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> sum{0};
    std::atomic<int> sending{2};
    const auto receive = [&] {
      Row::Thread thread(r);
      Patience patience;
      auto consumer = ring.consumer().value();
      std::uint64_t next[2] = {0, 0};
      std::uint64_t received = 0;
      std::uint64_t own_sum = 0;
      for (;;) {
        const bool last_look = sending.load() == 0;
        const auto check = [&](const std::uint64_t& message) noexcept {
          const std::uint64_t producer = message >> kNumberBits;
          const std::uint64_t number = message & kNumber;
          if (producer > 1 || number < next[producer & 1]) r.wrong("a producer's order is broken");
          next[producer & 1] = number + 1;
          own_sum += message * 0x9e3779b97f4a7c15;
          ++received;
        };
        if (consumer.drain(check, 64) == 0) {
          if (last_look) break;
          patience.wait();
        }
        thread.step(received);
      }
      count.fetch_add(received);
      sum.fetch_add(own_sum);
    };
    const auto send = [&](std::uint64_t producer) {
      auto handle = ring.producer().value();
      send_numbers(r, handle, producer << kNumberBits, each);
      sending.fetch_sub(1);
    };
    std::vector<std::thread> threads;
    threads.emplace_back(receive);
    threads.emplace_back(receive);
    threads.emplace_back(send, 0);
    threads.emplace_back(send, 1);
    for (auto& thread : threads) thread.join();
    // The sum over both producers of (p << 48 | n) * k, modulo 2^64.
    const std::uint64_t numbers = each % 2 == 0 ? each / 2 * (each - 1) : (each - 1) / 2 * each;
    const std::uint64_t all = (2 * numbers + each * (std::uint64_t{1} << kNumberBits));
    r.expect_equal(count.load(), 2 * each, "sent and received differ");
    r.expect_equal(sum.load(), all * 0x9e3779b97f4a7c15, "what was received is not what was sent");
  });
}

/// A channel that is sent to with hardly any mercy: what was tried is what was received, dropped
/// and refused. The receiver is the slower one now and then.
template <class Ends>
void overload(Row& row, Ends ends, ChannelTally& tally) {
  std::uint64_t refused = 0;
  std::uint64_t dropped = 0;
  std::uint64_t received = 0;
  {
    std::atomic<bool> begun{false};
    std::thread other([&row, &received, &begun, receiver = std::move(ends.receiver)]() mutable {
      Row::Thread thread(row);
      begun.store(true);
      std::uint64_t next = 0;
      for (auto message = receiver.receive(); message; message = receiver.receive()) {
        if (*message < next) row.wrong("the order is broken");
        next = *message + 1;
        ++received;
        if ((received & 0xfff) == 0) {
          for (int i = 0; i < 2000; ++i) NativeMemory::relax();
        }
        thread.step(received);
      }
    });
    Row::Thread thread(row);
    const auto sender = [&ends, &row, &begun, &thread, &refused, &dropped] {
      auto mine = std::move(ends.sender);
      while (!begun.load()) std::this_thread::yield();
      for (std::uint64_t i = 0; i < row.messages(); ++i) {
        const SendStatus status = mine.send(i);
        refused += status == SendStatus::kFull ? 1 : 0;
        if (status != SendStatus::kSent && status != SendStatus::kFull &&
            status != SendStatus::kDropped) {
          row.wrong("an answer that nobody can have given");
        }
        if ((i & 0xff) == 0)
          std::this_thread::yield();  // a little mercy: the other one gets on too
        thread.step(i + 1);
      }
      dropped = mine.dropped();
    };
    sender();
    other.join();
  }
  row.expect_equal(row.messages(), received + refused + dropped, "messages went astray");
  row.expect_equal(tally.received, received, "the tally of the received");
  row.expect_equal(tally.dropped, dropped, "the tally of the dropped");
  row.expect_equal(tally.left, 0, "the tally of what was left");
  row.note(std::to_string(received) + " received");
  row.note(std::to_string(dropped) + " dropped");
  row.note(std::to_string(refused) + " refused");
}

bool overflowing(const char* name, Overflow overflow, double scale) {
  Row row(name, static_cast<std::uint64_t>(1e8 * scale));
  return row.run(2, [overflow](Row& r) {
    ChannelTally tally;
    const ChannelOptions options{.capacity = 64, .overflow = overflow, .tally = &tally};
    if (overflow == Overflow::kDropOldest) {
      overload(r, mpmc_channel<std::uint64_t>(options), tally);
    } else {
      overload(r, channel<std::uint64_t>(options), tally);
    }
  });
}

/// The producer waits for nobody: what was published is what was read and what was missed.
bool lossy(double scale) {
  Row row("lossy", static_cast<std::uint64_t>(1e9 * scale));
  return row.run(2, [](Row& r) {
    auto ring = LossyBroadcastRing<std::uint64_t>::create({.capacity = kCapacity}).value();
    auto producer = ring.producer().value();
    auto cursor = ring.lossy_cursor().value();
    std::atomic<bool> begun{false};
    std::atomic<bool> ended{false};
    std::uint64_t received = 0;
    std::uint64_t last = 0;
    std::thread other([&] {
      Row::Thread thread(r);
      begun.store(true);
      Patience patience;
      for (;;) {
        const bool last_look = ended.load();
        const auto check = [&](const std::uint64_t& number) noexcept {
          if (number < last) r.wrong("the order is broken");
          last = number + 1;
          ++received;
        };
        if (cursor.drain(check, 256) == 0) {
          if (last_look && cursor.size_approx() == 0) return;
          patience.wait();
        }
        thread.step(received + cursor.lost());
      }
    });
    {
      Row::Thread thread(r);
      while (!begun.load()) std::this_thread::yield();
      for (std::uint64_t i = 0; i < r.messages(); ++i) {
        if (!producer.try_push(i)) r.wrong("a lossy reader held the producer back");
        if ((i & 0xfff) == 0) std::this_thread::yield();  // the reader gets on too
        thread.step(i + 1);
      }
    }
    ended.store(true);
    other.join();
    r.expect_equal(r.messages(), received + cursor.lost(), "messages went astray");
    r.note(std::to_string(received) + " received");
    r.note(std::to_string(cursor.lost()) + " lost");
  });
}

int usage() {
  std::fprintf(stderr, "usage: soak [--scale X] [--only ROW]\n");
  return 2;
}

int run(int count, char** arguments) {
  double scale = 1;
  std::string_view only;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = arguments[i];
    if (i + 1 == count) return usage();
    if (name == "--scale") {
      char* end = nullptr;
      scale = std::strtod(arguments[i + 1], &end);
      if (*end != '\0' || scale <= 0) return usage();
    } else if (name == "--only") {
      only = arguments[i + 1];
    } else {
      return usage();
    }
  }
  const auto number = [scale](double messages) {
    return static_cast<std::uint64_t>(messages * scale);
  };
  bool right = true;
  int rows = 0;
  const auto row = [&](std::string_view name, auto&& work) {
    if (!only.empty() && only != name) return;
    ++rows;
    right = work() && right;
  };
  row("spsc", [&] { return spsc(scale); });
  row("broadcast", [&] { return broadcast(scale); });
  row("mpmc", [&] { return many<MpmcRing<std::uint64_t>>("mpmc", number(1e9)); });
  row("lock_free_mpmc",
      [&] { return many<LockFreeMpmcRing<std::uint64_t>>("lock_free_mpmc", number(1e8)); });
  row("wait", [&] { return overflowing("wait", Overflow::kWait, scale); });
  row("fail", [&] { return overflowing("fail", Overflow::kFail, scale); });
  row("drop_newest", [&] { return overflowing("drop_newest", Overflow::kDropNewest, scale); });
  row("drop_oldest", [&] { return overflowing("drop_oldest", Overflow::kDropOldest, scale); });
  row("lossy", [&] { return lossy(scale); });
  if (rows == 0) return usage();
  return right ? 0 : 1;
}

}  // namespace
}  // namespace ringway::soak

int main(int count, char** arguments) {
  return ringway::soak::run(count, arguments);
}
