// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// What the row families share: going through payloads and capacities, adding subjects that exist.

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "adapters/extra_adapters.hpp"  // made by CMake
#include "driver/options.hpp"
#include "rows/peers.hpp"
#include "rows/rows.hpp"
#include "workload/message.hpp"

namespace ringway::bench {

template <class Adapter>
inline constexpr bool kExists = !std::is_base_of_v<MissingPeer, Adapter>;

/// The values asked for on the command line, else the row's own.
[[nodiscard]] inline std::vector<std::size_t> chosen(const std::vector<std::size_t>& asked,
                                                     std::vector<std::size_t> own) {
  return asked.empty() ? own : asked;
}

/// Calls `add.template operator()<kBytes>()` for each compiled payload size that is wanted.
template <std::size_t... kBytes, class Add>
void for_each_payload(const Options& options, std::vector<std::size_t> own, Add&& add) {
  const auto wanted = chosen(options.payloads, std::move(own));
  const auto is_wanted = [&](std::size_t bytes) {
    return std::find(wanted.begin(), wanted.end(), bytes) != wanted.end();
  };
  ((is_wanted(kBytes) ? add.template operator()<kBytes>() : void()), ...);
}

/// Calls `add.template operator()<kCapacity>()` for the capacities that template-sized queues are
/// compiled for.
template <class Add>
void for_compiled_capacity(std::size_t capacity, Add&& add) {
  if (capacity == 1024) add.template operator()<1024>();
  if (capacity == 65536) add.template operator()<65536>();
}

/// Calls `add.template operator()<Adapter>()` for each adapter from outside that serves many
/// producers and consumers, or for each at all.
template <class T, class Add>
void for_each_extra(bool shared_alone, Add&& add) {
  ExtraAdapters<T>::for_each([&]<class Adapter>() {
    static_assert(QueueAdapter<Adapter, T>, "see bench/workload/adapter.hpp for what is missing");
    if (!shared_alone || !Adapter::kInfo.single_roles) add.template operator()<Adapter>();
  });
}

/// `subject` under another name.
[[nodiscard]] inline Subject named(std::string name, Subject subject) {
  subject.name = std::move(name);
  return subject;
}

}  // namespace ringway::bench
