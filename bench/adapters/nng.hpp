// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// nng inproc, by nng_sendmsg and nng_recvmsg (the zero-copy forms) over a PAIR0 for each reader,
/// since its PUB/SUB loses messages. https://nng.nanomsg.org

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "adapters/bus_adapter.hpp"
#include "driver/cpus.hpp"

namespace ringway::bench {

template <class T, class Reader>
class NngBus {
 public:
  static constexpr AdapterInfo kInfo{.name = "nng inproc"};

  NngBus(Stage& stage, std::span<Reader> readers) : senders_(readers.size()) {
    for (std::size_t i = 0; i < readers.size(); ++i) {
      const std::string address = "inproc://bench" + std::to_string(i);
      nng_socket receiver;
      nng_pair0_open(&senders_[i]);
      nng_pair0_open(&receiver);
      nng_setopt_int(senders_[i], NNG_OPT_SENDBUF, 1024);
      nng_setopt_int(receiver, NNG_OPT_RECVBUF, 1024);
      nng_listen(senders_[i], address.c_str(), nullptr, 0);
      nng_dial(receiver, address.c_str(), nullptr, 0);
      threads_.emplace_back([&stage, readers, receiver, i] {
        pin_this_thread({stage.cpu(i + 1)});
        nng_msg* message = nullptr;
        while (nng_recvmsg(receiver, &message, 0) == 0 && nng_msg_len(message) == sizeof(T)) {
          readers[i].take(*static_cast<const T*>(nng_msg_body(message)));
          nng_msg_free(message);
        }
        nng_close(receiver);
      });
    }
  }
  ~NngBus() {
    for (const nng_socket sender : senders_) send(sender, nullptr, 0);  // the end
    for (std::thread& thread : threads_) thread.join();
    for (const nng_socket sender : senders_) nng_close(sender);
  }

  void publish(const T& message) {
    for (const nng_socket sender : senders_) send(sender, &message, sizeof message);
  }

 private:
  static void send(nng_socket sender, const void* bytes, std::size_t size) {
    nng_msg* message = nullptr;
    nng_msg_alloc(&message, size);
    if (size != 0) std::memcpy(nng_msg_body(message), bytes, size);
    nng_sendmsg(sender, message, 0);
  }

  std::vector<nng_socket> senders_;
  std::vector<std::thread> threads_;
};

}  // namespace ringway::bench
