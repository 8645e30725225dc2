// SPDX-License-Identifier: Apache-2.0
// labels: nosan
/// \file
/// The library's own headers under the explorer. Each case prints its row: how it was explored,
/// executions, executions cut as equivalent, seconds.
///
///   --whole        explores the large models too, for minutes; without it they are explored at
///                  random
///   --table FILE   puts the rows into docs/verification.md
///   --rows FILE    keeps the rows, for several runs that share the models (GTEST_TOTAL_SHARDS)
///   --merge FILE   explores nothing: prints the table of the rows that were kept, and puts them
///                  into the file of --table

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "models/all_models.hpp"
#include "models/table.hpp"

namespace ringway::model {
namespace {

struct Row {
  std::string name;
  std::string kind;
  std::uint64_t executions = 0;
  std::uint64_t redundant = 0;
  double seconds = 0;
};
std::vector<Row> rows;                           // NOLINT: of this program
std::map<std::string, std::uint64_t> unreduced;  // NOLINT: likewise; executions by name

std::string test_name(const testing::TestParamInfo<Model>& info) {
  std::string name;
  bool upper = true;
  for (const char c : info.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      upper = true;
    } else {
      const auto is_upper = [](char letter) { return letter >= 'A' && letter <= 'Z'; };
      if (upper && !name.empty() && is_upper(name.back()) && is_upper(c)) name += '_';
      name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      upper = false;
    }
  }
  return name;
}

class RingModel : public testing::TestWithParam<Model> {};

TEST_P(RingModel, Holds) {
  Explorer explorer;
  Options options = GetParam().options;
  if (GetParam().large && !arguments.whole) {
    options.search = Search::kRandom;
    options.executions = GetParam().random_executions;
  }
  options.seconds = arguments.whole ? 900 : 60;
  const Result result = explorer.explore(options, GetParam().body);
  print_row(GetParam().name, result);
  rows.push_back(
      {GetParam().name, result.kind(), result.executions, result.redundant, result.seconds});
  EXPECT_TRUE(result.failure.empty()) << result.failure;
  EXPECT_TRUE(result.finished || options.search == Search::kRandom);
}

class TinyRingModel : public testing::TestWithParam<Model> {};

TEST_P(TinyRingModel, HasTheOutcomesOfTheUnreducedSearch) {
  Explorer explorer;
  Options options = GetParam().options;
  if (GetParam().tight) options = without_repetition(options);
  const Result reduced = explorer.explore(options, GetParam().body);
  options.search = Search::kUnreduced;
  if (!arguments.whole) options.executions = 100'000;
  const Result all = explorer.explore(options, GetParam().body);
  print_row(GetParam().name, all);
  if (all.finished) unreduced[GetParam().name] = all.executions;
  ASSERT_TRUE(reduced.finished) << reduced.failure;
  ASSERT_TRUE(all.failure.empty()) << all.failure;
  std::set<std::string> few, many;
  for (const auto& [name, count] : reduced.outcomes) few.insert(name);
  for (const auto& [name, count] : all.outcomes) many.insert(name);
  EXPECT_TRUE(std::includes(few.begin(), few.end(), many.begin(), many.end()));
  EXPECT_GT(many.size(), 1U);
  EXPECT_TRUE(all.finished || !arguments.whole);
  if (all.finished) {
    EXPECT_EQ(few, many);
  }
}

bool is_complete(const Model& model) {
  return model.options.search == Search::kComplete;
}

// As the page says: no family of complete rows without a small relative.
TEST(RingModels, EachCompleteRowHasARelativeThatIsExploredWithoutReductionToo) {
  std::set<std::string> compared;
  for (const Model& model : all_models()) {
    if (is_complete(model) && model.tiny) compared.insert(family_of(model.name));
  }
  for (const Model& model : all_models()) {
    EXPECT_TRUE(!is_complete(model) || compared.contains(family_of(model.name))) << model.name;
  }
}

Models tiny_models() {
  Models tiny;
  for (Model& model : all_models()) {
    if (model.tiny) tiny.push_back(std::move(model));
  }
  return tiny;
}

INSTANTIATE_TEST_SUITE_P(Model, RingModel, testing::ValuesIn(all_models()), test_name);
INSTANTIATE_TEST_SUITE_P(Model, TinyRingModel, testing::ValuesIn(tiny_models()), test_name);

/// What the search without reduction says of a row: its own figure, or which row is its relative.
std::string unreduced_cell(const Model& row, const Models& models) {
  const auto figure = [](const Model& model) {
    const auto found = unreduced.find(model.name);
    if (found == unreduced.end()) return std::string();
    return grouped(found->second) + (model.tight ? " *" : "");
  };
  if (!is_complete(row)) return "";
  if (const auto own = figure(row); !own.empty()) return own;
  const Model* relative = nullptr;
  for (const Model& model : models) {
    if (figure(model).empty() || family_of(model.name) != family_of(row.name)) continue;
    const auto alike = [&row](const Model& other) {
      return other.options.heavy_refused == row.options.heavy_refused;
    };
    if (relative == nullptr || (alike(model) && !alike(*relative))) relative = &model;
  }
  if (relative == nullptr) return "";
  std::string name = relative->name;
  if (const auto at = name.find(" from 0"); at != std::string::npos) name.erase(at, 7);
  return "as " + name;
}

/// Both start sequences in one row, if they gave the same counts.
std::string table_text() {
  const std::string zero = " from 0";
  const std::string wrap = " from 2^64-2";
  const Models models = all_models();
  const auto cells = [&models](const std::string& name, const Row& row, double seconds) {
    char spent[32];
    std::snprintf(spent, sizeof spent, "%.2f", seconds);
    const auto model = std::find_if(models.begin(), models.end(),
                                    [&](const Model& each) { return each.name == row.name; });
    return row_of({name, row.kind, grouped(row.executions), grouped(row.redundant),
                   model == models.end() ? "" : unreduced_cell(*model, models), spent});
  };
  std::string text;
  if (!arguments.whole) {
    text = "Short form: large rows at random. `script/check tables` writes the whole.\n\n";
  }
  text += row_of({"model", "explored", "executions", "cut as equivalent", "unreduced search",
                  "seconds"}) +
          "|---|---|---|---|---|---|\n";
  std::set<std::string> done;
  for (const Row& row : rows) {
    if (done.contains(row.name)) continue;
    std::string name = row.name;
    const auto at = name.find(zero);
    double seconds = row.seconds;
    if (at != std::string::npos) {
      std::string other = name;
      other.replace(at, zero.size(), wrap);
      for (const Row& twin : rows) {
        if (twin.name != other || twin.executions != row.executions ||
            twin.redundant != row.redundant) {
          continue;
        }
        name.erase(at, zero.size());
        name += " (2 starts)";
        seconds = std::max(seconds, twin.seconds);
        done.insert(other);
      }
    }
    text += cells(name, row, seconds);
  }
  return text;
}

/// One line for each row: kind of line, name, and the numbers, with tabs between them.
bool keep_rows(const std::string& path) {
  std::ofstream out(path);
  for (const Row& row : rows) {
    out << "row\t" << row.name << '\t' << row.kind << '\t' << row.executions << '\t'
        << row.redundant << '\t' << row.seconds << '\n';
  }
  for (const auto& [name, executions] : unreduced) {
    out << "unreduced\t" << name << '\t' << executions << '\n';
  }
  return out.good();
}

bool read_rows(const std::string& path) {
  std::ifstream in(path);
  if (!in) return false;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    const auto next = [&words] {
      std::string word;
      std::getline(words, word, '\t');
      return word;
    };
    const std::string what = next();
    const std::string name = next();
    if (what == "unreduced") {
      unreduced[name] = std::stoull(next());
    } else {
      Row row{name, next()};
      row.executions = std::stoull(next());
      row.redundant = std::stoull(next());
      row.seconds = std::stod(next());
      rows.push_back(row);
    }
  }
  return true;
}

