// SPDX-License-Identifier: Apache-2.0
/// \file
/// `ringway bench`: a quick look at what this machine can do, and where Ringway stands. Each
/// message is checked. Not the benchmark suite, which interleaves, repeats and compares
/// (script/bench).

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "commands.hpp"
#include "output.hpp"
#include "ringway/base/cpu_relax.hpp"
#include "ringway/ring/spsc_ring.hpp"
#include "ringway/shm/shared_bus.hpp"
#include "segments.hpp"

namespace tool {
namespace {

constexpr int kSamples = 5;
constexpr double kHang_s = 60;

struct Row {
  std::string name;
  std::string what;
  bool is_rate = false;         // else a round trip
  std::vector<double> samples;  // messages/s, or nanoseconds
  std::uint64_t checked = 0;    // messages whose contents were right
  std::string trouble;          // why there is no figure

  [[nodiscard]] double median() const {
    auto sorted = samples;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[sorted.size() / 2];
  }
  [[nodiscard]] double least() const { return *std::min_element(samples.begin(), samples.end()); }
  [[nodiscard]] double most() const { return *std::max_element(samples.begin(), samples.end()); }
};

/// A busy wait that lets others run from time to time.
class Spin {
 public:
  void operator()() noexcept {
    if (++turns_ % 512 != 0) {
      ringway::cpu_relax();
    } else {
      ::sched_yield();
    }
  }

 private:
  unsigned turns_ = 0;
};

void pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);
}

/// Two processors that this process may use, of different cores if there are; one twice if there is
/// no other.
std::pair<int, int> choose_processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<int> all;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) all.push_back(cpu);
    }
  }
  if (all.empty()) return {0, 0};
  const auto siblings = [](int cpu) {
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                       "/topology/thread_siblings_list");
    std::string text;
    std::getline(file, text);
    return text;
  };
  for (const int other : all) {
    if (other != all[0] && siblings(other) != siblings(all[0])) return {all[0], other};
  }
  return {all[0], all.size() > 1 ? all[1] : all[0]};
}

class Bench {
 public:
  Bench(std::pair<int, int> processors, double row_ms)
      : here_(processors.first), there_(processors.second), sample_s_(row_ms / 1e3 / kSamples) {}

  std::vector<Row> run() {
    pin(here_);
    std::vector<Row> rows;
    rows.push_back(line_round_trip());
    rows.push_back(ring_round_trip());
    rows.push_back(ring_one_way<8>());
    rows.push_back(ring_one_way<64>());
    rows.push_back(bus_round_trip());
    rows.push_back(bus_one_way());
    return rows;
  }

 private:
  struct alignas(ringway::kOwnerSpacing) Word {
    std::atomic<std::uint64_t> value{0};
  };

  /// As many as take a few microseconds between two looks at the clock; one, where each is slow.
  class Batch {
   public:
    [[nodiscard]] int size() const noexcept { return size_; }
    void took(double seconds) noexcept {
      constexpr double kQuick_s = 20e-6;
      constexpr int kMost = 1024;
      if (seconds < kQuick_s && size_ < kMost) size_ *= 2;
      if (seconds > 4 * kQuick_s && size_ > 1) size_ /= 2;
    }

   private:
    int size_ = 1;
  };

  /// Round trips for a while. `turn(i)` makes number i and says whether the answer was right.
  template <class Turn>
  void time_round_trips(Row& row, Turn&& turn) {
    std::uint64_t number = 0;
    Batch batch;
    for (int sample = -1; sample < kSamples; ++sample) {  // the first one warms
      std::uint64_t done = 0;
      const double begin = steady_now();
      double end = begin;
      while (end - begin < sample_s_) {
        for (int i = 0; i < batch.size(); ++i) row.checked += turn(++number) ? 1 : 0;
        done += static_cast<std::uint64_t>(batch.size());
        const double now = steady_now();
        batch.took(now - end);
        end = now;
      }
      if (sample >= 0) row.samples.push_back((end - begin) / static_cast<double>(done) * 1e9);
    }
    if (row.checked != number) row.trouble = "a wrong answer came";
  }

