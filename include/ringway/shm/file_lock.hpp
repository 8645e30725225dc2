// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A descriptor that closes itself, and locks on bytes of a file that die with their holder.
///
/// *What.* Locks of an open file description (F_OFD_SETLK): they belong to one `open`, not to a
/// process, and the kernel drops them when the last descriptor of that `open` is closed, so at the
/// latest when the process ends, however it ends. The bytes need not exist in the file. Use for
/// what must survive kill -9; each lock is a system call.
///
/// *Progress.* take() blocks while another description holds the byte; the rest is wait-free but
/// for the kernel.
///
/// *Source.* man 2 fcntl, "Open file description locks".

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ringway {

class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  void close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Exclusive locks on single bytes, through a descriptor that was opened for writing.
struct FileLock {
  /// \return false if another description holds it, or the kernel refuses
  [[nodiscard]] static bool try_take(int fd, off_t byte) noexcept {
    return apply(fd, F_OFD_SETLK, F_WRLCK, byte);
  }
  /// Waits. \return false if the kernel refuses (no memory for locks, not opened for writing)
  [[nodiscard]] static bool take(int fd, off_t byte) noexcept {
    while (!apply(fd, F_OFD_SETLKW, F_WRLCK, byte)) {
      if (errno != EINTR) return false;
    }
    return true;
  }
  static void release(int fd, off_t byte) noexcept { apply(fd, F_OFD_SETLK, F_UNLCK, byte); }

  /// True if a description other than this one holds the byte, or nobody can tell.
  [[nodiscard]] static bool is_held(int fd, off_t byte) noexcept {
    struct flock request = of(F_WRLCK, byte);
    return ::fcntl(fd, F_OFD_GETLK, &request) != 0 || request.l_type != F_UNLCK;
  }

 private:
  static struct flock of(short type, off_t byte) noexcept {
    struct flock request {};
    request.l_type = type;
    request.l_whence = SEEK_SET;
    request.l_start = byte;
    request.l_len = 1;
    return request;
  }
  static bool apply(int fd, int command, short type, off_t byte) noexcept {
    struct flock request = of(type, byte);
    return ::fcntl(fd, command, &request) == 0;
  }
};

}  // namespace ringway
