// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// nng ipc, by nng_sendmsg and nng_recvmsg (the zero-copy forms) over a PAIR0 for each reader,
/// since its PUB/SUB loses messages. Waiting is nng's own. https://nng.nanomsg.org

#include <cstring>
#include <memory>
#include <vector>

#include "ipc/nng_socket.hpp"

namespace ringway::bench {

template <class T>
class IpcNng {
 public:
  static constexpr AdapterInfo kInfo{.name = "nng ipc"};

  explicit IpcNng(const IpcPlan& plan) : plan_(plan) {}

  struct Writer {
    explicit Writer(IpcNng& adapter) {
      for (std::size_t i = 0; i < adapter.plan_.readers; ++i) {
        sockets.push_back(std::make_unique<NngSocket>(adapter.plan_));
        expect_nng(nng_listen(sockets[i]->socket, adapter.plan_.socket(i).c_str(), nullptr, 0));
      }
    }
    void send(const T& message) {
      for (const auto& socket : sockets) {
        nng_msg* copy = nullptr;
        expect_nng(nng_msg_alloc(&copy, sizeof(T)));
        std::memcpy(nng_msg_body(copy), &message, sizeof(T));
        expect_nng(nng_sendmsg(socket->socket, copy, 0));
      }
    }
    std::vector<std::unique_ptr<NngSocket>> sockets;
  };

  struct Reader {
    Reader(IpcNng& adapter, std::size_t index) : end(adapter.plan_) {
      expect_nng(nng_dial(end.socket, adapter.plan_.socket(index).c_str(), nullptr, 0));
    }
    template <class Handler>
    bool poll(Handler&& handler) {
      nng_msg* message = nullptr;
      expect_nng(nng_recvmsg(end.socket, &message, 0));
      handler(*static_cast<const T*>(nng_msg_body(message)));
      nng_msg_free(message);
      return true;
    }
    NngSocket end;
  };

 private:
  const IpcPlan plan_;
};

}  // namespace ringway::bench
