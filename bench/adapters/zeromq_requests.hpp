// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ZeroMQ inproc REQ/REP. https://zguide.zeromq.org

#include <zmq.h>

#include <thread>

#include "adapters/bus_adapter.hpp"
#include "driver/cpus.hpp"

namespace ringway::bench {

class ZeroMqRequests {
 public:
  static constexpr AdapterInfo kInfo{.name = "ZeroMQ inproc REQ/REP"};

  explicit ZeroMqRequests(Stage& stage) : replier_(zmq_socket(context_, ZMQ_REP)) {
    zmq_bind(replier_, "inproc://bench");
    thread_ = std::thread([this, &stage] {
      pin_this_thread({stage.cpu(1)});
      Question question;
      while (zmq_recv(replier_, &question, sizeof question, 0) == sizeof question) {
        ++question;
        zmq_send(replier_, &question, sizeof question, 0);
      }
    });
  }
  ~ZeroMqRequests() {
    thread_.join();
    zmq_close(replier_);
    zmq_ctx_term(context_);
  }

  void open() {
    requester_ = zmq_socket(context_, ZMQ_REQ);
    zmq_connect(requester_, "inproc://bench");
  }
  void close() {
    zmq_send(requester_, "", 0, 0);  // ends the replier
    const int at_once = 0;
    zmq_setsockopt(requester_, ZMQ_LINGER, &at_once, sizeof at_once);
    zmq_close(requester_);
  }
  std::uint64_t request(Question question) {
    zmq_send(requester_, &question, sizeof question, 0);
    zmq_recv(requester_, &question, sizeof question, 0);
    return question;
  }

 private:
  void* context_ = zmq_ctx_new();
  void* replier_;
  void* requester_ = nullptr;
  std::thread thread_;
};

}  // namespace ringway::bench
