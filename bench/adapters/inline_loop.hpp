// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Publishing to handlers on the publisher's own thread, by hand: a loop over std::function, which
/// is the limit; and the handler that all of these get.

#include <functional>
#include <vector>

#include "driver/row.hpp"
#include "workload/message.hpp"

namespace ringway::bench {

/// A handler that adds up what it is given.
template <class T>
auto adding_to(std::uint64_t& sum) {
  return [&sum](const T& message) { sum += tag_of(message); };
}

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

}  // namespace ringway::bench
