// SPDX-License-Identifier: Apache-2.0
/// \file
/// libFuzzer's entry: `script/check fuzz`.

#include "tests/fuzz/byte_frames.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringway::fuzz::read_any_bytes(std::as_bytes(std::span(data, size)));
  return 0;
}
