// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Post`: a role and the process that fills it at the moment; the next one takes over when that is
/// killed.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "logbook.hpp"
#include "role.hpp"

namespace vessel {

class Post {
 public:
  explicit Post(Role role) noexcept : role_(role) {}
  Post(Post&&) noexcept = default;
  Post& operator=(Post&&) = delete;
  /// Kills the process, if there is one.
  ~Post() { kill(); }

  enum class State : std::uint8_t {
    kVacant,
    kFilled,
    kKilled,  ///< by SIGKILL
    kLeft,    ///< in order
    kFailed,  ///< in any other way: see failure()
  };

  /// Starts a process of this program. \return false, with failure(), if there can be none
  bool fill(const RolePlan& plan);
  /// Looks whether the process has ended.
  State look();
  /// Asks it to end, and waits. \return false, with failure(), if it does not, and had to be killed
  bool dismiss();
  /// SIGKILL; returns when it is gone.
  void kill();

  [[nodiscard]] Role role() const noexcept { return role_; }
  [[nodiscard]] State state() const noexcept { return state_; }
  /// Of the latest process.
  [[nodiscard]] pid_t process() const noexcept { return process_; }
  [[nodiscard]] const Logbook& book() const noexcept { return *books_.back(); }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  // Of all processes that had the role.
  [[nodiscard]] std::size_t lives() const noexcept { return books_.size(); }
  [[nodiscard]] std::uint64_t messages() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& book : books_) sum += book->tally().messages.read();
    return sum;
  }
  [[nodiscard]] const std::vector<std::unique_ptr<Logbook>>& books() const noexcept {
    return books_;
  }

 private:
  void took(int status);

  Role role_;
  State state_ = State::kVacant;
  pid_t process_ = -1;
  std::vector<std::unique_ptr<Logbook>> books_;
  std::string failure_;
};

}  // namespace vessel
