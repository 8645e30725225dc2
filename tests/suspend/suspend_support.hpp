// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the tests of suspended threads have in common: a ring in memory that a fork shares, a child
/// that stands still behind each instruction of an operation in turn, and what is found by those
/// who go on meanwhile.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/single_step.hpp"
#include "tests/ring/elements.hpp"
#include "tests/ring/ring_kinds.hpp"

namespace ringway::test {

using Message = Checked<1>;

inline constexpr std::size_t kCapacity = 5;
inline constexpr Sequence kNearTheWrap = ~Sequence{0} - 6;

/// What a suspended thread does to the others, at one boundary.
enum class Effect : std::uint8_t { kNone, kLessRoom, kBlocks };

/// The same, counted over all boundaries of one operation.
class Findings {
 public:
  Findings(const char* ring, const char* operation) : ring_(ring), operation_(operation) {}
  ~Findings() {
    std::printf("| %-18s | %-30s | %10zu | %9zu | %9zu | %7zu |\n", ring_, operation_,
                effects_.size(), count(Effect::kNone), count(Effect::kLessRoom),
                count(Effect::kBlocks));
  }
  Findings(const Findings&) = delete;
  Findings& operator=(const Findings&) = delete;

  void add(Effect effect) { effects_.push_back(effect); }
  [[nodiscard]] std::size_t count(Effect effect) const {
    std::size_t found = 0;
    for (const Effect each : effects_) found += each == effect ? 1 : 0;
    return found;
  }
  [[nodiscard]] std::size_t boundaries() const noexcept { return effects_.size(); }
  /// True if the boundaries with this effect follow each other.
  [[nodiscard]] bool in_one_piece(Effect effect) const {
    std::size_t begins = 0;
    for (std::size_t i = 0; i < effects_.size(); ++i) {
      begins += effects_[i] == effect && (i == 0 || effects_[i - 1] != effect) ? 1 : 0;
    }
    return begins <= 1;
  }

  static void print_head() {
    std::printf("| %-18s | %-30s | %-10s | %-9s | %-9s | %-7s |\n", "ring", "suspended in",
                "boundaries", "no effect", "less room", "blocked");
  }

 private:
  const char* ring_;
  const char* operation_;
  std::vector<Effect> effects_;
};

/// What the child tells its parent.
struct Report {
  std::array<Message, 16> received;
  std::size_t count = 0;

  void note(const Message& message) noexcept { received[count++] = message; }
  [[nodiscard]] std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> numbers;
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(received[i].whole());
      numbers.push_back(received[i].number);
    }
    return numbers;
  }
};

/// Takes one child after the other to the next boundary of an operation.
class Walk {
 public:
  /// Takes `child` to the next boundary, the first one to the end. \return true if it stands inside
  /// the operation
  bool go(SteppedChild& child) {
    const std::size_t turn = turn_++;
    if (turn == 0) {
      path_ = child.step_path();
      return false;
    }
    const bool there = child.run_to(turn - 1, path_);
    EXPECT_TRUE(there) << "the operation took another way";
    return there;
  }
  [[nodiscard]] bool ended() const noexcept { return turn_ > path_.size(); }
  [[nodiscard]] std::string where() const { return "boundary " + std::to_string(turn_ - 1); }

 private:
  SteppedChild::Path path_;
  std::size_t turn_ = 0;
};

/// A ring that is formatted anew for each boundary.
template <class Kind>
class Stage {
 public:
  using Ring = RingOf<Kind, Message>;

  explicit Stage(std::size_t capacity = kCapacity) : options_(options_of<Ring>(capacity)) {
    options_.start = kNearTheWrap;
    if constexpr (requires { options_.max_cursors; }) options_.max_cursors = 4;
    pages_.emplace(Ring::footprint(options_).value());
  }

  /// Runs `scene(ring, report, walk)` with a fresh ring for each boundary of the operation of which
  /// it makes one child.
  template <class Scene>
  void at_each_boundary(Scene&& scene) {
    Walk walk;
    do {
      Ring ring = Ring::format(pages_->span(), options_).value();
      scene(ring, report_.make<Report>(), walk);
      if (testing::Test::HasFailure()) {
        ADD_FAILURE() << walk.where();
        return;
      }
    } while (!walk.ended());
  }

 private:
  typename Ring::Options options_;
  std::optional<SharedPages> pages_;
  SharedPages report_{sizeof(Report)};
};

/// Fails the test unless the child ended well.
inline void expect_good_end(SteppedChild& child) {
  EXPECT_TRUE(child.finish()) << "what the suspended thread did came to no good end";
}

class SuspendTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { Findings::print_head(); }
  void SetUp() override {
    const std::string refusal = single_step_refusal();
    if (!refusal.empty()) GTEST_SKIP() << refusal;
  }
};

}  // namespace ringway::test