  /// Two threads that write one cache line each: no message can be faster.
  Row line_round_trip() {
    Row row{.name = "line_rtt",
            .what = "two cache lines, there and back",
            .samples = {},
            .trouble = {}};
    const auto words = std::make_unique<std::array<Word, 2>>();
    auto& ping = (*words)[0].value;
    auto& pong = (*words)[1].value;
    constexpr std::uint64_t kEnd = ~std::uint64_t{0};
    std::thread other([&] {
      pin(there_);
      for (std::uint64_t seen = 0; seen != kEnd;) {
        Spin spin;
        std::uint64_t next = 0;
        while ((next = ping.load(std::memory_order_acquire)) == seen) spin();
        seen = next;
        pong.store(seen, std::memory_order_release);
      }
    });
    time_round_trips(row, [&](std::uint64_t number) {
      ping.store(number, std::memory_order_release);
      Spin spin;
      std::uint64_t answer = 0;
      while ((answer = pong.load(std::memory_order_acquire)) == number - 1) spin();
      return answer == number;
    });
    ping.store(kEnd, std::memory_order_release);
    other.join();
    return row;
  }

  Row ring_round_trip() {
    Row row{.name = "ring_rtt",
            .what = "SpscRing, 8 bytes, there and back",
            .samples = {},
            .trouble = {}};
    auto there = ringway::SpscRing<std::uint64_t>::create({.capacity = 64}).value();
    auto back = ringway::SpscRing<std::uint64_t>::create({.capacity = 64}).value();
    constexpr std::uint64_t kEnd = ~std::uint64_t{0};
    std::thread other([&] {
      pin(there_);
      auto consumer = there.consumer().value();
      auto producer = back.producer().value();
      for (std::uint64_t seen = 0; seen != kEnd;) {
        Spin spin;
        std::optional<std::uint64_t> next;
        while (!(next = consumer.try_pop())) spin();
        seen = *next;
        while (!producer.try_push(seen)) spin();
      }
    });
    auto producer = there.producer().value();
    auto consumer = back.consumer().value();
    time_round_trips(row, [&](std::uint64_t number) {
      Spin spin;
      while (!producer.try_push(number)) spin();
      std::optional<std::uint64_t> answer;
      while (!(answer = consumer.try_pop())) spin();
      return *answer == number;
    });
    Spin spin;
    while (!producer.try_push(kEnd)) spin();
    other.join();
    return row;
  }

  template <std::size_t kBytes>
  struct Message {
    std::uint64_t number;
    std::array<std::uint64_t, kBytes / 8 - 1> rest;
  };

  template <std::size_t kBytes>
  static Message<kBytes> message_of(std::uint64_t number) {
    Message<kBytes> message{.number = number, .rest = {}};
    message.rest.fill(~number);
    return message;
  }
  template <std::size_t kBytes>
  static bool is_right(const Message<kBytes>& message, std::uint64_t number) {
    if (message.number != number) return false;
    return std::all_of(message.rest.begin(), message.rest.end(),
                       [number](std::uint64_t word) { return word == ~number; });
  }

