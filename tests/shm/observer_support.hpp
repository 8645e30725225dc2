// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Messages whose content follows from their number, and what an observer saw of them.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ringway/shm/observer.hpp"
#include "shm_support.hpp"

namespace ringway::test {

struct Numbered64 {
  std::uint64_t number;
  std::uint64_t words[6];

  static Numbered64 of(std::uint64_t number) {
    Numbered64 made{number, {}};
    for (std::size_t i = 0; i < 6; ++i) made.words[i] = number * 1000003 + i;
    return made;
  }
  [[nodiscard]] bool whole() const {
    for (std::size_t i = 0; i < 6; ++i) {
      if (words[i] != number * 1000003 + i) return false;
    }
    return true;
  }
};

/// What one handler saw of one publisher, whose messages are numbered from 0 on.
struct Seen {
  std::uint64_t count = 0;
  std::uint64_t wrong = 0;  // torn, out of order, twice, or with another sequence
  std::uint64_t gaps = 0;   // what they add up to
  std::uint64_t next = 0;
  std::vector<std::uint64_t> numbers;

  void operator()(const Numbered64& message, const MessageInfo& info) {
    wrong += message.whole() && message.number >= next && info.sequence == message.number &&
                     message.number == next + info.gap
                 ? 0
                 : 1;
    ++count;
    gaps += info.gap;
    next = message.number + 1;
    if (numbers.size() < 1000) numbers.push_back(message.number);
  }
};

/// Every poll looks: what a test does before a poll, the poll sees.
inline ObserverOptions at_once() {
  ObserverOptions options;
  options.look_every = std::chrono::nanoseconds(0);
  return options;
}

inline std::size_t poll_all(Observer& observer) {
  std::size_t all = 0;
  while (true) {
    const auto got = observer.poll();
    EXPECT_TRUE(got.ok()) << got.status();
    if (!got.ok() || *got == 0) return all;
    all += *got;
  }
}

}  // namespace ringway::test
