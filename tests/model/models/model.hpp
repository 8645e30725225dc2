// SPDX-License-Identifier: Apache-2.0
#pragma once
/// \file
/// A row of the table: a small program over the library's own headers, and how far it is explored.

#include <cstdint>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

#include "explorer/model_memory.hpp"

namespace ringway::model {

struct Model {
  std::string name;
  Options options;
  Explorer::Body body;
  bool tiny = false;   // small enough for the search without reduction, with which it is compared
  bool quick = false;  // for mutation runs: explored in well under a second
  bool large = false;  // the short form explores it at random, for a second
  std::uint64_t random_executions = 4000;
  bool tight = false;  // compared so with the limits of without_repetition()
};

using Models = std::vector<Model>;

enum class Size : std::uint8_t { kQuick, kMiddle, kLarge };

[[nodiscard]] inline Model model_of(std::string name, const Options& options, Size size,
                                    Explorer::Body body, bool tiny = false) {
  return {std::move(name),     options, std::move(body), tiny, size == Size::kQuick,
          size == Size::kLarge};
}

/// How GoogleTest shows a parameter.
inline void PrintTo(const Model& model, std::ostream* stream) {  // NOLINT: GoogleTest's name
  *stream << model.name;
}

inline void print_row(const std::string& name, const Result& result) {
  std::printf("| %-52s | %-14s | %9llu | %9llu | %7.2f |\n", name.c_str(), result.kind().c_str(),
              static_cast<unsigned long long>(result.executions),
              static_cast<unsigned long long>(result.redundant), result.seconds);
  std::fflush(stdout);
}

/// An element of `Bytes` bytes that says when it is used although it does not live.
template <std::size_t Bytes>
class Element {
 public:
  explicit Element(std::uint64_t number) noexcept : number_(number), alive_(kAlive) {}
  Element(const Element& other) noexcept : number_(other.number()), alive_(kAlive) {}
  Element& operator=(const Element&) = delete;
  ~Element() {
    check();
    alive_ = 0;
  }

  [[nodiscard]] std::uint64_t number() const noexcept {
    check();
    return number_;
  }

 private:
  static constexpr std::uint32_t kAlive = 0x600d600d;
  void check() const noexcept {
    if (alive_ != kAlive && Operations::running != nullptr) {
      static_cast<Explorer*>(Operations::running)->check(false, "an element is used that is dead");
    }
  }

  std::uint64_t number_;
  std::uint32_t alive_;
  char rest_[Bytes - 12]{};
};

/// A number, trivially copyable and destructible.
struct Number {
  explicit Number(std::uint64_t number) noexcept : value(number) {}
  [[nodiscard]] std::uint64_t number() const noexcept { return value; }
  std::uint64_t value;
};

}  // namespace ringway::model
