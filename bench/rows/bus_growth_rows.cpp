// SPDX-License-Identifier: Apache-2.0
/// \file
/// How the bus's costs change with publishers, subscribers, topics, patterns and requests under
/// way: curves, not points.

#include "adapters/ringway_bus.hpp"
#include "rows/row_tools.hpp"
#include "workload/bus_growth.hpp"
#include "workload/bus_throughput.hpp"

namespace ringway::bench {
namespace {

using T = Message<64>;

Row growth_row(const char* topology, const char* what, std::size_t at) {
  return {.suite = "growth",
          .topology = topology,
          .variant = {.tag = std::to_string(at), .text = std::to_string(at) + " " + what},
          .payload_bytes = sizeof(T),
          .growth = {.what = what, .at = static_cast<double>(at)}};
}

Row cost_row(const char* topology, const char* what, std::size_t at) {
  Row row = growth_row(topology, what, at);
  row.unit = "ns";
  row.better = Better::kLower;
  return row;
}

template <class Measure>
void add(Row& row, const char* name, Measure measure) {
  row.subjects.push_back({.name = name, .kind = Kind::kRingway, .run = std::move(measure)});
}

Row publishers_row(std::size_t publishers) {
  Row row = growth_row("growth_publishers", "publishers", publishers);
  row.threads = publishers + 1;
  add(row, "Bus, a lane for each publisher", [=](Stage& stage, std::uint64_t count) {
    return measure_publishers<T>(stage, publishers, count);
  });
  return row;
}

Row subscribers_row(std::size_t subscribers) {
  Row row = growth_row("growth_subscribers", "subscribers", subscribers);
  row.threads = subscribers == 1 ? 2 : 3;
  row.subjects.push_back(named("Bus, on two dispatchers", bus_subject<RingwayBus, T>(subscribers)));
  return row;
}

Row topics_row(const Options& options, std::size_t topics) {
  Row row = cost_row("growth_topics", "topics", topics);
  row.fixed_count = options.smoke ? 100 : 5'000;
  row.sample_seconds = 0.02 + 10e-6 * static_cast<double>(topics);  // making and ending them all
  add(row, "Bus, one topic is busy, the others idle", [=](Stage& stage, std::uint64_t count) {
    return measure_topics<T>(stage, topics, false, count);
  });
  add(row, "Bus, each message to the next topic", [=](Stage& stage, std::uint64_t count) {
    return measure_topics<T>(stage, topics, true, count);
  });
  add(row, "Bus, family publisher, each message to the next topic",
      [=](Stage& stage, std::uint64_t count) { return measure_family<T>(stage, topics, count); });
  return row;
}

Row binding_row(std::size_t patterns) {
  Row row = cost_row("growth_patterns_bind", "patterns", patterns);
  row.fixed_count = 1;
  add(row, "Bus, one more subscription by pattern",
      [=](Stage& stage, std::uint64_t) { return measure_binding<T>(stage, patterns); });
  return row;
}

Row patterns_row(std::size_t patterns) {
  Row row = cost_row("growth_patterns_publish", "patterns", patterns);
  add(row, "Bus, publishing", [=](Stage& stage, std::uint64_t count) {
    return measure_patterns<T>(stage, patterns, count);
  });
  return row;
}

Row outstanding_row(std::size_t outstanding) {
  Row row = cost_row("growth_outstanding", "requests under way", outstanding);
  row.payload_bytes = sizeof(Question);
  add(row, "Bus, request and answer", [=](Stage& stage, std::uint64_t count) {
    return measure_outstanding(stage, outstanding, count);
  });
  return row;
}

}  // namespace

void add_bus_growth_rows(Rows& rows, const Options& options) {
  for (const std::size_t publishers : {1U, 2U, 4U, 8U, 16U})
    rows.push_back(publishers_row(publishers));
  for (const std::size_t subscribers : {1U, 2U, 4U, 8U, 16U}) {
    rows.push_back(subscribers_row(subscribers));
  }
  for (const std::size_t topics : {1U, 10U, 100U, 1000U, 10000U}) {
    rows.push_back(topics_row(options, topics));
  }
  for (const std::size_t patterns : {1U, 10U, 100U, 1000U}) rows.push_back(binding_row(patterns));
  for (const std::size_t patterns : {1U, 10U, 100U, 1000U}) rows.push_back(patterns_row(patterns));
  for (const std::size_t outstanding : {1U, 10U, 100U, 1000U, 10000U}) {
    rows.push_back(outstanding_row(outstanding));
  }
}

}  // namespace ringway::bench
