// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ZeroMQ inproc without high-water marks, which is how it is fastest and loses nothing: PUSH/PULL
/// to one reader, XPUB/SUB to several (XPUB tells when they have subscribed).
/// https://zguide.zeromq.org

#include <zmq.h>

#include <thread>
#include <vector>

#include "adapters/bus_adapter.hpp"
#include "adapters/zeromq_socket.hpp"
#include "driver/cpus.hpp"

namespace ringway::bench {

template <class T, class Reader>
class ZeroMqBus {
 public:
  static constexpr AdapterInfo kInfo{.name = "ZeroMQ inproc"};

  ZeroMqBus(Stage& stage, std::span<Reader> readers) : fan_(readers.size() > 1) {
    zmq_bind(sender_, "inproc://bench");
    for (std::size_t i = 0; i < readers.size(); ++i) {
      threads_.emplace_back([this, cpu = stage.cpu(i + 1), reader = &readers[i]] {
        pin_this_thread({cpu});
        receive(*reader);
      });
    }
    char subscribed;
    for (std::size_t i = 0; fan_ && i < readers.size(); ++i) zmq_recv(sender_, &subscribed, 1, 0);
  }
  ~ZeroMqBus() {
    for (std::size_t i = 0; i < threads_.size(); ++i) zmq_send(sender_, "", 0, 0);  // the end
    for (std::thread& thread : threads_) thread.join();
    zmq_close(sender_);
    zmq_ctx_term(context_);
  }

  void publish(const T& message) { zmq_send(sender_, &message, sizeof message, 0); }

 private:
  void receive(Reader& reader) {
    void* receiver = zmq_socket_without_limits(context_, fan_ ? ZMQ_SUB : ZMQ_PULL);
    if (fan_) zmq_setsockopt(receiver, ZMQ_SUBSCRIBE, "", 0);
    zmq_connect(receiver, "inproc://bench");
    T message;
    while (zmq_recv(receiver, &message, sizeof message, 0) == sizeof message) reader.take(message);
    zmq_close(receiver);
  }

  const bool fan_;
  void* context_ = zmq_ctx_new();
  void* sender_ = zmq_socket_without_limits(context_, fan_ ? ZMQ_XPUB : ZMQ_PUSH);
  std::vector<std::thread> threads_;
};

}  // namespace ringway::bench
