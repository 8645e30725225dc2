// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// The requests of one requester that are under way: a bounded table whose tickets can not be
/// confused with later ones.
///
/// *Protocol.* Only the requester's thread touches it. A ticket is a slot and the slot's
/// generation; freeing a slot raises the generation, so an answer that comes later than that
/// matches nothing (generations wrap after 2^32 uses of one slot).
///   free -> waiting (open) -> answered (answer) -> free (take); waiting or answered -> free
///   (cancel)
///
/// *Synchronisation.* None: one thread. Memory's payload hooks let a checker see that it is so.
///
/// *Progress.* Wait-free; expire() is linear in the table's size.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "ringway/base/native_memory.hpp"
#include "ringway/base/result.hpp"
#include "ringway/wait/deadline.hpp"

namespace ringway {

enum class RequestError : unsigned char {
  kTimedOut,       ///< no answer by the deadline; one that comes later is discarded
  kNoReplier,      ///< nobody serves the name
  kReplierGone,    ///< the replier left before it answered
  kHandlerFailed,  ///< the replier's handler threw
  kCancelled,      ///< the PendingReply was given up, or its requester is gone
  kTooMany,        ///< ServiceOptions::max_pending requests are under way
  kClosed,         ///< the bus has stopped
  kWouldDeadlock,  ///< the replier runs on the thread that would wait for it
};

[[nodiscard]] constexpr const char* describe(RequestError error) noexcept {
  switch (error) {
    case RequestError::kTimedOut: return "no reply came before the deadline";
    case RequestError::kNoReplier: return "nobody serves this name";
    case RequestError::kReplierGone: return "the replier left before it answered";
    case RequestError::kHandlerFailed: return "the replier's handler threw an exception";
    case RequestError::kCancelled: return "the request was cancelled";
    case RequestError::kTooMany:
      return "too many requests are under way; raise ServiceOptions::max_pending";
    case RequestError::kClosed: return "the bus has stopped";
    case RequestError::kWouldDeadlock:
      return "the replier runs on the thread that would wait for it; use request_async there";
  }
  return "unknown request error";
}

/// One request under way.
struct Ticket {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};

template <class Reply, class Memory = NativeMemory>
class PendingTable {
 public:
  using Answer = Result<Reply, RequestError>;
  using Callback = std::function<void(Answer)>;

  explicit PendingTable(std::size_t size)
      : size_(size), entries_(std::make_unique<Entry[]>(size)), free_(size == 0 ? kNone : 0) {
    for (std::size_t i = 0; i < size; ++i) {
      entries_[i].next_free = i + 1 == size ? kNone : static_cast<std::uint32_t>(i + 1);
    }
  }

  /// A slot for a new request. \return nothing if `size` requests are under way
  [[nodiscard]] std::optional<Ticket> open(Deadline deadline) noexcept {
    if (free_ == kNone) return std::nullopt;
    const auto slot = free_;
    auto& entry = entry_of(slot);
    free_ = entry.next_free;
    entry.waiting = true;
    entry.deadline = deadline;
    entry.number = ++opened_;
    ++waiting_;
    return Ticket{slot, entry.generation};
  }

  /// The answer has come. \return false if nobody waits for it any more. Runs the callback, if
  /// there is one.
  bool answer(Ticket ticket, Answer answer) {
    if (!is_waiting(ticket)) return false;
    auto& entry = entry_of(ticket.slot);
    entry.waiting = false;
    --waiting_;
    if (entry.callback) {
      auto callback = std::exchange(entry.callback, nullptr);
      free(ticket.slot);
      callback(std::move(answer));
    } else {
      entry.answer.emplace(std::move(answer));
    }
    return true;
  }

  [[nodiscard]] bool is_answered(Ticket ticket) const noexcept {
    const auto& entry = entry_of(ticket.slot);
    return entry.generation == ticket.generation && entry.answer.has_value();
  }
  [[nodiscard]] bool is_waiting(Ticket ticket) const noexcept {
    if (ticket.slot >= size_) return false;
    const auto& entry = entry_of(ticket.slot);
    return entry.generation == ticket.generation && entry.waiting;
  }

  /// \pre is_answered(ticket). Frees the slot.
  [[nodiscard]] Answer take(Ticket ticket) noexcept(std::is_nothrow_move_constructible_v<Reply>) {
    auto& entry = entry_of(ticket.slot);
    Answer answer = *std::move(entry.answer);
    free(ticket.slot);
    return answer;
  }

  /// Runs `callback` when the answer comes, or at once if it is there. \pre the ticket is open
  void on_answer(Ticket ticket, Callback callback) {
    if (is_answered(ticket)) return callback(take(ticket));
    entry_of(ticket.slot).callback = std::move(callback);
  }

  /// Nobody wants the answer any more; no callback runs. Idempotent.
  void cancel(Ticket ticket) noexcept {
    auto& entry = entry_of(ticket.slot);
    if (entry.generation != ticket.generation) return;
    if (entry.waiting) --waiting_;
    free(ticket.slot);
  }

  /// Answers every waiting request whose deadline has passed.
  void expire() {
    for_each_waiting([this](Ticket ticket, const Deadline& deadline) {
      if (deadline.passed()) answer(ticket, Failure{RequestError::kTimedOut});
    });
  }
  /// Answers every request that waits now with an error; not those that callbacks make meanwhile.
  void fail_all(RequestError error) {
    const auto made_before = opened_;
    for_each_waiting([this, error, made_before](Ticket ticket, const Deadline&) {
      if (entry_of(ticket.slot).number <= made_before) answer(ticket, Failure{error});
    });
  }

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const Deadline& deadline(Ticket ticket) const noexcept {
    return entry_of(ticket.slot).deadline;
  }

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  struct Entry {
    std::uint32_t generation = 0;
    std::uint32_t next_free = kNone;
    bool waiting = false;
    std::uint64_t number = 0;  // which request since the beginning
    Deadline deadline;
    std::optional<Answer> answer;
    Callback callback;
  };

  [[nodiscard]] Entry& entry_of(std::uint32_t slot) noexcept {
    Memory::before_write(&entries_[slot], sizeof(Entry));
    return entries_[slot];
  }
  [[nodiscard]] const Entry& entry_of(std::uint32_t slot) const noexcept {
    Memory::before_read(&entries_[slot], sizeof(Entry));
    return entries_[slot];
  }

  void free(std::uint32_t slot) noexcept {
    auto& entry = entry_of(slot);
    ++entry.generation;
    entry.waiting = false;
    entry.answer.reset();
    entry.callback = nullptr;
    entry.next_free = free_;
    free_ = slot;
  }

  template <class Visit>
  void for_each_waiting(Visit&& visit) {
    for (std::uint32_t slot = 0; waiting_ != 0 && slot < size_; ++slot) {
      const auto& entry = entry_of(slot);
      if (entry.waiting) visit(Ticket{slot, entry.generation}, entry.deadline);
    }
  }

  std::size_t size_;
  std::unique_ptr<Entry[]> entries_;
  std::uint32_t free_;
  std::size_t waiting_ = 0;
  std::uint64_t opened_ = 0;
};

}  // namespace ringway
