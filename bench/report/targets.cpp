// SPDX-License-Identifier: Apache-2.0
#include "report/targets.hpp"

#include <algorithm>
#include <initializer_list>

#include "report/format.hpp"

namespace ringway::bench {
namespace {

using Whose = Quantity::Whose;
using Statistic = Quantity::Statistic;

Quantity ours(std::string subject, Statistic statistic = Statistic::kMedian,
              std::string topology = "") {
  return {.whose = Whose::kRingway,
          .subject = std::move(subject),
          .statistic = statistic,
          .topology = std::move(topology)};
}
const Quantity kBestPeer{.whose = Whose::kBestPeer};
const Quantity kLimit{.whose = Whose::kLimit};
Quantity limit(const char* subject) {
  return {.whose = Whose::kLimit, .subject = subject};
}
const Quantity kOne{};

void add_one_to_one(std::vector<Target>& targets) {
  const auto add = [&](std::size_t bytes, std::size_t capacity, std::string wanted, Quantity own,
                       Quantity reference, double bound) {
    targets.push_back({.topology = "spsc_single",
                       .payload_bytes = bytes,
                       .capacity = capacity,
                       .wanted = std::move(wanted),
                       .ours = std::move(own),
                       .reference = std::move(reference),
                       .bound = bound});
  };
  for (const std::size_t capacity : {1024U, 65536U}) {
    add(8, capacity, "at least 1.5 x the best peer", ours("SpscRing"), kBestPeer, 1.5);
    add(8, capacity, "worst sample at least 0.7 of the median", ours("SpscRing", Statistic::kWorst),
        ours("SpscRing"), 0.7);
  }
  for (const std::size_t bytes : {64U, 256U}) {
    for (const std::size_t capacity : {1024U, 65536U}) {
      add(bytes, capacity, "at least 1.3 x the best peer", ours("SpscRing"), kBestPeer, 1.3);
      if (bytes != 64) continue;
      add(bytes, capacity, "at least 0.7 of lines streamed with a flag each", ours("SpscRing"),
          limit("limit: lines streamed with a flag each"), 0.7);
    }
  }
  add(256, 65536, "(at least 0.7 of lines streamed through as much memory)", ours("SpscRing"),
      limit("limit: lines streamed in blocks of 64, through as much memory"), 0.7);
  const auto add_slipping = [&](std::size_t bytes, std::size_t capacity, std::string wanted,
                                Quantity reference, double bound) {
    // Who slips wants throughput, and so reads what fits no register where it lies.
    add(bytes, capacity, std::move(wanted), ours(bytes == 8 ? "SpscRing" : "SpscRing, in place"),
        std::move(reference), bound);
    targets.back().topology = "spsc_slip";
  };
  for (const std::size_t capacity : {1024U, 65536U}) {
    add_slipping(8, capacity, "(all slip: at least 1.5 x the best peer)", kBestPeer, 1.5);
    add_slipping(64, capacity, "(all slip: at least 1.3 x the best peer)", kBestPeer, 1.3);
    add_slipping(64, capacity, "(all slip: at least 0.7 of lines streamed with a flag each)",
                 limit("limit: lines streamed with a flag each"), 0.7);
    add_slipping(256, capacity, "(all slip: at least 1.3 x the best peer)", kBestPeer, 1.3);
  }
  for (const char* batch : {"32", "256"}) {
    for (const std::size_t capacity : {1024U, 65536U}) {
      Target target{.topology = "spsc_batch",
                    .tag = batch,
                    .payload_bytes = 8,
                    .capacity = capacity,
                    .wanted = "at least 1.5 x the best peer's bulk path",
                    .ours = ours("SpscRing"),
                    .reference = kBestPeer,
                    .bound = 1.5};
      targets.push_back(target);
      target.wanted = "at least 0.5 of lines streamed in blocks";
      target.reference = kLimit;
      target.bound = 0.5;
      targets.push_back(target);
    }
  }
  for (const std::size_t bytes : {8U, 64U}) {
    targets.push_back({.topology = "spsc_rtt",
                       .payload_bytes = bytes,
                       .capacity = 1024,
                       .wanted = "at most 1.06 x the raw cache-line ping-pong",
                       .ours = ours("SpscRing"),
                       .reference = limit("raw cache-line ping-pong"),
                       .at_least = false,
                       .bound = 1.06});
    targets.push_back({.topology = "spsc_rtt",
                       .payload_bytes = bytes,
                       .capacity = 1024,
                       .wanted = "(the same of a line each way, as two rings must have)",
                       .ours = ours("SpscRing"),
                       .reference = limit("a line each way"),
                       .at_least = false,
                       .bound = 1.06});
  }
}

void add_many_to_many(std::vector<Target>& targets) {
  targets.push_back({.topology = "mpmc_1p1c",
                     .payload_bytes = 8,
                     .capacity = 1024,
                     .wanted = "at least 2 x the best bounded peer",
                     .ours = ours("MpmcRing"),
                     .reference = kBestPeer,
                     .bound = 2});
  for (const char* shape : {"1p1c", "2p2c"}) {
    targets.push_back({.topology = "mpmc_batch",
                       .tag = shape,
                       .payload_bytes = 8,
                       .capacity = 1024,
                       .wanted = "at least 1.5 x moodycamel's bulk path with tokens",
                       .ours = ours("MpmcRing"),
                       .reference = kBestPeer,
                       .bound = 1.5});
    targets.push_back({.topology = "mpmc_batch",
                       .tag = shape,
                       .payload_bytes = 8,
                       .capacity = 1024,
                       .wanted = "(of bare runs handed over in one order: at least 0.5)",
                       .ours = ours("MpmcRing"),
                       .reference = kLimit,
                       .bound = 0.5});
  }
  for (const char* row : {"mpmc_2p2c", "mpmc_4p4c"}) {
    for (const auto& [subject, how] : std::initializer_list<std::pair<const char*, const char*>>{
             {"MpmcRing", "spin, then yield"}, {"mpmc_channel, SpinPark", "spin, then park"}}) {
      Target target{.topology = row,
                    .payload_bytes = 8,
                    .capacity = 1024,
                    .wanted = std::string(how) + ": at least 1.5 x the best peer",
                    .ours = ours(subject),
                    .reference = kBestPeer,
                    .bound = 1.5};
      targets.push_back(target);
      target.wanted = std::string(how) + ": worst sample at least 0.5 of the median";
      target.reference = target.ours;
      target.ours.statistic = Statistic::kWorst;
      target.bound = 0.5;
      targets.push_back(target);
    }
  }
  for (const char* row : {"unbounded_1p1c", "unbounded_2p2c"}) {
    targets.push_back(
        {.topology = row,
         .payload_bytes = 8,
         .wanted = "at least 0.95 of bare moodycamel with tokens",
         .ours = ours(""),
         .reference = {.whose = Whose::kPeer, .subject = "moodycamel ConcurrentQueue, tokens"},
         .bound = 0.95});
  }
}

void add_broadcast(std::vector<Target>& targets) {
  targets.push_back({.topology = "broadcast_publish_4",
                     .payload_bytes = 8,
                     .capacity = 1024,
                     .wanted = "publishing with 4 readers at most 1.3 x the cost with 1",
                     .ours = ours("BroadcastRing"),
                     .reference = ours("BroadcastRing", Statistic::kMedian, "broadcast_publish_1"),
                     .at_least = false,
                     .bound = 1.3});
  targets.push_back({.topology = "broadcast_1",
                     .payload_bytes = 8,
                     .capacity = 1024,
                     .wanted = "at least 0.8 of SpscRing",
                     .ours = ours("BroadcastRing"),
                     .reference = ours("SpscRing"),
                     .bound = 0.8});
  targets.push_back({.topology = "broadcast_batch_1",
                     .payload_bytes = 8,
                     .capacity = 1024,
                     .wanted = "at least 0.25 of lines streamed in blocks",
                     .ours = ours("BroadcastRing"),
                     .reference = kLimit,
                     .bound = 0.25});
}

void add_bus(std::vector<Target>& targets) {
  const auto add = [&](const char* row, std::size_t bytes, const char* wanted, const char* subject,
                       Quantity reference, bool at_least, double bound) {
    targets.push_back({.topology = row,
                       .payload_bytes = bytes,
                       .wanted = wanted,
                       .ours = ours(subject),
                       .reference = std::move(reference),
                       .at_least = at_least,
                       .bound = bound});
  };
  add("bus_1to1", 64, "at least 0.5 of the bare ring", "Bus", ours("SpscRing"), true, 0.5);
  add("bus_1to1", 64, "at least 5 x the best framework peer", "Bus", kBestPeer, true, 5);
  add("bus_1to4", 64, "at least 4 x the best framework peer", "Bus", kBestPeer, true, 4);
  add("request_spin", 8, "p50 at most 1.5 x the raw cache-line ping-pong", "Bus",
      limit("raw cache-line ping-pong"), false, 1.5);
  add("request_park", 8, "p50 at most 1.1 x a raw futex ping-pong", "Bus", kLimit, false, 1.1);
  for (const char* row : {"inline_1", "inline_4", "inline_16"}) {
    add(row, 64, "at most 1.2 x a loop over std::vector<std::function>", "Bus", kLimit, false, 1.2);
  }
}

void add_between_processes(std::vector<Target>& targets) {
  const auto add = [&](const char* row, std::size_t bytes, const char* wanted, const char* subject,
                       Quantity reference, bool at_least, double bound) {
    targets.push_back({.topology = row,
                       .payload_bytes = bytes,
                       .wanted = wanted,
                       .ours = ours(subject),
                       .reference = std::move(reference),
                       .at_least = at_least,
                       .bound = bound});
  };
  for (const std::size_t bytes : {8U, 48U}) {
    add("ipc_rtt", bytes, "at most 1.2 x the raw cache-line ping-pong between processes",
        "SharedBus", limit("raw cache-line ping-pong"), false, 1.2);
    add("ipc_rtt", bytes, "(the same of lines that are mapped for reading alone)", "SharedBus",
        limit("a line each, mapped for reading"), false, 1.2);
    add("ipc_rtt", bytes, "(lanes mapped for writing: at most 1.2 x the raw one)",
        "SharedBus, mapped for writing", limit("raw cache-line ping-pong"), false, 1.2);
  }
  add("ipc_rtt", 64, "at most 1.15 x a bare slot (payload and sequence)", "SharedBus", kLimit,
      false, 1.15);
  for (const std::size_t bytes : {8U, 48U, 64U}) {
    add("ipc_rtt", bytes, "at most 0.25 of the best peer", "SharedBus", kBestPeer, false, 0.25);
  }
  add("ipc_throughput", 64, "at least 5 x the best peer", "SharedBus", kBestPeer, true, 5);
  // a rate: at most 1.1 times the time is at least 1 / 1.1 of the rate
  add("ipc_throughput", 65536, "at most 1.1 x the time of a bare memcpy hand-over", "SharedBus",
      kLimit, true, 1 / 1.1);
  add("ipc_wake", 8, "p50 at most 1.1 x a raw futex between processes", "SharedBus", kLimit, false,
      1.1);
}

void add_single_thread(std::vector<Target>& targets) {
  const auto add = [&](const char* tag, const char* wanted, const char* subject, double bound) {
    targets.push_back({.topology = "op_cost",
                       .tag = tag,
                       .payload_bytes = 8,
                       .capacity = 1024,
                       .wanted = wanted,
                       .ours = ours(subject),
                       .reference = kOne,
                       .at_least = false,
                       .bound = bound});
  };
  add("spsc", "push and pop at most 2 ns", "SpscRing", 2);
  add("mpmc", "push and pop at most 12 ns", "MpmcRing", 12);
}

/// A figure found in a run, whose it is, and from how many samples.
struct Found {
  double value = 0;
  std::string subject;
  std::size_t samples = ~std::size_t{0};
};

bool is_of(const Cell& cell, const Target& target, const Quantity& quantity, CoreClass core_class) {
  return cell.topology == (quantity.topology.empty() ? target.topology : quantity.topology) &&
         cell.variant.tag == target.tag && cell.payload_bytes == target.payload_bytes &&
         cell.capacity == target.capacity && cell.core_class == core_class;
}

bool is_whose(const Cell& cell, const Quantity& quantity) {
  switch (quantity.whose) {
    case Whose::kRingway:
      return cell.kind == Kind::kRingway && cell.subject.starts_with(quantity.subject);
    case Whose::kBestPeer: return cell.kind == Kind::kPeer;
    case Whose::kPeer:
      return cell.kind == Kind::kPeer && cell.subject.starts_with(quantity.subject);
    case Whose::kLimit:
      return cell.kind == Kind::kLimit && cell.subject.starts_with(quantity.subject);
    case Whose::kOne: return false;
  }
  return false;
}

/// The best that fits; the value is 0 if nothing does.
Found find(const std::vector<Cell>& cells, const Target& target, const Quantity& quantity,
           CoreClass core_class) {
  if (quantity.whose == Whose::kOne) return {.value = 1, .subject = ""};
  Found found;
  for (const Cell& cell : cells) {
    if (!is_of(cell, target, quantity, core_class) || !is_whose(cell, quantity)) continue;
    const Summary summary = cell.summary();
    const bool higher = cell.better == Better::kHigher;
    const double worst = higher ? summary.min : summary.max;
    const double value = quantity.statistic == Statistic::kWorst ? worst : summary.median;
    const bool best = quantity.whose != Whose::kRingway;  // ours is the first that fits
    if (found.value == 0 || (best && (higher ? value > found.value : value < found.value))) {
      found = {.value = value, .subject = cell.subject, .samples = cell.samples.size()};
    }
  }
  return found;
}

std::string row_name(const Target& target) {
  Cell cell;
  cell.topology = target.topology;
  cell.variant.tag = target.tag;
  cell.payload_bytes = target.payload_bytes;
  cell.capacity = target.capacity;
  return title_of(cell);
}

Verdict judge_one(const Target& target, const std::vector<Cell>& cells) {
  Verdict verdict{.row = row_name(target),
                  .wanted = target.wanted,
                  .result = "",
                  .word = "not measured",
                  .core_class = ""};
  std::size_t judged = 0;
  for (const CoreClass core_class : {CoreClass::kTwoCores, CoreClass::kOneCore}) {
    const Found own = find(cells, target, target.ours, core_class);
    const Found reference = find(cells, target, target.reference, core_class);
    if (own.value == 0 || reference.value == 0) continue;
    const std::size_t samples = std::min(own.samples, reference.samples);
    if (judged != 0 && !has_far_more_samples(samples, judged)) continue;
    judged = samples;
    const double ratio = own.value / reference.value;
    verdict.core_class = name_of(core_class);
    verdict.result = figure(ratio);
    if (target.reference.whose != Whose::kOne) {
      verdict.result += " (" + figure(own.value) + " / " + figure(reference.value);
      verdict.result += " " + reference.subject + ")";
    }
    verdict.word =
        (target.at_least ? ratio >= target.bound : ratio <= target.bound) ? "met" : "missed";
  }
  return verdict;
}

}  // namespace

std::vector<Target> all_targets() {
  std::vector<Target> targets;
  add_one_to_one(targets);
  add_many_to_many(targets);
  add_broadcast(targets);
  add_bus(targets);
  add_between_processes(targets);
  add_single_thread(targets);
  return targets;
}

std::vector<Verdict> judge(const std::vector<Target>& targets, const std::vector<Cell>& cells) {
  std::vector<Verdict> verdicts;
  for (const Target& target : targets) {
    const bool measured = std::any_of(cells.begin(), cells.end(), [&](const Cell& cell) {
      return is_of(cell, target, {}, CoreClass::kTwoCores) ||
             is_of(cell, target, {}, CoreClass::kOneCore);
    });
    if (measured) verdicts.push_back(judge_one(target, cells));
  }
  return verdicts;
}

}  // namespace ringway::bench
