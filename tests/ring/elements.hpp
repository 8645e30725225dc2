// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Element types that make life hard for a ring.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace ringway::test {

/// `Size` bytes that are all determined by one number. Trivially copyable, alignment 1.
template <std::size_t Size>
struct Bytes {
  unsigned char bytes[Size];

  static Bytes numbered(std::uint64_t number) noexcept {
    Bytes made;
    for (std::size_t i = 0; i < Size; ++i) made.bytes[i] = byte(number, i);
    return made;
  }
  [[nodiscard]] bool is_numbered(std::uint64_t number) const noexcept {
    for (std::size_t i = 0; i < Size; ++i) {
      if (bytes[i] != byte(number, i)) return false;
    }
    return true;
  }

 private:
  static unsigned char byte(std::uint64_t number, std::size_t i) noexcept {
    return static_cast<unsigned char>((number + 1) * 0x9E3779B97F4A7C15u >> (8 * (i % 8)));
  }
};
static_assert(sizeof(Bytes<3>) == 3 && alignof(Bytes<3>) == 1);

/// A number and its check sum over `Words` words: a torn copy does not add up.
template <std::size_t Words>
struct Checked {
  std::uint64_t number;
  std::uint64_t words[Words];

  static Checked numbered(std::uint64_t number) noexcept {
    Checked made;
    made.number = number;
    for (std::size_t i = 0; i < Words; ++i) made.words[i] = word(number, i);
    return made;
  }
  [[nodiscard]] bool whole() const noexcept {
    for (std::size_t i = 0; i < Words; ++i) {
      if (words[i] != word(number, i)) return false;
    }
    return true;
  }

 private:
  static std::uint64_t word(std::uint64_t number, std::size_t i) noexcept {
    return (number + i + 1) * 0x9E3779B97F4A7C15u;
  }
};

/// What happened to the instances of one test.
struct Ledger {
  int alive = 0;
  int copies = 0;
  int moves = 0;
  int copies_until_throw = -1;  // negative: copying never throws
};

/// Counts its instances. No default constructor.
class Tracked {
 public:
  Tracked(Ledger& ledger, std::uint64_t number) noexcept : ledger_(&ledger), number_(number) {
    ++ledger_->alive;
  }
  Tracked(const Tracked& other) noexcept : ledger_(other.ledger_), number_(other.number_) {
    ++ledger_->alive;
    ++ledger_->copies;
  }
  Tracked(Tracked&& other) noexcept
      : ledger_(other.ledger_), number_(std::exchange(other.number_, kMovedFrom)) {
    ++ledger_->alive;
    ++ledger_->moves;
  }
  Tracked& operator=(const Tracked&) = delete;
  ~Tracked() { --ledger_->alive; }

  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  static constexpr std::uint64_t kMovedFrom = ~std::uint64_t{0};

 private:
  Ledger* ledger_;
  std::uint64_t number_;
};

/// As Tracked, but copying and making one throws when the ledger says so; moving never does.
class Brittle {
 public:
  Brittle(Ledger& ledger, std::uint64_t number) : ledger_(&ledger), number_(number) {
    perhaps_throw();
    ++ledger_->alive;
  }
  Brittle(const Brittle& other) : ledger_(other.ledger_), number_(other.number_) {
    perhaps_throw();
    ++ledger_->alive;
  }
  Brittle(Brittle&& other) noexcept : ledger_(other.ledger_), number_(other.number_) {
    ++ledger_->alive;
  }
  Brittle& operator=(const Brittle&) = delete;
  ~Brittle() { --ledger_->alive; }

  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  void perhaps_throw() {
#if defined(__cpp_exceptions)
    if (ledger_->copies_until_throw == 0) throw std::runtime_error("brittle");
#endif
    if (ledger_->copies_until_throw > 0) --ledger_->copies_until_throw;
  }

  Ledger* ledger_;
  std::uint64_t number_;
};

/// Wants 128-byte alignment, and tells whether it has it.
struct alignas(128) OverAligned {
  std::uint64_t number;
  [[nodiscard]] bool aligned() const noexcept {
    return reinterpret_cast<std::uintptr_t>(this) % 128 == 0;
  }
};

}  // namespace ringway::test
