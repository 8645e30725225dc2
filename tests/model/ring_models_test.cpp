// SPDX-License-Identifier: Apache-2.0
// labels: nosan
/// \file
/// The library's own rings under the explorer. Each case prints its row of the table in
/// docs/verification.md: how it was explored, executions, executions cut as equivalent, seconds.
/// Large models are explored at random for a few seconds unless `--whole` is given.

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <utility>

#include "models/all_models.hpp"

namespace ringway::model {
namespace {

std::string test_name(const testing::TestParamInfo<Model>& info) {
  std::string name;
  bool upper = true;
  for (const char c : info.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      upper = true;
    } else {
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
  if (GetParam().large && !whole_table) {
    options.search = Search::kRandom;
    options.executions = 20'000;
  }
  options.seconds = whole_table ? 280 : 60;
  const Result result = explorer.explore(options, GetParam().body);
  print_row(GetParam().name, result);
  EXPECT_TRUE(result.failure.empty()) << result.failure;
  EXPECT_TRUE(result.finished || GetParam().large);
}

class TinyRingModel : public testing::TestWithParam<Model> {};

TEST_P(TinyRingModel, HasTheOutcomesOfTheUnreducedSearch) {
  Explorer explorer;
  const Result reduced = explorer.explore(GetParam().options, GetParam().body);
  Options options = GetParam().options;
  options.search = Search::kUnreduced;
  const Result unreduced = explorer.explore(options, GetParam().body);
  print_row(GetParam().name, unreduced);
  ASSERT_TRUE(unreduced.finished) << unreduced.failure;
  std::set<std::string> few, many;
  for (const auto& [name, count] : reduced.outcomes) few.insert(name);
  for (const auto& [name, count] : unreduced.outcomes) many.insert(name);
  EXPECT_EQ(few, many);
  EXPECT_GT(many.size(), 1U);
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

}  // namespace
}  // namespace ringway::model

int main(int count, char** arguments) {
  ringway::model::read_arguments(count, arguments);
  testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}
