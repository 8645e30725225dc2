// SPDX-License-Identifier: Apache-2.0
/// \file
/// Every memory order earns its place: each ordered operation of the library is weakened by one
/// step, one at a time, and some model must fail.
///
/// The mutants are chosen at run time: the memory policy knows each site by its source location
/// (explorer/sites.hpp). What is printed is the table of mutants and killers in
/// docs/verification.md.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

#include "models/all_models.hpp"

namespace ringway::model {
namespace {

/// One of the library's sites, and the models that execute it, the cheapest first.
struct Target {
  Site site;
  std::vector<const Model*> models;
};

[[nodiscard]] bool is_ours(const Site& site) {
  return site.file.find("_models.hpp") == std::string::npos &&
         site.file.find("_test.cpp") == std::string::npos;
}

/// Why no model fails with this mutant; null if that is a gap.
[[nodiscard]] const char* explanation_of(const Mutant& mutant) {
  const Site& site = mutant.site;
  const bool in_constructor = site.function.find("Audience(") != std::string::npos ||
                              site.function.find("EventCount(") != std::string::npos;
  if (site.kind == SiteKind::kHeavyFence && in_constructor) {
    return "asks whether the kernel grants the fence; nothing is shared yet";
  }
  if (site.file == "ready_map.hpp" && site.kind == SiteKind::kUpdate) {
    return "forbids that an update reads a later one: load buffering, which is out of scope";
  }
  return nullptr;
}

/// Small models are explored as in the table; others at random, a mutant as often as the seed
/// allows.
[[nodiscard]] Options options_for(const Model& model, std::uint64_t random_executions) {
  Options options = model.options;
  if (!model.quick) {
    options.search = Search::kRandom;
    options.executions = random_executions;
  }
  options.seconds = 60;
  return options;
}

[[nodiscard]] std::vector<Target> targets_of(const std::vector<const Model*>& models) {
  std::vector<Target> targets;
  Explorer explorer;
  for (const Model* model : models) {
    Operations::sites.forget();
    Operations::sites.watch();
    const Result result = explorer.explore(options_for(*model, 500), model->body);
    EXPECT_TRUE(result.failure.empty()) << model->name << "\n" << result.failure;
    for (const Site& site : Operations::sites.seen()) {
      if (!is_ours(site)) continue;
      const auto same = [&](const Target& target) { return target.site.same_place(site); };
      auto known = std::find_if(targets.begin(), targets.end(), same);
      if (known == targets.end()) known = targets.insert(targets.end(), Target{site, {}});
      known->models.push_back(model);
    }
  }
  Operations::sites.ignore();
  std::sort(targets.begin(), targets.end(), [](const Target& a, const Target& b) {
    return std::tie(a.site.file, a.site.line, a.site.column, a.site.kind) <
           std::tie(b.site.file, b.site.line, b.site.column, b.site.kind);
  });
  return targets;
}

/// The first model that fails, or null.
[[nodiscard]] const Model* killer_of(const Mutant& mutant, const Target& target, std::string& how) {
  Explorer explorer;
  const Model* killer = nullptr;
  for (const Model* model : target.models) {
    Operations::sites.forget();
    Operations::sites.watch(&mutant);
    const Result result = explorer.explore(options_for(*model, 50'000), model->body);
    if (!result.failure.empty()) {
      how = result.failure.substr(0, result.failure.find_first_of(";\n"));
      killer = model;
      break;
    }
  }
  Operations::sites.ignore();
  return killer;
}

TEST(Mutation, EveryOrderIsNeeded) {
  const Models all = all_models();
  std::vector<const Model*> models;
  for (const bool quick : {true, false}) {
    for (const Model& model : all) {
      if (model.quick == quick) models.push_back(&model);
    }
  }
  const std::vector<Target> targets = targets_of(models);
  std::size_t made = 0;
  std::size_t explained = 0;
  std::size_t killed = 0;
  for (const Target& target : targets) {
    for (const Mutant& mutant : mutants_of(target.site)) {
      ++made;
      std::string how;
      const Model* killer = killer_of(mutant, target, how);
      const char* explanation = killer == nullptr ? explanation_of(mutant) : nullptr;
      if (explanation != nullptr) how = explanation;
      std::printf("| %-60s | %-52s | %s |\n", mutant.describe().c_str(),
                  killer != nullptr        ? killer->name.c_str()
                  : explanation != nullptr ? "explained"
                                           : "SURVIVES",
                  how.c_str());
      std::fflush(stdout);
      EXPECT_TRUE(killer != nullptr || explanation != nullptr) << mutant.describe();
      killed += killer != nullptr ? 1 : 0;
      explained += explanation != nullptr ? 1 : 0;
    }
  }
  std::printf("%zu sites, %zu mutants: %zu killed, %zu explained\n", targets.size(), made, killed,
              explained);
  EXPECT_GT(made, 40U);
}

}  // namespace
}  // namespace ringway::model