  template <std::size_t kBytes>
  Row ring_one_way() {
    Row row{.name = "ring_" + std::to_string(kBytes),
            .what = "SpscRing, " + std::to_string(kBytes) + " bytes, one way",
            .is_rate = true,
            .samples = {},
            .trouble = {}};
    auto ring = ringway::SpscRing<Message<kBytes>>::create({.capacity = 1024}).value();
    std::atomic<std::uint64_t> right{0};  // written at the end of each sample
    std::atomic<bool> ended{false};
    std::thread other([&] {
      pin(there_);
      auto consumer = ring.consumer().value();
      std::uint64_t number = 0;
      std::uint64_t good = 0;
      Spin spin;
      while (true) {
        const auto taken = consumer.drain(
            [&](const Message<kBytes>& message) { good += is_right(message, number++) ? 1 : 0; },
            256);
        if (taken != 0) continue;
        right.store(good, std::memory_order_release);
        if (ended.load(std::memory_order_acquire)) break;
        spin();
      }
    });
    auto producer = ring.producer().value();
    std::uint64_t number = 0;
    Batch batch;
    for (int sample = 0; sample < kSamples && row.trouble.empty(); ++sample) {
      const auto first = number;
      const double begin = steady_now();
      double now = begin;
      while (now - begin < sample_s_) {
        for (int i = 0; i < batch.size(); ++i, ++number) {
          Spin spin;
          while (!producer.try_push(message_of<kBytes>(number))) spin();
        }
        const double before = std::exchange(now, steady_now());
        batch.took(now - before);
      }
      Spin spin;
      while (right.load(std::memory_order_acquire) != number && steady_now() - now < kHang_s)
        spin();
      const double end = steady_now();
      if (right != number) row.trouble = "messages were wrong or lost";
      row.samples.push_back(static_cast<double>(number - first) / (end - begin));
    }
    ended.store(true, std::memory_order_release);
    other.join();
    row.checked = right;
    return row;
  }

  // Between processes: the parent holds a bus without a name, the child opens its descriptor.
  using Parcel = Message<64>;
  static constexpr ringway::Topic<Parcel> kThere{"bench.there", {.capacity = 1024}};
  static constexpr ringway::Topic<Parcel> kBack{"bench.back", {.capacity = 1024}};
  static constexpr std::uint64_t kLast = ~std::uint64_t{0} - 1;  // the child may go
  static constexpr std::uint64_t kAsk = ~std::uint64_t{0} - 2;   // how many were right?

