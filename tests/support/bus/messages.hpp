// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// Messages of the tests of the bus, shared so that what depends on them is compiled once; see
/// instances.hpp.

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace ringway::test {

/// A plain message.
struct Number {
  std::uint64_t value = 0;
};

/// Move-only, with something to destroy; counts its living instances.
class Parcel {
 public:
  static inline std::atomic<std::int64_t> living{0};

  explicit Parcel(std::uint64_t value) : value_(std::make_unique<std::uint64_t>(value)) {
    living.fetch_add(1);
  }
  Parcel(Parcel&& other) noexcept : value_(std::move(other.value_)) { living.fetch_add(1); }
  Parcel& operator=(Parcel&&) = delete;
  ~Parcel() { living.fetch_sub(1); }

  /// \pre not moved from
  [[nodiscard]] std::uint64_t value() const noexcept { return *value_; }

 private:
  std::unique_ptr<std::uint64_t> value_;
};

/// Shows whether it is whole.
struct Word {
  std::uint64_t writer;
  std::uint64_t number;
  std::uint64_t check;

  static Word of(std::uint64_t writer, std::uint64_t number) {
    return {writer, number, writer * 0x9e3779b97f4a7c15ULL + number};
  }
  [[nodiscard]] bool whole() const { return check == writer * 0x9e3779b97f4a7c15ULL + number; }
};

/// A request, and its reply.
struct Ask {
  std::uint64_t value;
};
struct Tell {
  std::uint64_t value;
};

}  // namespace ringway::test
