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
#include "driver/cpus.hpp"

namespace ringway::bench {

template <class T, class Reader>
class ZeroMqBus {
 public:
  static constexpr AdapterInfo kInfo{.name = "ZeroMQ inproc"};

  ZeroMqBus(Stage& stage, std::span<Reader> readers)
      : sender_(socket(readers.size() == 1 ? ZMQ_PUSH : ZMQ_XPUB)) {
    const int every = 1;  // XPUB else tells only the first of equal subscriptions
    if (readers.size() > 1) zmq_setsockopt(sender_, ZMQ_XPUB_VERBOSE, &every, sizeof every);
    zmq_bind(sender_, "inproc://bench");
    for (std::size_t i = 0; i < readers.size(); ++i) {
      threads_.emplace_back([this, &stage, readers, i, fan = readers.size() > 1] {
        pin_this_thread({stage.cpu(i + 1)});
        void* receiver = socket(fan ? ZMQ_SUB : ZMQ_PULL);
        if (fan) zmq_setsockopt(receiver, ZMQ_SUBSCRIBE, "", 0);
        zmq_connect(receiver, "inproc://bench");
        T message;
        while (zmq_recv(receiver, &message, sizeof message, 0) == sizeof message) {
          readers[i].take(message);
        }
        zmq_close(receiver);
      });
    }
    char subscribed;
    for (std::size_t i = 0; readers.size() > 1 && i < readers.size(); ++i) {
      zmq_recv(sender_, &subscribed, 1, 0);
    }
  }
  ~ZeroMqBus() {
    for (std::size_t i = 0; i < threads_.size(); ++i) zmq_send(sender_, "", 0, 0);  // the end
    for (std::thread& thread : threads_) thread.join();
    zmq_close(sender_);
    zmq_ctx_term(context_);
  }

  void publish(const T& message) { zmq_send(sender_, &message, sizeof message, 0); }

 private:
  void* socket(int type) {
    void* made = zmq_socket(context_, type);
    const int unlimited = 0;
    zmq_setsockopt(made, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
    zmq_setsockopt(made, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
    return made;
  }

  void* context_ = zmq_ctx_new();
  void* sender_;
  std::vector<std::thread> threads_;
};

}  // namespace ringway::bench
