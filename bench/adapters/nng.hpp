// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// nng inproc, by nng_sendmsg and nng_recvmsg (the zero-copy forms) over a PAIR0 for each reader,
/// since its PUB/SUB loses messages. https://nng.nanomsg.org

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "adapters/bus_adapter.hpp"
#include "adapters/nng_pair.hpp"
#include "driver/cpus.hpp"

namespace ringway::bench {

template <class T, class Reader>
class NngBus {
 public:
  static constexpr AdapterInfo kInfo{.name = "nng inproc"};

  NngBus(Stage& stage, std::span<Reader> readers) : senders_(readers.size()) {
    for (std::size_t i = 0; i < readers.size(); ++i) {
      const nng_socket receiver = nng_pair_of(senders_[i], "inproc://bench" + std::to_string(i));
      threads_.emplace_back([receiver, cpu = stage.cpu(i + 1), reader = &readers[i]] {
        pin_this_thread({cpu});
        nng_msg* message = nullptr;
        while (nng_recvmsg(receiver, &message, 0) == 0 && nng_msg_len(message) == sizeof(T)) {
          reader->take(*static_cast<const T*>(nng_msg_body(message)));
          nng_msg_free(message);
        }
        nng_close(receiver);
      });
    }
  }
  ~NngBus() {
    publish_bytes(nullptr, 0);  // the end
    for (std::thread& thread : threads_) thread.join();
    for (const nng_socket sender : senders_) nng_close(sender);
  }

  void publish(const T& message) { publish_bytes(&message, sizeof message); }

 private:
  void publish_bytes(const void* bytes, std::size_t size) {
    for (const nng_socket sender : senders_) {
      nng_msg* message = nullptr;
      nng_msg_alloc(&message, size);
      if (size != 0) std::memcpy(nng_msg_body(message), bytes, size);
      nng_sendmsg(sender, message, 0);
    }
  }

  std::vector<nng_socket> senders_;
  std::vector<std::thread> threads_;
};

}  // namespace ringway::bench
