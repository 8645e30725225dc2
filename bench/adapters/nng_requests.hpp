// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// nng inproc REQ/REP: the answer goes back in the question's message. https://nng.nanomsg.org

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <thread>

#include "adapters/bus_adapter.hpp"
#include "driver/cpus.hpp"

namespace ringway::bench {

class NngRequests {
 public:
  static constexpr AdapterInfo kInfo{.name = "nng inproc REQ/REP"};

  explicit NngRequests(Stage& stage) {
    nng_rep0_open(&replier_);
    nng_listen(replier_, "inproc://bench-requests", nullptr, 0);
    thread_ = std::thread([this, &stage] {
      pin_this_thread({stage.cpu(1)});
      nng_msg* message = nullptr;
      while (nng_recvmsg(replier_, &message, 0) == 0) {
        ++*static_cast<Question*>(nng_msg_body(message));
        nng_sendmsg(replier_, message, 0);
      }
    });
  }
  ~NngRequests() {
    nng_close(replier_);  // ends the replier's receive
    thread_.join();
  }

  void open() {
    nng_req0_open(&requester_);
    nng_dial(requester_, "inproc://bench-requests", nullptr, 0);
  }
  void close() { nng_close(requester_); }
  std::uint64_t request(Question question) {
    nng_msg* message = nullptr;
    nng_msg_alloc(&message, 0);
    nng_msg_append(message, &question, sizeof question);
    nng_sendmsg(requester_, message, 0);
    if (nng_recvmsg(requester_, &message, 0) != 0) return 0;
    question = *static_cast<const Question*>(nng_msg_body(message));
    nng_msg_free(message);
    return question;
  }

 private:
  nng_socket replier_{}, requester_{};
  std::thread thread_;
};

}  // namespace ringway::bench
