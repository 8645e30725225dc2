// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What an adapter of a bus or framework is, one to many: it owns its threads and calls back.
///
///   template <class T, class Reader>
///   class MyBus {
///    public:
///     static constexpr AdapterInfo kInfo{.name = "my bus"};
///     /// When this returns, every later message reaches all readers. Calls
///     /// readers[i].take(const T&) on threads of its own, pinned by stage.cpu().
///     MyBus(Stage& stage, std::span<Reader> readers);
///     void publish(const T& message);   // on one thread; waits while there is no room
///   };                                  // its destruction ends its threads
///
/// A request adapter has `std::uint64_t request(std::uint64_t question)` instead, answered with
/// question + 1 by a thread of its own on stage.cpu(1).

#include <cstdint>
#include <span>

#include "driver/stage.hpp"
#include "workload/adapter.hpp"

namespace ringway::bench {

/// What request adapters send there and back: one word in 8 bytes.
using Question = std::uint64_t;

}  // namespace ringway::bench