  /// In the child: sends each parcel back, or counts them and tells when it is asked.
  int serve(int descriptor, int ready, bool echo) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto bus = ringway::open_shared(descriptor);
    if (!bus.ok()) return 1;
    auto back = bus->try_publisher(kBack);
    if (!back.ok()) return 1;
    std::atomic<bool> ended{false};
    std::uint64_t number = 0;
    std::uint64_t good = 0;
    ringway::Dispatcher dispatcher{*bus,
                                   {.name = "bench", .cpu = there_, .idle = ringway::Idle::kYield}};
    auto subscription = dispatcher.subscribe(kThere, [&](const Parcel& parcel) {
      if (parcel.number == kLast) {
        ended.store(true, std::memory_order_release);
      } else if (parcel.number == kAsk) {
        static_cast<void>(back->publish(message_of<64>(good)));
      } else if (echo) {
        static_cast<void>(back->publish(parcel));
      } else {
        good += is_right(parcel, number++) ? 1 : 0;
      }
    });
    if (::write(ready, "", 1) != 1) return 1;
    while (!ended.load(std::memory_order_acquire)) nap(0.001);
    return 0;
  }

  /// A bus and a process at its other end; `run(bus, subscribed, alive)` is the parent's side.
  template <class Run>
  void with_child(Row& row, bool echo, Run&& run) {
    auto bus = ringway::make_anonymous_shared();
    if (!bus.ok()) {
      row.trouble = tool::message_of(bus.status());
      return;
    }
    // a duplicate: the bus closes its own in a forked child
    const ringway::Descriptor descriptor(::dup(ringway::shared_descriptor(*bus)));
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
      row.trouble = "no pipe could be made";
      return;
    }
    const ringway::Descriptor ready(ends[0]);
    ringway::Descriptor child_s_end(ends[1]);
    const ::pid_t child = ::fork();
    if (child < 0) {
      row.trouble = "no process could be made";
      return;
    }
    if (child == 0) ::_exit(serve(descriptor.get(), child_s_end.get(), echo));
    child_s_end.close();
    // The hang limit is for what never ends; nothing here is judged by time.
    const double limit = steady_now() + kHang_s + 10 * sample_s_ * kSamples;
    bool gone = false;
    const auto subscribed = [&] {  // the child has; or it is gone
      char byte = 0;
      if (::read(ready.get(), &byte, 1) == 1) return true;
      row.trouble = "the other process could not attach";
      return false;
    };
    run(*bus, subscribed, [&] {
      gone = gone || ::waitpid(child, nullptr, WNOHANG) != 0;
      return !gone && !stopped() && steady_now() < limit;
    });
    if (gone) return;
    if (!row.trouble.empty()) ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }

  /// The handler of each answer sends the next parcel.
  Row bus_round_trip() {
    Row row{.name = "bus_rtt",
            .what = "bus, two processes, 64 bytes, there and back",
            .samples = {},
            .trouble = {}};
    with_child(row, true, [&](ringway::SharedBus& bus, auto&& subscribed, auto&& alive) {
      auto there = bus.publisher(kThere);
      Batch batch;
      std::uint64_t number = 0;
      std::uint64_t first = 0;
      double begin = 0;
      double before = 0;
      bool right = true;
      std::atomic<bool> asked{false};  // what the first question handed over, within this process
      std::atomic<bool> done{false};
      ringway::Dispatcher dispatcher{
          bus, {.name = "bench", .cpu = here_, .idle = ringway::Idle::kYield}};
      auto subscription = dispatcher.subscribe(kBack, [&](const Parcel& parcel) {
        while (!asked.load(std::memory_order_acquire)) ::sched_yield();
        right = right && is_right(parcel, number);
        ++number;
        const auto trips = static_cast<int>(number - first);
        if (number == 1) {
          first = number;
          begin = before = steady_now();
        } else if (trips % batch.size() == 0) {
          const double now = steady_now();
          batch.took(now - std::exchange(before, now));
          if (now - begin >= sample_s_) {
            row.samples.push_back((now - begin) / static_cast<double>(trips) * 1e9);
            first = number;
            begin = now;
          }
        }
        const bool last = row.samples.size() == kSamples || !right;
        static_cast<void>(there.publish(message_of<64>(last ? kLast : number)));
        if (last) done.store(true, std::memory_order_release);
      });
      if (!subscribed()) return;
      static_cast<void>(there.publish(message_of<64>(number)));
      asked.store(true, std::memory_order_release);
      while (!done.load(std::memory_order_acquire) && alive()) nap(0.001);
      if (!done.load(std::memory_order_acquire)) {
        row.trouble = "the other process does not answer";
      } else if (!right) {
        row.trouble = "a wrong answer came";
      }
      subscription.end();
      row.checked = number;
    });
    return row;
  }

  Row bus_one_way() {
    Row row{.name = "bus_64",
            .what = "bus, two processes, 64 bytes, one way",
            .is_rate = true,
            .samples = {},
            .trouble = {}};
    with_child(row, false, [&](ringway::SharedBus& bus, auto&& subscribed, auto&& alive) {
      auto there = bus.publisher(kThere);
      std::atomic<std::uint64_t> newest{0};  // how many were right
      std::atomic<std::uint64_t> answers{0};
      ringway::Dispatcher dispatcher{bus, {.name = "bench"}};
      auto subscription = dispatcher.subscribe(kBack, [&](const Parcel& parcel) {
        newest.store(parcel.number, std::memory_order_relaxed);
        answers.fetch_add(1, std::memory_order_release);
      });
      const auto answered = [&](std::uint64_t count) {
        while (answers.load(std::memory_order_acquire) < count && alive()) ::sched_yield();
        if (answers.load(std::memory_order_acquire) >= count) return true;
        row.trouble = "the other process does not answer";
        return false;
      };
      const auto send = [&](std::uint64_t number) {
        while (there.publish_for(message_of<64>(number), std::chrono::seconds(1)) !=
               ringway::PublishStatus::kPublished) {
          if (!alive()) return false;
        }
        return true;
      };
      std::uint64_t number = 0;
      Batch batch;
      if (!subscribed()) return;
      for (int sample = 0; sample < kSamples && row.trouble.empty(); ++sample) {
        const auto first = number;
        const double begin = steady_now();
        bool sent = true;
        for (double now = begin; sent && now - begin < sample_s_;) {
          for (int i = 0; i < batch.size() && sent; ++i) sent = send(number++);
          const double before = std::exchange(now, steady_now());
          batch.took(now - before);
        }
        if (!sent || !send(kAsk) || !answered(static_cast<std::uint64_t>(sample) + 1)) {
          row.trouble = "the other process does not answer";
        } else if (newest != number) {
          row.trouble = "messages were wrong or lost";
        }
        row.samples.push_back(static_cast<double>(number - first) / (steady_now() - begin));
      }
      row.checked = newest;
      if (row.trouble.empty()) static_cast<void>(send(kLast));
      subscription.end();
    });
    return row;
  }

  int here_;
  int there_;
  double sample_s_;  // each of kSamples
};

