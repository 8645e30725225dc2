// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Publishing to subscribers on the publisher's own thread: ringway::Bus, a plain loop over
/// std::function (the limit), and Boost.Signals2 without its mutex.

#include <functional>
#include <optional>
#include <vector>

#include "driver/row.hpp"
#include "ringway/bus/bus.hpp"
#include "workload/message.hpp"

#if RINGWAY_BENCH_HAS_BOOST
#include <boost/signals2.hpp>
#endif

namespace ringway::bench {

/// A handler that adds up what it is given.
template <class T>
auto adding_to(std::uint64_t& sum) {
  return [&sum](const T& message) { sum += tag_of(message); };
}

template <class T>
class RingwayInline {
  static constexpr Topic<T> kTopic{"bench.inline", {.capacity = 1024}};

 public:
  static constexpr const char* kName = "Bus, inline subscriptions";
  static constexpr Kind kKind = Kind::kRingway;

  RingwayInline(std::size_t subscribers, std::uint64_t& sum) : publisher_(bus_.publisher(kTopic)) {
    for (std::size_t i = 0; i < subscribers; ++i) {
      subscriptions_.push_back(bus_.subscribe_inline(kTopic, adding_to<T>(sum)));
    }
  }
  void publish(const T& message) { static_cast<void>(publisher_.publish(message)); }

 private:
  Bus bus_;
  Publisher<T> publisher_;
  std::vector<InlineSubscription> subscriptions_;
};

template <class T>
class FunctionLoop {
 public:
  static constexpr const char* kName = "loop over std::vector<std::function>";
  static constexpr Kind kKind = Kind::kLimit;

  FunctionLoop(std::size_t subscribers, std::uint64_t& sum) {
    for (std::size_t i = 0; i < subscribers; ++i) handlers_.emplace_back(adding_to<T>(sum));
  }
  void publish(const T& message) {
    for (const auto& handler : handlers_) handler(message);
  }

 private:
  std::vector<std::function<void(const T&)>> handlers_;
};

#if RINGWAY_BENCH_HAS_BOOST
template <class T>
class BoostSignal {
  using Signal = typename boost::signals2::signal_type<
      void(const T&), boost::signals2::keywords::mutex_type<boost::signals2::dummy_mutex>>::type;

 public:
  static constexpr const char* kName = "Boost.Signals2, no mutex";
  static constexpr Kind kKind = Kind::kPeer;

  BoostSignal(std::size_t subscribers, std::uint64_t& sum) {
    for (std::size_t i = 0; i < subscribers; ++i) signal_.connect(adding_to<T>(sum));
  }
  void publish(const T& message) { signal_(message); }

 private:
  Signal signal_;
};
#endif

}  // namespace ringway::bench