/// Puts the rows of several runs into the order of the models. \return false if one is missing
bool merge_rows() {
  for (const std::string& path : arguments.merged) {
    if (!read_rows(path)) {
      std::fprintf(stderr, "%s can not be read\n", path.c_str());
      return false;
    }
  }
  std::vector<Row> sorted;
  for (const Model& model : all_models()) {
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const Row& each) { return each.name == model.name; });
    if (row == rows.end()) {
      std::fprintf(stderr, "no run has the row %s\n", model.name.c_str());
      return false;
    }
    sorted.push_back(*row);
  }
  rows = std::move(sorted);
  std::uint64_t executions = 0;
  double seconds = 0;
  for (const Row& row : rows) {
    executions += row.executions;
    seconds += row.seconds;
  }
  std::printf("%s%zu models, %s executions, %.0f seconds of one processor.\n", table_text().c_str(),
              rows.size(), grouped(executions).c_str(), seconds);
  return true;
}

}  // namespace
}  // namespace ringway::model

int main(int count, char** given) {
  using namespace ringway::model;
  read_arguments(count, given);
  if (!arguments.merged.empty()) {
    arguments.whole = true;
    if (!merge_rows()) return 1;
    return arguments.table.empty() || replace_table(arguments.table, "models", table_text()) ? 0
                                                                                             : 1;
  }
  testing::InitGoogleTest(&count, given);
  const int failed = RUN_ALL_TESTS();
  if (!arguments.rows.empty() && !keep_rows(arguments.rows)) return 1;
  if (arguments.table.empty()) return failed;
  return replace_table(arguments.table, "models", table_text()) ? failed : 1;
}
