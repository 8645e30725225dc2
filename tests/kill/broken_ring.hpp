// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Rings with one slip each, which the tests in this folder must notice: otherwise they would
/// notice nothing in the real ones either.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>

#include "ringway/base/result.hpp"
#include "ringway/base/sequence.hpp"
#include "ringway/base/setup_error.hpp"

namespace ringway::test {

enum class Slip {
  kNone,
  kPublishesBeforeItWrites,    // the index goes up, then the element is built
  kAcknowledgesBeforeItReads,  // the slot is given back, then the element is copied
};

/// A plain ring of one producer and one consumer, with the calls that the tests use.
template <class T, Slip kSlip>
class BrokenRing {
  struct Block {
    std::size_t capacity;
    std::atomic<Sequence> head;
    std::atomic<Sequence> tail;
    std::atomic<bool> producing{false};
    std::atomic<bool> consuming{false};

    // The elements of other processes: every access has to happen, in this order.
    [[nodiscard]] volatile std::uint64_t* words(Sequence position) noexcept {
      return reinterpret_cast<volatile std::uint64_t*>(this + 1) + position % capacity * kWords;
    }
  };
  static constexpr std::size_t kWords = sizeof(T) / sizeof(std::uint64_t);

 public:
  using value_type = T;
  struct Options {
    std::size_t capacity = 0;
    Sequence start = 0;
  };

  class Producer {
   public:
    explicit Producer(Block* block) noexcept : block_(block) {}
    [[nodiscard]] bool try_push(const T& value) noexcept {
      const Sequence head = sequence();
      if (head - block_->tail.load(std::memory_order_acquire) == block_->capacity) return false;
      if (kSlip == Slip::kPublishesBeforeItWrites) publish(head);
      for (std::size_t i = 0; i < kWords; ++i) block_->words(head)[i] = value.words[i];
      if (kSlip != Slip::kPublishesBeforeItWrites) publish(head);
      return true;
    }
    [[nodiscard]] Sequence sequence() const noexcept {
      return block_->head.load(std::memory_order_relaxed);
    }

   private:
    void publish(Sequence head) noexcept {
      block_->head.store(head + 1, std::memory_order_release);
    }
    Block* block_;
  };

  class Consumer {
   public:
    explicit Consumer(Block* block) noexcept : block_(block) {}
    [[nodiscard]] std::optional<T> try_pop() noexcept {
      const Sequence tail = sequence();
      if (block_->head.load(std::memory_order_acquire) == tail) return std::nullopt;
      if (kSlip == Slip::kAcknowledgesBeforeItReads) acknowledge(tail);
      T value;
      for (std::size_t i = 0; i < kWords; ++i) value.words[i] = block_->words(tail)[i];
      if (kSlip != Slip::kAcknowledgesBeforeItReads) acknowledge(tail);
      return value;
    }
    [[nodiscard]] Sequence sequence() const noexcept {
      return block_->tail.load(std::memory_order_relaxed);
    }

   private:
    void acknowledge(Sequence tail) noexcept {
      block_->tail.store(tail + 1, std::memory_order_release);
    }
    Block* block_;
  };

  [[nodiscard]] static Result<std::size_t, SetupError> footprint(const Options& options) noexcept {
    return sizeof(Block) + options.capacity * sizeof(T);
  }
  [[nodiscard]] static Result<BrokenRing, SetupError> format(std::span<std::byte> memory,
                                                             const Options& options) noexcept {
    ::new (static_cast<void*>(memory.data())) Block{options.capacity, options.start, options.start};
    return join(memory);
  }
  [[nodiscard]] static Result<BrokenRing, SetupError> join(std::span<std::byte> memory) noexcept {
    return BrokenRing(reinterpret_cast<Block*>(memory.data()));
  }

  [[nodiscard]] Result<Producer, SetupError> producer() noexcept {
    if (block_->producing.exchange(true)) return Failure{SetupError::kRoleTaken};
    return Producer(block_);
  }
  [[nodiscard]] Result<Consumer, SetupError> consumer() noexcept {
    if (block_->consuming.exchange(true)) return Failure{SetupError::kRoleTaken};
    return Consumer(block_);
  }
  void vacate_producer() noexcept { block_->producing = false; }
  void vacate_consumer() noexcept { block_->consuming = false; }

 private:
  explicit BrokenRing(Block* block) noexcept : block_(block) {}
  Block* block_;
};

template <Slip kSlip>
struct BrokenKind {
  template <class T, class Memory>
  using RingOn = BrokenRing<T, kSlip>;

  template <class R>
  static auto reader(R& ring) noexcept {
    return ring.consumer();
  }
};

}  // namespace ringway::test
