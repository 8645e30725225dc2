// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The least that can wake another process: a futex in shared memory, with the message beside it.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "ipc/plan.hpp"
#include "ipc/shared_block.hpp"

namespace ringway::bench {

template <class T>
class IpcFutex {
  static constexpr std::uint32_t kMost = 128;  // sent before the reader has run
  struct alignas(128) Word {
    std::atomic<std::uint32_t> value{0};
    std::array<T, kMost> messages{};

    void call(int operation, std::uint32_t argument) noexcept {
      syscall(SYS_futex, &value, operation, argument, nullptr, nullptr, 0);
    }
  };

 public:
  static constexpr AdapterInfo kInfo{.name = "raw futex", .kind = Kind::kLimit};

  explicit IpcFutex(const IpcPlan&) : word_(block_.make<Word>()) {}

  struct Writer {
    explicit Writer(IpcFutex& adapter) : word(*adapter.word_) {}
    void send(const T& message) noexcept {
      word.messages[at++ % kMost] = message;
      word.value.fetch_add(1, std::memory_order_release);
      word.call(FUTEX_WAKE, 1);
    }
    Word& word;
    std::uint32_t at = 0;
  };

  struct Reader {
    Reader(IpcFutex& adapter, std::size_t) : word(*adapter.word_) {}
    template <class Handler>
    bool poll(Handler&& handler) {
      while (word.value.load(std::memory_order_acquire) == seen) word.call(FUTEX_WAIT, seen);
      handler(word.messages[seen++ % kMost]);
      return true;
    }
    Word& word;
    std::uint32_t seen = 0;
  };

 private:
  SharedBlock block_;
  Word* const word_;
};

}  // namespace ringway::bench
