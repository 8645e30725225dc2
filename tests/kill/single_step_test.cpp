// SPDX-License-Identifier: Apache-2.0
/// \file
/// The stepped child itself: its boundaries are those of the operation, and going straight to one
/// ends where stepping to it does.
// labels: nosan

#include "support/single_step.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ringway::test {
namespace {

struct Work {
  volatile std::uint64_t sum = 0;
  volatile std::uint64_t words[32] = {};
};

/// Loops, nested too, and a copy for which compilers like one repeated instruction.
void work(Work& shared, const std::array<std::uint64_t, 32>& words) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    for (std::uint64_t k = 0; k < i; ++k) shared.sum = shared.sum + i;
  }
#if defined(__x86_64__)
  auto* to = const_cast<std::uint64_t*>(shared.words);
  const auto* from = words.data();
  std::size_t count = words.size();
  asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
#else
  for (std::size_t i = 0; i < words.size(); ++i) shared.words[i] = words[i];
#endif
  shared.sum = shared.sum + 1000;
}

/// How far a child has come.
std::uint64_t progress(const Work& shared) {
  std::uint64_t sum = shared.sum;
  for (const auto& word : shared.words) sum += word;
  return sum;
}

TEST(SteppedChild, GoesStraightToWhereItWouldHaveStepped) {
  const std::string refusal = single_step_refusal();
  if (!refusal.empty()) GTEST_SKIP() << refusal;
  std::array<std::uint64_t, 32> words;
  words.fill(1);
  // One place for all children: the same instructions.
  const std::function<bool(StepMarks&, Work&)> body = [&words](StepMarks& marks, Work& shared) {
    marks.begin();
    work(shared, words);
    marks.end();
    return true;
  };
  const auto child_of = [&body](const SharedPages& pages) {
    return [&body, &shared = pages.make<Work>()](StepMarks& marks) { return body(marks, shared); };
  };

  std::vector<std::uint64_t> stepped;  // by boundary
  SteppedChild::Path path;
  {
    const SharedPages pages(4096);
    SteppedChild child(child_of(pages));
    path = child.step_path();
  }
  {
    const SharedPages pages(4096);
    SteppedChild child(child_of(pages));
    do {
      stepped.push_back(progress(*reinterpret_cast<const Work*>(pages.span().data())));
    } while (child.step_to(child.boundary() + 1));
  }
  ASSERT_EQ(stepped.size(), path.size());
  ASSERT_GT(path.size(), 15u + 32u) << "each iteration is a step";
  for (std::size_t boundary = 0; boundary < path.size(); ++boundary) {
    const SharedPages pages(4096);
    SteppedChild child(child_of(pages));
    ASSERT_TRUE(child.run_to(boundary, path)) << boundary;
    ASSERT_EQ(child.boundary(), boundary);
    ASSERT_EQ(progress(*reinterpret_cast<const Work*>(pages.span().data())), stepped[boundary])
        << boundary;
  }
  const SharedPages pages(4096);
  SteppedChild child(child_of(pages));
  EXPECT_FALSE(child.run_to(path.size(), path));
  EXPECT_TRUE(child.alive());
  EXPECT_TRUE(child.finish());
}

TEST(SteppedChild, ThatNeverBeginsIsGone) {
  SteppedChild child([](StepMarks&) { return false; });
  EXPECT_FALSE(child.step_to(1));
  EXPECT_FALSE(child.alive());
}

}  // namespace
}  // namespace ringway::test
