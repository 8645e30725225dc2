// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Runs something when a scope ends, however it ends.

#include <utility>

namespace ringway {

template <class Action>
class [[nodiscard]] AtExit {
 public:
  explicit AtExit(Action action) noexcept : action_(std::move(action)) {}
  AtExit(const AtExit&) = delete;
  AtExit& operator=(const AtExit&) = delete;
  ~AtExit() { action_(); }

 private:
  Action action_;
};

}  // namespace ringway
