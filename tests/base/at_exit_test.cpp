// SPDX-License-Identifier: Apache-2.0
#include "ringway/base/at_exit.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace ringway {
namespace {

using Nothing = decltype([] {});
static_assert(!std::is_copy_constructible_v<AtExit<Nothing>> &&
                  !std::is_move_constructible_v<AtExit<Nothing>>,
              "it would run twice");

TEST(AtExit, RunsHoweverTheScopeEnds) {
  int runs = 0;
  {
    const AtExit count([&runs] { ++runs; });
    EXPECT_EQ(runs, 0);
  }
  EXPECT_EQ(runs, 1);
#if defined(__cpp_exceptions)
  try {
    const AtExit count([&runs] { ++runs; });
    throw std::runtime_error("on the way out");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(runs, 2);
#endif
}

TEST(AtExit, RunsInTheReverseOrderAndBeforeWhatWasThereEarlier) {
  std::string order;
  {
    const std::shared_ptr<void> earlier(nullptr, [&order](void*) { order += '3'; });
    const AtExit second([&order] { order += '2'; });
    const AtExit first([&order] { order += '1'; });
  }
  EXPECT_EQ(order, "123");
}

TEST(AtExit, KeepsWhatItsActionOwns) {
  auto owned = std::make_unique<int>(7);
  int seen = 0;
  {
    const AtExit look([kept = std::move(owned), &seen] { seen = *kept; });
    EXPECT_EQ(owned, nullptr);
  }
  EXPECT_EQ(seen, 7);
}

}  // namespace
}  // namespace ringway
