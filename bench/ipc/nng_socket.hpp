// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// An nng PAIR0 socket as ipc_nng.hpp needs it.

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include <stdexcept>

#include "ipc/plan.hpp"

namespace ringway::bench {

inline void expect_nng(int error) {
  if (error != 0) throw std::runtime_error(nng_strerror(error));
}

struct NngSocket {
  explicit NngSocket(const IpcPlan& plan) {
    expect_nng(nng_pair0_open(&socket));
    const int most = 8192;  // of nng itself
    const int depth = std::min(static_cast<int>(plan.capacity), most);
    expect_nng(nng_setopt_int(socket, NNG_OPT_SENDBUF, depth));
    expect_nng(nng_setopt_int(socket, NNG_OPT_RECVBUF, depth));
    expect_nng(nng_setopt_size(socket, NNG_OPT_RECVMAXSZ, 0));
  }
  NngSocket(const NngSocket&) = delete;
  NngSocket& operator=(const NngSocket&) = delete;
  ~NngSocket() { nng_close(socket); }

  nng_socket socket{};
};

}  // namespace ringway::bench
