// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// xenium::vyukov_bounded_queue by its weak operations, which never wait for another thread.
/// https://github.com/mpoeter/xenium

#include <bit>
#include <xenium/vyukov_bounded_queue.hpp>

#include "workload/adapter.hpp"

namespace ringway::bench {

template <class T>
class XeniumVyukov {
 public:
  static constexpr AdapterInfo kInfo{.name = "xenium vyukov_bounded_queue"};

  explicit XeniumVyukov(std::size_t capacity) : queue_(std::bit_ceil(capacity)) {}

  struct Producer {
    explicit Producer(XeniumVyukov& adapter) : queue(adapter.queue_) {}
    bool try_push(const T& message) { return queue.try_push_weak(message); }
    xenium::vyukov_bounded_queue<T>& queue;
  };

  struct Consumer {
    explicit Consumer(XeniumVyukov& adapter) : queue(adapter.queue_) {}
    template <class Handler>
    bool try_pop(Handler&& handler) {
      T message;
      if (!queue.try_pop_weak(message)) return false;
      handler(message);
      return true;
    }
    xenium::vyukov_bounded_queue<T>& queue;
  };

 private:
  xenium::vyukov_bounded_queue<T> queue_;
};

}  // namespace ringway::bench