std::string figure(const Row& row, double value) {
  std::array<char, 32> text{};
  if (row.is_rate) {
    std::snprintf(text.data(), text.size(), value < 1e7 ? "%.2f" : "%.1f", value / 1e6);
  } else {
    std::snprintf(text.data(), text.size(), "%.0f", value);
  }
  return text.data();
}

}  // namespace

int bench(const BenchOptions& options) {
  auto processors = choose_processors();
  if (options.processors.size() == 2) {
    processors = {options.processors[0], options.processors[1]};
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    static_cast<void>(::sched_getaffinity(0, sizeof(allowed), &allowed));
    for (const int one : options.processors) {
      if (one < 0 || one >= CPU_SETSIZE || !CPU_ISSET(static_cast<std::size_t>(one), &allowed)) {
        complain("processor " + std::to_string(one) +
                 " is not there, or not this process's to use");
        return kMistake;
      }
    }
  }
  const auto rows = Bench(processors, options.row_ms).run();

  int status = kDone;
  const double line = rows.front().median();
  Table table({{"ROW"},
               {"MEDIAN", true},
               {"MIN", true},
               {"MAX", true},
               {"UNIT"},
               {"TO LINE", true},
               {"WHAT", false, true}});
  Json json;
  json.begin_object()
      .flag("quick", true)
      .begin_array("processors")
      .literal(std::to_string(processors.first))
      .literal(std::to_string(processors.second))
      .end_array()
      .begin_array("rows");
  for (const auto& row : rows) {
    const bool good = row.trouble.empty() && !row.samples.empty();
    if (!good) status = kFailed;
    const bool compared = good && !row.is_rate && &row != &rows.front() && line > 0;
    std::array<char, 16> ratio{};
    if (compared) std::snprintf(ratio.data(), ratio.size(), "%.2f", row.median() / line);
    const char* unit = row.is_rate ? "million/s" : "ns";
    table.add({row.name, good ? figure(row, row.median()) : "-",
               good ? figure(row, row.least()) : "-", good ? figure(row, row.most()) : "-", unit,
               compared ? ratio.data() : "", good ? row.what : row.trouble});
    json.begin_object()
        .text("row", row.name)
        .text("what", row.what)
        .text("unit", row.is_rate ? "messages/s" : "ns");
    if (good) {
      json.number("median", row.median()).number("min", row.least()).number("max", row.most());
    }
    if (compared) json.number("to_line", row.median() / line);
    json.number("checked", row.checked)
        .flag("right", good)
        .text("trouble", row.trouble)
        .end_object();
  }
  json.end_array().end_object();
  std::string out = table.text(0, kColumns);
  out += "\n" + wrapped("A quick look, on processors " + std::to_string(processors.first) +
                            " and " + std::to_string(processors.second) +
                            ": medians of 5 samples, each message checked. Whatever else runs "
                            "here is in the figures. script/bench measures.",
                        0);
  if (processors.first == processors.second) {
    out += wrapped("There is one processor only: these figures show how threads take turns.", 0);
  }
  if (!put(options.json ? json.str() + "\n" : out)) return kFailed;
  return status;
}

}  // namespace tool
