// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Which of Ringway's channels an adapter is about: kind and wait strategy, with a name.

#include <type_traits>

#include "ringway/channel/channel.hpp"
#include "ringway/channel/mpmc_channel.hpp"

namespace ringway::bench {

template <class T, class Wait>
struct SpscChannelKind {
  static auto make(std::size_t capacity) { return channel<T, Wait>({.capacity = capacity}); }
  static constexpr const char* kName = std::is_same_v<Wait, BusySpin>    ? "channel, BusySpin"
                                       : std::is_same_v<Wait, SpinYield> ? "channel, SpinYield"
                                       : std::is_same_v<Wait, SpinPark>  ? "channel, SpinPark"
                                                                         : "channel, Park";
};

template <class T, class Wait>
struct MpmcChannelKind {
  static auto make(std::size_t capacity) { return mpmc_channel<T, Wait>({.capacity = capacity}); }
  static constexpr const char* kName =
      std::is_same_v<Wait, SpinYield> ? "mpmc_channel, SpinYield" : "mpmc_channel, SpinPark";
};

}  // namespace ringway::bench
