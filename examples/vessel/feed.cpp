// SPDX-License-Identifier: Apache-2.0
#include "feed.hpp"

#include <algorithm>
#include <cstdio>

#include "ringway/shm/shared_bus.hpp"

namespace vessel {

template <ringway::Home Home>
Feed<Home>::Feed(ringway::BasicBus<Home>& bus, const FeedPlan& plan, Tally& tally)
    : plan_(plan), tally_(tally), publisher_(bus.family_publisher(kN2k)) {}

template <ringway::Home Home>
void Feed<Home>::run() {
  sleep_precisely();
  while (passes_ < plan_.passes && run_pass()) {
    ++passes_;
    if (plan_.strict && malformed_ > 0) break;
  }
}

template <ringway::Home Home>
bool Feed<Home>::run_pass() {
  pass_started_ns_ = 0;
  N2kMessage message;
  std::string_view rest = plan_.text;
  for (std::size_t line_number = 1; !rest.empty(); ++line_number) {
    const std::size_t length = rest.find('\n');
    const std::string_view line = rest.substr(0, length);
    rest.remove_prefix(length == std::string_view::npos ? rest.size() : length + 1);
    if (const LineError error = parse_line(line, message)) {
      ++malformed_;
      if (plan_.report_malformed && passes_ == 0) report(line_number, error);
    } else if (!publish(message)) {
      return false;
    }
  }
  return true;
}

template <ringway::Home Home>
void Feed<Home>::report(std::size_t line_number, const LineError& error) const {
  std::fprintf(stderr, "%s:%zu: %s\n", plan_.file.c_str(), line_number, explain(error).c_str());
}

template <ringway::Home Home>
bool Feed<Home>::publish(N2kMessage& message) {
  if (stopped_) return false;
  Topic* topic = topic_of(message);
  if (topic == nullptr) return false;
  if (plan_.skip > 0) {
    --plan_.skip;
    ++topic->published;
    return true;
  }
  message.due_ns = 0;
  if (plan_.pacing != Pacing::kFullSpeed) {
    message.due_ns = next_due(message);
    if (!wait_until_due(message.due_ns)) return false;
  }
  if (publisher_.publish(topic->number, message) != ringway::PublishStatus::kPublished) {
    failure_ = "the bus is closed";
    return false;
  }
  ++topic->published;
  tally_.messages.add(1);
  return true;
}

/// A recording may pause for hours; stop() shall not wait so long. \return false if stopped
template <ringway::Home Home>
bool Feed<Home>::wait_until_due(std::int64_t due_ns) const {
  constexpr std::int64_t kLongestSleepNs = 50'000'000;
  while (due_ns - now_ns() > kLongestSleepNs && !stopped_) wait_until(now_ns() + kLongestSleepNs);
  if (stopped_) return false;
  wait_until(due_ns);
  return true;
}

template <ringway::Home Home>
std::int64_t Feed<Home>::next_due(const N2kMessage& message) noexcept {
  if (pass_started_ns_ == 0) {
    pass_started_ns_ = now_ns();
    first_time_ms_ = message.time_ms;
    last_due_ns_ = pass_started_ns_;
  } else if (plan_.pacing == Pacing::kEven) {
    last_due_ns_ += plan_.interval_ns;
  } else {
    // A recording whose clock jumps back goes on at once; one that jumps by centuries stays within
    // 64 bits of nanoseconds.
    constexpr std::int64_t kCenturyMs = std::int64_t{36525} * 24 * 3600 * 1000;
    const std::int64_t recorded_ns =
        std::min(message.time_ms - first_time_ms_, kCenturyMs) * 1'000'000;
    last_due_ns_ = std::max(last_due_ns_, pass_started_ns_ + recorded_ns);
  }
  return last_due_ns_;
}

template <ringway::Home Home>
typename Feed<Home>::Topic* Feed<Home>::topic_of(const N2kMessage& message) {
  const std::uint32_t key = message.pgn << 8U | message.source;
  if (const auto found = topics_.find(key); found != topics_.end()) return &found->second;
  const auto number = publisher_.try_topic("n2k." + std::to_string(message.source) + '.' +
                                           std::to_string(message.pgn));
  if (!number.ok()) {
    failure_ = std::string(number.status().message());
    return nullptr;
  }
  return &topics_.emplace(key, Topic{*number, 0}).first->second;
}

template <ringway::Home Home>
std::map<std::uint32_t, std::uint64_t> Feed<Home>::per_pgn() const {
  std::map<std::uint32_t, std::uint64_t> counts;
  for (const auto& [key, topic] : topics_) counts[key >> 8U] += topic.published;
  return counts;
}

template class Feed<ringway::HeapHome>;     // between threads
template class Feed<ringway::SegmentHome>;  // between processes

}  // namespace vessel
