// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Runs subjects under stress and lets the checker judge their histories.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/stress/queue_checker.hpp"
#include "tests/stress/subjects.hpp"
#include "tests/stress/threads.hpp"

namespace ringway::stress {

inline constexpr std::size_t kCapacities[] = {1, 2, 3, 7, 64, 1000};
inline constexpr Placement kPlacements[] = {Placement::kPinned, Placement::kUnpinned,
                                            Placement::kOversubscribed};
/// The counters begin at 0, or shortly before they pass one of these.
inline constexpr Sequence kWraps[] = {0, Sequence{1} << 31, Sequence{1} << 32, 0};

[[nodiscard]] inline Sequence start_of_run(std::size_t i, Random& random) {
  return i == 0 ? 0 : kWraps[i] - 1 - random() % 2000;
}

[[nodiscard]] inline std::uint64_t count_of(const ThreadLog& log, Kind kind) {
  return static_cast<std::uint64_t>(
      std::count_if(log.begin(), log.end(), [kind](const Operation& o) { return o.kind == kind; }));
}

/// Each value is for one consumer.
inline std::string judge_queue(const Logs& logs, std::size_t, const Promise& promise) {
  std::string finding = check_queue(logs, promise);
  std::uint64_t pushes = 0;
  std::uint64_t pops = 0;
  for (const ThreadLog& log : logs) {
    pushes += count_of(log, Kind::kPush);
    pops += count_of(log, Kind::kPop);
  }
  if (finding.empty() && pushes != pops) finding = "loss: the run ended with values in the queue";
  return finding;
}

/// Each reader sees each value: the producer and any one reader have the history of a queue, and a
/// push may say full if any reader is a reason.
inline std::string judge_broadcast(const Logs& logs, std::size_t producers,
                                   const Promise& promise) {
  std::vector<Time> wrong;  // fulls for which no reader so far is a reason
  for (std::size_t reader = producers; reader < logs.size(); ++reader) {
    Logs pair(logs.begin(), logs.begin() + static_cast<std::ptrdiff_t>(producers));
    pair.push_back(logs[reader]);
    Promise without_full = promise;
    without_full.full = Answer::kAny;
    std::string finding = judge_queue(pair, producers, without_full);
    if (!finding.empty()) return "reader " + std::to_string(reader) + ": " + finding;
    QueueChecker with_full(pair, promise);
    (void)with_full.check();
    std::vector<Time> now;
    for (const Operation& operation : with_full.wrong_fulls()) now.push_back(operation.begin);
    std::sort(now.begin(), now.end());
    std::vector<Time> both;
    std::set_intersection(wrong.begin(), wrong.end(), now.begin(), now.end(),
                          std::back_inserter(both));
    wrong = reader == producers ? now : both;
  }
  return wrong.empty() ? "" : "room: a push at " + std::to_string(wrong.front()) + " was refused";
}

struct Crew {
  std::size_t subjects;  // queues at once
  std::size_t producers;
  std::size_t consumers;
};

/// What a suite runs with: capacity and placement.
using Setting = std::tuple<std::size_t, Placement>;

/// How GoogleTest shows a parameter.
inline void PrintTo(Placement placement, std::ostream* stream) {  // NOLINT: GoogleTest's name
  *stream << name_of(placement);
}

[[nodiscard]] inline std::string setting_name(const testing::TestParamInfo<Setting>& info) {
  return "Capacity" + std::to_string(std::get<0>(info.param)) + name_of(std::get<1>(info.param));
}

[[nodiscard]] inline auto all_settings() {
  return testing::Combine(testing::ValuesIn(kCapacities), testing::ValuesIn(kPlacements));
}
[[nodiscard]] inline bool crowded(const Setting& setting) {
  return std::get<1>(setting) == Placement::kOversubscribed;
}

/// One run: makes the subjects, runs their threads, judges each history. \return how many
/// operations were judged
template <class Make, class Judge>
std::size_t run_once(const Crew& crew, const Shape& shape, Placement placement, Random& random,
                     Make&& make, Judge&& judge, const Promise& promise) {
  using Subject = typename decltype(make(shape))::element_type;
  std::vector<std::unique_ptr<Subject>> subjects;
  for (std::size_t i = 0; i < crew.subjects; ++i) subjects.push_back(make(shape));
  const std::vector<Logs> all = run_threads(subjects, placement, Budget{}, random);
  std::size_t operations = 0;
  for (const Logs& logs : all) {
    const std::string finding = judge(logs, shape.producers, promise);
    EXPECT_EQ(finding, "") << "capacity " << shape.capacity << ", start " << shape.start;
    for (const ThreadLog& log : logs) operations += log.size();
  }
  return operations;
}

/// The runs of one setting: from each start, with small and wide messages in turn, and as often as
/// scale() says.
template <class MakeSmall, class MakeWide, class Judge>
void stress(const Setting& setting, const Crew& crew, const Promise& promise, Judge&& judge,
            MakeSmall&& make_small, MakeWide&& make_wide) {
  const auto [capacity, placement] = setting;
  Random random(seed_of_this_run() + capacity * 3 + static_cast<std::uint64_t>(placement));
  Promise bounded = promise;
  bounded.capacity = capacity;
  std::size_t operations = 0;
  for (std::uint64_t round = 0; round < scale() && !testing::Test::HasFailure(); ++round) {
    for (std::size_t i = 0; i < std::size(kWraps); ++i) {
      const Shape shape{capacity, start_of_run(i, random), crew.producers, crew.consumers};
      if ((round + i + capacity) % 2 == 0) {
        operations += run_once(crew, shape, placement, random, make_small, judge, bounded);
      } else {
        operations += run_once(crew, shape, placement, random, make_wide, judge, bounded);
      }
    }
  }
  std::printf("%zu operations judged\n", operations);
  EXPECT_GT(operations, 0U);
}

/// The same for a subject template that is made of its Shape alone.
template <template <class> class Subject, class Judge>
void stress_each(const Setting& setting, const Crew& crew, const Promise& promise, Judge&& judge) {
  stress(
      setting, crew, promise, judge,
      [](const Shape& shape) { return std::make_unique<Subject<Small>>(shape); },
      [](const Shape& shape) { return std::make_unique<Subject<Wide>>(shape); });
}

}  // namespace ringway::stress
