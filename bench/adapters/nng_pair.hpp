// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A pair of nng sockets as nng.hpp needs it.

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include <string>

namespace ringway::bench {

/// Opens `sender` and connects it with the socket that is returned, 1024 messages between them.
inline nng_socket nng_pair_of(nng_socket& sender, const std::string& address) {
  nng_socket receiver;
  nng_pair0_open(&sender);
  nng_pair0_open(&receiver);
  nng_setopt_int(sender, NNG_OPT_SENDBUF, 1024);
  nng_setopt_int(receiver, NNG_OPT_RECVBUF, 1024);
  nng_listen(sender, address.c_str(), nullptr, 0);
  nng_dial(receiver, address.c_str(), nullptr, 0);
  return receiver;
}

}  // namespace ringway::bench
