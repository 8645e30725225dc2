// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Pipes and sockets as the adapters of byte streams need them: made before the fork, whole
/// messages written, as many as there are read at once.

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>

#include "ipc/plan.hpp"

namespace ringway::bench {

/// Both ends of one stream. Ends that a process does not use stay open in it: ends are told by
/// counting, not by end-of-file.
struct StreamEnds {
  int read = -1;
  int write = -1;
};

inline void close_both(const StreamEnds& ends) {
  close(ends.read);
  close(ends.write);
}

inline StreamEnds make_pipe() {
  int ends[2];
  expect(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
  fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);  // the most that a process without privileges gets
  return {ends[0], ends[1]};
}

inline StreamEnds make_socket_pair() {
  int ends[2];
  expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  const int bytes = 1 << 20;  // as far as the kernel's limit allows
  setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  return {ends[0], ends[1]};
}

inline void set_waiting(int fd, bool waits) {
  const int flags = fcntl(fd, F_GETFL);
  expect(fcntl(fd, F_SETFL, waits ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0, "fcntl");
}

inline void write_all(int fd, const void* data, std::size_t size, const IpcPlan& plan) {
  const auto* bytes = static_cast<const std::byte*>(data);
  IpcWaiting waiting(plan);
  while (size != 0) {
    const ssize_t written = write(fd, bytes, size);
    if (written < 0) {
      expect(errno == EAGAIN || errno == EINTR, "write");
      waiting.step();
      continue;
    }
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
}

/// Reads whatever is there and hands on the whole messages in it.
template <class T>
class StreamReader {
 public:
  /// \return false if nothing was there
  template <class Handler>
  bool read_from(int fd, Handler&& handler) {
    const ssize_t got = read(fd, room_->data() + filled_, kRoom - filled_);
    if (got <= 0) {
      expect(got < 0 && (errno == EAGAIN || errno == EINTR), "read");
      return false;
    }
    filled_ += static_cast<std::size_t>(got);
    std::size_t at = 0;
    for (; filled_ - at >= sizeof(T); at += sizeof(T)) {
      handler(*reinterpret_cast<const T*>(room_->data() + at));
    }
    filled_ -= at;
    if (at != 0 && filled_ != 0) std::memmove(room_->data(), room_->data() + at, filled_);
    return true;
  }

 private:
  static constexpr std::size_t kRoom = std::max<std::size_t>(65536 / sizeof(T), 1) * sizeof(T);
  struct alignas(64) Room : std::array<std::byte, kRoom + 64> {};  // the end is inside it
  std::unique_ptr<Room> room_ = std::make_unique<Room>();
  std::size_t filled_ = 0;
};

}  // namespace ringway::bench
