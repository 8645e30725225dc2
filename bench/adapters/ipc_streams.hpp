// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Pipes, and Unix sockets: one for each reader, inherited. Looked at without waiting where a
/// process has a processor of its own, which is faster than to sleep; with waiting elsewhere.

#include <vector>

#include "ipc/descriptor.hpp"

namespace ringway::bench {

template <class T, class Kind>
class IpcStream {
 public:
  static constexpr AdapterInfo kInfo{.name = Kind::kName};

  explicit IpcStream(const IpcPlan& plan) : plan_(plan) {
    for (std::size_t i = 0; i < plan.readers; ++i) {
      ends_.push_back(Kind::make());
      for (const int fd : {ends_[i].read, ends_[i].write}) set_waiting(fd, plan.sleeps());
    }
  }
  ~IpcStream() { std::for_each(ends_.begin(), ends_.end(), close_both); }

  struct Writer {
    explicit Writer(IpcStream& adapter) : all(adapter) {}
    void send(const T& message) {
      for (const StreamEnds& ends : all.ends_)
        write_all(ends.write, &message, sizeof(T), all.plan_);
    }
    IpcStream& all;
  };

  struct Reader {
    Reader(IpcStream& adapter, std::size_t index) : fd(adapter.ends_[index].read) {}
    template <class Handler>
    bool poll(Handler&& handler) {
      return stream.read_from(fd, handler);
    }
    const int fd;
    StreamReader<T> stream;
  };

 private:
  const IpcPlan plan_;
  std::vector<StreamEnds> ends_;
};

struct PipeKind {
  static constexpr const char* kName = "pipe";
  static StreamEnds make() { return make_pipe(); }
};
struct UnixSocketKind {
  static constexpr const char* kName = "Unix socket";
  static StreamEnds make() { return make_socket_pair(); }
};

}  // namespace ringway::bench
