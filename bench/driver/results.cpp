// SPDX-License-Identifier: Apache-2.0
#include "driver/results.hpp"

#include "driver/json_writer.hpp"

namespace ringway::bench {

Summary Cell::summary() const {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const Sample& sample : samples) values.push_back(sample.value);
  return summarize(values);
}

std::optional<double> Cell::p99() const {
  if (!latencies || latencies->total() == 0) return std::nullopt;
  return static_cast<double>(latencies->percentile(99));
}

bool same_row(const Cell& a, const Cell& b) {
  return a.suite == b.suite && a.topology == b.topology && a.variant.tag == b.variant.tag &&
         a.payload_bytes == b.payload_bytes && a.capacity == b.capacity &&
         a.core_class == b.core_class;
}

void set_ratios(std::vector<Cell>& cells) {
  for (Cell& ours : cells) {
    if (ours.kind != Kind::kRingway) continue;
    std::optional<double> best_peer;
    std::optional<double> limit;
    for (const Cell& other : cells) {
      if (!same_row(ours, other)) continue;
      const double median = other.summary().median;
      if (median <= 0) continue;
      std::optional<double>* best = other.kind == Kind::kPeer    ? &best_peer
                                    : other.kind == Kind::kLimit ? &limit
                                                                 : nullptr;
      if (best == nullptr) continue;
      const bool improves =
          !*best || (ours.better == Better::kHigher ? median > **best : median < **best);
      if (improves) *best = median;
    }
    const double median = ours.summary().median;
    if (best_peer) ours.ratio_to_best_peer = median / *best_peer;
    if (limit) ours.ratio_to_limit = median / *limit;
  }
}

std::string results_json(const std::vector<Cell>& cells) {
  JsonWriter json;
  json.begin_array();
  for (const Cell& cell : cells) {
    const Summary summary = cell.summary();
    json.begin_object()
        .member("suite", cell.suite)
        .member("topology", cell.topology)
        .member("payload_bytes", cell.payload_bytes)
        .member("capacity", cell.capacity)
        .member("subject", cell.full_subject())
        .member("subject_kind", name_of(cell.kind))
        .member("class", name_of(cell.core_class))
        .member("unit", cell.unit)
        .member("better", name_of(cell.better))
        .member("n", summary.n)
        .member("median", summary.median)
        .member("min", summary.min)
        .member("max", summary.max)
        .member("p99", cell.p99())
        .member("ratio_to_best_peer", cell.ratio_to_best_peer)
        .member("ratio_to_limit", cell.ratio_to_limit)
        .end_object();
  }
  json.end_array();
  return json.text() + "\n";
}

namespace {

void write_latencies(JsonWriter& json, const Histogram& latencies) {
  json.key("latency_ns").begin_object().member("count", latencies.total());
  for (const auto& [name, percent] : std::initializer_list<std::pair<const char*, double>>{
           {"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}}) {
    json.member(name, latencies.percentile(percent));
  }
  json.member("max", latencies.max()).end_object();
}

}  // namespace

std::string raw_json(const Results& results,
                     const std::vector<std::pair<std::string, std::string>>& machine) {
  JsonWriter json;
  json.begin_object().key("machine").begin_object();
  for (const auto& [name, value] : machine) json.member(name, value);
  json.end_object()
      .member("seconds", results.seconds)
      .member("unclear_samples_thrown_away", results.unclear_samples)
      .key("violations")
      .begin_array();
  for (const std::string& violation : results.violations) json.value(violation);
  json.end_array().key("incomplete_rows").begin_array();
  for (const std::string& row : results.incomplete) json.value(row);
  json.end_array().key("missing_peers").begin_array();
  for (const std::string& missing : results.missing) json.value(missing);
  json.end_array().key("cells").begin_array();
  for (const Cell& cell : results.cells) {
    json.begin_object()
        .member("suite", cell.suite)
        .member("topology", cell.topology)
        .member("payload_bytes", cell.payload_bytes)
        .member("capacity", cell.capacity)
        .member("threads", cell.threads)
        .member("subject", cell.full_subject())
        .member("subject_kind", name_of(cell.kind))
        .member("class", name_of(cell.core_class))
        .member("unit", cell.unit);
    if (!cell.growth.what.empty()) json.member(cell.growth.what, cell.growth.at);
    json.key("samples").begin_array();
    for (const Sample& sample : cell.samples) {
      json.begin_object()
          .member("value", sample.value)
          .member("ping_pong_before_ns", sample.before_ns)
          .member("ping_pong_after_ns", sample.after_ns)
          .end_object();
    }
    json.end_array();
    if (cell.latencies && cell.latencies->total() != 0) write_latencies(json, *cell.latencies);
    for (const auto& [name, values] : cell.extras) json.member(name, median_of(values));
    json.end_object();
  }
  json.end_array().end_object();
  return json.text() + "\n";
}

}  // namespace ringway::bench
