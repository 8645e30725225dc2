// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// ZeroMQ ipc: PUSH/PULL to one reader; XPUB/SUB to several, with XPUB_NODROP, so that it waits
/// rather than lose. Waiting is ZeroMQ's own: its I/O threads need the processors.
/// https://zguide.zeromq.org

#include <unistd.h>

#include "ipc/zeromq_end.hpp"

namespace ringway::bench {

template <class T>
class IpcZeroMq {
 public:
  static constexpr AdapterInfo kInfo{.name = "ZeroMQ ipc"};

  explicit IpcZeroMq(const IpcPlan& plan) : plan_(plan), fan_(plan.readers > 1) {}
  ~IpcZeroMq() { unlink(plan_.socket_path(0).c_str()); }  // ZeroMQ leaves it

  struct Writer {
    explicit Writer(IpcZeroMq& adapter)
        : all(adapter), end(all.plan_, all.fan_ ? ZMQ_XPUB : ZMQ_PUSH) {
      expect(zmq_bind(end.socket, all.plan_.socket(0).c_str()) == 0, "zmq_bind");
    }
    void open() {
      char subscribed[8];
      for (std::size_t i = 0; all.fan_ && i < all.plan_.readers; ++i) {
        expect(zmq_recv(end.socket, subscribed, sizeof subscribed, 0) > 0, "zmq_recv");
      }
    }
    void send(const T& message) {
      expect(zmq_send(end.socket, &message, sizeof(T), 0) == sizeof(T), "zmq_send");
    }
    IpcZeroMq& all;
    ZeroMqEnd end;
  };

  struct Reader {
    Reader(IpcZeroMq& all, std::size_t) : end(all.plan_, all.fan_ ? ZMQ_SUB : ZMQ_PULL) {
      expect(zmq_connect(end.socket, all.plan_.socket(0).c_str()) == 0, "zmq_connect");
    }
    template <class Handler>
    bool poll(Handler&& handler) {
      expect(zmq_recv(end.socket, &message, sizeof(T), 0) == sizeof(T), "zmq_recv");
      handler(message);
      return true;
    }
    ZeroMqEnd end;
    T message;
  };

 private:
  const IpcPlan plan_;
  const bool fan_;
};

}  // namespace ringway::bench
