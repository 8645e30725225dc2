// SPDX-License-Identifier: Apache-2.0
#include "driver/runner.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "driver/clock.hpp"

namespace ringway::bench {

struct Runner::Track {
  const Subject* subject;
  std::uint64_t count;
  bool failed = false;
  std::vector<Cell> cells{};  ///< one for each place

  [[nodiscard]] std::size_t samples(std::size_t place) const {
    return place < cells.size() ? cells[place].samples.size() : 0;
  }
};

struct Runner::Ledger {
  const Row* row;
  double expected_seconds;
  std::vector<Track> tracks{};
  std::size_t rounds = 0;
  Bracket before{};  ///< taken before the next sample
};

namespace {

/// The brackets, the warming up and the making of queues, for each sample.
constexpr double kOverheadSeconds = 0.008;

Cell make_cell(const Row& row, const Subject& subject, CoreClass core_class) {
  return {.suite = row.suite,
          .topology = row.topology,
          .variant = row.variant,
          .payload_bytes = row.payload_bytes,
          .capacity = row.capacity,
          .subject = subject.name,
          .kind = subject.kind,
          .core_class = core_class,
          .unit = row.unit,
          .better = row.better,
          .threads = row.threads,
          .growth = row.growth};
}

std::int64_t nanoseconds(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

}  // namespace

Runner::Runner(const Options& options, Stage& stage, Ruler ruler)
    : options_(options), stage_(stage), ruler_(std::move(ruler)) {}
Runner::~Runner() = default;

std::size_t Runner::wanted(const Row& row) const {
  return row.samples == 0 ? options_.samples : std::min(row.samples, options_.samples);
}

bool Runner::bracketed(const Row& row) const {
  return !options_.smoke && row.threads > 1;
}

double Runner::expected_seconds(const Row& row) const {
  const double sample = row.sample_seconds == 0 ? options_.sample_seconds : row.sample_seconds;
  const auto samples = static_cast<double>(wanted(row) * row.subjects.size());
  return samples * (1.3 * sample + kOverheadSeconds);
}

Results Runner::run(const std::vector<Row>& rows, const Progress& progress,
                    const RowDone& row_done) {
  const std::int64_t begin_ns = now_ns();
  std::vector<Ledger> ledgers;
  double to_come = 0;
  double unbracketed = 0;  // of it: takes as long as it takes, wherever the processors are
  for (const Row& row : rows) {
    ledgers.push_back({.row = &row, .expected_seconds = expected_seconds(row)});
    to_come += ledgers.back().expected_seconds;
    unbracketed += bracketed(row) ? 0 : ledgers.back().expected_seconds;
  }
  const double all = to_come;
  const double limit = options_.limit_seconds != 0 ? options_.limit_seconds : 20 + 3 * all;
  deadline_ns_ = begin_ns + nanoseconds(limit);
  for (Ledger& ledger : ledgers) {
    const double own = ledger.expected_seconds;
    std::int64_t until_ns = deadline_ns_;
    if (bracketed(*ledger.row)) {
      const double left = static_cast<double>(deadline_ns_ - now_ns()) * 1e-9 - unbracketed;
      const double share = std::max(left, 0.0) * own / (to_come - unbracketed);
      until_ns = now_ns() + nanoseconds(share);
    } else {
      unbracketed -= own;
    }
    begin(ledger);
    std::size_t samples = 0;
    const auto planned = static_cast<double>(wanted(*ledger.row) * ledger.tracks.size());
    take_samples(ledger, until_ns, [&] {
      const double part = std::min(1.0, static_cast<double>(++samples) / planned);
      progress(ledger.row->title(), (all - to_come + own * part) / all);
    });
    to_come -= own;
    row_done(*ledger.row, cells_of(ledger));
  }
  take_up_again(ledgers, progress, row_done);
  for (const Ledger& ledger : ledgers) {
    note_incomplete(ledger);
    for (Cell& cell : cells_of(ledger)) results_.cells.push_back(std::move(cell));
  }
  results_.seconds = static_cast<double>(now_ns() - begin_ns) * 1e-9;
  return std::move(results_);
}

void Runner::begin(Ledger& ledger) {
  const Row& row = *ledger.row;
  for (const Subject& subject : row.subjects) {
    ledger.tracks.push_back({.subject = &subject, .count = calibrate(row, subject)});
  }
}

/// Rounds until one place has all its samples, the time is over, or, since the host decides how
/// long it takes, there were three times as many as needed. At least one.
void Runner::take_samples(Ledger& ledger, std::int64_t until_ns,
                          const std::function<void()>& sampled) {
  const std::size_t most = ledger.rounds + 3 * wanted(*ledger.row);
  if (bracketed(*ledger.row)) ledger.before = ruler_(stage_);
  do {
    for (std::size_t i = 0; i < ledger.tracks.size(); ++i) {
      // Another subject begins each round, so that none always follows the same one.
      Track& track = ledger.tracks[(i + ledger.rounds) % ledger.tracks.size()];
      if (!track.failed) sample(ledger, track);
      sampled();
    }
    ++ledger.rounds;
  } while (ledger.rounds < most && now_ns() < until_ns && !complete(ledger, CoreClass::kTwoCores) &&
           !complete(ledger, CoreClass::kOneCore));
}

/// Round by round, while the processors are two cores and time is left.
void Runner::take_up_again(std::vector<Ledger>& ledgers, const Progress& progress,
                           const RowDone& row_done) {
  if (!two_cores_seen_) return;  // nothing to hope for
  for (Ledger& ledger : ledgers) {
    const Row& row = *ledger.row;
    if (!bracketed(row) || complete(ledger, CoreClass::kTwoCores)) continue;
    const std::string what = "again, for two cores: " + row.title();
    while (now_ns() < deadline_ns_ && !complete(ledger, CoreClass::kTwoCores)) {
      progress(what, 0.99);
      if (ruler_(stage_).core_class() == CoreClass::kTwoCores) {
        take_samples(ledger, now_ns(), [] {});
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
    row_done(row, cells_of(ledger));
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

void Runner::sample(Ledger& ledger, Track& track) {
  const Row& row = *ledger.row;
  stage_.set_running(track.subject->name + " in " + row.title());
  Measurement measurement = track.subject->run(stage_, track.count);
  if (!measurement.violation.empty()) {
    track.failed = true;
    note_violation(row, *track.subject, measurement.violation);
    if (bracketed(row)) ledger.before = ruler_(stage_);
    return;
  }
  if (!bracketed(row)) {
    keep(row, track, 0, {.value = measurement.value}, std::move(measurement));
    return;
  }
  const Bracket before = std::exchange(ledger.before, ruler_(stage_));
  const Bracket& after = ledger.before;
  const std::size_t place = places_.of(before);
  if (places_.of(after) != place || !alike(before, after)) {
    ++results_.unclear_samples;
    return;
  }
  two_cores_seen_ = two_cores_seen_ || places_[place].core_class == CoreClass::kTwoCores;
  const Sample sample{.value = measurement.value,
                      .before_ns = before.round_trip_ns,
                      .after_ns = after.round_trip_ns};
  keep(row, track, place, sample, std::move(measurement));
}

void Runner::keep(const Row& row, Track& track, std::size_t place, Sample sample,
                  Measurement measurement) {
  while (track.cells.size() <= place) {
    const std::size_t next = track.cells.size();
    track.cells.push_back(make_cell(
        row, *track.subject, bracketed(row) ? places_[next].core_class : CoreClass::kTwoCores));
  }
  Cell& cell = track.cells[place];
  if (cell.samples.size() >= wanted(row)) return;
  cell.samples.push_back(sample);
  for (const auto& [name, value] : measurement.extras) cell.extras[name].push_back(value);
  if (!measurement.latencies) return;
  if (!cell.latencies) cell.latencies.emplace();
  cell.latencies->add(*measurement.latencies);
}

Runner::Most Runner::most(const Ledger& ledger, CoreClass core_class) const {
  Most most;
  std::size_t most_of_all = 0;  // subjects, where one of them has none
  const std::size_t places = bracketed(*ledger.row) ? places_.size() : 1;
  for (std::size_t place = 0; place < places; ++place) {
    if (bracketed(*ledger.row) && places_[place].core_class != core_class) continue;
    std::size_t least = wanted(*ledger.row);
    std::size_t all = 0;
    for (const Track& track : ledger.tracks) {
      if (!track.failed) least = std::min(least, track.samples(place));
      all += track.samples(place);
    }
    if (all > 0 && std::pair(least, all) > std::pair(most.samples, most_of_all)) {
      most = {.place = place, .samples = least};
      most_of_all = all;
    }
  }
  return most;
}

bool Runner::complete(const Ledger& ledger, CoreClass core_class) const {
  const bool failed = std::all_of(ledger.tracks.begin(), ledger.tracks.end(),
                                  [](const Track& track) { return track.failed; });
  return failed || most(ledger, core_class).samples >= wanted(*ledger.row);
}

std::vector<Cell> Runner::cells_of(const Ledger& ledger) const {
  std::vector<Cell> cells;
  for (const CoreClass core_class : {CoreClass::kTwoCores, CoreClass::kOneCore}) {
    const std::size_t place = most(ledger, core_class).place;
    for (const Track& track : ledger.tracks) {
      if (track.samples(place) == 0 || track.cells[place].core_class != core_class) continue;
      cells.push_back(track.cells[place]);
    }
  }
  set_ratios(cells);
  return cells;
}

void Runner::note_violation(const Row& row, const Subject& subject, const std::string& violation) {
  results_.violations.push_back(subject.name + " in " + row.title() + ": " + violation);
}

void Runner::note_incomplete(const Ledger& ledger) {
  if (options_.smoke || complete(ledger, CoreClass::kTwoCores)) return;
  const std::size_t samples = most(ledger, CoreClass::kTwoCores).samples;
  std::string text = ledger.row->title() + ": " + std::to_string(samples) + " of " +
                     std::to_string(wanted(*ledger.row)) +
                     " samples with two cores at one distance";
  if (complete(ledger, CoreClass::kOneCore)) text += "; complete with one core";
  results_.incomplete.push_back(text + "; given up after " + std::to_string(ledger.rounds) +
                                " rounds, because the processors moved");
}

}  // namespace ringway::bench
