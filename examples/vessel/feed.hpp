// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The feed: parses a recording and publishes each message, in order, through one family publisher.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "contract.hpp"
#include "pacing.hpp"

namespace vessel {

/// What to replay and how.
struct FeedPlan {
  std::string_view text;  ///< the recording
  std::string file;       ///< its name, for messages
  std::uint64_t passes = 1;
  Pacing pacing = Pacing::kFullSpeed;
  std::int64_t interval_ns = 0;  ///< for Pacing::kEven
  bool report_malformed = true;  ///< in the first pass, on standard error
  bool strict = false;           ///< no further pass after one with malformed lines
};

/// One feed thread runs it; what it counted is for the time after run(), unless it says otherwise.
class Feed {
 public:
  Feed(ringway::Bus& bus, const FeedPlan& plan);

  /// Replays all passes; blocking. Ends early if the bus refuses a message: see failure().
  void run();

  /// Any thread, at any time.
  [[nodiscard]] std::uint64_t published() const noexcept { return published_.read(); }

  [[nodiscard]] std::uint64_t malformed() const noexcept { return malformed_; }
  [[nodiscard]] std::uint64_t passes() const noexcept { return passes_; }
  [[nodiscard]] std::map<std::uint32_t, std::uint64_t> per_pgn() const;
  /// Why run() ended early; "" if it did not.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 private:
  struct Topic {
    ringway::TopicNumber number;
    std::uint64_t published;
  };

  bool run_pass();
  void report(std::size_t line_number, const LineError& error) const;
  bool publish(N2kMessage& message);
  [[nodiscard]] std::int64_t next_due(const N2kMessage& message) noexcept;
  /// The message's topic, made known to the bus at its first message; null if the bus has no room.
  Topic* topic_of(const N2kMessage& message);

  FeedPlan plan_;
  ringway::FamilyPublisher<N2kMessage> publisher_;
  std::unordered_map<std::uint32_t, Topic> topics_;  ///< by PGN and source
  std::uint64_t passes_ = 0;                         ///< completed
  std::uint64_t malformed_ = 0;
  std::int64_t last_due_ns_ = 0;
  std::int64_t pass_started_ns_ = 0;
  std::int64_t first_time_ms_ = 0;
  std::string failure_;
  ringway::Counter published_;
};

}  // namespace vessel
