// SPDX-License-Identifier: Apache-2.0
/// \file
/// A topic of bytes: messages of any size in an encoding that another layer brings. A logger
/// encodes each line in place, a reader looks at it in place; whoever means another encoding is
/// refused.

#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "ringway/ringway.hpp"

using std::chrono_literals::operator""s;

// [contract]
inline constexpr ringway::ByteTopic kLog{
    "log.lines", {.capacity = 1 << 16, .largest = 512, .encoding = "text/plain;utf-8"}};
// [/contract]

int main() {
  std::size_t lines = 0;
  std::size_t bytes_seen = 0;

  // [bytes]
  ringway::Bus bus;
  ringway::Dispatcher reader{bus, {.name = "reader"}};
  auto subscription = reader.subscribe(kLog, [&](std::span<const std::byte> line) {
    ++lines;  // the bytes are the lane's until the handler returns
    bytes_seen += line.size();
  });

  auto log = bus.publisher(kLog);
  log.publish(std::as_bytes(std::span(std::string_view("begin"))));
  if (auto claim = log.try_claim(100)) {  // room to write in; the rest of it stays free
    auto* text = reinterpret_cast<char*>(claim.bytes().data());
    const int size = std::snprintf(text, claim.bytes().size(), "line %d", 2);
    claim.commit(static_cast<std::size_t>(size));
  }
  bus.stop({.drain = 10s});
  // [/bytes]

  std::printf("%zu lines, %zu bytes\n", lines, bytes_seen);
  return lines == 2 && bytes_seen == 11 ? 0 : 1;
}
