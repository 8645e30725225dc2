// SPDX-License-Identifier: Apache-2.0
/// \file
/// Every memory order earns its place: each ordered operation of the library is weakened by one
/// step, one at a time, and some model must fail.
///
/// The mutants are chosen at run time: the memory policy knows each site by its source location
/// (explorer/sites.hpp).
///
///   --whole        all mutants; without it every fifth, and no model that takes long
///   --table FILE   puts the tables of mutants and of sites without any into docs/verification.md

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "models/all_models.hpp"
#include "models/table.hpp"

namespace ringway::model {
namespace {

/// One of the library's sites, and the models in which a thread executes it, the cheapest first.
struct Target {
  Site site;
  std::vector<const Model*> models;
};

[[nodiscard]] bool is_ours(const Site& site) {
  return site.path.find("include/ringway/") != std::string::npos;
}

/// Why no model fails with this mutant; null if that is a gap.
[[nodiscard]] const char* explanation_of(const Mutant& mutant) {
  const Site& site = mutant.site;
  const std::string function = site.function_name();
  if (site.file == "ready_map.hpp" && site.kind == SiteKind::kUpdate) {
    return "load buffering (1)";
  }
  if (site.file == "inline_audience.hpp" &&
      (function == "InlineAudience::quiesce" || function == "InlineAudience::caller")) {
    return "a fence follows (2)";
  }
  return nullptr;
}

/// Why no thread of a model executes this line of code; null if that is a gap.
[[nodiscard]] const char* reason_without(const std::string& file, const std::string& line) {
  const auto has = [&line](const char* text) { return line.find(text) != std::string::npos; };
  if (has("std::atomic_signal_fence")) return "an order for the compiler (3)";
  for (const char* each : {"lane_tap.hpp", "lane_watch.hpp", "own_watch.hpp", "participants.hpp",
                           "segment.hpp", "shared_memory.hpp"}) {
    if (file == each) return "between processes: no model (4)";
  }
  if (file == "asymmetric_fence.hpp") return "the policy's own (3)";
  return nullptr;
}

/// Whole buses are slow, at about 5,000 executions a second.
[[nodiscard]] bool is_of_the_bus(const Model& model) {
  return model.name.starts_with("bus,");
}

/// Small models are explored as in the table; others at random, a mutant as often as the seed
/// allows.
[[nodiscard]] Options options_for(const Model& model, std::uint64_t random_executions) {
  Options options = model.options;
  if (!model.quick) {
    options.search = Search::kRandom;
    options.executions = is_of_the_bus(model) ? random_executions / 20 : random_executions;
  }
  options.seconds = 30;
  return options;
}

[[nodiscard]] std::vector<Target> targets_of(const Models& models) {
  std::vector<Target> targets;
  std::map<const Model*, double> cost;
  Explorer explorer;
  for (const Model& model : models) {
    Operations::sites.forget();
    Operations::sites.watch();
    const Result result = explorer.explore(options_for(model, 1000), model.body);
    EXPECT_TRUE(result.failure.empty()) << model.name << "\n" << result.failure;
    cost[&model] = result.seconds + (model.quick ? 0 : 1000);
    for (const Site& site : Operations::sites.seen()) {
      if (!is_ours(site)) continue;
      const auto same = [&](const Target& target) { return target.site.same_place(site); };
      auto known = std::find_if(targets.begin(), targets.end(), same);
      if (known == targets.end()) known = targets.insert(targets.end(), Target{site, {}});
      known->models.push_back(&model);
    }
  }
  Operations::sites.ignore();
  std::sort(targets.begin(), targets.end(), [](const Target& a, const Target& b) {
    return std::tie(a.site.file, a.site.line, a.site.column, a.site.kind) <
           std::tie(b.site.file, b.site.line, b.site.column, b.site.kind);
  });
  for (Target& target : targets) {
    std::stable_sort(target.models.begin(), target.models.end(),
                     [&](const Model* a, const Model* b) { return cost[a] < cost[b]; });
  }
  return targets;
}

/// The first model that fails, or null.
[[nodiscard]] const Model* killer_of(const Mutant& mutant, const Target& target, std::string& how) {
  Explorer explorer;
  const Model* killer = nullptr;
  for (const Model* model : target.models) {
    Operations::sites.forget();
    Operations::sites.watch(&mutant);
    const Result result = explorer.explore(options_for(*model, 20'000), model->body);
    if (!result.failure.empty()) {
      how = result.failure.substr(0, result.failure.find_first_of(";\n"));
      how = how.substr(0, how.find(" by thread"));
      const std::string failed = "check failed: ";
      if (how.starts_with(failed)) how = "not so: " + how.substr(failed.size());
      killer = model;
      break;
    }
  }
  Operations::sites.ignore();
  return killer;
}

/// Source lines that order something: those that no thread of a model executes.
[[nodiscard]] std::string sites_without_mutants(const std::vector<Target>& targets) {
  namespace fs = std::filesystem;
  std::map<std::string, std::set<std::uint32_t>> seen;
  for (const Target& target : targets) seen[target.site.file].insert(target.site.line);
  std::string rows;
  for (const char* folder : {"base", "bus", "channel", "ring", "shm", "wait"}) {
    std::set<fs::path> files;
    // not by the sites' paths: who caches compilations may have made those relative
    for (const auto& entry : fs::directory_iterator(fs::path(RINGWAY_HEADERS) / folder)) {
      files.insert(entry.path());
    }
    for (const fs::path& file : files) {
      std::ifstream in(file);
      const auto& lines = seen[file.filename().string()];
      std::uint32_t number = 0;
      std::uint32_t statement = 1;  // the line in which the statement begins
      for (std::string line; std::getline(in, line);) {
        ++number;
        line = line.substr(0, line.find("//"));
        const auto begin = line.find_first_not_of(' ');
        const auto last = line.find_last_not_of(' ');
        line = begin == std::string::npos ? "" : line.substr(begin, last - begin + 1);
        const bool orders = line.find("memory_order_acq") != std::string::npos ||
                            line.find("memory_order_rel ") != std::string::npos ||
                            line.find("memory_order_release") != std::string::npos ||
                            line.find("memory_order_seq_cst") != std::string::npos ||
                            line.find("Memory::light_fence()") != std::string::npos ||
                            line.find("Memory::heavy_fence()") != std::string::npos;
        const auto known = lines.lower_bound(statement);
        if (orders && (known == lines.end() || *known > number)) {
          const char* reason = reason_without(file.filename().string(), line);
          EXPECT_NE(reason, nullptr) << file << ":" << number << ": executed by no model";
          rows += row_of(
              {file.filename().string(), "`" + line + "`", reason == nullptr ? "NONE" : reason});
        }
        if (line.empty() || std::string(";{}:").find(line.back()) != std::string::npos) {
          statement = number + 1;
        }
      }
    }
  }
  return rows;
}

TEST(Mutation, EveryOrderIsNeeded) {
  const Models models = all_models();
  const std::vector<Target> targets = targets_of(models);
  std::string table = row_of({"function", "operation", "weakened to", "fails first", "how"}) +
                      "|---|---|---|---|---|\n";
  std::size_t sites = 0;
  std::size_t count = 0;
  std::size_t made = 0;
  std::size_t explained = 0;
  std::size_t killed = 0;
  std::map<std::string, unsigned> like_it;  // sites that read the same
  for (const Target& target : targets) {
    const auto mutants = mutants_of(target.site);
    if (mutants.empty()) continue;
    ++sites;
    const Site& site = target.site;
    std::string operation = site.operation();
    const auto twin = ++like_it[site.function_name() + operation];
    if (twin > 1) operation += ", " + std::to_string(twin) + ".";
    for (const Mutant& mutant : mutants) {
      if (!arguments.whole && count++ % 5 != 0) continue;
      std::string how;
      const char* explanation = explanation_of(mutant);
      if (explanation != nullptr && !arguments.whole) continue;
      ++made;
      const Model* killer = killer_of(mutant, target, how);
      if (killer != nullptr) explanation = nullptr;
      if (explanation != nullptr) how = explanation;
      const std::string by = killer != nullptr        ? killer->name
                             : explanation != nullptr ? "explained"
                                                      : "SURVIVES";
      std::printf("| %-60s | %-52s | %s |\n", mutant.describe().c_str(), by.c_str(), how.c_str());
      std::fflush(stdout);
      table += row_of({site.function_name(), operation, mutant.becomes(), by, how});
      EXPECT_TRUE(killer != nullptr || explanation != nullptr) << mutant.describe();
      killed += killer != nullptr ? 1 : 0;
      explained += explanation != nullptr ? 1 : 0;
    }
  }
  char score[200];
  std::snprintf(score, sizeof score,
                "%zu ordered sites, %zu mutants: %zu killed, %zu explained, %zu survive.", sites,
                made, killed, explained, made - killed - explained);
  const std::string rest = sites_without_mutants(targets);
  std::printf("%s\nOrdered, but executed by no thread of a model:\n%s", score, rest.c_str());
  EXPECT_GT(targets.size(), 40U);
  if (arguments.table.empty()) return;
  ASSERT_TRUE(replace_table(arguments.table, "mutants", std::string(score) + "\n\n" + table));
  ASSERT_TRUE(
      replace_table(arguments.table, "sites without mutants",
                    row_of({"file", "ordered, but executed by no thread of a model", "why"}) +
                        "|---|---|---|\n" + rest));
}

}  // namespace
}  // namespace ringway::model

int main(int count, char** given) {
  ringway::model::read_arguments(count, given);
  testing::InitGoogleTest(&count, given);
  return RUN_ALL_TESTS();
}
