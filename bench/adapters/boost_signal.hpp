// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Boost.Signals2 without its mutex, which its documentation recommends for one thread.
/// https://www.boost.org/doc/libs/release/doc/html/signals2.html

#include <boost/signals2.hpp>

#include "adapters/inline_loop.hpp"

namespace ringway::bench {

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

}  // namespace ringway::bench
