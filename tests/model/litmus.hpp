// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// How the explorer's own tests say what they expect of a small program.

#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <string>

#include "explorer/model_memory.hpp"

namespace ringway::model {

using Word = ModelMemory::Atomic<int>;
using Outcomes = std::set<std::string>;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;
constexpr auto kSeqCst = std::memory_order_seq_cst;

template <class... Values>
void show(Explorer& world, Values... values) {
  std::string text;
  ((text += std::to_string(values)), ...);
  world.outcome(text);
}

inline Outcomes names(const Result& result) {
  Outcomes all;
  for (const auto& [name, count] : result.outcomes) all.insert(name);
  return all;
}

/// Exactly `allowed`: in the reduced search, in the unreduced one, and nothing else in 2,000 random
/// executions.
inline void expect(const Outcomes& allowed, const Explorer::Body& body) {
  Explorer explorer;
  Options options;
  const Result reduced = explorer.explore(options, body);
  EXPECT_TRUE(reduced.finished) << reduced.failure;
  EXPECT_EQ(names(reduced), allowed);

  options.search = Search::kUnreduced;
  options.executions = 400'000;
  const Result unreduced = explorer.explore(options, body);
  EXPECT_TRUE(unreduced.finished) << unreduced.failure << unreduced.executions;
  EXPECT_EQ(names(unreduced), allowed);
  EXPECT_LE(reduced.executions, unreduced.executions);

  options.search = Search::kRandom;
  options.executions = 2000;
  for (const std::string& name : names(explorer.explore(options, body))) {
    EXPECT_TRUE(allowed.contains(name)) << name;
  }
  std::printf("%8llu executions (+ %llu cut), %llu unreduced\n",
              static_cast<unsigned long long>(reduced.executions),
              static_cast<unsigned long long>(reduced.redundant),
              static_cast<unsigned long long>(unreduced.executions));
}

/// The search ends with a failure whose text contains `what`.
inline void expect_failure(const std::string& what, const Explorer::Body& body) {
  Explorer explorer;
  for (const Search search : {Search::kComplete, Search::kUnreduced, Search::kBounded}) {
    Options options;
    options.search = search;
    const Result result = explorer.explore(options, body);
    EXPECT_FALSE(result.failure.empty()) << "nothing was found: " << what;
    EXPECT_NE(result.failure.find(what), std::string::npos) << result.failure;
  }
}

}  // namespace ringway::model
