// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// `Result<T, E>`: a value or the reason why there is none. C++20 has no `std::expected`; this is
/// the part of it that Ringway needs. Never allocates, never throws by itself.

#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

namespace ringway {

/// Marks an error on its way into a `Result`: `return Failure{SetupError::kZeroCapacity};`
template <class E>
struct Failure {
  E error;
};
template <class E>
Failure(E) -> Failure<E>;

/// Ends the program with a sentence on standard error. For the short forms (`value()`) meant for
/// `main` and tests.
[[noreturn]] inline void stop_with_message(const char* message) noexcept {
  std::fprintf(stderr, "ringway: %s\n", message);
  std::abort();
}

/// An error type may offer `const char* describe(E)`, found by argument-dependent lookup, for
/// `value()` to print.
template <class E>
concept Describable = requires(const E& error) {
  { describe(error) } -> std::convertible_to<const char*>;
};

template <class E>
[[noreturn]] void stop_with_error(const E& error) noexcept {
  if constexpr (Describable<E>) {
    stop_with_message(describe(error));
  } else {
    stop_with_message("value() was called on a Result that holds an error");
  }
}

template <class T, class E>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = E;

  // NOLINTNEXTLINE(google-explicit-constructor): like expected
  Result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(true) {
    ::new (static_cast<void*>(&value_)) T(std::move(value));
  }
  Result(Failure<E> failure) noexcept  // NOLINT(google-explicit-constructor): like expected
      : has_value_(false) {
    ::new (static_cast<void*>(&error_)) E(std::move(failure.error));
  }
  Result(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
      : has_value_(other.has_value_) {
    adopt(std::move(other));
  }
  Result(const Result& other) requires std::is_copy_constructible_v<T>
      : has_value_(other.has_value_) {
    if (has_value_) {
      ::new (static_cast<void*>(&value_)) T(other.value_);
    } else {
      ::new (static_cast<void*>(&error_)) E(other.error_);
    }
  }
  Result& operator=(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    if (this != &other) {
      destroy();
      has_value_ = other.has_value_;
      adopt(std::move(other));
    }
    return *this;
  }
  ~Result() { destroy(); }

  [[nodiscard]] bool has_value() const noexcept { return has_value_; }
  explicit operator bool() const noexcept { return has_value_; }

  /// The value; stops the program with the error's message if there is none.
  T& value() & { return has_value_ ? value_ : (stop_with_error(error_), value_); }
  const T& value() const& { return has_value_ ? value_ : (stop_with_error(error_), value_); }
  T value() && {
    return has_value_ ? std::move(value_) : (stop_with_error(error_), std::move(value_));
  }

  /// \pre has_value()
  T& operator*() & noexcept { return value_; }
  const T& operator*() const& noexcept { return value_; }
  T&& operator*() && noexcept { return std::move(value_); }
  T* operator->() noexcept { return &value_; }
  const T* operator->() const noexcept { return &value_; }

  /// \pre !has_value()
  const E& error() const noexcept { return error_; }

  T value_or(T fallback) && { return has_value_ ? std::move(value_) : std::move(fallback); }

 private:
  void adopt(Result&& other) {
    if (has_value_) {
      ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
    } else {
      ::new (static_cast<void*>(&error_)) E(std::move(other.error_));
    }
  }
  void destroy() noexcept {
    if (has_value_) {
      value_.~T();
    } else {
      error_.~E();
    }
  }

  union {
    T value_;
    E error_;
  };
  bool has_value_;
};

}  // namespace ringway
