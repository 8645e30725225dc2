// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The feed: parses a recording and publishes each message, in order, through one family publisher.

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "contract.hpp"
#include "pacing.hpp"
#include "tally.hpp"

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
  std::uint64_t skip = 0;        ///< messages that an earlier feed has published already
};

/// One feed thread runs it; what it counted is for the time after run(), unless it says otherwise.
/// On the bus between threads or between processes, as all parts of the vessel (participants.hpp).
template <ringway::Home Home>
class Feed {
 public:
  Feed(ringway::BasicBus<Home>& bus, const FeedPlan& plan, Tally& tally);

  /// Replays all passes; blocking. Ends early if the bus refuses a message: see failure().
  void run();
  /// Lets run() return before its next message. Any thread.
  void stop() noexcept { stopped_ = true; }

  /// Any thread, at any time.
  [[nodiscard]] std::uint64_t published() const noexcept { return tally_.messages.read(); }

  [[nodiscard]] std::uint64_t malformed() const noexcept { return malformed_; }
  [[nodiscard]] std::uint64_t passes() const noexcept { return passes_; }
  /// Published by this feed, or skipped because an earlier one had.
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
  bool wait_until_due(std::int64_t due_ns) const;
  [[nodiscard]] std::int64_t next_due(const N2kMessage& message) noexcept;
  /// The message's topic, made known to the bus at its first message; null if the bus has no room.
  Topic* topic_of(const N2kMessage& message);

  FeedPlan plan_;
  Tally& tally_;
  ringway::FamilyPublisher<N2kMessage, Home> publisher_;
  std::unordered_map<std::uint32_t, Topic> topics_;  ///< by PGN and source
  std::uint64_t passes_ = 0;                         ///< completed
  std::uint64_t malformed_ = 0;
  std::int64_t last_due_ns_ = 0;
  std::int64_t pass_started_ns_ = 0;
  std::int64_t first_time_ms_ = 0;
  std::string failure_;
  std::atomic<bool> stopped_{false};
};

}  // namespace vessel
