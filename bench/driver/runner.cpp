// SPDX-License-Identifier: Apache-2.0
#include "driver/runner.hpp"

#include <algorithm>

#include "driver/clock.hpp"

namespace ringway::bench {

struct Runner::Track {
  const Subject* subject;
  std::uint64_t count;
  bool failed = false;
  Cell two_cores;
  Cell one_core;
};

namespace {

Cell make_cell(const Row& row, const Subject& subject, CoreClass core_class) {
  return {.suite = row.suite,
          .topology = row.topology,
          .payload_bytes = row.payload_bytes,
          .capacity = row.capacity,
          .subject = subject.name,
          .kind = subject.kind,
          .core_class = core_class,
          .unit = row.unit,
          .better = row.better,
          .threads = row.threads};
}

}  // namespace

Results Runner::run(const std::vector<Row>& rows, const Progress& progress,
                    const RowDone& row_done) {
  const std::int64_t begin_ns = now_ns();
  std::size_t subjects = 0;
  for (const Row& row : rows) subjects += row.subjects.size();
  std::size_t done = 0;
  for (const Row& row : rows) {
    const std::size_t first = results_.cells.size();
    run_row(row, [&](double part) {
      const double share = static_cast<double>(row.subjects.size()) * part;
      progress(row.title(), (static_cast<double>(done) + share) / static_cast<double>(subjects));
    });
    done += row.subjects.size();
    std::vector<Cell> cells(results_.cells.begin() + static_cast<std::ptrdiff_t>(first),
                            results_.cells.end());
    set_ratios(cells);
    row_done(row, cells);
  }
  set_ratios(results_.cells);
  results_.seconds = static_cast<double>(now_ns() - begin_ns) * 1e-9;
  return std::move(results_);
}

void Runner::run_row(const Row& row, const std::function<void(double)>& part_done) {
  std::vector<Track> tracks;
  for (const Subject& subject : row.subjects) {
    tracks.push_back({.subject = &subject,
                      .count = calibrate(row, subject),
                      .two_cores = make_cell(row, subject, CoreClass::kTwoCores),
                      .one_core = make_cell(row, subject, CoreClass::kOneCore)});
    part_done(0);
  }
  double before_ns = options_.smoke || row.threads == 1 ? 0 : bracket_ns(stage_);
  for (std::size_t round = 0; !enough(tracks, round); ++round) {
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      // Another subject begins each round, so that none always follows the same one.
      Track& track = tracks[(i + round) % tracks.size()];
      if (!track.failed) sample(row, track, before_ns);
      part_done(std::min(1.0, (static_cast<double>(round) +
                               static_cast<double>(i + 1) / static_cast<double>(tracks.size())) /
                                  static_cast<double>(options_.samples)));
    }
  }
  for (const Cell Track::*cell : {&Track::two_cores, &Track::one_core}) {
    for (const Track& track : tracks) {
      if (!(track.*cell).samples.empty()) results_.cells.push_back(track.*cell);
    }
  }
}

std::uint64_t Runner::calibrate(const Row& row, const Subject& subject) {
  stage_.set_running(subject.name + " in " + row.title());
  if (row.fixed_count != 0) return row.fixed_count;
  if (options_.smoke) return row.better == Better::kLower ? 500 : 20'000;
  std::uint64_t count = 1000;
  while (true) {
    const Measurement measurement = subject.run(stage_, count);
    if (!measurement.violation.empty()) return count;  // the first sample will report it
    if (measurement.seconds >= options_.sample_seconds / 4) {
      const double scale = options_.sample_seconds / measurement.seconds;
      return std::max<std::uint64_t>(
          100, static_cast<std::uint64_t>(static_cast<double>(count) * scale));
    }
    count *= measurement.seconds * 20 < options_.sample_seconds ? 10 : 3;
  }
}

void Runner::sample(const Row& row, Track& track, double& before_ns) {
  stage_.set_running(track.subject->name + " in " + row.title());
  Measurement measurement = track.subject->run(stage_, track.count);
  if (!measurement.violation.empty()) {
    track.failed = true;
    note_violation(row, *track.subject, measurement.violation);
    return;
  }
  if (options_.smoke || row.threads == 1) {
    keep(track, CoreClass::kTwoCores, {.value = measurement.value}, std::move(measurement));
    return;
  }
  const double after_ns = bracket_ns(stage_);
  const CoreClass core_class = options_.class_limits.classify(before_ns, after_ns);
  const Sample sample{.value = measurement.value, .before_ns = before_ns, .after_ns = after_ns};
  before_ns = after_ns;
  keep(track, core_class, sample, std::move(measurement));
}

void Runner::keep(Track& track, CoreClass core_class, Sample sample, Measurement measurement) {
  if (core_class == CoreClass::kUnclear) {
    ++results_.unclear_samples;
    return;
  }
  Cell& cell = core_class == CoreClass::kTwoCores ? track.two_cores : track.one_core;
  if (cell.samples.size() >= options_.samples) return;
  cell.samples.push_back(sample);
  for (const auto& [name, value] : measurement.extras) cell.extras[name].push_back(value);
  if (!measurement.latencies) return;
  if (!cell.latencies) cell.latencies.emplace();
  cell.latencies->add(*measurement.latencies);
}

/// Enough when every subject has all its samples of the class "two cores". Otherwise the host
/// decides how long it takes, so: at most three times as many rounds; and no more than needed when
/// the processors are two threads of one core all the time.
bool Runner::enough(const std::vector<Track>& tracks, std::size_t rounds) const {
  if (rounds >= 3 * options_.samples) return true;
  const auto full = [&](const Cell& cell) { return cell.samples.size() >= options_.samples; };
  const bool two_cores_full = std::all_of(tracks.begin(), tracks.end(), [&](const Track& track) {
    return track.failed || full(track.two_cores);
  });
  if (two_cores_full) return true;
  return std::all_of(tracks.begin(), tracks.end(), [&](const Track& track) {
    return track.failed || (full(track.one_core) && track.two_cores.samples.empty());
  });
}

void Runner::note_violation(const Row& row, const Subject& subject, const std::string& violation) {
  results_.violations.push_back(subject.name + " in " + row.title() + ": " + violation);
}

}  // namespace ringway::bench
